//! Forwarded calls at the leader (2.13): decoded, carried out as if they came from here, answered on their stream.

use std::collections::BTreeMap;

use jcache_core::command::Mutation;
use jcache_core::{Error, Query, Reply};

use super::answers::Origin;
use super::codec::read_open_command;
use super::event::{Ack, StreamId};
use super::execute::{CallTag, Logged, Order};
use super::member::MemberId;
use super::message::{ForwardCall, ForwardResult, StreamKind, Work};
use super::record::{Kind, put_member};
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part};

/// Who forwards calls to this process.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    by_stream: BTreeMap<StreamId, Caller>,
    /// The newest stream of each member.
    newest: BTreeMap<MemberId, u64>,
}

#[derive(Debug)]
struct Caller {
    member: MemberId,
    answers: Vec<(u64, ForwardResult)>,
}

impl Callers {
    /// Whose stream it is.
    pub(crate) fn member(&self, stream: StreamId) -> Option<&MemberId> {
        self.by_stream.get(&stream).map(|caller| &caller.member)
    }

    pub(crate) fn respond(&mut self, stream: StreamId, seq: u64, result: ForwardResult) {
        if let Some(caller) = self.by_stream.get_mut(&stream) {
            caller.answers.push((seq, result));
        }
    }

    /// Whether there are more members than those with a stream and `others`.
    pub(crate) fn remembers_more_than(&self, others: usize) -> bool {
        self.newest.len() > self.by_stream.len() + others
    }

    /// Forgets members that are not `known` and have no stream.
    pub(crate) fn forget(&mut self, known: impl Fn(&MemberId) -> bool) {
        let Self { by_stream, newest } = self;
        newest.retain(|member, _| known(member) || by_stream.values().any(|caller| caller.member == *member));
    }

    pub(crate) fn flush(&mut self, mut send: impl FnMut(StreamId, Vec<(u64, ForwardResult)>)) {
        for (stream, caller) in self.by_stream.iter_mut().filter(|(_, caller)| !caller.answers.is_empty()) {
            send(*stream, std::mem::take(&mut caller.answers));
        }
    }
}

impl Engine {
    pub(super) fn on_hello<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        stream: StreamId,
        member: MemberId,
        cluster: &str,
        generation: u64,
        promised: u64,
    ) {
        if self.accepted.get(&stream) != Some(&StreamKind::Forward) {
            return;
        }
        let other = self.cluster.as_deref().is_some_and(|own| !cluster.is_empty() && own != cluster);
        let newest = self.callers.newest.get(&member).copied().unwrap_or(0);
        let late = generation < newest && !self.rules.off(Switch::OldStreams);
        if other || late || !matches!(self.part, Part::Leading(_)) {
            return self.close(cx, stream);
        }
        self.promise(cx, promised);
        // A copy of a call that is still on an older stream must never be carried out.
        let counts = self.rules.off(Switch::OldStreams);
        let old = self.callers.by_stream.iter().filter(|(id, it)| it.member == member && **id != stream && !counts);
        for old in old.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.caller_gone(old);
            self.close(cx, old);
        }
        self.callers.newest.retain(|other, _| other.node != member.node || *other == member);
        self.callers.newest.insert(member.clone(), generation);
        self.callers.by_stream.insert(stream, Caller { member, answers: Vec::new() });
    }

    pub(super) fn on_forward<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, calls: Vec<ForwardCall>) {
        for ForwardCall { seq, work } in calls {
            let Some(caller) = self.callers.by_stream.get(&stream) else { return };
            let origin = Origin::Remote(stream, seq);
            let busy = match &self.part {
                Part::Leading(lead) => lead.draining.as_ref().is_some_and(|drain| {
                    drain.is_released() && !self.rules.off(Switch::ReleasedLease) || !matches!(work, Work::Read { .. })
                }),
                _ => true,
            };
            if busy {
                self.respond(cx, origin, ForwardResult::Again);
                continue;
            }
            match work {
                Work::OpenSession => {
                    let member = caller.member.clone();
                    self.open_session(cx, origin, &member);
                }
                Work::Read { level, command } => {
                    let args = read_open_command(&command);
                    match args.as_ref().map_err(Error::clone).and_then(|args| Query::parse(args)) {
                        Ok(query) => self.strong_read(cx, origin, level, &query),
                        Err(error) => self.respond(cx, origin, ForwardResult::Command(error)),
                    }
                }
                Work::Write { session, low, ack, until_ms, command, several: true } => {
                    self.write(cx, origin, CallTag { session, seq, low }, ack, until_ms, Order::Several(&command));
                }
                Work::Write { session, low, ack, until_ms, command, several: false } => {
                    let args = read_open_command(&command);
                    match args.as_ref().map_err(Error::clone).and_then(|args| Mutation::parse(args)) {
                        Ok(mutation) => {
                            let tag = CallTag { session, seq, low };
                            self.write(cx, origin, tag, ack, until_ms, Order::One(&mutation));
                        }
                        Err(error) => self.respond(cx, origin, ForwardResult::Command(error)),
                    }
                }
            }
        }
    }

    /// Opens a session: its number is the offset of the record that opens it, told once that is committed.
    pub(super) fn open_session<S: Store>(&mut self, cx: &mut Cx<'_, S>, origin: Origin, member: &MemberId) {
        let Part::Leading(lead) = &self.part else { return self.respond(cx, origin, ForwardResult::Again) };
        if lead.isr.len() < self.config.min_insync {
            return self.respond(cx, origin, ForwardResult::Again);
        }
        if self.log.bytes_after(self.hw) > self.config.max_unreplicated_bytes as u64 {
            return self.respond(cx, origin, ForwardResult::Overloaded);
        }
        let offset = self.append(Logged::own(Kind::SessionOpen), |out| put_member(out, member));
        self.sessions.open(offset, member.clone());
        self.await_ack(cx, origin, Ack::InSync, Reply::Int(i64::try_from(offset).unwrap_or(i64::MAX)), offset);
    }

    pub(super) fn on_forward_cancel(&mut self, stream: StreamId, seq: u64) {
        if self.forget_blocked(Origin::Remote(stream, seq)) {
            self.callers.respond(stream, seq, ForwardResult::Cancelled);
        }
    }

    /// A forward stream ended: nobody waits for its answers.
    pub(super) fn caller_gone(&mut self, stream: StreamId) {
        if self.callers.by_stream.remove(&stream).is_none() {
            return;
        }
        if let Part::Leading(lead) = &mut self.part {
            lead.blocked.remove_stream(stream);
            let other = |origin: Origin| !matches!(origin, Origin::Remote(it, _) if it == stream);
            lead.leased.retain(|held| other(held.origin));
            lead.proved.retain(|held| other(held.origin));
            lead.counted.retain(|wait| other(wait.origin));
        }
    }

    /// Leadership ends: callers turn to the next leader.
    pub(super) fn drop_callers<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        for stream in std::mem::take(&mut self.callers.by_stream).into_keys() {
            self.close(cx, stream);
        }
    }
}
