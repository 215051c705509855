//! What the server, the socket and the client library report, as the one error of jcache.
//!
//! The kind decides what the levels do, so it follows the server's code word; the text stays what the server sent.

use std::fmt::Display;
use std::time::Duration;

use jcache_core::{Error, ErrorKind};
use redis::{RedisError, ServerError};

/// An error reply, with the server's text to the letter: the library keeps the code word and the rest apart.
#[cold]
pub(crate) fn server(error: &ServerError) -> Error {
    let text = match error.details() {
        Some(rest) => format!("{} {rest}", error.code()),
        None => error.code().to_owned(),
    };
    Error::server(text)
}

/// A failure of the connection while a command was under way. Whether the server carried it out is not known.
#[cold]
pub(crate) fn connection(error: RedisError) -> Error {
    if error.kind() == redis::ErrorKind::Parse {
        return Error::new(ErrorKind::Protocol, format!("the server's reply cannot be read: {error}")).uncertain();
    }
    Error::new(ErrorKind::Unavailable, format!("connection to the server lost: {error}")).with_source(error).uncertain()
}

/// The server cannot be reached.
#[cold]
pub(crate) fn unreachable(place: &impl Display, why: impl Display) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot connect to {place}: {why}"))
}

/// No reply within the command timeout. Whether the server carried the command out is not known.
#[cold]
pub(crate) fn timeout(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("no reply from the server within {limit:?}"))
}

/// A named bound is reached.
#[cold]
pub(crate) fn full(what: &str, bound: usize) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{bound} {what} are already under way"))
}

/// A setting that cannot be.
#[cold]
pub(crate) fn configuration(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_words_become_kinds_and_texts_stay() {
        let cases = [
            ("WRONGTYPE Operation against a key holding the wrong kind of value", ErrorKind::WrongType),
            ("ERR value is not an integer or out of range", ErrorKind::Invalid),
            ("ERR unknown command 'X', with args beginning with: ", ErrorKind::UnknownCommand),
            ("ERR wrong number of arguments for 'get' command", ErrorKind::Arity),
            ("NOAUTH Authentication required.", ErrorKind::Auth),
            ("WRONGPASS invalid username-password pair or user is disabled.", ErrorKind::Auth),
            ("CROSSSLOT Keys in request don't hash to the same slot", ErrorKind::CrossSlot),
            ("OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::OutOfMemory),
            ("LOADING Redis is loading the dataset in memory", ErrorKind::Unavailable),
            ("READONLY You can't write against a read only replica.", ErrorKind::Unavailable),
            ("EXECABORT Transaction discarded because of previous errors.", ErrorKind::Server),
            ("BARE", ErrorKind::Server),
        ];
        for (text, kind) in cases {
            let reply = redis::parse_redis_value(format!("-{text}\r\n").as_bytes()).expect("an error reply");
            let redis::Value::ServerError(error) = reply else { panic!("{text}: not an error") };
            let error = server(&error);
            assert_eq!((error.kind(), error.message()), (kind, text));
        }
    }
}
