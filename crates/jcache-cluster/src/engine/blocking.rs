//! Blocking pops (2.17): callers wait at the leader, first come, first served, until somebody brings something.
//!
//! What a waiter takes is logged in one record with the write that brought it, so no failover comes between. Waiters die
//! with the leadership; their processes ask the next leader under the same number.

use std::collections::BTreeMap;

use bytes::Bytes;
use jcache_core::command::Mutation;
use jcache_core::effect::Reach;
use jcache_core::{Reply, Request, Value};

use super::answers::Origin;
use super::codec;
use super::event::{Ack, StreamId};
use super::execute::{CallTag, push_effect, push_removals};
use super::reads::Proof;
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part};

/// A caller that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) origin: Origin,
    pub(crate) tag: CallTag,
    pub(crate) ack: Ack,
    command: Bytes,
    keys: Vec<Value>,
    /// What it is answered when its time is over.
    nil: Reply,
    /// In cluster time; `None` for ever.
    until_ms: Option<u64>,
}

/// Everybody who waits.
#[derive(Debug, Default)]
pub(crate) struct Blocked {
    next: u64,
    /// By arrival.
    waiters: BTreeMap<u64, Waiter>,
    by_key: BTreeMap<Value, Vec<u64>>,
}

impl Blocked {
    pub(crate) fn len(&self) -> usize {
        self.waiters.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(crate) fn waits_for(&self, origin: &Origin) -> bool {
        self.waiters.values().any(|waiter| waiter.origin == *origin)
    }

    /// Whether somebody waits for a key of `mutation`.
    pub(crate) fn awaits(&self, mutation: &Mutation<'_>) -> bool {
        let mut awaited = false;
        mutation.visit_keys(|key| awaited |= self.by_key.contains_key(key.as_bytes()));
        awaited
    }

    fn join(&mut self, waiter: Waiter) {
        self.next += 1;
        for key in &waiter.keys {
            self.by_key.entry(key.clone()).or_default().push(self.next);
        }
        self.waiters.insert(self.next, waiter);
    }

    fn leave(&mut self, ticket: u64) -> Option<Waiter> {
        let waiter = self.waiters.remove(&ticket)?;
        for key in &waiter.keys {
            if let Some(queue) = self.by_key.get_mut(key) {
                queue.retain(|other| *other != ticket);
                if queue.is_empty() {
                    self.by_key.remove(key);
                }
            }
        }
        Some(waiter)
    }

    /// A call that waits already was asked again: it waits on, for the new asker.
    pub(crate) fn move_to(&mut self, tag: CallTag, origin: Origin) -> bool {
        if self.waiters.is_empty() {
            return false;
        }
        let found = self.waiters.values_mut().find(|it| (it.tag.session, it.tag.seq) == (tag.session, tag.seq));
        found.map(|waiter| waiter.origin = origin).is_some()
    }

    /// Takes out the waiter of a call.
    pub(crate) fn remove(&mut self, origin: Origin) -> bool {
        let ticket = self.waiters.iter().find(|(_, waiter)| waiter.origin == origin).map(|(ticket, _)| *ticket);
        ticket.and_then(|ticket| self.leave(ticket)).is_some()
    }

    /// Takes out all waiters of a stream.
    pub(crate) fn remove_stream(&mut self, stream: StreamId) {
        let of_stream = |waiter: &Waiter| matches!(waiter.origin, Origin::Remote(it, _) if it == stream);
        let tickets: Vec<u64> =
            self.waiters.iter().filter(|(_, it)| of_stream(it)).map(|(ticket, _)| *ticket).collect();
        for ticket in tickets {
            self.leave(ticket);
        }
    }

    /// Takes out those whose time is over.
    fn expired(&mut self, time_ms: u64) -> Vec<Waiter> {
        let over = |waiter: &Waiter| waiter.until_ms.is_some_and(|until| until <= time_ms);
        let tickets: Vec<u64> = self.waiters.iter().filter(|(_, it)| over(it)).map(|(ticket, _)| *ticket).collect();
        tickets.into_iter().filter_map(|ticket| self.leave(ticket)).collect()
    }

    fn first_from(&self, key: &Value, ticket: u64) -> Option<u64> {
        self.by_key.get(key)?.iter().copied().find(|it| *it >= ticket)
    }
}

/// The distinct keys that may serve a blocking command.
fn awaited_keys(mutation: &Mutation<'_>) -> Vec<Value> {
    let mut keys: Vec<Value> = Vec::new();
    mutation.visit_keys(|key| {
        if !keys.iter().any(|other| other == key.as_bytes()) {
            keys.push(key.0.to_value());
        }
    });
    // A move waits for its source only.
    if mutation.spec().keys == jcache_core::command::KeyPositions::TWO {
        keys.truncate(1);
    }
    keys
}

impl Engine {
    /// Lets a caller wait.
    pub(super) fn block<S: Store>(
        &mut self,
        _: &mut Cx<'_, S>,
        origin: Origin,
        tag: CallTag,
        ack: Ack,
        until_ms: Option<u64>,
        (mutation, nil): (&Mutation<'_>, Reply),
    ) {
        let command = codec::request_bytes(&mut self.scratch, &Request::Mutation(mutation.clone()));
        let waiter = Waiter { origin, tag, ack, command, keys: awaited_keys(mutation), nil, until_ms };
        if let Part::Leading(lead) = &mut self.part {
            lead.blocked.join(waiter);
        }
    }

    /// Serves those who wait for keys that `mutation` may have brought something to; adds their effects to the batch.
    pub(super) fn serve_blocked<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        mutation: &Mutation<'_>,
        records: &mut Vec<u8>,
    ) -> Vec<(Waiter, Reply)> {
        let mut served = Vec::new();
        let mut ready = awaited_or_all(mutation);
        while let Some(key) = ready.pop() {
            let mut ticket = 0;
            loop {
                let Part::Leading(lead) = &self.part else { return served };
                let Some(next) = lead.blocked.first_from(&key, ticket) else { break };
                ticket = next + 1;
                let command = lead.blocked.waiters[&next].command.clone();
                let args = codec::read_open_command(&command).expect("invariant: written by this process");
                let waiting = Mutation::parse(&args).expect("invariant: it was parsed before");
                let context = self.context(cx);
                let mut removed = super::Removed::default();
                let reply = cx.store.mutate(&waiting, context, &mut removed);
                push_removals(records, &mut removed.due);
                // What was evicted is none of the waiter's keys, but may be what the next one brings back.
                push_removals(records, &mut removed.evicted);
                // A key of another type serves nobody, and is no error for those who wait.
                let Some(reply) = reply.ok().filter(|reply| !reply.is_nil()) else { continue };
                let Ok(effect) = waiting.effect(&reply, context) else { continue };
                waiting.visit_keys(|changed| {
                    if *changed.as_bytes() != *key.as_bytes() {
                        ready.push(changed.0.to_value());
                    }
                });
                let Part::Leading(lead) = &mut self.part else { return served };
                let Some(waiter) = lead.blocked.leave(next) else { continue };
                if let Some(change) = effect.change.filter(|_| !self.rules.off(Switch::UnloggedPop)) {
                    // A move between shards is logged as the keys that it left, as any other, while somebody lacks one.
                    let whole = effect.reach == Reach::Replica && self.syncs_someone();
                    push_effect(records, Some((waiter.tag, &reply)), &change, whole.then_some(&mut *cx.store));
                }
                served.push((waiter, reply));
            }
        }
        served
    }

    /// Callers whose time is over get nothing.
    pub(super) fn tick_blocked<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let time_ms = self.clock.time_ms(cx.now);
        let Part::Leading(lead) = &mut self.part else { return };
        if lead.blocked.is_empty() {
            return;
        }
        for waiter in lead.blocked.expired(time_ms) {
            // "Nothing came" tells what is there, and must be as good as a read.
            let proof = if waiter.ack == Ack::Leader { Proof::Lease } else { Proof::Change };
            self.hold(cx, waiter.origin, Ok(waiter.nil), proof);
        }
    }
}

fn awaited_or_all(mutation: &Mutation<'_>) -> Vec<Value> {
    let mut keys = Vec::new();
    mutation.visit_keys(|key| keys.push(key.0.to_value()));
    keys.reverse();
    keys
}
