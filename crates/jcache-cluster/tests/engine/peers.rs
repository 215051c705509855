//! What peers say is not believed: numbers that cannot be are refused, and nothing breaks.

use crate::harness::*;
use jcache_cluster::engine::*;

#[test]
fn a_join_with_impossible_epochs_is_survived() {
    for (epochs, leo) in [
        (vec![(1, 0)], 5),
        (vec![(1, 0), (2, 0)], u64::MAX),
        (vec![(1, 1), (2, 0)], 5),
        (vec![(2, 7), (1, 3)], 5),
        (vec![(0, 0), (1, 0), (u64::MAX, 0)], 0),
    ] {
        let mut cluster = Cluster::ready(1, config(1));
        cluster.write(0, "SET kept x");
        let stream = StreamId::In(901);
        let join = Join {
            cluster: String::new(),
            member: MemberId::new("liar", 7),
            attempt: 1,
            promised: cluster.status(0).epoch,
            leo,
            applied: 0,
            tainted: false,
            resync: false,
            epochs: epochs.clone(),
            wire: (1, 1),
            leaving: false,
        };
        cluster.step(0, Event::Accepted { stream, kind: StreamKind::Replicate });
        cluster.step(0, Event::Message { stream, message: Message::Join(join) });
        cluster.run(100);
        assert_eq!(cluster.read(0, "GET kept", Level::Leader), bulk("x"), "{epochs:?}");
    }
}

#[test]
fn parts_of_a_synchronisation_that_cannot_be_are_survived() {
    let parts = |shards: usize| {
        vec![
            SnapPart::Begin { shard: usize::MAX, shards, at: 1 },
            SnapPart::Begin { shard: shards, shards, at: 1 },
            SnapPart::Chunk { shard: usize::MAX, entries: Default::default() },
            SnapPart::End { shard: usize::MAX },
            SnapPart::Done { leo: 0, sessions: Default::default(), epochs: vec![(1, 0), (2, 0)] },
            SnapPart::Done { leo: 0, sessions: vec![0].into(), epochs: vec![(u64::MAX, 1)] },
        ]
    };
    for index in 0..parts(4).len() {
        // After a shard that begins, or all that the copy has.
        for begun in [0, 1, 4] {
            let mut cluster = Cluster::ready(2, Config { isr_target: 1, backlog_bytes: 1_000, ..config(1) });
            let leader = cluster.leader().expect("it is ready");
            let follower = 1 - leader;
            for _ in 0..100 {
                cluster.write(leader, "SET kept x");
                cluster.run(10);
            }
            cluster.settle();
            cluster.withheld = |message| matches!(message, Message::Snap(_));
            cluster.crash(follower);
            cluster.restart(follower);
            cluster.until("it is being synchronised", 5_000, |it| it.status(follower).role == Role::Syncing);
            let epoch = cluster.status(leader).epoch;
            let mut seq = 1_000_000;
            let mut say = |cluster: &mut Cluster, part: SnapPart| {
                seq += 1;
                cluster.inject(follower, leader, &Message::Snap(Snap { epoch, seq, part }));
            };
            for shard in 0..begun {
                say(&mut cluster, SnapPart::Begin { shard, shards: 4, at: 0 });
                if begun > 1 {
                    say(&mut cluster, SnapPart::End { shard });
                }
            }
            say(&mut cluster, parts(4).remove(index));
            cluster.heal();
            cluster.settle();
            assert_eq!(cluster.read(follower, "GET kept", Level::Local), bulk("x"));
        }
    }
}

#[test]
fn a_digest_of_a_shard_that_is_not_there_is_survived() {
    let mut cluster = Cluster::ready(2, Config { isr_target: 2, digest_ms: 0, ..config(1) });
    let leader = cluster.leader().expect("it is ready");
    let follower = 1 - leader;
    cluster.write(leader, "SET kept x");
    cluster.settle();
    cluster.cut.insert((follower, leader));
    let status = cluster.status(follower);
    let (epoch, leo) = (status.epoch, status.leo);
    let mut frame = Frame {
        epoch,
        written: epoch,
        first: leo + 1,
        count: 1,
        hw: leo + 1,
        time_ms: status.time_ms,
        seq: 1_000_000,
        // The digest 1 of shard 99.
        records: vec![4, 5, 0, 99, 1].into(),
    };
    cluster.inject(follower, leader, &Message::Frame(frame.clone()));
    assert_eq!(cluster.status(follower).counters.digest_mismatches, 1);
    cluster.heal();
    cluster.settle();
    // Records of an epoch that nobody has promised.
    let leo = cluster.status(follower).leo;
    (frame.written, frame.first, frame.hw) = (epoch + 9, leo + 1, leo);
    cluster.inject(follower, leader, &Message::Frame(frame));
    cluster.settle();
    assert_eq!(cluster.read(follower, "GET kept", Level::Local), bulk("x"));
}

#[test]
fn a_member_of_another_version_is_told_so() {
    let mut cluster = Cluster::ready(2, config(1));
    cluster.crash(1);
    cluster.config.wire = (2, 3);
    cluster.restart(1);
    cluster.run(3_000);
    assert_eq!(cluster.nodes[1].fatal, Some(Fatal::Wire));
}

/// The retry waits for copies as the first try did.
#[test]
fn a_retry_that_asks_for_copies_waits_for_them() {
    let mut cluster = Cluster::ready(2, Config { isr_target: 1, ..config(1) });
    let leader = cluster.leader().expect("it is ready");
    let caller = 1 - leader;
    cluster.write(caller, "SET warm up");
    cluster.settle();
    // The caller's own copy gets nothing, so nobody has one; what it sends arrives.
    cluster.withheld = |message| matches!(message, Message::Frame(_));
    let options = CallOptions { ack: Ack::Replicas(1), ..CallOptions::default() };
    let call = cluster.ask(caller, "INCR counter", options);
    cluster.run(20);
    assert!(!cluster.answers.contains_key(&call));
    // Its stream breaks, and the call is sent again.
    cluster.disconnect(leader, caller);
    cluster.run(300);
    assert!(!cluster.answers.contains_key(&call), "{:?}", cluster.answers.get(&call));
    cluster.heal();
    cluster.until("answered", 3_000, |it| it.answers.contains_key(&call));
    assert_eq!(cluster.answers[&call].as_ref().map(|it| it.reply.clone()), Ok(jcache_core::Reply::Int(1)));
}
