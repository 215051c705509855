//! Commands and replies as bytes: for the log, for forwarded calls, for snapshots.
//!
//! Lengths are varints (LEB128). A command is its arguments, each with its length, so the log knows no command by name.

use bytes::Bytes;
use jcache_core::{Arg, ArgSink, Error, ErrorKind, Mutation, Query, Reply, Request, Value};
use smallvec::SmallVec;

/// The arguments of one command, borrowed from where they were read.
pub(crate) type Arguments<'a> = SmallVec<[Arg<'a>; 6]>;

/// Appends a varint.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends bytes with their length.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// What cannot be read: never what this module wrote.
#[cold]
pub(crate) fn broken() -> Error {
    Error::new(ErrorKind::Protocol, "a record or message cannot be read")
}

/// Takes a varint from the front.
#[inline]
pub(crate) fn take_varint(input: &mut &[u8]) -> Result<u64, Error> {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let (byte, rest) = input.split_first().ok_or_else(broken)?;
        *input = rest;
        if shift > 63 || shift == 63 && *byte > 1 {
            return Err(broken());
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
        shift += 7;
    }
}

/// Takes bytes with their length from the front.
#[inline]
pub(crate) fn take_bytes<'a>(input: &mut &'a [u8]) -> Result<&'a [u8], Error> {
    let len = usize::try_from(take_varint(input)?).map_err(|_| broken())?;
    let (bytes, rest) = input.split_at_checked(len).ok_or_else(broken)?;
    *input = rest;
    Ok(bytes)
}

/// Takes one byte from the front.
pub(crate) fn take_byte(input: &mut &[u8]) -> Result<u8, Error> {
    let (byte, rest) = input.split_first().ok_or_else(broken)?;
    *input = rest;
    Ok(*byte)
}

struct Sink<'a>(&'a mut Vec<u8>);

impl ArgSink for Sink<'_> {
    #[inline]
    fn arg(&mut self, bytes: &[u8]) {
        put_bytes(self.0, bytes);
    }
}

/// Appends name and arguments of a mutation, to the end of what is being written.
#[inline]
pub(crate) fn put_open_command(out: &mut Vec<u8>, mutation: &Mutation<'_>) {
    put_bytes(out, mutation.spec().name.as_bytes());
    mutation.write_args(&mut Sink(out));
}

/// Reads name and arguments up to the end of `input`.
#[inline]
pub(crate) fn read_open_command(mut input: &[u8]) -> Result<Arguments<'_>, Error> {
    let mut args = Arguments::new();
    while !input.is_empty() {
        args.push(Arg::Slice(take_bytes(&mut input)?));
    }
    Ok(args)
}

/// Appends a mutation with its length.
pub(crate) fn put_command(out: &mut Vec<u8>, mutation: &Mutation<'_>) {
    let mut body = Vec::new();
    put_open_command(&mut body, mutation);
    put_bytes(out, &body);
}

/// Takes a command with its length from the front.
pub(crate) fn take_command<'a>(input: &mut &'a [u8]) -> Result<Arguments<'a>, Error> {
    read_open_command(take_bytes(input)?)
}

/// A command as bytes of its own.
pub(crate) fn request_bytes(request: &Request<'_>) -> Bytes {
    let mut out = Vec::with_capacity(64);
    match request {
        Request::Mutation(mutation) => put_open_command(&mut out, mutation),
        Request::Query(query) => put_query(&mut out, query),
    }
    out.into()
}

fn put_query(out: &mut Vec<u8>, query: &Query<'_>) {
    put_bytes(out, query.spec().name.as_bytes());
    query.write_args(&mut Sink(out));
}

/// The deepest nesting of a reply; commands answer with three at most.
const DEEPEST: usize = 8;

/// Appends a reply.
pub(crate) fn put_reply(out: &mut Vec<u8>, reply: &Reply) {
    let list = |out: &mut Vec<u8>, tag, items: &[Reply]| {
        out.push(tag);
        put_varint(out, items.len() as u64);
        for item in items {
            put_reply(out, item);
        }
    };
    match reply {
        Reply::Nil => out.push(0),
        Reply::Ok => out.push(1),
        Reply::Status(text) => {
            out.push(2);
            put_bytes(out, text);
        }
        Reply::Int(number) => {
            out.push(3);
            put_varint(out, (number << 1 ^ number >> 63) as u64);
        }
        Reply::Double(number) => {
            out.push(4);
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Reply::Bulk(text) => {
            out.push(5);
            put_bytes(out, text);
        }
        Reply::Array(items) => list(out, 6, items),
        Reply::Set(items) => list(out, 7, items),
        Reply::Map(pairs) => {
            out.push(8);
            put_varint(out, pairs.len() as u64);
            for (key, value) in pairs {
                put_reply(out, key);
                put_reply(out, value);
            }
        }
    }
}

/// Takes a reply from the front.
pub(crate) fn take_reply(input: &mut &[u8]) -> Result<Reply, Error> {
    reply_within(input, DEEPEST)
}

fn reply_within(input: &mut &[u8], depth: usize) -> Result<Reply, Error> {
    if depth == 0 {
        return Err(broken());
    }
    let count = |input: &mut &[u8]| {
        let count = usize::try_from(take_varint(input)?).map_err(|_| broken())?;
        // An item takes a byte at least: nothing is reserved on the word of the input alone.
        if count > input.len() { Err(broken()) } else { Ok(count) }
    };
    Ok(match take_byte(input)? {
        0 => Reply::Nil,
        1 => Reply::Ok,
        2 => Reply::Status(Value::new(take_bytes(input)?)),
        3 => {
            let number = take_varint(input)?;
            Reply::Int((number >> 1) as i64 ^ -((number & 1) as i64))
        }
        4 => {
            let (bits, rest) = input.split_first_chunk::<8>().ok_or_else(broken)?;
            *input = rest;
            Reply::Double(f64::from_bits(u64::from_le_bytes(*bits)))
        }
        5 => Reply::Bulk(Value::new(take_bytes(input)?)),
        tag @ (6 | 7) => {
            let mut items = Vec::new();
            for _ in 0..count(input)? {
                items.push(reply_within(input, depth - 1)?);
            }
            if tag == 6 { Reply::Array(items) } else { Reply::Set(items) }
        }
        8 => {
            let mut pairs = Vec::new();
            for _ in 0..count(input)? {
                pairs.push((reply_within(input, depth - 1)?, reply_within(input, depth - 1)?));
            }
            Reply::Map(pairs)
        }
        _ => return Err(broken()),
    })
}
