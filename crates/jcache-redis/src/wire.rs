//! Commands to the client library's form, and its replies to ours. No command is known here by name.

use jcache_core::command::Spec;
use jcache_core::{ArgSink, Error, Mutation, Query, Reply, Request, Result, Value};
use redis::{Cmd, RedisWrite};

use crate::error;

/// Collects a command's arguments, and refuses those that no server takes before they are copied.
struct Packer {
    cmd: Cmd,
    too_large: Option<usize>,
}

impl ArgSink for Packer {
    fn arg(&mut self, bytes: &[u8]) {
        if bytes.len() > Value::MAX {
            self.too_large = Some(bytes.len());
        } else {
            self.cmd.write_arg(bytes);
        }
    }
}

impl Packer {
    fn new(spec: &Spec) -> Self {
        // Room for most commands at once: name, key, a short value.
        let mut cmd = Cmd::with_capacity(4, 64);
        spec.words().for_each(|word| cmd.write_arg(word.as_bytes()));
        Self { cmd, too_large: None }
    }

    fn finish(self) -> Result<Cmd> {
        self.too_large.map_or(Ok(self.cmd), |bytes| Err(Error::too_large(bytes)))
    }
}

/// Encodes a query.
///
/// # Errors
/// Too large, when an argument is above [`Value::MAX`].
pub(crate) fn query(query: &Query<'_>) -> Result<Cmd> {
    let mut packer = Packer::new(query.spec());
    query.write_args(&mut packer);
    packer.finish()
}

/// Encodes a query or a mutation.
///
/// # Errors
/// Too large, when an argument is above [`Value::MAX`].
pub(crate) fn request(request: &Request<'_>) -> Result<Cmd> {
    match request {
        Request::Query(it) => query(it),
        Request::Mutation(it) => mutation(it),
    }
}

/// Encodes a mutation.
///
/// # Errors
/// Too large, when an argument is above [`Value::MAX`].
pub(crate) fn mutation(mutation: &Mutation<'_>) -> Result<Cmd> {
    let mut packer = Packer::new(mutation.spec());
    mutation.write_args(&mut packer);
    packer.finish()
}

/// The reply in our form. Bulk strings are handed over, not copied, where they are large.
///
/// # Errors
/// The server's own, wherever in the reply it stands; protocol for what is no reply.
pub(crate) fn reply(value: redis::Value) -> Result<Reply> {
    use redis::Value as V;
    Ok(match value {
        V::Nil => Reply::Nil,
        V::Okay => Reply::Ok,
        V::SimpleString(text) => Reply::Status(text.into()),
        V::Int(number) => Reply::Int(number),
        V::Boolean(yes) => Reply::Int(yes.into()),
        V::Double(number) => Reply::Double(number),
        V::BulkString(bytes) | V::BigNumber(bytes) => Reply::Bulk(bytes.into()),
        V::VerbatimString { text, .. } => Reply::Bulk(text.into()),
        V::Array(items) => Reply::Array(items.into_iter().map(reply).collect::<Result<_>>()?),
        V::Set(items) => Reply::Set(items.into_iter().map(reply).collect::<Result<_>>()?),
        V::Map(pairs) => {
            let both = |(key, value)| Ok((reply(key)?, reply(value)?));
            Reply::Map(pairs.into_iter().map(both).collect::<Result<_>>()?)
        }
        V::Attribute { data, .. } => reply(*data)?,
        V::ServerError(error) => return Err(error::server(&error)),
        other => {
            let text = format!("unexpected reply: {other:?}");
            return Err(Error::new(jcache_core::ErrorKind::Protocol, text));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_either_protocol_is_read() {
        let bulk = |text: &str| Reply::Bulk(Value::from(text));
        let cases = [
            ("+OK\r\n", Reply::Ok),
            ("+string\r\n", Reply::Status(Value::from("string"))),
            (":-7\r\n", Reply::Int(-7)),
            ("$3\r\na\0b\r\n", Reply::Bulk(Value::new(b"a\0b"))),
            ("$-1\r\n", Reply::Nil),
            ("*-1\r\n", Reply::Nil),
            ("_\r\n", Reply::Nil),
            ("#t\r\n", Reply::Int(1)),
            (",1.5\r\n", Reply::Double(1.5)),
            (",-inf\r\n", Reply::Double(f64::NEG_INFINITY)),
            ("*2\r\n$1\r\na\r\n$-1\r\n", Reply::Array(vec![bulk("a"), Reply::Nil])),
            ("%1\r\n$1\r\nf\r\n$1\r\nv\r\n", Reply::Map(vec![(bulk("f"), bulk("v"))])),
            ("~1\r\n$1\r\nm\r\n", Reply::Set(vec![bulk("m")])),
            ("=7\r\ntxt:abc\r\n", bulk("abc")),
            ("(12345678901234567890\r\n", bulk("12345678901234567890")),
            ("|1\r\n+ttl\r\n:1\r\n:5\r\n", Reply::Int(5)),
        ];
        for (bytes, expected) in cases {
            let value = redis::parse_redis_value(bytes.as_bytes()).expect(bytes);
            assert_eq!(reply(value).expect(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn an_error_inside_a_reply_is_the_answer() {
        let value = redis::parse_redis_value(b"*2\r\n:1\r\n-ERR no\r\n").expect("a reply");
        assert_eq!(reply(value), Err(Error::invalid("ERR no")));
    }

    #[test]
    fn large_strings_are_not_copied() {
        let bytes = vec![7; 1 << 20];
        let place = bytes.as_ptr();
        let Ok(Reply::Bulk(value)) = reply(redis::Value::BulkString(bytes)) else { panic!("a string") };
        assert_eq!(value.as_bytes().as_ptr(), place);
    }
}
