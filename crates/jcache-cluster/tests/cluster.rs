//! The engine's ways, one after another, on a small cluster: writes, failover, restart, full synchronisation, sessions,
//! blocking pops, hand-over, outages of the coordinator.

mod harness;

use harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

#[test]
fn a_write_reaches_every_copy() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    for node in 0..3 {
        assert_eq!(cluster.write(node, &format!("SET key{node} value{node}")), Reply::Ok);
    }
    cluster.settle();
    for node in 0..3 {
        for key in 0..3 {
            assert_eq!(cluster.read(node, &format!("GET key{key}"), Level::Local), bulk(&format!("value{key}")));
        }
    }
    assert_eq!(cluster.read(leader, "GET key0", Level::Leader), bulk("value0"));
    assert_eq!(cluster.read((leader + 1) % 3, "GET key1", Level::Linearizable), bulk("value1"));
}

#[test]
fn failover_keeps_what_was_acknowledged() {
    let mut cluster = Cluster::ready(3, config(2));
    for round in 0..3 {
        let leader = cluster.leader().unwrap();
        cluster.write(leader, &format!("SET round{round} x"));
        let epoch = cluster.status(leader).epoch;
        cluster.crash(leader);
        let from = cluster.boot_us;
        cluster.until("another leads", 5000, |it| it.leader().is_some_and(|it2| it.status(it2).epoch > epoch));
        assert!(cluster.boot_us - from <= 1_300_000, "took {} us", cluster.boot_us - from);
        let other = (leader + 1) % 3;
        cluster.write(other, &format!("SET after{round} y"));
        cluster.restart(leader);
        cluster.until("back in sync", 20_000, |it| {
            it.leader().is_some_and(|leader| it.status(leader).isr.len() == 3 && it.status(leader).pending.is_none())
        });
        for old in 0..=round {
            assert_eq!(cluster.read(leader, &format!("GET round{old}"), Level::Leader), bulk("x"));
            assert_eq!(cluster.read(leader, &format!("GET after{old}"), Level::Leader), bulk("y"));
        }
    }
    cluster.settle();
}
