//! What was wrong in the first jcache, one test each (T-J1 to T-J7 of the design, 1.1).

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

/// T-J1: one task per follower and write: no order, no retry, errors dropped.
#[test]
fn j1_copies_stay_equal_through_hiccups() {
    let mut cluster = Cluster::ready(3, config(2));
    let mut calls = Vec::new();
    for round in 0..300 {
        calls.push(cluster.ask(round % 3, &format!("RPUSH list {round}"), CallOptions::default()));
        if round % 37 == 5 {
            cluster.disconnect(round % 3, (round + 1) % 3);
        }
        if round % 10 == 0 {
            cluster.run(10);
        }
    }
    cluster.until("answered", 10_000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
    assert!(calls.iter().all(|call| cluster.answers[call].is_ok()));
    cluster.settle();
    assert_eq!(cluster.read(0, "LLEN list", Level::Local), Reply::Int(300), "each once");
}

/// T-J2: every write of a sorted set was replicated, and forwarded, as a pop of a list.
#[test]
fn j2_sorted_sets_are_replicated_as_sorted_sets() {
    let mut cluster = Cluster::ready(3, config(2));
    let follower = (cluster.leader().unwrap() + 1) % 3;
    cluster.write(follower, "RPUSH list a b c");
    assert_eq!(cluster.write(follower, "ZADD scores 1 one 2 two 3 three"), Reply::Int(3));
    cluster.write(follower, "ZINCRBY scores 10 one");
    cluster.write(follower, "ZREM scores two");
    cluster.settle();
    for node in 0..3 {
        let order = Reply::Array(vec![bulk("three"), bulk("one")]);
        assert_eq!(cluster.read(node, "ZRANGE scores 0 -1", Level::Local), order);
        assert_eq!(cluster.read(node, "LLEN list", Level::Local), Reply::Int(3));
    }
}

/// T-J3: a blocking pop was replicated as a pop of every key it named, and forwarded with its timeout as a key.
#[test]
fn j3_a_blocking_pop_takes_one_element() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    for node in [leader, (leader + 1) % 3] {
        for key in ["a", "b", "5"] {
            cluster.write(node, &format!("RPUSH {key} first second"));
        }
        let popped = Reply::Array(vec![bulk("a"), bulk("first")]);
        assert_eq!(cluster.write(node, "BLPOP a b 5"), popped);
        cluster.settle();
        for copy in 0..3 {
            for (key, len) in [("a", 1), ("b", 2), ("5", 2)] {
                assert_eq!(held(&mut cluster, copy, &format!("LLEN {key}")), Reply::Int(len));
            }
        }
        cluster.write(node, "DEL a b 5");
    }
}

/// T-J4: times to live were replicated as durations, and every node let keys expire by its own clock.
#[test]
fn j4_a_key_has_one_deadline_everywhere() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    let slow = (leader + 1) % 3;
    cluster.cut.insert((leader, slow));
    let call = cluster.ask(leader, "SET key value PX 1000", CallOptions::default());
    cluster.run(300);
    cluster.heal();
    cluster.until("answered", 1000, |it| it.answers.contains_key(&call));
    cluster.settle();
    let deadline = held(&mut cluster, leader, "PEXPIRETIME key");
    for node in 0..3 {
        assert_eq!(held(&mut cluster, node, "PEXPIRETIME key"), deadline, "arrival does not matter");
    }
    // A follower whose wall clock is a day ahead hides nothing before its time.
    cluster.wall_ms += 86_400_000;
    assert_eq!(cluster.read(slow, "GET key", Level::Local), bulk("value"));
    cluster.run(1000);
    for node in 0..3 {
        assert_eq!(cluster.read(node, "GET key", Level::Local), Reply::Nil);
    }
    assert!(cluster.nodes[slow].store.model().iter().next().is_none(), "the leader's removal came");
    assert_eq!(cluster.status(leader).counters.expired, 1);
    assert_eq!(cluster.status(slow).counters.expired, 0, "only the leader lets keys expire");
}

/// T-J4: the same for one who joins with a clock of its own, before it has heard anything else of the leader.
#[test]
fn j4_who_joins_knows_the_time_at_once() {
    // So much is gone from the backlog that a fresh process takes everything anew.
    let mut cluster = Cluster::ready(2, Config { backlog_bytes: 1_000, ..config(1) });
    let leader = cluster.leader().unwrap();
    for round in 0..200 {
        cluster.write(leader, &format!("SET key{round} value"));
        cluster.run(10);
    }
    cluster.wall_ms += 86_400_000;
    cluster.add_node();
    let time = cluster.status(leader).time_ms;
    let mut joined = 0;
    for _ in 0..2_000 {
        cluster.run(1);
        let told = cluster.status(2);
        if matches!(told.role, Role::Syncing | Role::Observer | Role::Follower) && told.leo > 0 {
            joined += 1;
            assert!(told.time_ms < time + 60_000, "{told:?}");
        }
    }
    assert!(joined > 0 && cluster.status(leader).counters.full_syncs > 0);
}

/// T-J5: a write while no master was known returned success and was lost.
#[test]
fn j5_a_write_without_a_leader_fails_and_says_so() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    let (a, b) = ((leader + 1) % 3, (leader + 2) % 3);
    cluster.write(a, "SET key old");
    cluster.crash(leader);
    cluster.crash(b);
    cluster.run(5000);
    let options = CallOptions { timeout_ms: Some(500), ..CallOptions::default() };
    let failure = cluster.call(a, "SET key new", options).unwrap_err();
    assert!(matches!(failure, Failure::NotEnoughReplicas | Failure::NoLeader | Failure::Unknown), "{failure:?}");
    let mut alone = Cluster::new(1, config(1));
    alone.cut_etcd.insert(0);
    let failure = alone.call(0, "SET key new", options).unwrap_err();
    assert_eq!(failure, Failure::NoLeader);
    assert!(!failure.may_have_happened());
}

/// T-J6: mastership came from a watch and was never fenced; a slave applied writes from anybody.
#[test]
fn j6_a_deposed_leader_is_fenced() {
    let mut cluster = Cluster::ready(3, config(2));
    let old = cluster.leader().unwrap();
    let (a, b) = ((old + 1) % 3, (old + 2) % 3);
    cluster.write(old, "SET key 1");
    // It is paused, so it cannot notice that others have elected.
    cluster.paused.insert(old);
    cluster.until("another leads", 6000, |it| [a, b].iter().any(|node| it.status(*node).role == Role::Leader));
    cluster.write(a, "SET key 2");
    let old_epoch = cluster.status(old).epoch;
    assert_eq!(cluster.status(old).role, Role::Fenced, "its lease is over by the clock alone");
    let options = CallOptions { timeout_ms: Some(300), ..CallOptions::default() };
    let write = cluster.ask(old, "SET key 3", options);
    let read = cluster.ask(old, "GET key", CallOptions { level: Level::Leader, ..options });
    let quick = cluster.ask(old, "SET key 4", CallOptions { ack: Ack::Leader, ..options });
    assert_eq!(cluster.answers[&quick], Err(Failure::Fenced));
    assert!(!cluster.answers.contains_key(&write) && !cluster.answers.contains_key(&read), "neither is answered");
    cluster.heal();
    cluster.until("answered", 5000, |it| it.answers.contains_key(&write) && it.answers.contains_key(&read));
    if let Ok(answer) = &cluster.answers[&read] {
        assert_ne!(answer.reply, bulk("1"), "not the old value");
    }
    cluster.settle();
    assert!(cluster.status(old).epoch > old_epoch);
    assert_eq!(cluster.status(old).counters.beyond_divergence, 0);
}

/// T-J7: a node that joined got no data, and writes had no deadline.
#[test]
fn j7_a_node_that_joins_gets_everything() {
    let mut cluster = Cluster::ready(2, Config { backlog_bytes: 1_000, ..config(1) });
    for round in 0..100 {
        cluster.write(0, &format!("HSET hash{} field{round} value", round % 9));
        cluster.run(10);
    }
    let index = cluster.nodes.len();
    cluster.add_node();
    cluster.settle();
    assert_eq!(cluster.read(index, "HLEN hash0", Level::Local), Reply::Int(12));
    let leader = cluster.leader().unwrap();
    assert!(cluster.status(leader).counters.full_syncs >= 1);
    // A write that cannot be carried out ends at its deadline.
    cluster.write((leader + 1) % 3, "SET x x");
    for other in 0..3 {
        cluster.isolate(leader, other);
    }
    let from = cluster.boot_us;
    let options = CallOptions { timeout_ms: Some(200), ..CallOptions::default() };
    assert_eq!(cluster.call((leader + 1) % 3, "SET x y", options), Err(Failure::Unknown));
    assert!(cluster.boot_us - from <= 220_000);
}
