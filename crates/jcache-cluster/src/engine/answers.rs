//! Answers of the leader, to callers here and elsewhere: what they wait for, and how they get them.

use jcache_core::Reply;

use super::event::StreamId;
use super::leader::Leading;
use super::member::Offset;
use super::message::{ForwardResult, Message};
use super::store::Store;
use super::{Cx, Engine, Part};

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// Of this process.
    Local(u64),
    /// Of another one, by its stream.
    Remote(StreamId, u64),
}

/// An executed write that is not answered yet.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) offset: Offset,
    pub(crate) origin: Origin,
    pub(crate) reply: Reply,
    /// Copies that must have it, for those that count them.
    pub(crate) copies: u32,
    /// When it was executed, in boot microseconds.
    pub(crate) since: u64,
}

impl Leading {
    /// Whether an answer for `origin` is on its way.
    pub(crate) fn waits_for(&self, origin: &Origin) -> bool {
        self.waits.iter().chain(&self.counted).any(|wait| wait.origin == *origin)
            || self.leased.iter().chain(&self.proved).any(|held| held.origin == *origin)
            || self.blocked.waits_for(origin)
    }
}

impl Engine {
    /// Gives a result to whoever asked.
    pub(super) fn respond<S: Store>(&mut self, cx: &mut Cx<'_, S>, origin: Origin, result: ForwardResult) {
        match origin {
            Origin::Local(seq) => {
                let epoch = self.promised;
                self.finish(cx, seq, epoch, result);
            }
            Origin::Remote(stream, seq) => self.callers.respond(stream, seq, result),
        }
    }

    /// Answers the writes that are committed by now, and those that have their copies.
    pub(super) fn answer_committed<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let hw = self.hw;
        loop {
            let Part::Leading(lead) = &mut self.part else { return };
            if lead.waits.front().is_none_or(|wait| wait.offset > hw) {
                break;
            }
            let Some(wait) = lead.waits.pop_front() else { break };
            self.counters.commits.add(cx.now.boot_us.saturating_sub(wait.since));
            self.respond(cx, wait.origin, ForwardResult::Done { reply: wait.reply, offset: wait.offset });
        }
        let Part::Leading(lead) = &mut self.part else { return };
        if lead.counted.is_empty() {
            return;
        }
        let mut done = Vec::new();
        let peers = &lead.peers;
        lead.counted.retain_mut(|wait| {
            let copies = peers.values().filter(|peer| peer.acked.is_some_and(|acked| acked >= wait.offset)).count();
            let enough = copies as u64 >= u64::from(wait.copies);
            if enough {
                done.push((wait.origin, std::mem::replace(&mut wait.reply, Reply::Nil), wait.offset));
            }
            !enough
        });
        for (origin, reply, offset) in done {
            self.respond(cx, origin, ForwardResult::Done { reply, offset });
        }
    }

    /// Forgets a write that waits for copies, whose caller has given up.
    pub(super) fn forget_counted(&mut self, origin: Origin) {
        if let Part::Leading(lead) = &mut self.part {
            lead.counted.retain(|wait| wait.origin != origin);
        }
    }

    /// Sends what other processes' calls were answered in this step.
    pub(super) fn flush_answers<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let epoch = self.promised;
        self.callers.flush(|stream, answers| cx.out.send(stream, Message::Forwarded { epoch, answers }));
    }
}
