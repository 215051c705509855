//! One record of the log: `kind u8 | flags u8 | [session, seq, seq - low: varints | reply] | body`.
//!
//! The body of an effect is core's mutation as name and arguments. A reply stands in the record, because the reply of an
//! effect is not that of the command (`SETNX` answers 1, its effect `SET` answers OK), and every copy must be able to
//! answer a retry.

use jcache_core::Error;

use super::codec::{broken, put_bytes, put_varint, take_byte, take_bytes, take_varint};
use super::member::{Incarnation, MemberId, NodeId};

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Nothing: the first record of an epoch.
    NoOp = 0,
    /// A mutation.
    Effect = 1,
    /// Several records that are one.
    Batch = 2,
    /// A member's session begins; its number is the record's offset.
    SessionOpen = 3,
    /// A session ends.
    SessionClose = 4,
    /// The digest of a shard at this point.
    Digest = 5,
    /// The wire version from here on.
    Wire = 6,
}

/// Whose call a record carries out, and what it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) session: u64,
    pub(crate) seq: u64,
    /// All calls of the session below this one are finished.
    pub(crate) low: u64,
    /// The encoded reply.
    pub(crate) reply: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) kind: Kind,
    pub(crate) tag: Option<Tag<'a>>,
    pub(crate) body: &'a [u8],
}

const TAGGED: u8 = 1;

/// Writes what stands before the body.
#[inline]
pub(crate) fn put_head(out: &mut Vec<u8>, kind: Kind, tag: Option<Tag<'_>>) {
    out.push(kind as u8);
    match tag {
        None => out.push(0),
        Some(Tag { session, seq, low, reply }) => {
            out.push(TAGGED);
            put_varint(out, session);
            put_varint(out, seq);
            put_varint(out, seq.saturating_sub(low));
            put_bytes(out, reply);
        }
    }
}

/// Reads a record.
///
/// # Errors
/// It cannot be read, or is of a kind that this build does not know.
#[inline]
pub(crate) fn read(mut input: &[u8]) -> Result<Record<'_>, Error> {
    let kind = match take_byte(&mut input)? {
        0 => Kind::NoOp,
        1 => Kind::Effect,
        2 => Kind::Batch,
        3 => Kind::SessionOpen,
        4 => Kind::SessionClose,
        5 => Kind::Digest,
        6 => Kind::Wire,
        _ => return Err(broken()),
    };
    let tag = match take_byte(&mut input)? {
        0 => None,
        TAGGED => {
            let (session, seq) = (take_varint(&mut input)?, take_varint(&mut input)?);
            let low = seq.saturating_sub(take_varint(&mut input)?);
            Some(Tag { session, seq, low, reply: take_bytes(&mut input)? })
        }
        _ => return Err(broken()),
    };
    Ok(Record { kind, tag, body: input })
}

/// Writes a member.
pub(crate) fn put_member(out: &mut Vec<u8>, member: &MemberId) {
    put_bytes(out, member.node.as_str().as_bytes());
    out.extend_from_slice(&member.inc.0.to_le_bytes());
}

/// Takes a member from the front.
pub(crate) fn take_member(input: &mut &[u8]) -> Result<MemberId, Error> {
    let node = std::str::from_utf8(take_bytes(input)?).map_err(|_| broken())?;
    let (inc, rest) = input.split_first_chunk::<16>().ok_or_else(broken)?;
    *input = rest;
    Ok(MemberId { node: NodeId::new(node), inc: Incarnation(u128::from_le_bytes(*inc)) })
}
