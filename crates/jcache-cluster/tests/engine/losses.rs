//! What a failover takes: writes acknowledged by the leader alone. Who relies on one is told, even where nothing of its
//! epoch is left.

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

/// A cluster in which the write `SET lost x`, acknowledged by the leader alone, is lost with all of its epoch; its token,
/// and who is left.
fn with_a_lost_epoch() -> (Cluster, Token, [usize; 2]) {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().expect("it is ready");
    cluster.write(leader, "SET kept x");
    cluster.settle();
    let epoch = cluster.status(leader).epoch;
    // Elected anew, the leader has its followers' grants, and none of them gets the epoch's first record.
    cluster.withheld = |message| matches!(message, Message::Frame(_));
    cluster.etcd.delete(&[Key::Leader]);
    cluster
        .until("elected anew", 1_000, |it| it.status(leader).epoch > epoch && it.status(leader).role == Role::Leader);
    let options = CallOptions { ack: Ack::Leader, ..CallOptions::default() };
    let token = cluster.call(leader, "SET lost x", options).expect("the lease is valid").token;
    assert_eq!(token.epoch, epoch + 1);
    cluster.crash(leader);
    cluster.heal();
    cluster.until("another leads", 6_000, |it| it.leader().is_some_and(|it| it != leader));
    let next = cluster.leader().expect("it leads");
    for round in 0..5 {
        cluster.write(next, &format!("SET after{round} y"));
    }
    cluster.settle();
    assert!(cluster.status(next).applied > token.offset, "the place of the lost write is taken");
    (cluster, token, [next, 3 - leader - next])
}

#[test]
fn a_session_that_saw_what_is_lost_is_told() {
    let (mut cluster, token, nodes) = with_a_lost_epoch();
    for node in nodes {
        let options = CallOptions { level: Level::Session(token), ..CallOptions::default() };
        assert_eq!(cluster.call(node, "GET kept", options), Err(Failure::SessionLost), "n{node}");
    }
    // What the lost epoch had in common with the others is there.
    let kept = Token { offset: token.offset - 2, ..token };
    let options = CallOptions { level: Level::Session(kept), ..CallOptions::default() };
    assert_eq!(cluster.call(nodes[1], "GET kept", options).map(|it| it.reply), Ok(bulk("x")));
}

/// One that cannot know itself, because it has nothing of what was written since, is told by the leader.
#[test]
fn a_session_that_waits_in_vain_is_told_by_the_leader() {
    let (mut cluster, token, [next, other]) = with_a_lost_epoch();
    let late = 3 - next - other;
    cluster.withheld = |message| matches!(message, Message::Frame(_) | Message::Snap(_));
    cluster.restart(late);
    let options = CallOptions { level: Level::Session(token), ..CallOptions::default() };
    assert_eq!(cluster.call(late, "GET kept", options), Err(Failure::SessionLost));
    assert!(!cluster.status(late).readable);
}

#[test]
fn a_watch_on_what_is_lost_is_broken() {
    let (mut cluster, token, nodes) = with_a_lost_epoch();
    for (watched, reply) in
        [(token, Reply::NilArray), (Token { offset: token.offset - 2, ..token }, Reply::Array(vec![Reply::Int(1)]))]
    {
        let call = cluster.transact(nodes[1], &["INCR counter"], Some(("lost", watched)));
        cluster.until("answered", 2_000, |it| it.answers.contains_key(&call));
        assert_eq!(cluster.answers[&call].as_ref().map(|it| &it.reply), Ok(&reply), "{watched:?}");
    }
}

/// A read of a session that waits at a follower which is elected meanwhile: it is answered with what is committed, as one
/// that comes later; else the session would stand for something that the next failover may take.
#[test]
fn a_session_read_that_waits_for_a_new_leader_sees_only_what_is_committed() {
    let mut cluster = Cluster::ready(3, Config { session_wait_ms: 60_000, ..config(2) });
    let leader = cluster.leader().expect("it is ready");
    let others = [(leader + 1) % 3, (leader + 2) % 3];
    cluster.write(leader, "SET key old");
    cluster.settle();
    // Their acknowledgements are lost: they log, and execute nothing.
    cluster.cut.extend(others.map(|node| (node, leader)));
    cluster.ask(leader, "SET key new", CallOptions::default());
    cluster.run(20);
    let calls = others.map(|node| {
        let before = cluster.status(node);
        assert!(before.applied < before.leo, "{before:?}");
        let level = Level::Session(Token { epoch: before.epoch, offset: before.leo });
        cluster.ask(node, "GET key", CallOptions { level, timeout_ms: Some(60_000), ..CallOptions::default() })
    });
    cluster.crash(leader);
    cluster.heal();
    cluster.withheld = |message| matches!(message, Message::Frame(_));
    cluster.until("one of them leads", 6_000, |it| it.leader().is_some());
    let next = cluster.leader().expect("one of them leads");
    let call = calls[usize::from(next == others[1])];
    let now = cluster.status(next);
    assert!(now.applied == now.leo && now.hw < now.leo, "executed, and nothing committed: {now:?}");
    cluster.run(20);
    assert_eq!(cluster.answers.get(&call), None);
    cluster.heal();
    cluster.until("answered", 6_000, |it| it.answers.contains_key(&call));
    let answer = cluster.answers[&call].clone().expect("it is committed");
    assert_eq!(answer.reply, bulk("new"));
    assert!(answer.token.offset <= cluster.status(next).hw, "{answer:?}");
}

/// A copy whose digest differs, found out as a new leader executes its tail: the rest of the tail is executed all the
/// same, for it is logged, and everybody else executes it.
#[test]
fn a_new_leader_that_meets_a_bad_record_executes_the_rest_of_its_tail() {
    let mut cluster = Cluster::ready(2, Config { isr_target: 2, frames_in_flight: 1_000, ..config(1) });
    let leader = cluster.leader().expect("it is ready");
    let next = 1 - leader;
    cluster.write(leader, "SET warm up");
    cluster.settle();
    spoil(&mut cluster, next);
    // Its acknowledgements are lost: it logs, and executes nothing.
    cluster.cut.insert((next, leader));
    for round in 0..20 {
        cluster.ask(leader, &format!("SET key{round} x"), CallOptions::default());
        cluster.run(20);
    }
    let (logged, executed) = (cluster.status(next).leo, cluster.status(next).applied);
    assert!(logged >= executed + 22, "{logged} {executed}");
    cluster.crash(leader);
    cluster.heal();
    cluster.until("it leads", 6_000, |it| it.leader() == Some(next));
    assert!(cluster.status(next).counters.digest_mismatches > 0, "the alarm");
    for round in 0..20 {
        assert_eq!(held(&mut cluster, next, &format!("GET key{round}")), bulk("x"), "key{round}");
    }
    assert_eq!(cluster.write(next, "SET goes on"), Reply::Ok);
}

/// A follower that has found out that its copy differs shows it to nobody.
#[test]
fn a_copy_that_differs_is_not_read() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().expect("it is ready");
    let bad = (leader + 1) % 3;
    cluster.settle();
    spoil(&mut cluster, bad);
    cluster.withheld = |message| matches!(message, Message::Snap(_));
    cluster.until("found out", 5_000, |it| it.status(bad).counters.digest_mismatches > 0);
    assert!(!cluster.status(bad).readable);
    cluster.heal();
    cluster.settle();
}

/// Changes every shard of a copy behind the engine's back.
fn spoil(cluster: &mut Cluster, node: usize) {
    for key in 0..40 {
        let (key, value) = (format!("spoilt{key}"), "x");
        let args = ["SET", &key, value].map(jcache_core::Arg::from);
        let mutation = jcache_core::command::Mutation::parse(&args).expect("a test's own making");
        cluster.nodes[node].store.apply(&mutation, Side::Live, &|_| true).expect("a test's own making");
    }
}

/// What a newer version writes ends a process that cannot read it, also when it comes to lead with that in its log.
#[test]
fn a_new_leader_that_cannot_read_its_tail_gives_up() {
    let mut cluster = Cluster::ready(2, Config { isr_target: 2, digest_ms: 0, ..config(1) });
    let leader = cluster.leader().expect("it is ready");
    let next = 1 - leader;
    cluster.write(leader, "SET warm up");
    cluster.settle();
    cluster.cut.insert((next, leader));
    let status = cluster.status(next);
    let frame = Frame {
        epoch: status.epoch,
        written: status.epoch,
        first: status.leo + 1,
        count: 1,
        hw: status.hw,
        time_ms: status.time_ms,
        seq: 1_000_000,
        // A kind of record that nobody knows, and no flags.
        records: vec![2, 99, 0].into(),
    };
    cluster.inject(next, leader, &Message::Frame(frame));
    assert_eq!(cluster.status(next).leo, status.leo + 1, "it is logged");
    cluster.crash(leader);
    cluster.heal();
    cluster.run(6_000);
    assert_eq!(cluster.nodes[next].fatal, Some(Fatal::UnknownRecord));
    assert_eq!(cluster.status(next).role, Role::Left);
}
