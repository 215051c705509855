//! The session table: what every call was answered, so that a retry is answered and not carried out again (2.13).
//!
//! It is part of the replicated state: the leader fills it as it executes, followers as they apply, and a full
//! synchronisation brings it along. Only calls that changed something stand in it; a call without effect is simply
//! carried out again. A result is dropped once its caller has gone on (`low`).

use std::collections::BTreeMap;

use jcache_core::{Error, Reply};
use smallvec::SmallVec;

use super::codec::{put_bytes, put_varint, take_bytes, take_reply, take_varint};
use super::member::{MemberId, Offset};
use super::record::{Tag, put_member, take_member};

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_id: BTreeMap<u64, Session>,
}

#[derive(Debug)]
struct Session {
    member: MemberId,
    low: u64,
    results: BTreeMap<u64, Stored>,
}

#[derive(Debug)]
struct Stored {
    offset: Offset,
    reply: SmallVec<[u8; 16]>,
}

/// What the table knows of a call.
#[derive(Debug)]
pub(crate) enum Known {
    /// There is no such session.
    NoSession,
    /// Its caller has gone on: nobody knows any more.
    Past,
    /// It was carried out at this offset, with this reply.
    Done(Offset, Reply),
    /// It was not carried out, or had no effect.
    No,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn open(&mut self, id: u64, member: MemberId) {
        self.by_id.insert(id, Session { member, low: 0, results: BTreeMap::new() });
    }

    pub(crate) fn close(&mut self, id: u64) {
        self.by_id.remove(&id);
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (u64, &MemberId)> {
        self.by_id.iter().map(|(id, session)| (*id, &session.member))
    }

    pub(crate) fn find(&self, session: u64, seq: u64) -> Known {
        let Some(session) = self.by_id.get(&session) else { return Known::NoSession };
        if let Some(stored) = session.results.get(&seq) {
            let reply = take_reply(&mut &stored.reply[..]).expect("invariant: the table holds what was encoded");
            return Known::Done(stored.offset, reply);
        }
        if seq < session.low { Known::Past } else { Known::No }
    }

    /// Notes the result of a call.
    #[inline]
    pub(crate) fn note(&mut self, tag: Tag<'_>, offset: Offset) {
        let Some(session) = self.by_id.get_mut(&tag.session) else { return };
        session.low = session.low.max(tag.low);
        while session.results.first_key_value().is_some_and(|(seq, _)| *seq < session.low) {
            session.results.pop_first();
        }
        session.results.insert(tag.seq, Stored { offset, reply: SmallVec::from_slice(tag.reply) });
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.by_id.len() as u64);
        for (id, session) in &self.by_id {
            put_varint(&mut out, *id);
            put_member(&mut out, &session.member);
            put_varint(&mut out, session.low);
            put_varint(&mut out, session.results.len() as u64);
            for (seq, stored) in &session.results {
                put_varint(&mut out, *seq);
                put_varint(&mut out, stored.offset);
                put_bytes(&mut out, &stored.reply);
            }
        }
        out
    }

    pub(crate) fn decode(mut input: &[u8]) -> Result<Self, Error> {
        let input = &mut input;
        let mut by_id = BTreeMap::new();
        for _ in 0..take_varint(input)? {
            let (id, member, low) = (take_varint(input)?, take_member(input)?, take_varint(input)?);
            let mut results = BTreeMap::new();
            for _ in 0..take_varint(input)? {
                let (seq, offset) = (take_varint(input)?, take_varint(input)?);
                results.insert(seq, Stored { offset, reply: SmallVec::from_slice(take_bytes(input)?) });
            }
            by_id.insert(id, Session { member, low, results });
        }
        Ok(Self { by_id })
    }
}
