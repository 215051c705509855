//! A coordinator that went back to an old backup (2.20): who recorded more since, or has only heard of it, is not led by
//! what the backup says.

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

fn patient() -> Config {
    let found_wait_ms = Config::default().found_wait_ms;
    Config { found_wait_ms, ..config(2) }
}

fn in_sync(cluster: &Cluster, node: usize) -> bool {
    cluster.etcd.state().isr.iter().any(|member| member.inc.0 == cluster.nodes[node].inc)
}

fn led_after(cluster: &mut Cluster, epoch: Epoch) {
    cluster.until("led again", 30_000, |it| {
        it.leader().is_some_and(|leader| it.status(leader).epoch > epoch && it.status(leader).role == Role::Leader)
    });
}

/// Every member of the backup's in-sync set is dead for certain, and every one of today's lives.
#[test]
fn a_process_that_starts_when_an_old_backup_was_restored_takes_nothing_over() {
    for leases in [false, true] {
        for (leader_dies, after) in [(true, 0), (true, 10), (true, 300), (true, 2_500), (false, 0), (false, 300)] {
            let what = format!("leases {leases}, leader dies {leader_dies}, started after {after} ms");
            let mut cluster = Cluster::ready(3, patient());
            let backup = cluster.etcd.backup();
            for node in 0..3 {
                cluster.crash(node);
                cluster.run(1_000);
                cluster.restart(node);
                cluster.until("back in sync", 20_000, |it| in_sync(it, node) && it.etcd.state().isr.len() == 3);
            }
            cluster.write(0, "SET kept x");
            cluster.settle();
            let epoch = cluster.etcd.state().epoch;
            let leader = cluster.leader().unwrap();
            if leader_dies {
                cluster.crash(leader);
            }
            cluster.restore(backup, leases);
            cluster.run(after);
            if leader_dies {
                cluster.restart(leader);
            } else {
                cluster.add_node();
            }
            led_after(&mut cluster, epoch);
            assert_eq!(cluster.read(0, "GET kept", Level::Linearizable), bulk("x"), "{what}");
            assert_eq!(cluster.etcd.state().unclean, 0, "{what}");
            cluster.settle();
        }
    }
}

/// The epoch is the same, and so is the leader's key: only the in-sync set is an older one.
#[test]
fn an_older_in_sync_set_of_the_same_epoch_is_not_believed() {
    for leader_dies in [false, true] {
        let mut cluster = Cluster::ready(3, config(2));
        let leader = cluster.leader().unwrap();
        let (slow, other) = ((leader + 1) % 3, (leader + 2) % 3);
        let backup = cluster.etcd.backup();
        cluster.isolate(leader, slow);
        cluster.isolate(other, slow);
        cluster.write(other, "SET kept x");
        cluster.run(200);
        let before = cluster.etcd.state();
        assert!(!in_sync(&cluster, slow));
        cluster.restore(backup, true);
        assert_eq!(cluster.etcd.state().epoch, before.epoch);
        if leader_dies {
            cluster.crash(leader);
        }
        cluster.until("led again", 30_000, |it| it.leader().is_some_and(|it2| it.status(it2).epoch > before.epoch));
        assert_eq!(cluster.leader(), Some(if leader_dies { other } else { leader }));
        assert!(!in_sync(&cluster, slow), "it has not caught up: {:?}", cluster.etcd.state());
        if !leader_dies {
            // The set can still be changed.
            cluster.heal();
            cluster.until("back in sync", 20_000, |it| in_sync(it, slow));
            cluster.crash(leader);
            cluster.until("another leads", 5_000, |it| it.leader().is_some());
        }
        cluster.heal();
        assert_eq!(cluster.read(slow, "GET kept", Level::Linearizable), bulk("x"));
    }
}

/// The coordinator has recorded a member and then lost everything; its leader knows of neither.
#[test]
fn a_member_that_may_have_been_recorded_counts_until_the_state_is_written_anew() {
    for script in [vec![etcd::Fate::LostAfter], vec![etcd::Fate::LostAfter, etcd::Fate::Failed]] {
        let mut cluster = Cluster::ready(3, config(2));
        let leader = cluster.leader().unwrap();
        let slow = (leader + 1) % 3;
        cluster.isolate(leader, slow);
        cluster.write(leader, "SET before x");
        assert!(!in_sync(&cluster, slow));
        let epoch = cluster.etcd.state().epoch;
        cluster.heal();
        cluster.etcd.script = script.clone();
        cluster.until("recorded", 10_000, |it| in_sync(it, slow));
        cluster.etcd.wipe();
        cluster.isolate(leader, slow);
        let call = cluster.ask(leader, "SET during x", CallOptions::default());
        let mut acked = false;
        for _ in 0..500 {
            cluster.run(10);
            acked = cluster.answers.contains_key(&call);
            let anew = cluster.etcd.keys().contains_key("state") && cluster.etcd.state().epoch > epoch;
            assert!(!acked || anew, "{script:?}: committed without a member that was recorded");
        }
        assert!(acked, "{script:?}");
        assert_eq!(cluster.answers[&call].as_ref().map(|it| &it.reply), Ok(&Reply::Ok));
    }
}
