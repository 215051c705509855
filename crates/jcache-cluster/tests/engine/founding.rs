//! Who founds a cluster: a fresh process that finds nothing at the coordinator, and after a while nobody who knows more
//! (2.20). To it a coordinator that lost its data looks like a new one; those who hold data win.

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

fn patient() -> Config {
    let found_wait_ms = Config::default().found_wait_ms;
    Config { found_wait_ms, ..config(1) }
}

#[test]
fn the_first_process_founds_after_the_wait() {
    for (found_wait_ms, from, to) in [(0, 0, 100), (500, 500, 650), (2_000, 2_000, 2_150)] {
        let mut cluster = Cluster::new(1, Config { found_wait_ms, ..config(1) });
        let start = cluster.boot_us;
        cluster.until("it leads", 5_000, |it| it.leader().is_some());
        let took = (cluster.boot_us - start) / 1_000;
        assert!((from..=to).contains(&took), "wait {found_wait_ms}: took {took} ms");
    }
}

#[test]
fn a_process_that_starts_when_the_coordinator_was_wiped_founds_nothing() {
    // When the fresh process starts, in milliseconds after the wipe; and whether the leader dies with it.
    for (after, leader_dies) in [(0, false), (10, false), (300, false), (2_500, false), (0, true), (300, true)] {
        let mut cluster = Cluster::ready(3, patient());
        let leader = cluster.leader().expect("it is ready");
        let (kept, fresh) = ((leader + 1) % 3, (leader + 2) % 3);
        assert_eq!(cluster.write(leader, "SET kept x"), Reply::Ok);
        cluster.settle();
        let before = cluster.etcd.state();
        cluster.crash(fresh);
        if leader_dies {
            cluster.crash(leader);
        }
        cluster.etcd.wipe();
        cluster.run(after);
        cluster.restart(fresh);
        cluster.until("led again by who knows the cluster", 20_000, |it| {
            it.leader().is_some_and(|leader| it.status(leader).epoch > before.epoch)
        });
        assert_eq!(cluster.etcd.state().cluster_id, before.cluster_id, "{after} ms after, leader dies: {leader_dies}");
        cluster.until("the fresh one follows", 20_000, |it| it.status(fresh).readable);
        for node in [kept, fresh] {
            assert_eq!(cluster.read(node, "GET kept", Level::Linearizable), bulk("x"));
            assert_eq!(cluster.nodes[node].fatal, None);
        }
        cluster.settle();
    }
}

#[test]
fn an_observer_with_data_is_waited_for_and_leads_only_uncleanly() {
    for unclean_after_ms in [None, Some(4_000)] {
        let mut cluster = Cluster::ready(2, Config { isr_target: 1, unclean_after_ms, ..patient() });
        let leader = cluster.leader().expect("it is ready");
        let observer = 1 - leader;
        cluster.write(leader, "SET kept x");
        cluster.settle();
        let before = cluster.etcd.state();
        cluster.crash(leader);
        cluster.etcd.wipe();
        cluster.add_node();
        cluster.run(3_500);
        assert_eq!(cluster.leader(), None, "the observer knows a cluster, and may not lead yet");
        if unclean_after_ms.is_none() {
            cluster.run(20_000);
            assert_eq!(cluster.leader(), None, "nor ever, unless an operator says who is dead");
            let dead = before.isr.clone();
            cluster.step(observer, Event::Admin(Admin::Bury(dead)));
        }
        cluster.until("the observer leads", 10_000, |it| it.leader() == Some(observer));
        let state = cluster.etcd.state();
        assert_eq!((state.cluster_id, state.unclean), (before.cluster_id, 1));
        assert_eq!(cluster.read(2, "GET kept", Level::Linearizable), bulk("x"));
    }
}

#[test]
fn where_nobody_is_left_who_knows_the_cluster_another_is_founded() {
    let mut cluster = Cluster::ready(1, patient());
    let before = cluster.etcd.state();
    cluster.crash(0);
    cluster.etcd.wipe();
    cluster.restart(0);
    cluster.until("it leads", 10_000, |it| it.leader().is_some());
    assert_ne!(cluster.etcd.state().cluster_id, before.cluster_id);
}
