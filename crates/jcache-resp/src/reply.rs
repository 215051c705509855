//! Replies as a client receives them, in either protocol.

use bytes::buf::Limit;
use jcache_core::{Error, Reply, Value};

use crate::error::ProtocolError;
use crate::input::Input;
use crate::limits::Limits;

/// Elements that a list makes room for before any has come.
const ROOM: usize = 64;

/// Reads the replies of one connection, RESP2 or RESP3, out of the bytes that it receives.
///
/// Use: fill [`input`](ReplyDecoder::input) from the socket, then take replies with [`next`](ReplyDecoder::next) until
/// there is none. An error of the server is a [`Reply::Error`], a push message a [`Reply::Push`]; attributes are passed
/// over. O(1) per byte. After an error every further call gives that error.
#[derive(Debug, Default)]
pub struct ReplyDecoder {
    limits: Limits,
    failed: Option<ProtocolError>,
    input: Input,
    /// Before this, counted from the first unread byte, there is no line end.
    searched: usize,
    /// The string that is being read.
    blob: Option<(Kind, usize)>,
    /// Lists that are not whole, the outermost first.
    open: Vec<Open>,
    /// Bytes of the reply that have been read, with what is kept beside them.
    read: usize,
}

/// What a type byte says about what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bulk,
    Verbatim,
    BlobError,
    Array,
    Set,
    Push,
    Map,
    Attribute,
}

/// A list on its way.
#[derive(Debug)]
struct Open {
    kind: Kind,
    missing: usize,
    items: Vec<Reply>,
}

impl ReplyDecoder {
    /// A decoder with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Where the next bytes from the socket go: at least one, at most what it has room for. Made for
    /// `read_buf(&mut decoder.input())`.
    pub fn input(&mut self) -> Limit<&mut Vec<u8>> {
        self.input.place()
    }

    /// Whether part of a reply has arrived.
    pub fn is_midway(&self) -> bool {
        !self.open.is_empty() || self.blob.is_some() || !self.input.unread().is_empty()
    }

    /// The next reply that has arrived whole; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The bytes are not the protocol, or go past a limit.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Reply>, ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.read().inspect_err(|error| self.failed = Some(*error))
    }

    fn read(&mut self) -> Result<Option<Reply>, ProtocolError> {
        loop {
            let element = match self.blob {
                Some((kind, len)) => self.read_blob(kind, len)?,
                None => self.read_line()?,
            };
            // What is unread belongs to this reply only when it is not whole.
            let starved = matches!(element, Step::Starved);
            let waiting = if starved { self.input.unread().len() + self.input.large_len() } else { 0 };
            if self.read + waiting > self.limits.reply {
                return Err(ProtocolError::ReplyTooLarge);
            }
            match element {
                Step::Starved => return Ok(None),
                Step::Begun => {}
                Step::Whole(reply) => {
                    if let Some(reply) = self.close(reply) {
                        self.read = 0;
                        return Ok(Some(reply));
                    }
                }
            }
        }
    }

    /// Puts an element where it belongs; gives the whole reply when it was the last one.
    fn close(&mut self, mut reply: Reply) -> Option<Reply> {
        loop {
            self.read += size_of::<Reply>();
            let Some(list) = self.open.last_mut() else { return Some(reply) };
            list.items.push(reply);
            list.missing -= 1;
            if list.missing > 0 {
                return None;
            }
            let list = self.open.pop().expect("invariant: it was there just now");
            reply = list.whole()?;
        }
    }

    /// Reads one line and what it says on its own.
    fn read_line(&mut self) -> Result<Step, ProtocolError> {
        let bytes = self.input.unread();
        let found = memchr::memchr(b'\n', &bytes[self.searched..]);
        let end = found.map_or(bytes.len(), |found| self.searched + found);
        // Only texts may be long: those of statuses, errors and numbers of any size.
        if end > self.limits.line && !matches!(bytes[0], b'+' | b'-' | b'(') {
            return Err(ProtocolError::ReplyLine);
        }
        if found.is_none() {
            self.searched = end;
            return Ok(Step::Starved);
        }
        self.searched = 0;
        self.read += end + 1;
        let line = self.input.take(end + 1);
        let Some((kind, line)) = line[..end].strip_suffix(b"\r").and_then(<[u8]>::split_first) else {
            return Err(ProtocolError::ReplyLine);
        };
        Ok(Step::Whole(match kind {
            b'+' if line == b"OK" => Reply::Ok,
            b'+' => Reply::Status(Value::new(line)),
            b'-' => Reply::Error(Error::server(String::from_utf8_lossy(line))),
            b':' => Reply::Int(number(line).ok_or(ProtocolError::ReplyLine)?),
            b',' => Reply::Double(double(line).ok_or(ProtocolError::ReplyLine)?),
            b'(' => Reply::BigNumber(Value::new(line)),
            b'#' if line == b"t" => Reply::Bool(true),
            b'#' if line == b"f" => Reply::Bool(false),
            b'_' if line.is_empty() => Reply::Nil,
            b'#' | b'_' => return Err(ProtocolError::ReplyLine),
            b'$' if line == b"-1" => Reply::Nil,
            b'*' if line == b"-1" => Reply::NilArray,
            b'$' | b'=' | b'!' | b'*' | b'~' | b'>' | b'%' | b'|' => {
                let kind = Kind::of(*kind);
                let len = number(line).and_then(|len| usize::try_from(len).ok()).ok_or(ProtocolError::ReplyLength)?;
                return self.begin(kind, len);
            }
            other => return Err(ProtocolError::UnknownType(*other)),
        }))
    }

    /// Begins a string or a list.
    fn begin(&mut self, kind: Kind, len: usize) -> Result<Step, ProtocolError> {
        let pairs = matches!(kind, Kind::Map | Kind::Attribute);
        match kind {
            Kind::Bulk | Kind::Verbatim | Kind::BlobError if len > self.limits.bulk => Err(ProtocolError::ReplyLength),
            Kind::Bulk | Kind::Verbatim | Kind::BlobError => {
                self.blob = Some((kind, len));
                Ok(Step::Begun)
            }
            _ if len > self.limits.arguments => Err(ProtocolError::ReplyLength),
            _ => {
                let missing = if pairs { len * 2 } else { len };
                let list = Open { kind, missing, items: Vec::with_capacity(missing.min(ROOM)) };
                if missing == 0 {
                    return Ok(list.whole().map_or(Step::Begun, Step::Whole));
                }
                if self.open.len() >= self.limits.depth {
                    return Err(ProtocolError::ReplyDepth);
                }
                self.open.push(list);
                Ok(Step::Begun)
            }
        }
    }

    /// The string of `len` bytes that comes next.
    fn read_blob(&mut self, kind: Kind, len: usize) -> Result<Step, ProtocolError> {
        let value = if self.input.has_large() {
            let Some(whole) = self.input.take_large() else { return Ok(Step::Starved) };
            Value::from(whole)
        } else if self.input.unread().len() >= len + 2 {
            Value::new(&self.input.take(len + 2)[..len])
        } else {
            if Input::is_large(len) {
                self.input.begin_large(0, len);
            }
            return Ok(Step::Starved);
        };
        self.blob = None;
        self.read += len + 2;
        Ok(Step::Whole(match kind {
            Kind::BlobError => Reply::Error(Error::server(String::from_utf8_lossy(&value))),
            // Three letters that name the format, and a colon, come first.
            Kind::Verbatim => Reply::Verbatim(Value::new(value.get(4..).ok_or(ProtocolError::ReplyLength)?)),
            _ => Reply::Bulk(value),
        }))
    }
}

/// What reading went forward by.
enum Step {
    /// Nothing: bytes are missing.
    Starved,
    /// A string or a list has begun, or something was passed over.
    Begun,
    /// An element is whole.
    Whole(Reply),
}

impl Kind {
    fn of(byte: u8) -> Self {
        match byte {
            b'$' => Kind::Bulk,
            b'=' => Kind::Verbatim,
            b'!' => Kind::BlobError,
            b'~' => Kind::Set,
            b'>' => Kind::Push,
            b'%' => Kind::Map,
            b'|' => Kind::Attribute,
            _ => Kind::Array,
        }
    }
}

impl Open {
    /// The list; `None` for attributes, which say something about the reply that follows.
    fn whole(self) -> Option<Reply> {
        Some(match self.kind {
            Kind::Attribute => return None,
            Kind::Set => Reply::Set(self.items),
            Kind::Push => Reply::Push(self.items),
            Kind::Map => {
                let mut items = self.items.into_iter();
                Reply::Map(std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect())
            }
            _ => Reply::Array(self.items),
        })
    }
}

fn number(line: &[u8]) -> Option<i64> {
    std::str::from_utf8(line).ok()?.parse().ok()
}

fn double(line: &[u8]) -> Option<f64> {
    std::str::from_utf8(line).ok()?.parse().ok()
}
