//! Replies: one dynamic shape for drivers and protocols, and typed ones for callers.

mod outcome;
mod sink;

pub use outcome::{Fields, Flat, Members, Outcome, Page, Printed, Scored};
pub use sink::{ReplySink, Shape};

use jcache_value::Value;

use crate::error::{Error, Result};

/// A reply in the shape of RESP3, of which RESP2's is a view: [`Reply::resp2`].
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Nothing there.
    Nil,
    /// Nothing there, where a list would be. Only RESP2 tells it from [`Nil`](Reply::Nil).
    NilArray,
    /// The status `OK`.
    Ok,
    /// Another status line, such as a type's name.
    Status(Value),
    /// An integer; also how RESP2 says yes and no.
    Int(i64),
    /// Yes or no. No command of data answers so; an integer in RESP2.
    Bool(bool),
    /// A float; a byte string in RESP2.
    Double(f64),
    /// An integer of any size, in decimal; a byte string in RESP2.
    BigNumber(Value),
    /// A byte string.
    Bulk(Value),
    /// Text to show to people as it is, such as that of `INFO`; a byte string in RESP2.
    Verbatim(Value),
    /// Elements in order.
    Array(Vec<Reply>),
    /// Pairs in order, such as members with scores: a list of lists of two; one flat list in RESP2.
    Pairs(Vec<(Reply, Reply)>),
    /// Fields and values, in order; one flat list in RESP2.
    Map(Vec<(Reply, Reply)>),
    /// Unique members; a list in RESP2.
    Set(Vec<Reply>),
    /// A message that nobody asked for, such as one of a channel; a list in RESP2.
    Push(Vec<Reply>),
    /// An error that is a part of a reply, such as one of the replies of `EXEC`.
    Error(Error),
}

impl Reply {
    /// Whether this is nil, of either kind.
    #[inline]
    pub fn is_nil(&self) -> bool {
        matches!(self, Reply::Nil | Reply::NilArray)
    }

    /// Whether this reply is what an absent key would also give: nil, zero, -2, empty, or a list of only such.
    pub fn is_nothing(&self) -> bool {
        match self {
            // -2 is how `TTL` and its like say that there is no key; -1 says that there is one, without a deadline.
            Reply::Nil | Reply::NilArray | Reply::Int(-2 | 0) | Reply::Bool(false) => true,
            Reply::Bulk(value) | Reply::Verbatim(value) => value.is_empty(),
            // The last page of a scan, with nothing in it.
            Reply::Array(items) if matches!(&items[..], [Reply::Bulk(cursor), _] if cursor.as_bytes() == b"0") => {
                items[1].is_nothing()
            }
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items.iter().all(Reply::is_nothing),
            Reply::Map(pairs) | Reply::Pairs(pairs) => pairs.is_empty(),
            Reply::Ok | Reply::Int(_) | Reply::Bool(true) | Reply::Double(_) | Reply::BigNumber(_) => false,
            Reply::Error(_) => false,
            Reply::Status(name) => name.as_bytes() == b"none",
        }
    }

    /// The name of the reply's shape, for error messages.
    pub fn shape(&self) -> &'static str {
        match self {
            Reply::Nil | Reply::NilArray => "nil",
            Reply::Ok | Reply::Status(_) => "a status",
            Reply::Int(_) | Reply::BigNumber(_) => "an integer",
            Reply::Bool(_) => "a boolean",
            Reply::Double(_) => "a double",
            Reply::Bulk(_) | Reply::Verbatim(_) => "a string",
            Reply::Array(_) => "an array",
            Reply::Pairs(_) => "a list of pairs",
            Reply::Map(_) => "a map",
            Reply::Set(_) => "a set",
            Reply::Push(_) => "a push message",
            Reply::Error(_) => "an error",
        }
    }

    /// The elements of a list-like reply, with a map flattened to fields and values.
    ///
    /// # Errors
    /// Unexpected reply when it is no list.
    pub fn into_items(self) -> Result<Vec<Reply>> {
        match self {
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => Ok(items),
            Reply::Map(pairs) => Ok(flat(pairs)),
            Reply::Pairs(pairs) => Ok(pairs.into_iter().map(|(a, b)| Reply::Array(vec![a, b])).collect()),
            Reply::Nil | Reply::NilArray => Ok(Vec::new()),
            Reply::Error(error) => Err(error),
            other => Err(Error::unexpected_reply("a list", &other)),
        }
    }

    /// The reply as RESP2 has it: only `Nil`, `NilArray`, `Ok`, `Status`, `Int`, `Bulk`, `Array` and `Error` are left.
    ///
    /// ```
    /// use jcache_core::Reply;
    ///
    /// let scored = Reply::Pairs(vec![(Reply::Bulk("a".into()), Reply::Double(1.5))]);
    /// assert_eq!(scored.resp2(), Reply::Array(vec![Reply::Bulk("a".into()), Reply::Bulk("1.5".into())]));
    /// ```
    #[must_use]
    pub fn resp2(self) -> Reply {
        let all = |items: Vec<Reply>| Reply::Array(items.into_iter().map(Reply::resp2).collect());
        match self {
            Reply::Bool(yes) => Reply::Int(yes.into()),
            Reply::Double(number) => Reply::Bulk(crate::number::format_f64(number).into()),
            Reply::BigNumber(text) | Reply::Verbatim(text) => Reply::Bulk(text),
            Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => all(items),
            Reply::Map(pairs) | Reply::Pairs(pairs) => all(flat(pairs)),
            plain => plain,
        }
    }
}

fn flat(pairs: Vec<(Reply, Reply)>) -> Vec<Reply> {
    pairs.into_iter().flat_map(|(a, b)| [a, b]).collect()
}
