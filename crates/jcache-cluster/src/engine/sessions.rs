//! The session table: what every call was answered, so that a retry is answered and not carried out again (2.13).
//!
//! It is part of the replicated state: the leader fills it as it executes, followers as they apply, and a full
//! synchronisation brings it along. Only calls that changed something stand in it; a call without effect is simply
//! carried out again. A result is dropped once its caller has gone on (`low`). A member has one session: the next one
//! that it opens takes the place of the last, of which it then knows nothing any more.

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
    /// What the results take.
    bytes: usize,
}

impl Session {
    fn new(member: MemberId, low: u64) -> Self {
        Self { member, low, results: BTreeMap::new(), bytes: 0 }
    }

    fn go_on(&mut self, low: u64) {
        self.low = self.low.max(low);
        while let Some(first) = self.results.first_entry().filter(|it| *it.key() < self.low) {
            self.bytes -= first.remove().cost();
        }
    }

    fn add(&mut self, seq: u64, stored: Stored) {
        self.bytes += stored.cost();
        if let Some(before) = self.results.insert(seq, stored) {
            self.bytes -= before.cost();
        }
    }
}

/// What a result costs besides its reply, in bytes.
const RESULT_COST: usize = 48;

#[derive(Debug)]
struct Stored {
    offset: Offset,
    reply: SmallVec<[u8; 16]>,
}

impl Stored {
    fn cost(&self) -> usize {
        RESULT_COST + self.reply.len()
    }
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
    /// It was not carried out, or had no effect; the session's results take so many bytes.
    No(usize),
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// What all results take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.by_id.values().map(|session| session.bytes).sum()
    }

    /// What the results of a session take, in bytes, if there are any that go once its caller is past `low`.
    pub(crate) fn bytes_held_by(&self, id: u64, low: u64) -> usize {
        let session = self.by_id.get(&id).filter(|it| it.results.last_key_value().is_some_and(|(seq, _)| *seq > low));
        session.map_or(0, |session| session.bytes)
    }

    /// A session's caller has gone on to `low`: drops what is below, and gives what the rest takes, in bytes.
    pub(crate) fn go_on(&mut self, id: u64, low: u64) -> usize {
        self.by_id.get_mut(&id).map_or(0, |session| {
            session.go_on(low);
            session.bytes
        })
    }

    pub(crate) fn has(&self, id: u64) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Opens a session, in the place of an earlier one: a member opens another only when it knows of none.
    pub(crate) fn open(&mut self, id: u64, member: MemberId) {
        self.by_id.retain(|_, session| session.member != member);
        self.by_id.insert(id, Session::new(member, 0));
    }

    pub(crate) fn close(&mut self, id: u64) {
        self.by_id.remove(&id);
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (u64, &MemberId)> {
        self.by_id.iter().map(|(id, session)| (*id, &session.member))
    }

    /// What is known of a call of `member`. A session's number is an offset: after an unclean start somebody may still have
    /// one that another has got since.
    pub(crate) fn find(&self, member: Option<&MemberId>, session: u64, seq: u64) -> Known {
        let session = self.by_id.get(&session).filter(|session| Some(&session.member) == member);
        let Some(session) = session else { return Known::NoSession };
        if let Some(stored) = session.results.get(&seq) {
            let reply = take_reply(&mut &stored.reply[..]).expect("invariant: the table holds what was encoded");
            return Known::Done(stored.offset, reply);
        }
        if seq < session.low { Known::Past } else { Known::No(session.bytes) }
    }

    /// Notes the result of a call.
    #[inline]
    pub(crate) fn note(&mut self, tag: Tag<'_>, offset: Offset) {
        let Some(session) = self.by_id.get_mut(&tag.session) else { return };
        session.go_on(tag.low);
        session.add(tag.seq, Stored { offset, reply: SmallVec::from_slice(tag.reply) });
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
            let mut session = Session::new(member, low);
            for _ in 0..take_varint(input)? {
                let (seq, offset) = (take_varint(input)?, take_varint(input)?);
                session.add(seq, Stored { offset, reply: SmallVec::from_slice(take_bytes(input)?) });
            }
            by_id.insert(id, session);
        }
        Ok(Self { by_id })
    }
}
