//! What a leader may still answer when another may lead already: a write that changed nothing, and reads after it has
//! released its successor (2.20). Simulated clients hardly ever ask just then for just that.

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

fn ready(switch: Option<Switch>) -> (Cluster, usize, [usize; 2]) {
    let mut cluster = Cluster::ready(3, config(2));
    #[cfg(feature = "switches")]
    switch.into_iter().for_each(|switch| cluster.nodes.iter_mut().for_each(|node| node.engine.switch_off(switch)));
    #[cfg(not(feature = "switches"))]
    let _ = switch;
    let leader = cluster.leader().expect("it is ready");
    let others = [(leader + 1) % 3, (leader + 2) % 3];
    cluster.write(leader, "SET key old");
    cluster.settle();
    (cluster, leader, others)
}

fn switches(switch: Switch) -> impl Iterator<Item = Option<Switch>> {
    [None, Some(switch)].into_iter().filter(|it| it.is_none() || cfg!(feature = "switches"))
}

/// What it tells is what is there: an old leader must not tell it.
#[test]
fn a_write_that_changed_nothing_is_as_good_as_a_read() {
    for switch in switches(Switch::UnprovedReplies) {
        for (command, old) in [("SET key x NX GET", bulk("old")), ("SETNX key x", Reply::Int(0))] {
            let (mut cluster, leader, others) = ready(switch);
            others.iter().for_each(|other| cluster.isolate(leader, *other));
            cluster.cut_etcd.insert(leader);
            cluster.until("another leads", 10_000, |it| others.iter().any(|other| it.leader() == Some(*other)));
            let next = cluster.leader().expect("just seen");
            cluster.write(next, "DEL key");
            let call = cluster.ask(leader, command, CallOptions::default());
            cluster.run(200);
            let stale = cluster.answers.get(&call).is_some_and(|it| it.as_ref().is_ok_and(|it| it.reply == old));
            assert_eq!(stale, switch.is_some(), "{command}: {:?}, without {switch:?}", cluster.answers.get(&call));
        }
    }
}

/// Its lease still runs, and who leads now was excused from the grant.
#[test]
fn who_has_released_its_successor_answers_no_read() {
    for switch in switches(Switch::ReleasedLease) {
        let mut stale = 0;
        for cut_after in (2_500..3_000).step_by(50) {
            let (mut cluster, leader, others) = ready(switch);
            cluster.cut_etcd.insert(leader);
            cluster.run(cut_after);
            // Nobody tells it any more, and it still tells others.
            cluster.cut.extend(others.map(|other| (other, leader)));
            for _ in 0..50 {
                cluster.run(10);
                let Some(next) = others.iter().copied().find(|other| cluster.leader() == Some(*other)) else {
                    continue;
                };
                let write = cluster.ask(next, "SET key new", CallOptions::default());
                cluster.run(10);
                if !cluster.answers.contains_key(&write) {
                    continue;
                }
                let read = CallOptions { level: Level::Leader, ..CallOptions::default() };
                let read = cluster.ask(leader, "GET key", read);
                cluster.run(10);
                let told = cluster.answers.get(&read);
                stale += u32::from(told.is_some_and(|it| it.as_ref().is_ok_and(|it| it.reply == bulk("old"))));
            }
        }
        assert_eq!(stale > 0, switch.is_some(), "{stale} stale reads, without {switch:?}");
    }
}
