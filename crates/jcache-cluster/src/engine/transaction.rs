//! Transactions: requests that are carried out with nothing in between, if nobody changed what they rely on.
//!
//! A transaction is one call and one record. To watch a key costs nothing: a watch is a point in history, and whether a
//! key was changed since then the log tells, which every process has. A watch that is older than what is kept of the
//! log, or than [`LONGEST_LOOK`] records, counts as broken.

use bytes::Bytes;
use jcache_core::command::Mutation;
use jcache_core::effect::Reach;
use jcache_core::{Error, Reply, Request};

use super::codec::{self, put_bytes, put_varint, read_open_command, take_bytes, take_varint};
use super::event::Token;
use super::execute::{CallTag, Logged, push_effect, push_removals};
use super::log::next_record;
use super::member::Offset;
use super::record::{self, Kind};
use super::store::Store;
use super::{Cx, Engine};

/// How many records are looked through for changes of watched keys, at most.
const LONGEST_LOOK: u64 = 65_536;

/// Several requests as one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction(pub(crate) Bytes);

impl Transaction {
    /// `requests`, to be carried out if no key of `watched` has changed since its point in history.
    pub fn new<'k>(requests: &[Request<'_>], watched: impl ExactSizeIterator<Item = (&'k [u8], Token)>) -> Self {
        let mut out = Vec::new();
        put_varint(&mut out, watched.len() as u64);
        for (key, token) in watched {
            put_varint(&mut out, token.epoch);
            put_varint(&mut out, token.offset);
            put_bytes(&mut out, key);
        }
        let mut scratch = Vec::new();
        for request in requests {
            put_bytes(&mut out, &codec::request_bytes(&mut scratch, request));
        }
        Self(out.into())
    }
}

/// What a transaction relies on, read from its beginning.
struct Watched<'a>(Vec<(Token, &'a [u8])>);

impl<'a> Watched<'a> {
    fn take(input: &mut &'a [u8]) -> Result<Self, Error> {
        let mut watched = Vec::new();
        for _ in 0..take_varint(input)? {
            let token = Token { epoch: take_varint(input)?, offset: take_varint(input)? };
            watched.push((token, take_bytes(input)?));
        }
        Ok(Self(watched))
    }

    /// Whether the effect in a record, or in those of a batch, changes a watched key after its point.
    fn is_changed_by(&self, bytes: &[u8], offset: Offset) -> Result<bool, Error> {
        let record = record::read(bytes)?;
        match record.kind {
            Kind::Effect => {
                let args = read_open_command(record.body)?;
                let mutation = Mutation::parse(&args)?;
                let (mut keys, mut changed) = (0, false);
                let mut is_watched = |key: &[u8]| {
                    keys += 1;
                    changed |= self.0.iter().any(|(token, watched)| offset > token.offset && *watched == key);
                };
                mutation.visit_keys(|key| is_watched(key));
                // What names no key concerns all of them.
                Ok(changed || keys == 0)
            }
            Kind::Batch => {
                let mut body = record.body;
                while !body.is_empty() {
                    if self.is_changed_by(take_bytes(&mut body)?, offset)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Ok(false),
        }
    }
}

impl Engine {
    /// The point in history from which a key is watched that a caller here begins to watch now: what is read here after
    /// this is no older. `None` while nothing is to be read here.
    pub fn watch_point(&self) -> Option<Token> {
        let seen = Token { epoch: self.log.epochs.last(), offset: self.applied.min(self.hw) };
        self.is_readable().then(|| seen.max(self.own_token()))
    }

    /// Carries a transaction out: its reply is the list of replies, nil when a watched key had changed.
    ///
    /// # Errors
    /// It cannot be read; then nothing was done.
    pub(super) fn transact<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        mut body: &[u8],
        tag: CallTag,
    ) -> Result<(Reply, Option<Offset>), Error> {
        let watched = Watched::take(&mut body)?;
        let mut commands = Vec::new();
        while !body.is_empty() {
            commands.push(read_open_command(take_bytes(&mut body)?)?);
        }
        let requests = commands.iter().map(|args| Request::parse(args)).collect::<Result<Vec<_>, _>>()?;
        if self.has_changed(&watched)? {
            return Ok((Reply::NilArray, None));
        }
        let context = self.context(cx);
        let whole = self.syncs_someone();
        // Local reads see all of it or nothing.
        cx.store.together(true);
        let (mut records, mut replies, mut changed) = (Vec::new(), Vec::with_capacity(requests.len()), Vec::new());
        for request in &requests {
            let result = match request {
                Request::Query(query) => cx.store.query(query, context),
                Request::Mutation(mutation) => {
                    let mut removed = std::mem::take(&mut self.removed);
                    let result = cx.store.mutate(mutation, context, &mut removed);
                    self.counters.expired += removed.due.len() as u64;
                    push_removals(&mut records, &mut removed.due);
                    let result = result.and_then(|reply| {
                        let effect = mutation.effect(&reply, context)?;
                        if let Some(change) = &effect.change {
                            let whole = (whole && effect.reach == Reach::Replica).then_some(&mut *cx.store);
                            push_effect(&mut records, None, change, whole);
                            changed.push(mutation);
                        }
                        Ok(reply)
                    });
                    push_removals(&mut records, &mut removed.evicted);
                    self.removed = removed;
                    result
                }
            };
            replies.push(result.unwrap_or_else(Reply::Error));
        }
        // Who waits for one of the keys is served after the last request.
        let mut served = Vec::new();
        for mutation in changed {
            served.extend(self.serve_blocked(cx, mutation, &mut records));
        }
        cx.store.together(false);
        let reply = Reply::Array(replies);
        if records.is_empty() {
            return Ok((reply, None));
        }
        let logged = Logged::call(Kind::Batch, tag, &reply);
        let offset = self.append(logged, |out| out.extend_from_slice(&records));
        for (waiter, reply) in served {
            self.note_result(waiter.tag, &reply, offset);
            self.await_ack(cx, waiter.origin, waiter.ack, reply, offset);
        }
        Ok((reply, Some(offset)))
    }

    fn has_changed(&mut self, watched: &Watched<'_>) -> Result<bool, Error> {
        let Some(oldest) = watched.0.iter().map(|(token, _)| token.offset).min() else { return Ok(false) };
        let lost = watched.0.iter().any(|(token, _)| self.is_lost(*token));
        let leo = self.log.leo();
        if lost || oldest + 1 < self.log.first() || leo.saturating_sub(oldest) > LONGEST_LOOK {
            return Ok(true);
        }
        let mut at = oldest;
        while let Some(run) = self.log.piece(at, leo) {
            let mut bytes = run.bytes;
            while let Some(record) = next_record(&mut bytes) {
                at += 1;
                if watched.is_changed_by(&record, at)? {
                    return Ok(true);
                }
            }
        }
        Ok(at < leo)
    }
}
