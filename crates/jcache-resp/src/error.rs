//! What can be wrong with received bytes, in Redis's words.

use std::fmt;

use jcache_core::{Error, ErrorKind};

/// Bytes that are not the protocol, or that go past a limit. The connection cannot go on after it.
///
/// `Display` gives Redis's text: `Protocol error: invalid bulk length`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The number of arguments is no number, or above the limit.
    MultibulkLength,
    /// A client that has not authenticated sends more arguments than it may.
    UnauthenticatedMultibulk,
    /// The line with the number of arguments does not end.
    MultibulkLine,
    /// The length of an argument is no number, negative, or above the limit.
    BulkLength,
    /// A client that has not authenticated sends a longer argument than it may.
    UnauthenticatedBulk,
    /// The line with the length of an argument does not end.
    BulkLine,
    /// This byte stands where the `$` of an argument should.
    NotABulk(u8),
    /// The line of an inline command does not end.
    InlineLine,
    /// A quote of an inline command does not end, or something follows it at once.
    UnbalancedQuotes,
    /// One command is larger than the connection may hold.
    QueryTooLarge,
    /// A reply starts with this byte, which is no type.
    UnknownType(u8),
    /// A line of a reply is not what its type says, or does not end.
    ReplyLine,
    /// A length in a reply is no number, or above the limit.
    ReplyLength,
    /// Lists stand in lists deeper than the limit.
    ReplyDepth,
    /// One reply is larger than the limit.
    ReplyTooLarge,
}

impl ProtocolError {
    /// The error to answer with before the connection is closed; `None` where Redis closes it without a word.
    pub fn reply(&self) -> Option<Error> {
        (*self != ProtocolError::QueryTooLarge).then(|| Error::new(ErrorKind::Protocol, format!("ERR {self}")))
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        f.write_str(match self {
            ProtocolError::MultibulkLength => "invalid multibulk length",
            ProtocolError::UnauthenticatedMultibulk => "unauthenticated multibulk length",
            ProtocolError::MultibulkLine => "too big mbulk count string",
            ProtocolError::BulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedBulk => "unauthenticated bulk length",
            ProtocolError::BulkLine => "too big bulk count string",
            ProtocolError::NotABulk(byte) => return write!(f, "expected '$', got '{}'", char::from(*byte)),
            ProtocolError::InlineLine => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolError::QueryTooLarge => "the query buffer is full",
            ProtocolError::UnknownType(byte) => {
                return write!(f, "got '{}' as reply type byte", byte.escape_ascii());
            }
            ProtocolError::ReplyLine => "bad line in a reply",
            ProtocolError::ReplyLength => "bad length in a reply",
            ProtocolError::ReplyDepth => "a reply is nested too deep",
            ProtocolError::ReplyTooLarge => "a reply is too large",
        })
    }
}

impl std::error::Error for ProtocolError {}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Error {
        Error::new(ErrorKind::Protocol, format!("ERR {error}")).with_source(error)
    }
}
