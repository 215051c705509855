//! What is kept has its bound, also what is kept only for a while, and for others (C10).

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

/// The records that come while everything comes anew go into the log as others do: the oldest are dropped again.
#[test]
fn a_synchronisation_keeps_no_more_than_a_log() {
    let settings = Config { backlog_bytes: 4_000, frame_bytes: 500, isr_target: 2, digest_ms: 0, ..config(1) };
    let mut cluster = Cluster::ready(3, settings);
    let leader = cluster.leader().expect("it is ready");
    let observer = (0..3).find(|it| cluster.status(*it).role == Role::Observer).expect("one is left");
    for round in 0..100 {
        cluster.write(leader, &format!("SET key{} {}", round % 7, "x".repeat(100)));
        cluster.run(10);
    }
    cluster.crash(observer);
    cluster.restart(observer);
    // The end never comes.
    cluster.withheld = |message| matches!(message, Message::Snap(Snap { part: SnapPart::Done { .. }, .. }));
    cluster.until("it is being synchronised", 5_000, |it| it.status(observer).role == Role::Syncing);
    let mut most = 0;
    for round in 0..300 {
        cluster.write(leader, &format!("SET key{} {}", round % 7, "x".repeat(100)));
        cluster.run(10);
        most = most.max(cluster.status(observer).loading_bytes);
    }
    assert!((3_000..6_000).contains(&most), "{most} bytes");
    cluster.heal();
    cluster.settle();
    assert_eq!(cluster.status(observer).loading_bytes, 0);
}

/// Answers wait for retries; those of a process of which a call waits for long are let go by bytes, too.
#[test]
fn a_session_keeps_so_many_bytes_of_answers() {
    let mut cluster = Cluster::ready(3, Config { session_bytes: 8_000, ..config(2) });
    let leader = cluster.leader().expect("it is ready");
    for caller in [leader, (leader + 1) % 3] {
        cluster.write(caller, &format!("SET big {}", "x".repeat(1_000)));
        let waiting = cluster.ask(caller, "BLPOP queue 0", CallOptions::default());
        for round in 0..100 {
            let call = cluster.transact(caller, &["INCR counter", "GET big"], None);
            cluster.until("answered", 2_000, |it| it.answers.contains_key(&call));
            assert!(cluster.answers[&call].is_ok(), "{round}: {:?}", cluster.answers[&call]);
            // Time to let go, as in a process that does not write that much in a moment.
            cluster.run(20);
            for node in 0..3 {
                let bytes = cluster.status(node).session_bytes;
                assert!(bytes <= 2 * 10_000, "{bytes} at n{node} after {round} calls");
            }
        }
        cluster.step(caller, Event::Cancel { call: waiting });
        cluster.run(50);
        assert_eq!(cluster.answers[&waiting], Err(Failure::Cancelled));
    }
    cluster.settle();
}

/// More than that at once is refused, and is not carried out.
#[test]
fn more_answers_at_once_than_a_session_keeps_are_refused() {
    let mut cluster = Cluster::ready(2, Config { session_bytes: 8_000, isr_target: 2, ..config(2) });
    let leader = cluster.leader().expect("it is ready");
    cluster.write(leader, &format!("SET big {}", "x".repeat(1_000)));
    cluster.cut.insert((1 - leader, leader));
    let calls: Vec<_> = (0..30).map(|_| cluster.transact(leader, &["INCR counter", "GET big"], None)).collect();
    cluster.run(50);
    assert!(cluster.status(leader).session_bytes <= 10_000);
    cluster.heal();
    cluster.until("answered", 5_000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
    let done = calls.iter().filter(|call| cluster.answers[call].is_ok()).count();
    let refused = calls.iter().filter(|call| cluster.answers[call] == Err(Failure::Overloaded)).count();
    assert!(done >= 7 && done + refused == 30, "{done} {refused}");
    assert_eq!(cluster.read(leader, "GET counter", Level::Leader), bulk(&done.to_string()));
}

/// A process has one session: one that it opens again because it never heard of the first takes its place.
#[test]
fn a_session_that_is_opened_again_takes_the_place_of_the_first() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().expect("it is ready");
    cluster.write(leader, "SET warm up");
    let caller = (leader + 1) % 3;
    let before = cluster.status(leader).sessions;
    // Its way to the leader breaks again and again before it hears of its session.
    cluster.withheld = |message| matches!(message, Message::Forwarded { .. });
    let call = cluster.ask(caller, "INCR counter", CallOptions { timeout_ms: Some(60_000), ..CallOptions::default() });
    for _ in 0..20 {
        cluster.run(20);
        cluster.disconnect(leader, caller);
        cluster.run(100);
    }
    cluster.heal();
    cluster.until("answered", 5_000, |it| it.answers.contains_key(&call));
    assert_eq!(cluster.answers[&call].as_ref().map(|it| it.reply.clone()), Ok(Reply::Int(1)));
    cluster.settle();
    for node in 0..3 {
        assert_eq!(cluster.status(node).sessions, before + 1, "n{node}");
    }
}

/// Nothing is committed: opening sessions again and again is no reason to log without end.
#[test]
fn sessions_that_are_not_committed_are_bounded() {
    let settings = Config { max_unreplicated_bytes: 1_000, call_ms: 200, isr_target: 2, ..config(1) };
    let mut cluster = Cluster::ready(2, Config { digest_ms: 0, ..settings });
    let leader = cluster.leader().expect("it is ready");
    cluster.isolate(leader, 1 - leader);
    cluster.cut_etcd.extend([0, 1]);
    for _ in 0..200 {
        cluster.ask(leader, "INCR counter", CallOptions::default());
        cluster.run(250);
    }
    let status = cluster.status(leader);
    assert!(status.leo - status.hw < 60 && status.sessions <= 2, "{status:?}");
}
