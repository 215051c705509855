//! A process that forwards its calls, played here word by word: a copy of a call that comes late is never carried out (2.13).
//! Streams keep their order and processes leave one before they take the next, so chance hardly ever brings a copy so late
//! that another call has made a difference since; these tables do.

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

const OLD: StreamId = StreamId::In(801);
const NEW: StreamId = StreamId::In(802);

/// A leader that is alone, and a caller with a session.
struct Stage {
    cluster: Cluster,
    session: u64,
}

impl Stage {
    fn set(switch: Option<Switch>) -> Self {
        let mut cluster = Cluster::new(1, config(1));
        #[cfg(feature = "switches")]
        switch.into_iter().for_each(|switch| cluster.nodes[0].engine.switch_off(switch));
        #[cfg(not(feature = "switches"))]
        let _ = switch;
        cluster.write(0, "SET other 0");
        let mut stage = Self { cluster, session: 0 };
        for stream in [OLD, NEW] {
            stage.cluster.step(0, Event::Accepted { stream, kind: StreamKind::Forward });
        }
        stage.hello(OLD, 1);
        stage.say(OLD, Message::Forward(vec![ForwardCall { seq: 1, work: Work::OpenSession }]));
        let opened = stage.cluster.loose.iter().find_map(|(_, message)| match message {
            Message::Forwarded { answers, .. } => answers.first().cloned(),
            _ => None,
        });
        let Some((1, ForwardResult::Done { reply: Reply::Int(session), .. })) = opened else {
            panic!("no session: {opened:?}")
        };
        stage.session = session as u64;
        stage
    }

    fn say(&mut self, stream: StreamId, message: Message) {
        self.cluster.step(0, Event::Message { stream, message });
        self.cluster.deliver();
        self.cluster.run(10);
    }

    fn hello(&mut self, stream: StreamId, generation: u64) {
        let member = MemberId::new("caller", 700);
        let hello = Message::Hello { member, cluster: String::new(), generation, promised: 0 };
        self.say(stream, hello);
    }

    fn call(&mut self, stream: StreamId, seq: u64, low: u64, words: &[&str]) {
        let mut command = Vec::new();
        for word in words {
            command.push(word.len() as u8);
            command.extend_from_slice(word.as_bytes());
        }
        let (session, ack) = (self.session, Ack::InSync);
        let work = Work::Write { session, low, ack, until_ms: None, command: command.into(), several: false };
        self.say(stream, Message::Forward(vec![ForwardCall { seq, work }]));
    }

    /// A call that finds nothing to do, and no record tells of it.
    fn remove(&mut self, stream: StreamId) {
        self.call(stream, 2, 2, &["SREM", "set", "a"]);
    }

    /// Somebody adds what the call did not find.
    fn add(&mut self) {
        assert_eq!(self.cluster.write(0, "SADD set a"), Reply::Int(1));
    }
}

type Row = (&'static str, fn(&mut Stage), Switch);

const ROWS: &[Row] = &[
    (
        "on the stream before",
        |stage| {
            stage.hello(NEW, 2);
            stage.remove(NEW);
            stage.add();
            stage.remove(OLD);
        },
        Switch::OldStreams,
    ),
    (
        "on a stream whose first word comes as late",
        |stage| {
            stage.hello(NEW, 2);
            stage.remove(NEW);
            stage.add();
            stage.hello(OLD, 1);
            stage.remove(OLD);
        },
        Switch::OldStreams,
    ),
    (
        "on the same stream, when its caller has gone on",
        |stage| {
            stage.remove(OLD);
            stage.call(OLD, 3, 3, &["SET", "next", "x"]);
            stage.add();
            stage.remove(OLD);
        },
        Switch::OldCalls,
    ),
];

#[test]
fn a_late_copy_of_a_call_is_not_carried_out() {
    for (what, happens, without) in ROWS {
        for switch in [None, Some(*without)] {
            if switch.is_some() && !cfg!(feature = "switches") {
                continue;
            }
            let mut stage = Stage::set(switch);
            happens(&mut stage);
            let left = stage.cluster.read(0, "SISMEMBER set a", Level::Leader);
            assert_eq!(left, Reply::Int(i64::from(switch.is_none())), "{what}, without {switch:?}");
        }
    }
}
