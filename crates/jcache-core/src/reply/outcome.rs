//! Typed replies, and how each is read from the dynamic shape in which a server sends it.

use jcache_value::Value;

use super::Reply;
use crate::error::{Error, Result};

/// A typed reply of a command: what [`Command::Reply`](crate::Command::Reply) is.
///
/// `from_reply` accepts every shape in which servers send it (RESP2 sends a float as a string and a map as a flat
/// list), so a driver hands on what it received.
pub trait Outcome: Sized + Send {
    /// The nil that stands where this reply is not there: RESP2 has one for lists and one for everything else.
    const NIL: Reply = Reply::Nil;

    /// Reads the typed reply.
    ///
    /// # Errors
    /// Unexpected reply when the shape cannot be this type.
    fn from_reply(reply: Reply) -> Result<Self>;

    /// The canonical dynamic reply.
    fn into_reply(self) -> Reply;
}

/// `OK`.
impl Outcome for () {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Ok => Ok(()),
            Reply::Status(s) if s.as_bytes() == b"OK" => Ok(()),
            other => Err(Error::unexpected_reply("OK", &other)),
        }
    }
    fn into_reply(self) -> Reply {
        Reply::Ok
    }
}

impl Outcome for Reply {
    fn from_reply(reply: Reply) -> Result<Self> {
        Ok(reply)
    }
    fn into_reply(self) -> Reply {
        self
    }
}

impl Outcome for i64 {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Int(n) => Ok(n),
            Reply::Bulk(ref text) | Reply::Status(ref text) => {
                crate::number::parse_i64(text).ok_or_else(|| Error::unexpected_reply("an integer", &reply))
            }
            other => Err(Error::unexpected_reply("an integer", &other)),
        }
    }
    fn into_reply(self) -> Reply {
        Reply::Int(self)
    }
}

impl Outcome for u64 {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Int(n) if n >= 0 => Ok(n as u64),
            other => Err(Error::unexpected_reply("a count", &other)),
        }
    }
    fn into_reply(self) -> Reply {
        Reply::Int(i64::try_from(self).unwrap_or(i64::MAX))
    }
}

impl Outcome for bool {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Int(n @ (0 | 1)) => Ok(n == 1),
            Reply::Bool(yes) => Ok(yes),
            other => Err(Error::unexpected_reply("0 or 1", &other)),
        }
    }
    fn into_reply(self) -> Reply {
        Reply::Int(self.into())
    }
}

impl Outcome for f64 {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Double(n) => Ok(n),
            Reply::Int(n) => Ok(n as f64),
            Reply::Bulk(ref text) => {
                crate::number::parse_f64(text).ok_or_else(|| Error::unexpected_reply("a float", &reply))
            }
            other => Err(Error::unexpected_reply("a float", &other)),
        }
    }
    fn into_reply(self) -> Reply {
        Reply::Double(self)
    }
}

impl Outcome for Value {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Bulk(value) | Reply::Status(value) | Reply::Verbatim(value) => Ok(value),
            other => Err(Error::unexpected_reply("a string", &other)),
        }
    }
    fn into_reply(self) -> Reply {
        Reply::Bulk(self)
    }
}

/// Nil or something.
impl<T: Outcome> Outcome for Option<T> {
    #[inline]
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Nil | Reply::NilArray => Ok(None),
            some => T::from_reply(some).map(Some),
        }
    }
    #[inline]
    fn into_reply(self) -> Reply {
        self.map_or(T::NIL, Outcome::into_reply)
    }
}

/// A list; nil (an absent key) is the empty list.
impl<T: Outcome> Outcome for Vec<T> {
    const NIL: Reply = Reply::NilArray;

    fn from_reply(reply: Reply) -> Result<Self> {
        reply.into_items()?.into_iter().map(T::from_reply).collect()
    }
    fn into_reply(self) -> Reply {
        Reply::Array(self.into_iter().map(Outcome::into_reply).collect())
    }
}

/// Two things in a list of two, such as a key and an element.
impl<A: Outcome, B: Outcome> Outcome for (A, B) {
    const NIL: Reply = Reply::NilArray;

    fn from_reply(reply: Reply) -> Result<Self> {
        let shape = Error::unexpected_reply("a pair", &reply);
        let items: [Reply; 2] = reply.into_items()?.try_into().map_err(|_| shape)?;
        let [a, b] = items;
        Ok((A::from_reply(a)?, B::from_reply(b)?))
    }
    fn into_reply(self) -> Reply {
        Reply::Array(vec![self.0.into_reply(), self.1.into_reply()])
    }
}

/// Three things in a list of three, such as a key, a member and its score.
impl<A: Outcome, B: Outcome, C: Outcome> Outcome for (A, B, C) {
    const NIL: Reply = Reply::NilArray;

    fn from_reply(reply: Reply) -> Result<Self> {
        let shape = Error::unexpected_reply("three things", &reply);
        let items: [Reply; 3] = reply.into_items()?.try_into().map_err(|_| shape)?;
        let [a, b, c] = items;
        Ok((A::from_reply(a)?, B::from_reply(b)?, C::from_reply(c)?))
    }
    fn into_reply(self) -> Reply {
        Reply::Array(vec![self.0.into_reply(), self.1.into_reply(), self.2.into_reply()])
    }
}

/// Reads pairs that come as a map, as a list of pairs, or as one flat list.
fn read_pairs<A: Outcome, B: Outcome>(reply: Reply) -> Result<Vec<(A, B)>> {
    let items = match reply {
        Reply::Map(pairs) | Reply::Pairs(pairs) => {
            return pairs.into_iter().map(|(a, b)| Ok((A::from_reply(a)?, B::from_reply(b)?))).collect();
        }
        other => other.into_items()?,
    };
    if items.iter().all(|item| matches!(item, Reply::Array(_))) {
        return items.into_iter().map(Outcome::from_reply).collect();
    }
    if items.len() % 2 != 0 {
        return Err(Error::unexpected_reply("pairs", &Reply::Array(items)));
    }
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(a), Some(b)) = (items.next(), items.next()) {
        pairs.push((A::from_reply(a)?, B::from_reply(b)?));
    }
    Ok(pairs)
}

/// The fields and values of a hash (`HGETALL`), in the order of the reply.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields(pub Vec<(Value, Value)>);

impl Outcome for Fields {
    fn from_reply(reply: Reply) -> Result<Self> {
        read_pairs(reply).map(Fields)
    }
    fn into_reply(self) -> Reply {
        Reply::Map(self.0.into_iter().map(|(f, v)| (Reply::Bulk(f), Reply::Bulk(v))).collect())
    }
}

/// A float that a reply gives as a byte string, in RESP3 too (the scores of `ZSCAN`); a zero without a sign.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Printed(pub f64);

impl Outcome for Printed {
    fn from_reply(reply: Reply) -> Result<Self> {
        f64::from_reply(reply).map(Printed)
    }
    fn into_reply(self) -> Reply {
        Reply::Bulk(crate::number::format_f64(self.0 + 0.0).into())
    }
}

/// Unique members in no particular order (`SMEMBERS`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members(pub Vec<Value>);

impl Outcome for Members {
    fn from_reply(reply: Reply) -> Result<Self> {
        Outcome::from_reply(reply).map(Members)
    }
    fn into_reply(self) -> Reply {
        Reply::Set(self.0.into_iter().map(Reply::Bulk).collect())
    }
}

/// Members of a sorted set with their scores, in the order of the reply (`ZPOPMIN`, `… WITHSCORES`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scored(pub Vec<(Value, f64)>);

impl Outcome for Scored {
    fn from_reply(reply: Reply) -> Result<Self> {
        read_pairs(reply).map(Scored)
    }
    fn into_reply(self) -> Reply {
        Reply::Pairs(self.0.into_iter().map(|(member, score)| (Reply::Bulk(member), Reply::Double(score))).collect())
    }
}

/// One page of a scan: where to go on (0: done) and what was found.
///
/// `T` is what stands in the page: `Vec<Value>` for keys and members, [`Flat`] for fields or scores.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page<T> {
    /// The cursor to ask for the next page with; 0 when the scan is complete.
    pub cursor: u64,
    /// What this page holds.
    pub items: T,
}

impl<T: Outcome> Outcome for Page<T> {
    fn from_reply(reply: Reply) -> Result<Self> {
        let (cursor, items): (Value, T) = Outcome::from_reply(reply)?;
        let cursor = std::str::from_utf8(&cursor).ok().and_then(|c| c.parse().ok());
        let cursor = cursor.ok_or_else(|| Error::unexpected_reply("a cursor", &Reply::Nil))?;
        Ok(Page { cursor, items })
    }
    fn into_reply(self) -> Reply {
        (Value::from(self.cursor.to_string()), self.items).into_reply()
    }
}

/// Pairs that a reply gives as one flat list in RESP2 and RESP3 alike (`HSCAN`, `ZSCAN`, `HRANDFIELD … WITHVALUES`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flat<A, B>(pub Vec<(A, B)>);

impl<A: Outcome, B: Outcome> Outcome for Flat<A, B> {
    fn from_reply(reply: Reply) -> Result<Self> {
        read_pairs(reply).map(Flat)
    }
    fn into_reply(self) -> Reply {
        Reply::Array(self.0.into_iter().flat_map(|(a, b)| [a.into_reply(), b.into_reply()]).collect())
    }
}
