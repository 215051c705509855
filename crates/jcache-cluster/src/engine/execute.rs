//! Executing at the leader, and logging the effect: a write's whole way there.
//!
//! The command is run once, here; what goes to the log is core's effect of it, in absolute terms, with the reply for the
//! sake of retries. Keys that were due go first, as removals of their own; evicted ones after.

use jcache_core::command::Mutation;
use jcache_core::effect::{Effect, Reach};
use jcache_core::{Context, Error, Key, Reply, Timestamp, Value};

use super::answers::{Origin, Wait};
use super::codec::{put_bytes, put_open_command, reply_bytes};
use super::event::Ack;
use super::member::Offset;
use super::message::ForwardResult;
use super::reads::Proof;
use super::record::{Kind, Tag, put_head};
use super::sessions::Known;
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part};

/// Which call a write carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallTag {
    pub(crate) session: u64,
    pub(crate) seq: u64,
    pub(crate) low: u64,
}

/// How a record begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logged<'a> {
    kind: Kind,
    tag: Option<(CallTag, &'a Reply)>,
}

impl Logged<'_> {
    /// A record of the leader's own.
    pub(crate) fn own(kind: Kind) -> Self {
        Self { kind, tag: None }
    }
}

impl<'a> Logged<'a> {
    /// What a call did, with its reply.
    pub(crate) fn call(kind: Kind, tag: CallTag, reply: &'a Reply) -> Self {
        Self { kind, tag: Some((tag, reply)) }
    }
}

/// What a call wants carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order<'a> {
    One(&'a Mutation<'a>),
    /// A transaction, encoded.
    Several(&'a [u8]),
}

impl Engine {
    /// Time and chance for a command that runs now.
    pub(super) fn context<S: Store>(&self, cx: &Cx<'_, S>) -> Context {
        let now = Timestamp::from_millis(self.clock.time_ms(cx.now));
        // Chance is decided here and nowhere else; the effect says what came of it.
        let seed = (self.log.leo() ^ self.me.member.inc.0 as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Context { now, seed: seed ^ seed >> 31 }
    }

    /// Appends one record; `body` writes what follows its head.
    pub(super) fn append(&mut self, logged: Logged<'_>, body: impl FnOnce(&mut Vec<u8>)) -> Offset {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        put_record(&mut scratch, logged, body);
        let offset = self.append_bytes(&scratch);
        if let Some((tag, reply)) = logged.tag {
            self.note_result(tag, reply, offset);
        }
        self.scratch = scratch;
        offset
    }

    /// Appends an encoded record to a leader's log.
    fn append_bytes(&mut self, record: &[u8]) -> Offset {
        let Part::Leading(lead) = &self.part else { unreachable!("invariant: only a leader writes") };
        let offset = self.log.append(lead.epoch, record);
        // A leader executes before it appends.
        self.applied = offset;
        offset
    }

    pub(super) fn note_result(&mut self, tag: CallTag, reply: &Reply, offset: Offset) {
        let CallTag { session, seq, low } = tag;
        self.sessions.note(Tag { session, seq, low, reply: &reply_bytes(reply) }, offset);
    }

    fn log_removal(&mut self, key: &Value) {
        let removal = Mutation::removal([Key::from(key)]);
        self.append(Logged::own(Kind::Effect), |out| put_open_command(out, &removal));
    }

    /// Removes keys that are due, in the store and in the log.
    pub(super) fn expire<S: Store>(&mut self, cx: &mut Cx<'_, S>, keys: &[Value]) {
        let context = self.context(cx);
        for key in keys {
            let mut removed = std::mem::take(&mut self.removed);
            // The key is due: the store removes it before it looks for what is to be removed.
            let _ = cx.store.mutate(&Mutation::removal([Key::from(key)]), context, &mut removed);
            self.log_removed(&mut removed);
            self.removed = removed;
        }
    }

    fn log_removed(&mut self, removed: &mut super::Removed) {
        for key in removed.due.drain(..) {
            self.counters.expired += 1;
            self.log_removal(&key);
        }
        for key in removed.evicted.drain(..) {
            self.log_removal(&key);
        }
    }

    /// Runs `mutation` and logs its effect; gives the reply and, when something changed, the record's offset.
    pub(super) fn execute<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        mutation: &Mutation<'_>,
        tag: Option<CallTag>,
    ) -> Result<(Reply, Option<Offset>), Error> {
        // What it brings and what those who wait for it take is one change.
        let serves =
            matches!(&self.part, Part::Leading(lead) if !lead.blocked.is_empty() && lead.blocked.awaits(mutation));
        if serves {
            cx.store.together(true);
        }
        let context = self.context(cx);
        let mut removed = std::mem::take(&mut self.removed);
        let result = cx.store.mutate(mutation, context, &mut removed);
        for key in removed.due.drain(..) {
            self.counters.expired += 1;
            self.log_removal(&key);
        }
        let result = result.and_then(|reply| {
            let effect = mutation.effect(&reply, context)?;
            let offset = self.log_effect(cx, mutation, &effect, (&reply, tag), &mut removed.evicted);
            Ok((reply, offset))
        });
        for key in removed.evicted.drain(..) {
            self.log_removal(&key);
        }
        self.removed = removed;
        if serves {
            cx.store.together(false);
        }
        result
    }

    fn log_effect<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        mutation: &Mutation<'_>,
        effect: &Effect<'_>,
        (reply, tag): (&Reply, Option<CallTag>),
        evicted: &mut Vec<Value>,
    ) -> Option<Offset> {
        let change = effect.change.as_ref()?;
        let change = if self.rules.off(Switch::LogCommands) { mutation } else { change };
        let tag = tag.map(|tag| (tag, reply));
        let whole = effect.reach == Reach::Replica && self.syncs_someone();
        let Part::Leading(lead) = &self.part else { return None };
        if lead.blocked.is_empty() || !lead.blocked.awaits(mutation) {
            if whole {
                return Some(self.append_whole(cx, change, tag));
            }
            return Some(self.append(Logged { kind: Kind::Effect, tag }, |out| put_open_command(out, change)));
        }
        // Somebody waits for this: what they take is one record with what was brought (2.17).
        let mut records = Vec::new();
        if whole {
            let body = whole_keys(cx.store, change);
            push_record(&mut records, Logged { kind: Kind::Batch, tag }, |out| out.extend_from_slice(&body));
        } else {
            push_record(&mut records, Logged { kind: Kind::Effect, tag }, |out| put_open_command(out, change));
        }
        // What went for want of room went before anybody was served: one of them may bring it back.
        push_removals(&mut records, evicted);
        let served = self.serve_blocked(cx, mutation, &mut records);
        let offset = self.append(Logged::own(Kind::Batch), |out| out.extend_from_slice(&records));
        if let Some((tag, reply)) = tag {
            self.note_result(tag, reply, offset);
        }
        for (waiter, reply) in served {
            self.note_result(waiter.tag, &reply, offset);
            self.await_ack(cx, waiter.origin, waiter.ack, reply, offset);
        }
        Some(offset)
    }

    /// Whether some follower is being synchronised: it has some shards and lacks others, so a change that reads one
    /// shard to change another cannot be repeated there, and is logged as the keys that it left.
    pub(super) fn syncs_someone(&self) -> bool {
        match &self.part {
            Part::Leading(lead) => lead.peers.values().any(|peer| peer.sending.is_some()),
            _ => false,
        }
    }

    fn append_whole<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        change: &Mutation<'_>,
        tag: Option<(CallTag, &Reply)>,
    ) -> Offset {
        let body = whole_keys(cx.store, change);
        self.append(Logged { kind: Kind::Batch, tag }, |out| out.extend_from_slice(&body))
    }

    /// A write arrives at the leader: from here or elsewhere, for the first time or again.
    pub(super) fn write<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        origin: Origin,
        tag: CallTag,
        ack: Ack,
        until_ms: Option<u64>,
        order: Order<'_>,
    ) {
        let mut kept = 0;
        if !self.rules.off(Switch::NoSessions) {
            let caller = match origin {
                Origin::Local(_) => Some(&self.me.member),
                Origin::Remote(stream, _) => self.callers.member(stream),
            };
            match self.sessions.find(caller, tag.session, tag.seq) {
                Known::NoSession => return self.respond(cx, origin, ForwardResult::NoSession),
                Known::Past if self.rules.off(Switch::OldCalls) => {}
                Known::Past => return self.respond(cx, origin, ForwardResult::Unknown),
                Known::Done(offset, reply) => {
                    self.counters.deduplicated += 1;
                    return self.await_ack(cx, origin, ack, reply, offset);
                }
                Known::No(bytes) => kept = bytes,
            }
        }
        let Part::Leading(lead) = &mut self.part else { return self.respond(cx, origin, ForwardResult::Again) };
        if lead.blocked.move_to(tag, origin) {
            return;
        }
        if lead.isr.len() < self.config.min_insync && ack == Ack::InSync && !self.rules.off(Switch::R1BelowMinimum) {
            return self.respond(cx, origin, ForwardResult::NotEnoughReplicas);
        }
        let beyond = tag.seq.saturating_sub(tag.low) > self.config.session_window;
        let most = self.config.session_bytes;
        // What the call itself says to be over is over, though no record says so yet.
        let full = kept >= most && self.sessions.go_on(tag.session, tag.low) >= most;
        if beyond || full || self.log.bytes_after(self.hw) > self.config.max_unreplicated_bytes as u64 {
            return self.respond(cx, origin, ForwardResult::Overloaded);
        }
        if ack == Ack::Leader && !self.lease_is_valid(cx.now) {
            return self.respond(cx, origin, ForwardResult::Fenced);
        }
        let result = match order {
            Order::One(mutation) => self.execute(cx, mutation, Some(tag)),
            Order::Several(body) => self.transact(cx, body, tag),
        };
        match (result, order) {
            (Ok((reply, Some(offset))), _) => self.await_ack(cx, origin, ack, reply, offset),
            (Ok((nil, None)), Order::One(mutation)) if nil.is_nil() && mutation.blocking().is_some() => {
                self.block(cx, origin, tag, ack, until_ms, (mutation, nil));
            }
            // Nothing changed, or the command failed. Who takes the leader's word for changes takes it for that, too.
            (Ok((reply, None)), _) if ack == Ack::Leader => {
                let offset = self.log.leo();
                self.respond(cx, origin, ForwardResult::Done { reply, offset });
            }
            (Err(error), _) if ack == Ack::Leader => self.respond(cx, origin, ForwardResult::Command(error)),
            // For others the reply, which tells what is there, must be as good as a read.
            (result, _) => self.hold(cx, origin, result.map(|(reply, _)| reply), Proof::Change),
        }
    }

    /// Answers an executed write when its level says so.
    pub(super) fn await_ack<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        origin: Origin,
        ack: Ack,
        reply: Reply,
        offset: Offset,
    ) {
        // The lease is looked at after executing, too (2.11).
        // Copies are counted also of what is committed: a retry waits for as many as the first try did.
        let committed = offset <= self.hw && !matches!(ack, Ack::Replicas(_));
        if committed || ack == Ack::Leader && self.lease_is_valid(cx.now) {
            return self.respond(cx, origin, ForwardResult::Done { reply, offset });
        }
        let since = cx.now.boot_us;
        let Part::Leading(lead) = &mut self.part else { return };
        match ack {
            Ack::Replicas(copies) => lead.counted.push(Wait { offset, origin, reply, copies, since }),
            Ack::InSync | Ack::Leader => {
                let wait = Wait { offset, origin, reply, copies: 0, since };
                // Nearly always the last one; a retry may be earlier.
                let at = lead.waits.partition_point(|other| other.offset <= offset);
                lead.waits.insert(at, wait);
            }
        }
    }
}

fn put_record(out: &mut Vec<u8>, logged: Logged<'_>, body: impl FnOnce(&mut Vec<u8>)) {
    match logged.tag {
        None => put_head(out, logged.kind, None),
        Some((CallTag { session, seq, low }, reply)) => {
            let reply = &reply_bytes(reply)[..];
            put_head(out, logged.kind, Some(Tag { session, seq, low, reply }));
        }
    }
    body(out);
}

/// Adds a record to a batch: with its length.
pub(super) fn push_record(out: &mut Vec<u8>, logged: Logged<'_>, body: impl FnOnce(&mut Vec<u8>)) {
    let mut record = Vec::new();
    put_record(&mut record, logged, body);
    put_bytes(out, &record);
}

/// Adds the removal of keys to a batch.
pub(super) fn push_removals(out: &mut Vec<u8>, keys: &mut Vec<Value>) {
    for key in keys.drain(..) {
        let removal = Mutation::removal([Key::from(&key)]);
        push_record(out, Logged::own(Kind::Effect), |out| put_open_command(out, &removal));
    }
}

/// Adds an effect to a batch, with the call it answers; as the keys that it left when a store is given.
pub(super) fn push_effect<S: Store>(
    out: &mut Vec<u8>,
    tag: Option<(CallTag, &Reply)>,
    change: &Mutation<'_>,
    whole: Option<&mut S>,
) {
    match whole {
        Some(store) => {
            let body = whole_keys(store, change);
            push_record(out, Logged { kind: Kind::Batch, tag }, |out| out.extend_from_slice(&body));
        }
        None => push_record(out, Logged { kind: Kind::Effect, tag }, |out| put_open_command(out, change)),
    }
}

/// The keys of `change` as they are now, as the body of a batch.
fn whole_keys<S: Store>(store: &mut S, change: &Mutation<'_>) -> Vec<u8> {
    let mut keys: Vec<Value> = Vec::new();
    change.visit_keys(|key| keys.push(key.0.to_value()));
    let mut out = Vec::new();
    for key in keys {
        store.whole(&key, &mut |mutation| {
            push_record(&mut out, Logged::own(Kind::Effect), |out| put_open_command(out, mutation));
        });
    }
    out
}
