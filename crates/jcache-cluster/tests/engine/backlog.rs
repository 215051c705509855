//! A follower that was away: it gets the records it missed while the backlog has them, and everything when it has not
//! (T-17).

use crate::harness::*;
use jcache_cluster::engine::*;

/// A cluster of two in sync and one observer, with a backlog of some dozens of records.
fn with_observer() -> (Cluster, usize, usize) {
    let settings = Config { backlog_bytes: 3_000, isr_target: 2, digest_ms: 0, ..config(1) };
    let mut cluster = Cluster::ready(3, settings);
    let leader = cluster.leader().expect("it is ready");
    let observer = (0..3).find(|it| cluster.status(*it).role == Role::Observer).expect("one is left");
    cluster.write(leader, "SET first x");
    cluster.settle();
    (cluster, leader, observer)
}

/// Writes until the first record that the leader keeps is `first`.
fn write_until_first(cluster: &mut Cluster, leader: usize, first: Offset) {
    for round in 0..1000 {
        let now = cluster.status(leader).log_first;
        if now >= first {
            assert_eq!(now, first, "a segment a record");
            return;
        }
        cluster.write(leader, &format!("SET key{} value{round}", round % 7));
        cluster.run(10);
    }
    panic!("the backlog never went on to {first}");
}

#[test]
fn one_less_exact_and_one_more() {
    // How far the backlog has gone on from the record after the observer's last; whether everything must come anew.
    for (beyond, full) in [(-1_i64, 0), (0, 0), (1, 1), (30, 1)] {
        let (mut cluster, leader, observer) = with_observer();
        let last = cluster.status(observer).leo;
        for other in 0..3 {
            cluster.isolate(observer, other);
            cluster.disconnect(observer, other);
        }
        let first = (last as i64 + 1 + beyond) as u64;
        write_until_first(&mut cluster, leader, first);
        cluster.heal();
        cluster.settle();
        let counters = cluster.status(leader).counters;
        assert_eq!(counters.full_syncs, full, "beyond {beyond}: {}", cluster.describe());
        assert_eq!(cluster.status(observer).counters.truncated, 0);
    }
}

#[test]
fn the_ring_wraps_while_everybody_listens() {
    let (mut cluster, leader, observer) = with_observer();
    for round in 0..500 {
        cluster.write(round % 3, &format!("SET key{} value{round}", round % 11));
        cluster.run(10);
    }
    cluster.settle();
    let status = cluster.status(leader);
    assert!(status.log_first > 400 && status.log_bytes < 4_500, "{status:?}");
    assert_eq!(status.counters.full_syncs, 0);
    assert!(cluster.status(observer).log_bytes < 4_500);
}

#[test]
fn the_epoch_changes_meanwhile() {
    for (writes, full) in [(3, false), (200, true)] {
        let (mut cluster, leader, observer) = with_observer();
        for other in 0..3 {
            cluster.isolate(observer, other);
            cluster.disconnect(observer, other);
        }
        cluster.write(leader, "SET before x");
        cluster.step(leader, Event::Admin(Admin::Handover(None)));
        cluster.until("another leads", 3000, |it| it.leader().is_some_and(|it| it != leader));
        let next = cluster.leader().unwrap();
        for round in 0..writes {
            cluster.write(next, &format!("SET after{} {round}", round % 5));
            cluster.run(10);
        }
        cluster.heal();
        cluster.settle();
        assert_eq!(cluster.status(next).counters.full_syncs > 0, full, "{writes} writes");
        assert_eq!(cluster.read(observer, "GET before", Level::Local), bulk("x"));
    }
}

#[test]
fn an_in_sync_member_keeps_its_records_in_the_backlog() {
    // The floor keeps it in the set, so what it lacks stays, whatever the backlog's size.
    let mut cluster = Cluster::ready(2, Config { backlog_bytes: 2_000, isr_target: 2, ..config(2) });
    let leader = cluster.leader().unwrap();
    let follower = 1 - leader;
    cluster.write(leader, "SET x 1");
    cluster.settle();
    let last = cluster.status(follower).leo;
    cluster.isolate(leader, follower);
    let calls: Vec<_> =
        (0..100).map(|round| cluster.ask(leader, &format!("SET key{round} x"), CallOptions::default())).collect();
    cluster.run(500);
    assert!(cluster.status(leader).log_first <= last + 1 && cluster.status(leader).log_bytes > 2_000);
    cluster.heal();
    cluster.until("answered", 5000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
    assert_eq!(cluster.status(leader).counters.full_syncs, 0);
}

#[test]
fn too_much_that_is_not_committed_is_refused() {
    let settings = Config { max_unreplicated_bytes: 1_000, isr_target: 2, ..config(2) };
    let mut cluster = Cluster::ready(2, settings);
    let leader = cluster.leader().unwrap();
    cluster.write(leader, "SET warm up");
    cluster.isolate(leader, 1 - leader);
    let calls: Vec<_> =
        (0..100).map(|round| cluster.ask(leader, &format!("SET key{round} x"), CallOptions::default())).collect();
    let refused = calls.iter().filter(|call| cluster.answers.get(call) == Some(&Err(Failure::Overloaded))).count();
    assert!((40..95).contains(&refused), "{refused}");
    let status = cluster.status(leader);
    assert!(status.log_bytes < 6_000, "{status:?}");
    cluster.heal();
    cluster.until("the rest is done", 5000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
    cluster.settle();
}
