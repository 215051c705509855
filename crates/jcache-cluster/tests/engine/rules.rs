//! Followers whose every word is written down: what it takes to join the in-sync set (R4), whose acknowledgements count
//! (R11), and that writes do not starve a full synchronisation. A network in which messages keep their order hardly ever leaves these rules alone with a
//! failure, so chance finds their absence too rarely; the model of the rules and these tables do.

use crate::harness::*;
use jcache_cluster::engine::*;

/// The streams of the followers that are played here.
const STREAMS: [StreamId; 2] = [StreamId::In(901), StreamId::In(902)];

/// A leader that is alone with two followers, `f0` and `f1`; what they say is up to the test.
struct Stage {
    cluster: Cluster,
    sent: [u64; 2],
}

fn follower(index: usize) -> MemberId {
    MemberId::new(format!("f{index}").as_str(), 700 + index as u128)
}

impl Stage {
    /// `f0` is in sync, and needed. `f1` is registered.
    fn set(switch: Option<Switch>, frames_in_flight: usize) -> Self {
        let mut cluster = Cluster::new(1, Config { digest_ms: 0, frames_in_flight, ..config(1) });
        switch_off(&mut cluster, switch);
        // With this its session is open, too.
        cluster.write(0, "SET counter 0");
        for index in 0..2 {
            let member = follower(index);
            let record = MemberRecord {
                node: member.node.clone(),
                inc: member.inc,
                addr: "0".into(),
                zone: String::new(),
                prio: 0,
                voter: true,
                proto: (1, 1),
                lease: 0,
                cluster: String::new(),
                epoch: 0,
            };
            let value = serde_json::to_string(&record).expect("plain data");
            cluster.put(Key::Member(member.node), Some(value));
        }
        let mut stage = Self { cluster, sent: [0; 2] };
        stage.join(0, stage.status().leo, false);
        stage.until_in_sync(0);
        stage
    }

    fn status(&self) -> Status {
        self.cluster.status(0)
    }

    fn has(&self, index: usize) -> bool {
        let status = self.status();
        let member = follower(index);
        status.isr.contains(&member) || status.pending.is_some_and(|set| set.contains(&member))
    }

    fn until_in_sync(&mut self, index: usize) {
        for _ in 0..50 {
            let leo = self.status().leo;
            self.acknowledge(index, leo, |_| {});
            self.cluster.run(10);
            if self.status().isr.contains(&follower(index)) {
                return;
            }
        }
        panic!("f{index} does not get in sync: {}", self.cluster.describe());
    }

    /// The follower joins with a log up to `leo`, all of it of the leader's first epoch; or wants everything anew.
    fn join(&mut self, index: usize, leo: Offset, resync: bool) {
        let (stream, status) = (STREAMS[index], self.status());
        let join = Join {
            cluster: String::new(),
            member: follower(index),
            attempt: 1,
            promised: status.epoch,
            leo,
            applied: leo.min(status.hw),
            tainted: false,
            resync,
            epochs: vec![(1, 1)],
            wire: (1, 1),
            leaving: false,
        };
        self.cluster.step(0, Event::Accepted { stream, kind: StreamKind::Replicate });
        self.cluster.step(0, Event::Message { stream, message: Message::Join(join) });
        self.sent[index] = 0;
    }

    /// The follower acknowledges records up to `received`, and whatever messages there were; `change` makes it lie.
    fn acknowledge(&mut self, index: usize, received: Offset, change: impl Fn(&mut AckMessage)) {
        self.sent[index] += 100;
        let mut ack = AckMessage {
            epoch: self.status().epoch,
            member: follower(index),
            received,
            applied: 0,
            seq: self.sent[index],
            coordinated: true,
        };
        change(&mut ack);
        self.cluster.step(0, Event::Message { stream: STREAMS[index], message: Message::Ack(ack) });
    }

    /// The follower takes one message, and has nothing yet.
    fn take_one(&mut self, index: usize) {
        self.sent[index] += 1;
        let seq = self.sent[index];
        self.acknowledge(index, 0, |ack| ack.seq = seq);
        self.sent[index] = seq;
    }

    /// The leader writes what nobody acknowledges, loses its key, and is elected anew: there is a tail from before the
    /// epoch. Gives the commit point and the epoch's first record.
    fn begin_an_epoch_with_a_tail(&mut self) -> (Offset, Offset) {
        for _ in 0..5 {
            self.cluster.ask(0, "INCR counter", CallOptions::default());
        }
        let (before, epoch) = (self.status(), self.status().epoch);
        self.cluster.put(Key::Leader, None);
        self.cluster.until("it leads anew", 1_000, |it| it.status(0).epoch > epoch);
        let start = before.leo + 1;
        assert!(before.hw + 2 < start && self.status().hw == before.hw, "{before:?}");
        (before.hw, start)
    }
}

fn switch_off(cluster: &mut Cluster, switch: Option<Switch>) {
    #[cfg(feature = "switches")]
    switch.into_iter().for_each(|switch| cluster.nodes[0].engine.switch_off(switch));
    #[cfg(not(feature = "switches"))]
    let _ = (cluster, switch);
}

/// Whether `f1` is taken into the in-sync set when it has acknowledged so much: `at` tells the offset by the commit point
/// and the epoch's start.
fn joins(at: impl Fn(Offset, Offset) -> Offset, switch: Option<Switch>) -> bool {
    let mut stage = Stage::set(switch, 64);
    let (committed, start) = stage.begin_an_epoch_with_a_tail();
    let end = at(committed, start);
    stage.join(1, end.min(start - 1), false);
    // `f0` is silent, so its place is free for whoever may have it.
    (0..150).any(|_| {
        stage.acknowledge(1, end, |_| {});
        stage.cluster.run(10);
        stage.has(1)
    })
}

#[test]
fn r4_who_joins_holds_what_is_committed_and_what_is_from_before_the_epoch() {
    type Row = (&'static str, fn(Offset, Offset) -> Offset, bool, Option<Switch>);
    let rows: &[Row] = &[
        ("less than is committed", |committed, _| committed - 1, false, Some(Switch::R4BehindCommit)),
        ("what is known to be committed", |committed, _| committed, false, Some(Switch::R4BehindStart)),
        ("all from before the epoch but one", |_, start| start - 2, false, Some(Switch::R4BehindStart)),
        ("all from before the epoch", |_, start| start - 1, true, None),
        ("the epoch's first record, too", |_, start| start, true, None),
    ];
    for (what, at, may, without) in rows {
        assert_eq!(joins(at, None), *may, "{what}");
        if cfg!(feature = "switches") && *without == Some(Switch::R4BehindStart) {
            assert!(joins(at, *without), "{what}: nothing is found without {without:?}");
        }
    }
}

/// Whether the commit point follows an acknowledgement of all records by `f0`, changed like this.
fn commits(change: impl Fn(&mut AckMessage), switch: Option<Switch>) -> bool {
    let mut stage = Stage::set(switch, 64);
    stage.begin_an_epoch_with_a_tail();
    stage.join(0, stage.status().hw, false);
    let leo = stage.status().leo;
    stage.acknowledge(0, leo, change);
    stage.status().hw == leo
}

#[test]
fn r11_an_acknowledgement_counts_in_its_epoch_and_for_its_incarnation() {
    type Row = (&'static str, fn(&mut AckMessage), bool);
    let rows: &[Row] = &[
        ("in this epoch, by this incarnation", |_| {}, true),
        ("in the epoch before", |ack| ack.epoch -= 1, false),
        ("by an earlier incarnation", |ack| ack.member.inc = Incarnation(699), false),
        ("by another member", |ack| ack.member = follower(1), false),
    ];
    for (what, change, counts) in rows {
        assert_eq!(commits(change, None), *counts, "{what}");
        if cfg!(feature = "switches") {
            assert!(commits(change, Some(Switch::R11AnyAck)), "{what}: nothing is found without R11");
        }
    }
}

#[test]
fn writes_do_not_starve_a_full_synchronisation() {
    for (frames, value) in [(1, "x"), (2, "x"), (4, "something")] {
        let mut stage = Stage::set(None, frames);
        stage.cluster.loose.clear();
        stage.join(1, 0, true);
        let mut pieces = 0;
        // Whenever the follower takes one message, something new has been written.
        let rounds = (0..200).take_while(|_| {
            stage.cluster.ask(0, &format!("SET counter {value}"), CallOptions::default());
            let mut done = false;
            for (stream, message) in std::mem::take(&mut stage.cluster.loose) {
                if let Message::Snap(snap) = &message {
                    pieces += 1;
                    done |= stream == STREAMS[1] && matches!(snap.part, SnapPart::Done { .. });
                }
            }
            let leo = stage.status().leo;
            stage.acknowledge(0, leo, |_| {});
            stage.take_one(1);
            !done
        });
        let rounds = rounds.count();
        assert!(rounds < 40, "{frames} frames under way: not done after {rounds} rounds and {pieces} pieces");
    }
}
