//! What happened, line by line, for whoever reads a failure; and a fingerprint of it all, for the proof that one seed is
//! one run.

use std::hash::{DefaultHasher, Hash, Hasher};

use jcache_cluster::engine::{Action, CoordEvent, CoordRequest, Message};

use super::network::Host;
use super::process::Input;
use super::world::Happening;
use crate::history::Moment;

/// Lines that are kept; the first ones are given up.
const MOST_LINES: usize = 400_000;

#[derive(Debug)]
pub(super) struct Trace {
    pub(super) lines: Option<std::collections::VecDeque<String>>,
    fingerprint: DefaultHasher,
}

impl Trace {
    pub(super) fn new(wanted: bool) -> Self {
        Self { lines: wanted.then(Default::default), fingerprint: DefaultHasher::new() }
    }

    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint.finish()
    }

    pub(super) fn count(&mut self, now: Moment, happening: &Happening) {
        (now, std::mem::discriminant(happening)).hash(&mut self.fingerprint);
    }

    pub(super) fn line(&mut self, now: Moment, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            if lines.len() >= MOST_LINES {
                lines.pop_front();
            }
            lines.push_back(format!("{:>11.6} {}", now as f64 / 1e6, text()));
        }
    }

    pub(super) fn input(&mut self, now: Moment, name: &str, input: &Input) {
        let shown = |text: String| format!("{name} <- {text}");
        match input {
            Input::Tick => {}
            Input::Coord(CoordEvent::Answer(id, answer)) => {
                self.line(now, || shown(format!("etcd answers {id}: {}", short(&format!("{answer:?}")))));
            }
            Input::Message(stream, message) => self.line(now, || shown(format!("{stream:?} {}", brief(message)))),
            Input::Call(call, command, options) => {
                let line = crate::notation::line(command.args());
                self.line(now, || shown(format!("call {call}: {line} {:?} {:?}", options.ack, options.level)));
            }
            other => self.line(now, || shown(short(&format!("{other:?}")))),
        }
    }

    pub(super) fn action(&mut self, now: Moment, host: Host, action: &Action) {
        std::mem::discriminant(action).hash(&mut self.fingerprint);
        let name = format_args!("n{}.{}", host.node, host.life);
        match action {
            Action::Send { message, .. } => std::mem::discriminant(message).hash(&mut self.fingerprint),
            Action::Coord(_, CoordRequest::KeepAlive(_)) => {}
            Action::Coord(id, request) => {
                self.line(now, || format!("{name} -> etcd {id}: {}", short(&format!("{request:?}"))));
            }
            Action::Answer { call, result } => {
                self.line(now, || format!("{name} -> answers {call}: {}", short(&format!("{result:?}"))));
            }
            other => self.line(now, || format!("{name} -> {}", short(&format!("{other:?}")))),
        }
    }
}

fn brief(message: &Message) -> String {
    match message {
        Message::Frame(it) => {
            format!(
                "Frame e{} {}+{} hw {} seq {} ({} bytes)",
                it.epoch,
                it.first,
                it.count,
                it.hw,
                it.seq,
                it.records.len()
            )
        }
        Message::Ack(it) => {
            format!("Ack e{} {} received {} applied {} seq {}", it.epoch, it.member, it.received, it.applied, it.seq)
        }
        other => short(&format!("{other:?}")),
    }
}

/// Enough of a text to recognise it.
fn short(text: &str) -> String {
    const MOST: usize = 900;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
