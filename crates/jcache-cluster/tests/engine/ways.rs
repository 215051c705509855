//! The engine's ways, one after another, on a small cluster: writes, failover, restart, full synchronisation, sessions,
//! blocking pops, hand-over, outages of the coordinator.

use crate::harness::*;
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

#[test]
fn a_restarted_node_is_synchronised_while_writes_go_on() {
    let mut cluster = Cluster::ready(3, Config { backlog_bytes: 2_000, frame_bytes: 500, ..config(2) });
    let leader = cluster.leader().unwrap();
    let victim = (leader + 1) % 3;
    for key in 0..200 {
        cluster.write(leader, &format!("SET key{key} {}", "x".repeat(100)));
        cluster.write(leader, &format!("RPUSH list{} {key}", key % 10));
    }
    cluster.crash(victim);
    cluster.run(1000);
    cluster.restart(victim);
    let mut calls = Vec::new();
    for round in 0..200 {
        for command in [
            format!("SET key{round} new{round}"),
            format!("RPUSH list{} more{round}", round % 10),
            format!("MSET many{round} 1 other{} 2", round + 1),
            format!("RENAME key{round} moved{round}"),
            format!("LMOVE list{} list{} LEFT RIGHT", round % 10, (round + 3) % 10),
            // A blocked move that the next push serves.
            format!("BLMOVE empty{round} list{} LEFT RIGHT 0", round % 7),
            format!("RPUSH empty{round} moved{round}"),
        ] {
            calls.push(cluster.ask(leader, &command, CallOptions::default()));
        }
        cluster.run(10);
    }
    cluster.settle();
    assert!(cluster.status(leader).counters.full_syncs >= 1);
    assert!(calls.iter().all(|call| cluster.answers[call].is_ok()));
    assert_eq!(cluster.status(victim).counters.digest_mismatches, 0);
    assert!(cluster.status(victim).counters.digests > 0, "digests were compared");
}

#[test]
fn a_retry_is_answered_and_not_carried_out_again() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    let other = (leader + 1) % 3;
    cluster.write(other, "SET warm up");
    // The answer is lost with the leader, after everybody has the record.
    let (a, b) = ((leader + 1) % 3, (leader + 2) % 3);
    cluster.cut.insert((leader, other));
    let call = cluster.ask(other, "INCR counter", CallOptions::default());
    cluster.run(20);
    assert!(!cluster.answers.contains_key(&call));
    cluster.cut.insert((leader, b));
    cluster.crash(leader);
    cluster.heal();
    cluster.until("answered", 10_000, |it| it.answers.contains_key(&call));
    assert_eq!(cluster.answers[&call].as_ref().unwrap().reply, Reply::Int(1));
    assert_eq!(cluster.read(a, "GET counter", Level::Leader), bulk("1"));
}

/// A session ends when its member has been gone from the coordinator for long. Calls that were sent in it may have been
/// carried out; in the next session the same number would be another call.
#[test]
fn what_was_sent_in_a_session_that_is_gone_is_not_sent_in_the_next() {
    let mut cluster = Cluster::ready(3, Config { session_ttl_ms: 1_000, ..config(2) });
    let leader = cluster.leader().unwrap();
    let other = (leader + 1) % 3;
    cluster.write(other, "SET warm up");
    let waiting = cluster.ask(other, "BLPOP queue 0", CallOptions::default());
    // Cut off from the coordinator alone: its lease ends, then its session, while its calls still reach the leader.
    cluster.cut_etcd.insert(other);
    cluster.run(8_000);
    assert!(!cluster.answers.contains_key(&waiting), "nothing has been pushed");
    // The next call learns that the session is gone, and goes on in a new one: it was not carried out before.
    assert_eq!(cluster.write(other, "INCR counter"), Reply::Int(1));
    assert_eq!(cluster.answers[&waiting], Err(Failure::Unknown));
    assert_eq!(cluster.write(other, "INCR counter"), Reply::Int(2));
    cluster.heal();
    cluster.run(3_000);
    assert_eq!(cluster.write(other, "INCR counter"), Reply::Int(3));
}

#[test]
fn blocked_callers_are_served_in_turn_across_failovers() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    let (a, b) = ((leader + 1) % 3, (leader + 2) % 3);
    let first = cluster.ask(a, "BLPOP queue 0", CallOptions::default());
    cluster.run(20);
    let second = cluster.ask(leader, "BLPOP queue other 0", CallOptions::default());
    let timed = cluster.ask(b, "BLPOP queue 1", CallOptions::default());
    cluster.run(20);
    assert_eq!(cluster.write(b, "RPUSH queue one"), Reply::Int(1));
    cluster.run(20);
    let popped = |element: &str| Reply::Array(vec![bulk("queue"), bulk(element)]);
    assert_eq!(cluster.answers[&first].as_ref().unwrap().reply, popped("one"));
    assert!(!cluster.answers.contains_key(&second));
    cluster.run(1200);
    assert_eq!(cluster.answers[&timed].as_ref().unwrap().reply, Reply::NilArray, "its time is over");
    let third = cluster.ask(b, "BLPOP queue 0", CallOptions::default());
    cluster.run(20);
    cluster.crash(leader);
    cluster.until("another leads", 5000, |it| it.leader().is_some());
    assert_eq!(cluster.write(a, "RPUSH queue two"), Reply::Int(1));
    cluster.until("served after the failover", 5000, |it| it.answers.contains_key(&third));
    assert_eq!(cluster.answers[&third].as_ref().unwrap().reply, popped("two"));
    assert_eq!(cluster.read(a, "EXISTS queue", Level::Leader), Reply::Int(0));
    let gone = cluster.ask(a, "BLPOP queue 0", CallOptions::default());
    cluster.run(50);
    cluster.step(a, Event::Cancel { call: gone });
    cluster.run(50);
    assert_eq!(cluster.answers[&gone], Err(Failure::Cancelled));
    assert_eq!(cluster.write(b, "RPUSH queue three"), Reply::Int(1));
    assert_eq!(cluster.read(b, "LLEN queue", Level::Leader), Reply::Int(1));
}

#[test]
fn leadership_is_handed_over_without_a_failed_write() {
    let mut cluster = Cluster::ready(3, config(2));
    for round in 0..20 {
        let leader = cluster.leader().unwrap();
        let target = (leader + 1) % 3;
        let before: Vec<_> =
            (0..3).map(|node| cluster.ask(node, &format!("INCR counter{round}"), CallOptions::default())).collect();
        let name = NodeId::new(format!("n{target}"));
        let from = cluster.boot_us;
        cluster.step(leader, Event::Admin(Admin::Handover(Some(name))));
        let after: Vec<_> =
            (0..3).map(|node| cluster.ask(node, &format!("INCR counter{round}"), CallOptions::default())).collect();
        cluster.until("all answered", 5000, |it| before.iter().chain(&after).all(|call| it.answers.contains_key(call)));
        assert!(cluster.boot_us - from <= 200_000, "took {} us", cluster.boot_us - from);
        assert!(before.iter().chain(&after).all(|call| cluster.answers[call].is_ok()));
        cluster.until("the target leads", 5000, |it| it.leader() == Some(target));
        assert_eq!(cluster.read(leader, &format!("GET counter{round}"), Level::Leader), bulk("6"));
    }
    cluster.settle();
}

/// Lets `node` leave while everybody writes: no write may fail but its own new ones.
fn leaves(cluster: &mut Cluster, node: usize, within_ms: u64) {
    let alive: Vec<usize> = (0..cluster.nodes.len()).filter(|it| cluster.nodes[*it].alive).collect();
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.extend(alive.iter().map(|it| cluster.ask(*it, "INCR written", CallOptions::default())));
    }
    cluster.step(node, Event::Admin(Admin::Shutdown));
    let refused = cluster.ask(node, "INCR written", CallOptions::default());
    assert_eq!(cluster.answers[&refused], Err(Failure::ShuttingDown));
    calls.extend(
        alive.iter().filter(|it| **it != node).map(|it| cluster.ask(*it, "INCR written", CallOptions::default())),
    );
    cluster.until("it has left", within_ms, |it| it.nodes[node].left.is_some());
    assert_eq!(cluster.nodes[node].left, Some(true), "in order\n{}", cluster.describe());
    cluster.crash(node);
    cluster.until("all calls are answered", 2_000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
    let failed: Vec<_> = calls.iter().filter_map(|call| cluster.answers[call].as_ref().err()).collect();
    assert_eq!(failed, Vec::<&Failure>::new());
}

#[test]
fn a_process_leaves_in_order() {
    let mut cluster = Cluster::ready(3, config(1));
    let leader = cluster.leader().unwrap();
    leaves(&mut cluster, (leader + 1) % 3, 100);
    assert_eq!(cluster.status(leader).isr.len(), 2);
    leaves(&mut cluster, leader, 500);
    let last = (leader + 2) % 3;
    // 15 before, 1 refused, 2 after; then 10 before, 1 refused, 1 after.
    assert_eq!(cluster.read(last, "GET written", Level::Leader), bulk("28"));
    // Nobody is left who would miss anything.
    leaves(&mut cluster, last, 100);
}

#[test]
fn a_rolling_restart_fails_no_write_and_loses_none() {
    for min_insync in [1, 2] {
        let mut cluster = Cluster::ready(3, config(min_insync));
        for node in 0..3 {
            // The one before is not in step again: who leaves now waits for it where the minimum needs it.
            leaves(&mut cluster, node, 5_000);
            cluster.restart(node);
        }
        cluster.settle();
        let led_by = cluster.leader().unwrap();
        assert_eq!(cluster.read(led_by, "GET written", Level::Leader), bulk("51"), "at least {min_insync}");
    }
}

#[test]
fn who_cannot_be_spared_leaves_late_and_says_so() {
    let mut cluster = Cluster::ready(2, config(2));
    let leader = cluster.leader().unwrap();
    cluster.step(1 - leader, Event::Admin(Admin::Shutdown));
    cluster.run(9_000);
    assert_eq!(cluster.nodes[1 - leader].left, None, "it waits for another one");
    cluster.until("it has left", 2_000, |it| it.nodes[1 - leader].left.is_some());
    assert_eq!(cluster.nodes[1 - leader].left, Some(false));
    // Two others in its place let the next one go.
    cluster.crash(1 - leader);
    cluster.add_node();
    cluster.add_node();
    leaves(&mut cluster, leader, 9_000);
}

#[test]
fn a_lost_lease_elects_the_same_leader_without_a_failed_write() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    for round in 0..5 {
        let epoch = cluster.status(leader).epoch;
        let calls: Vec<_> =
            (0..3).map(|node| cluster.ask(node, &format!("INCR c{round}"), CallOptions::default())).collect();
        if round % 2 == 0 {
            cluster.etcd.delete(&[Key::Leader]);
        } else {
            let lease = cluster.etcd.lease_of(&Key::Leader).unwrap();
            cluster.etcd.end_lease(lease);
        }
        let from = cluster.boot_us;
        cluster.until("elected anew", 3000, |it| it.status(leader).epoch > epoch);
        assert!(round % 2 == 1 || cluster.boot_us - from <= 20_000, "took {} us", cluster.boot_us - from);
        cluster.until("answered", 3000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
        assert!(calls.iter().all(|call| cluster.answers[call].is_ok()));
        assert_eq!(cluster.leader(), Some(leader));
        cluster.run(2500);
    }
    assert_eq!(cluster.status(leader).counters.partial_syncs % 2, 0);
    cluster.settle();
}

#[test]
fn a_silent_follower_is_removed_before_it_deposes() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    let (slow, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let epoch = cluster.status(leader).epoch;
    cluster.isolate(leader, slow);
    let from = cluster.boot_us;
    cluster.write(other, "SET during x");
    assert!(cluster.boot_us - from <= 600_000, "the stall ends with the eviction");
    cluster.run(3000);
    assert_eq!((cluster.leader(), cluster.status(leader).epoch), (Some(leader), epoch));
    assert_eq!(cluster.status(leader).isr.len(), 2);
    cluster.heal();
    cluster.until("back in sync", 10_000, |it| it.status(leader).isr.len() == 3);
    cluster.settle();
}

#[test]
fn below_the_minimum_writes_stall_and_nothing_is_lost() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    let (a, b) = ((leader + 1) % 3, (leader + 2) % 3);
    cluster.write(leader, "SET kept x");
    cluster.crash(a);
    cluster.crash(b);
    let options = CallOptions { timeout_ms: Some(2000), ..CallOptions::default() };
    let stalled = cluster.call(leader, "SET lost x", options);
    assert_eq!(stalled, Err(Failure::Unknown));
    assert_eq!(cluster.call(leader, "SET lost y", CallOptions { ack: Ack::Leader, ..options }), Err(Failure::Fenced));
    cluster.restart(a);
    cluster.until("two in sync", 10_000, |it| {
        let isr = it.status(leader).isr;
        isr.len() == 2 && isr.iter().any(|member| member.inc.0 == it.nodes[a].inc)
    });
    cluster.write(a, "SET more x");
    cluster.crash(leader);
    cluster.until("the other leads", 5000, |it| it.leader() == Some(a));
    assert_eq!(cluster.read(a, "GET kept", Level::Local), bulk("x"));
}

#[test]
fn the_coordinator_may_be_away() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    cluster.cut_etcd.extend([0, 1, 2]);
    for round in 0..50 {
        cluster.write(round % 3, &format!("SET key{round} x"));
        cluster.run(200);
    }
    assert_eq!(cluster.read(leader, "GET key49", Level::Leader), bulk("x"));
    assert_eq!(cluster.read((leader + 1) % 3, "GET key49", Level::Linearizable), bulk("x"));
    cluster.heal();
    cluster.run(3000);
    cluster.write(leader, "SET after x");
    cluster.settle();
}

#[test]
fn a_leader_that_alone_is_cut_off_from_the_coordinator_gives_way() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    cluster.cut_etcd.insert(leader);
    let mut calls = Vec::new();
    for round in 0..60 {
        // The one that is cut off cannot learn who leads: callers of the others notice nothing.
        calls.push(cluster.ask((leader + 1 + round % 2) % 3, "INCR counter", CallOptions::default()));
        cluster.run(100);
    }
    cluster.until("another leads", 5000, |it| it.leader().is_some_and(|it| it != leader));
    cluster.until("answered", 8000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
    assert!(calls.iter().all(|call| cluster.answers[call].is_ok()));
    cluster.heal();
    cluster.settle();
    assert_eq!(cluster.read(leader, "GET counter", Level::Leader), bulk("60"));
}

#[test]
fn a_wiped_or_restored_coordinator_gets_its_state_back() {
    for restored in [false, true] {
        for leader_dies in [false, true] {
            let mut cluster = Cluster::ready(3, config(2));
            let backup = cluster.etcd.backup();
            let leader = cluster.leader().unwrap();
            cluster.step(leader, Event::Admin(Admin::Handover(None)));
            cluster.run(100);
            let leader = cluster.leader().unwrap();
            let other = (leader + 1) % 3;
            cluster.write(other, "SET kept x");
            cluster.run(200);
            let epoch = cluster.status(leader).epoch;
            if leader_dies {
                cluster.crash(leader);
            }
            if restored {
                cluster.restore(backup, false);
            } else {
                cluster.etcd.wipe();
            }
            cluster.until("led again", 20_000, |it| {
                it.leader()
                    .is_some_and(|leader| it.status(leader).epoch > epoch && it.status(leader).role == Role::Leader)
            });
            assert_eq!(cluster.read(other, "GET kept", Level::Leader), bulk("x"), "restored {restored}");
            assert_eq!(cluster.write(other, "SET more y"), Reply::Ok);
            assert!(cluster.etcd.state().epoch > epoch);
            assert!(
                cluster
                    .nodes
                    .iter()
                    .any(|it| it.notices.iter().any(|it| matches!(it, Notice::CoordinatorReset { .. })))
            );
        }
    }
}

#[test]
fn an_unclean_start_only_when_configured_or_certain() {
    // Certain: every in-sync member's node lives as another incarnation.
    let mut cluster = Cluster::ready(2, Config { isr_target: 2, ..config(2) });
    cluster.write(0, "SET lost x");
    cluster.crash(0);
    cluster.crash(1);
    cluster.run(3000);
    cluster.restart(0);
    cluster.run(20_000);
    assert_eq!(cluster.leader(), None, "the other may still come back");
    cluster.restart(1);
    cluster.until("led again", 10_000, |it| it.leader().is_some());
    let told = |it: &Node| it.notices.iter().any(|it| matches!(it, Notice::UncleanStart { certain: true, .. }));
    assert!(cluster.nodes.iter().any(told));
    assert_eq!(cluster.etcd.state().unclean, 1);
    // Not certain: only after the configured time.
    let mut cluster = Cluster::ready(2, Config { isr_target: 1, unclean_after_ms: Some(5000), ..config(1) });
    let leader = cluster.leader().unwrap();
    cluster.write(leader, "SET maybe x");
    cluster.run(1000);
    cluster.crash(leader);
    cluster.run(4000);
    assert_eq!(cluster.leader(), None);
    cluster.until("the observer leads", 10_000, |it| it.leader().is_some());
    assert_eq!(cluster.read(1 - leader, "GET maybe", Level::Local), bulk("x"), "it had all");
}

/// An observer reads that there is no leader, sees nothing for a while, and reads that there is none: in between there was.
#[test]
fn an_unclean_start_waits_from_the_last_leader_on() {
    let mut cluster = Cluster::ready(2, Config { isr_target: 1, unclean_after_ms: Some(3_000), ..config(1) });
    let leader = cluster.leader().expect("it is ready");
    let observer = 1 - leader;
    cluster.isolate(leader, observer);
    cluster.cut_etcd.insert(leader);
    cluster.etcd.delete(&[Key::Leader]);
    cluster.run(500);
    // Now the other way about: the leader is elected anew, and nobody tells the observer.
    cluster.cut_etcd = [observer].into();
    cluster.run(2_000);
    assert_eq!(cluster.status(leader).role, Role::Leader);
    cluster.write(leader, "SET kept x");
    cluster.cut_etcd = [leader].into();
    cluster.etcd.delete(&[Key::Leader]);
    cluster.run(2_500);
    assert_eq!(cluster.etcd.state().unclean, 0, "there was a leader less than 3 s ago");
    cluster.heal();
    cluster.settle();
    assert_eq!(cluster.read(observer, "GET kept", Level::Linearizable), bulk("x"));
}

/// Nobody is left, and who begins anew has a wall clock that is an hour behind: others go by its time, with its data.
#[test]
fn the_time_of_who_begins_anew_is_that_of_all() {
    let mut cluster = Cluster::ready(3, Config { unclean_after_ms: Some(3_000), isr_target: 1, ..config(1) });
    let leader = cluster.leader().expect("it is ready");
    let observers: Vec<usize> = (0..3).filter(|node| *node != leader).collect();
    cluster.write(leader, "SET lost x");
    cluster.settle();
    let before = cluster.status(leader).time_ms;
    cluster.paused.extend(&observers);
    cluster.crash(leader);
    cluster.wall_ms -= 3_600_000;
    cluster.restart(leader);
    cluster.until("it begins anew", 10_000, |it| it.leader() == Some(leader) && it.etcd.state().unclean == 1);
    cluster.paused.clear();
    cluster.settle();
    for node in 0..3 {
        let time = cluster.status(node).time_ms;
        assert!(time < before - 3_000_000, "n{node} goes by {time}; it was {before}");
    }
}

/// Who begins anew gives numbers anew, too: a session of before is not taken for one that has its number now.
#[test]
fn a_session_of_before_an_unclean_start_is_nobody_elses() {
    // Nothing is logged but what is asked for.
    let config = Config { unclean_after_ms: Some(3_000), isr_target: 1, digest_ms: 1_000_000, ..config(1) };
    let mut cluster = Cluster::ready(2, config);
    let leader = cluster.leader().expect("it is ready");
    let observer = 1 - leader;
    (0..3).for_each(|_| drop(cluster.write(observer, "RPUSH lost x")));
    cluster.settle();
    cluster.paused.insert(observer);
    cluster.crash(leader);
    cluster.restart(leader);
    cluster.until("it begins anew", 10_000, |it| it.leader() == Some(leader) && it.etcd.state().unclean == 1);
    for count in 1..=6 {
        assert_eq!(cluster.write(leader, "RPUSH own x"), Reply::Int(count));
    }
    cluster.paused.clear();
    cluster.settle();
    for count in 1..=6 {
        assert_eq!(cluster.write(observer, "RPUSH others x"), Reply::Int(count));
        assert_eq!(cluster.write(leader, "RPUSH own x"), Reply::Int(6 + count));
    }
    cluster.settle();
}

#[test]
fn the_observer_of_a_full_set_is_promoted_when_a_member_dies() {
    let mut cluster = Cluster::ready(4, config(2));
    let leader = cluster.leader().unwrap();
    cluster.write(leader, "SET key x");
    cluster.run(500);
    let observer = (0..4).find(|it| cluster.status(*it).role == Role::Observer).unwrap();
    assert_eq!(cluster.read(observer, "GET key", Level::Local), bulk("x"));
    let victim = (0..4).find(|it| cluster.status(*it).role == Role::Follower).unwrap();
    cluster.crash(victim);
    cluster.until("promoted", 5000, |it| it.status(observer).role == Role::Follower);
    assert_eq!(cluster.status(leader).isr.len(), 3);
}

#[test]
fn what_was_sent_to_a_leader_that_fell_silent_is_sent_to_the_next_one_at_once() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().unwrap();
    let followers = [(leader + 1) % 3, (leader + 2) % 3];
    // Each has a way to the leader, and a session.
    followers.iter().for_each(|node| drop(cluster.write(*node, "SET a 1")));
    followers.iter().for_each(|node| cluster.isolate(*node, leader));
    cluster.cut_etcd.insert(leader);
    // No stream breaks, and nobody calls again.
    let calls = followers.map(|node| cluster.ask(node, "SET a 2", CallOptions::default()));
    // The grant's 900 ms, and the candidates' questions to one who does not answer.
    cluster.until("all calls are answered", 1_000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
    assert!(calls.iter().all(|call| cluster.answers[call].is_ok()), "{:?}", cluster.answers);
}

/// A hand-over, or the loss of the leader's key, takes no tick: everything follows from what arrives.
#[test]
fn leadership_changes_hands_without_waiting_for_time_to_pass() {
    type Change = fn(&mut Cluster, usize);
    let by_command: Change = |it, leader| it.step(leader, Event::Admin(Admin::Handover(None)));
    let key_deleted: Change = |it, _| it.put(Key::Leader, None);
    for (what, change) in [("a hand-over", by_command), ("the leader's key is deleted", key_deleted)] {
        let mut cluster = Cluster::ready(3, config(2));
        let leader = cluster.leader().unwrap();
        (0..3).for_each(|node| drop(cluster.write(node, "INCR count")));
        cluster.run(1_000);
        let epoch = cluster.status(leader).epoch;
        let now = cluster.boot_us;
        change(&mut cluster, leader);
        let calls = [0, 1, 2].map(|node| cluster.ask(node, "INCR count", CallOptions::default()));
        cluster.deliver();
        let answered = calls.map(|call| matches!(cluster.answers.get(&call), Some(Ok(_))));
        assert_eq!(answered, [true; 3], "{what}: {:?}\n{}", cluster.answers, cluster.describe());
        assert_eq!(cluster.boot_us, now, "no time has passed");
        let led_by = cluster.leader().unwrap();
        assert_eq!(cluster.status(led_by).epoch, epoch + 1, "{what}");
        cluster.run(2_000);
        cluster.settle();
    }
}
