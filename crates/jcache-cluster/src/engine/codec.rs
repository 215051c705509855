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
    mutation.spec().words().for_each(|word| put_bytes(out, word.as_bytes()));
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

/// A command as bytes of its own; `scratch` is where it is put together.
pub(crate) fn request_bytes(scratch: &mut Vec<u8>, request: &Request<'_>) -> Bytes {
    scratch.clear();
    match request {
        Request::Mutation(mutation) => put_open_command(scratch, mutation),
        Request::Query(query) => put_query(scratch, query),
    }
    Bytes::copy_from_slice(scratch)
}

/// A reply as bytes of its own; the common ones are not allocated.
pub(crate) fn reply_bytes(reply: &Reply) -> SmallVec<[u8; 32]> {
    match reply {
        Reply::Nil => SmallVec::from_slice(&[0]),
        Reply::Ok => SmallVec::from_slice(&[1]),
        other => {
            let mut bytes = Vec::new();
            put_reply(&mut bytes, other);
            SmallVec::from_vec(bytes)
        }
    }
}

fn put_query(out: &mut Vec<u8>, query: &Query<'_>) {
    query.spec().words().for_each(|word| put_bytes(out, word.as_bytes()));
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
    let text = |out: &mut Vec<u8>, tag, text: &Value| {
        out.push(tag);
        put_bytes(out, text);
    };
    let pairs = |out: &mut Vec<u8>, tag, pairs: &[(Reply, Reply)]| {
        out.push(tag);
        put_varint(out, pairs.len() as u64);
        for (key, value) in pairs {
            put_reply(out, key);
            put_reply(out, value);
        }
    };
    match reply {
        Reply::Nil => out.push(0),
        Reply::Ok => out.push(1),
        Reply::Status(it) => text(out, 2, it),
        Reply::Int(number) => {
            out.push(3);
            put_varint(out, (number << 1 ^ number >> 63) as u64);
        }
        Reply::Double(number) => {
            out.push(4);
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Reply::Bulk(it) => text(out, 5, it),
        Reply::Array(items) => list(out, 6, items),
        Reply::Set(items) => list(out, 7, items),
        Reply::Map(items) => pairs(out, 8, items),
        Reply::NilArray => out.push(9),
        Reply::Bool(yes) => out.extend_from_slice(&[10, u8::from(*yes)]),
        Reply::BigNumber(it) => text(out, 11, it),
        Reply::Verbatim(it) => text(out, 12, it),
        Reply::Pairs(items) => pairs(out, 13, items),
        Reply::Push(items) => list(out, 14, items),
        Reply::Error(error) => {
            out.push(15);
            out.push(KINDS.iter().position(|kind| *kind == error.kind()).unwrap_or(KINDS.len()) as u8);
            put_bytes(out, error.to_string().as_bytes());
        }
    }
}

/// The kinds of errors by number; one that is not here travels as a server's.
const KINDS: &[ErrorKind] = &[
    ErrorKind::WrongType,
    ErrorKind::Invalid,
    ErrorKind::UnknownCommand,
    ErrorKind::Arity,
    ErrorKind::TooLarge,
    ErrorKind::OutOfMemory,
    ErrorKind::Unsupported,
    ErrorKind::CrossSlot,
];

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
        tag @ (6 | 7 | 14) => {
            let mut items = Vec::new();
            for _ in 0..count(input)? {
                items.push(reply_within(input, depth - 1)?);
            }
            match tag {
                6 => Reply::Array(items),
                7 => Reply::Set(items),
                _ => Reply::Push(items),
            }
        }
        tag @ (8 | 13) => {
            let mut pairs = Vec::new();
            for _ in 0..count(input)? {
                pairs.push((reply_within(input, depth - 1)?, reply_within(input, depth - 1)?));
            }
            if tag == 8 { Reply::Map(pairs) } else { Reply::Pairs(pairs) }
        }
        9 => Reply::NilArray,
        10 => Reply::Bool(take_byte(input)? != 0),
        11 => Reply::BigNumber(Value::new(take_bytes(input)?)),
        12 => Reply::Verbatim(Value::new(take_bytes(input)?)),
        15 => {
            let kind = KINDS.get(usize::from(take_byte(input)?)).copied().unwrap_or(ErrorKind::Server);
            let text = String::from_utf8_lossy(take_bytes(input)?).into_owned();
            Reply::Error(Error::new(kind, text))
        }
        _ => return Err(broken()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_as_they_were_written() {
        let flat = [
            Reply::Nil,
            Reply::NilArray,
            Reply::Ok,
            Reply::Status("QUEUED".into()),
            Reply::Int(i64::MIN),
            Reply::Int(-1),
            Reply::Int(i64::MAX),
            Reply::Bool(true),
            Reply::Double(-0.1),
            Reply::Double(f64::INFINITY),
            Reply::BigNumber("123".into()),
            Reply::Bulk("".into()),
            Reply::Verbatim("text".into()),
            Reply::Error(Error::wrong_type()),
        ];
        let pairs = vec![(Reply::Int(1), Reply::Nil), (Reply::Ok, Reply::Bulk("x".into()))];
        let nested = [
            Reply::Array(flat.to_vec()),
            Reply::Set(Vec::new()),
            Reply::Push(flat[..2].to_vec()),
            Reply::Map(pairs.clone()),
            Reply::Pairs(pairs),
        ];
        for reply in flat.iter().chain(&nested) {
            let mut bytes = Vec::new();
            put_reply(&mut bytes, reply);
            let mut rest = &bytes[..];
            assert_eq!(take_reply(&mut rest).as_ref(), Ok(reply));
            assert!(rest.is_empty());
            for cut in 0..bytes.len() {
                assert!(take_reply(&mut &bytes[..cut]).is_err(), "{reply:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn numbers_are_read_as_they_were_written() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, number);
            assert_eq!(take_varint(&mut &bytes[..]), Ok(number));
        }
        assert!(take_varint(&mut &[0xff; 11][..]).is_err(), "too long for 64 bits");
        assert!(take_bytes(&mut &[5, 1, 2][..]).is_err());
    }
}
