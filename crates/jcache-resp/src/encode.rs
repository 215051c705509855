//! Replies, errors and commands as bytes.

use jcache_core::reply::{ReplySink, Shape};
use jcache_core::{ArgSink, Error, Reply, Request, Value};

use crate::Protocol;
use crate::output::Output;

impl Output {
    /// Writes a reply in the form that `protocol` has for it.
    #[inline]
    pub fn reply(&mut self, reply: &Reply, protocol: Protocol) {
        match reply {
            Reply::Bulk(value) => self.bulk(value),
            Reply::Ok => self.raw(b"+OK\r\n"),
            Reply::Int(number) => self.number(b':', *number),
            Reply::Nil if protocol == Protocol::Resp2 => self.raw(b"$-1\r\n"),
            other => self.other(other, protocol),
        }
    }

    /// Writes a reply or an error.
    #[inline]
    pub fn result(&mut self, result: &Result<Reply, Error>, protocol: Protocol) {
        match result {
            Ok(reply) => self.reply(reply, protocol),
            Err(error) => self.error(error),
        }
    }

    /// Writes a reply that is told, in the form that `protocol` has for it.
    pub fn told(&mut self, protocol: Protocol) -> impl ReplySink + '_ {
        Told { out: self, three: protocol == Protocol::Resp3 }
    }

    /// Writes an error. The text keeps its code word, such as `WRONGTYPE`; without one it gets `ERR`.
    pub fn error(&mut self, error: &Error) {
        let text = error.message();
        let code = text.split(' ').next().unwrap_or_default();
        let has_code = code.len() > 1 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        self.raw(if has_code { b"-" } else { b"-ERR " });
        self.line(text.as_bytes());
    }

    /// Writes the start of a list; its `len` elements follow as replies.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// Writes a command: its name and arguments.
    pub fn command(&mut self, args: &[impl AsRef<[u8]>]) {
        self.header(b'*', args.len());
        for arg in args {
            self.string(arg.as_ref());
        }
    }

    /// Writes a command that is a value.
    pub fn request(&mut self, request: &Request<'_>) {
        let name = request.spec().words();
        let mut count = Counter(name.clone().count());
        write_args(request, &mut count);
        self.header(b'*', count.0);
        name.for_each(|word| self.string(word.as_bytes()));
        write_args(request, &mut Writer(self));
    }

    #[inline]
    fn bulk(&mut self, value: &Value) {
        self.tail.reserve(24);
        self.header(b'$', value.len());
        self.value(value);
        self.raw(b"\r\n");
    }

    fn string(&mut self, bytes: &[u8]) {
        self.header(b'$', bytes.len());
        self.raw(bytes);
        self.raw(b"\r\n");
    }

    #[inline]
    fn header(&mut self, kind: u8, len: usize) {
        self.tail.push(kind);
        self.raw(itoa::Buffer::new().format(len).as_bytes());
        self.raw(b"\r\n");
    }

    #[inline]
    fn number(&mut self, kind: u8, number: i64) {
        self.tail.push(kind);
        self.raw(itoa::Buffer::new().format(number).as_bytes());
        self.raw(b"\r\n");
    }

    /// The rest of a line, which cannot hold a line end.
    fn line(&mut self, text: &[u8]) {
        self.tail.extend(text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
        self.raw(b"\r\n");
    }

    fn other(&mut self, reply: &Reply, protocol: Protocol) {
        let three = protocol == Protocol::Resp3;
        match reply {
            Reply::Nil | Reply::NilArray if three => self.raw(b"_\r\n"),
            Reply::Nil => self.raw(b"$-1\r\n"),
            Reply::NilArray => self.raw(b"*-1\r\n"),
            Reply::Ok => self.raw(b"+OK\r\n"),
            Reply::Status(text) => {
                self.raw(b"+");
                self.line(text);
            }
            Reply::Error(error) => self.error(error),
            Reply::Int(number) => self.number(b':', *number),
            Reply::Bool(yes) if three => self.raw(if *yes { b"#t\r\n" } else { b"#f\r\n" }),
            Reply::Bool(yes) => self.number(b':', (*yes).into()),
            Reply::Double(number) => {
                let text = jcache_core::number::format_f64(*number);
                if three {
                    self.raw(b",");
                    self.line(text.as_bytes());
                } else {
                    self.string(text.as_bytes());
                }
            }
            Reply::BigNumber(text) if three => {
                self.raw(b"(");
                self.line(text);
            }
            Reply::Verbatim(text) if three => {
                self.header(b'=', text.len() + 4);
                self.raw(b"txt:");
                self.value(text);
                self.raw(b"\r\n");
            }
            Reply::Bulk(value) | Reply::BigNumber(value) | Reply::Verbatim(value) => self.bulk(value),
            Reply::Array(items) => self.items(b'*', items, protocol),
            Reply::Set(items) => self.items(if three { b'~' } else { b'*' }, items, protocol),
            Reply::Push(items) => self.items(if three { b'>' } else { b'*' }, items, protocol),
            Reply::Map(pairs) if three => {
                self.header(b'%', pairs.len());
                self.pairs(pairs, false, protocol);
            }
            Reply::Pairs(pairs) if three => {
                self.header(b'*', pairs.len());
                self.pairs(pairs, true, protocol);
            }
            Reply::Map(pairs) | Reply::Pairs(pairs) => {
                self.header(b'*', pairs.len() * 2);
                self.pairs(pairs, false, protocol);
            }
        }
    }

    fn items(&mut self, kind: u8, items: &[Reply], protocol: Protocol) {
        self.header(kind, items.len());
        for item in items {
            self.reply(item, protocol);
        }
    }

    fn pairs(&mut self, pairs: &[(Reply, Reply)], nested: bool, protocol: Protocol) {
        for (first, second) in pairs {
            if nested {
                self.raw(b"*2\r\n");
            }
            self.reply(first, protocol);
            self.reply(second, protocol);
        }
    }
}

/// Writes a reply that is told.
struct Told<'o> {
    out: &'o mut Output,
    three: bool,
}

impl ReplySink for Told<'_> {
    fn list(&mut self, shape: Shape, len: usize) {
        match shape {
            Shape::Set if self.three => self.out.header(b'~', len),
            Shape::Map if self.three => self.out.header(b'%', len),
            Shape::Map => self.out.header(b'*', len * 2),
            Shape::Array | Shape::Set => self.out.header(b'*', len),
        }
    }

    fn bulk(&mut self, bytes: &[u8]) {
        self.out.tail.reserve(bytes.len() + 24);
        self.out.string(bytes);
    }
}

fn write_args(request: &Request<'_>, out: &mut impl ArgSink) {
    match request {
        Request::Query(query) => query.write_args(out),
        Request::Mutation(mutation) => mutation.write_args(out),
    }
}

/// Counts arguments.
struct Counter(usize);

impl ArgSink for Counter {
    fn arg(&mut self, _: &[u8]) {
        self.0 += 1;
    }
}

/// Writes arguments.
struct Writer<'o>(&'o mut Output);

impl ArgSink for Writer<'_> {
    fn arg(&mut self, bytes: &[u8]) {
        self.0.string(bytes);
    }
}
