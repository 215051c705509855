//! Commands as a server receives them: lists of strings, or lines that a person types.

use std::ops::Deref;

use bytes::buf::Limit;
use jcache_core::{Arg, Value};
use smallvec::SmallVec;

use crate::error::ProtocolError;
use crate::inline;
use crate::input::Input;
use crate::limits::Limits;

/// A command and its arguments, the name first: slices of the decoder's buffer, and large ones as values of their own.
///
/// It is what [`Request::parse`](jcache_core::Request::parse) reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments<'a>(SmallVec<[Arg<'a>; 8]>);

impl<'a> Deref for Arguments<'a> {
    type Target = [Arg<'a>];

    #[inline]
    fn deref(&self) -> &[Arg<'a>] {
        &self.0
    }
}

impl Arguments<'_> {
    /// The same arguments free of the decoder, for a command that waits or is queued: a copy of the small ones.
    pub fn to_static(&self) -> Arguments<'static> {
        Arguments(self.0.iter().map(Arg::to_static).collect())
    }
}

/// One argument that was read: where it stands in the unread bytes, or what it is.
#[derive(Debug)]
enum Piece {
    Slice { start: usize, end: usize },
    Value(Value),
}

/// Reads the commands of one connection out of the bytes that it receives.
///
/// Use: fill [`input`](RequestDecoder::input) from the socket, then take commands with [`next`](RequestDecoder::next)
/// until there is none. O(1) per byte and allocation-free for commands of up to eight arguments below 32 KiB. After an
/// error every further call gives that error.
#[derive(Debug, Default)]
pub struct RequestDecoder {
    limits: Limits,
    restricted: bool,
    failed: Option<ProtocolError>,
    input: Input,
    /// Where reading goes on, counted from the first unread byte, which is the first byte of the command.
    at: usize,
    /// Before this there is no end of the line that starts at `at`.
    searched: usize,
    /// Arguments that are still missing; 0 between commands.
    missing: usize,
    /// Length of the argument that starts at `at`.
    bulk: Option<usize>,
    /// Bytes of large arguments that have been read.
    aside: usize,
    pieces: Vec<Piece>,
}

impl RequestDecoder {
    /// A decoder with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Holds the client to the limits for those that have not authenticated, or no more.
    pub fn restrict(&mut self, restricted: bool) {
        self.restricted = restricted;
    }

    /// Where the next bytes from the socket go: at least one, at most what it has room for. Made for
    /// `read_buf(&mut decoder.input())`.
    pub fn input(&mut self) -> Limit<&mut Vec<u8>> {
        self.input.place()
    }

    /// Whether part of a command has arrived.
    pub fn is_midway(&self) -> bool {
        self.missing > 0 || !self.input.unread().is_empty() || self.input.has_large()
    }

    /// Bytes that were received and are not part of a command that was given out, and for how many more there is room.
    pub fn held(&self) -> (usize, usize) {
        self.input.held()
    }

    /// Gives the buffer back when it is empty: for connections that idle.
    pub fn release(&mut self) {
        self.input.release();
        if self.pieces.is_empty() {
            self.pieces = Vec::new();
        }
    }

    /// The next command that has arrived whole; `None` when more bytes are needed.
    ///
    /// # Errors
    /// The bytes are not the protocol, or go past a limit; the connection is to be closed after
    /// [`ProtocolError::reply`].
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Arguments<'_>>, ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.read() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => {
                self.failed = Some(error);
                return Err(error);
            }
        }
        self.searched = 0;
        let bytes = self.input.take(std::mem::take(&mut self.at));
        let arg = |piece| match piece {
            Piece::Slice { start, end } => Arg::Slice(&bytes[start..end]),
            Piece::Value(value) => Arg::Value(value),
        };
        Ok(Some(Arguments(self.pieces.drain(..).map(arg).collect())))
    }

    /// Reads until a command is whole, or the bytes end.
    fn read(&mut self) -> Result<bool, ProtocolError> {
        loop {
            let whole = if self.missing > 0 {
                self.read_arguments()?
            } else {
                match self.input.unread().first() {
                    None => return Ok(false),
                    Some(b'*') => self.read_header()?,
                    Some(_) => self.read_inline()?,
                }
            };
            match whole {
                None => {
                    let beside = self.aside + self.input.large_len() + self.pieces.len() * size_of::<Piece>();
                    let held = self.input.unread().len() + beside;
                    return if held > self.limits.query { Err(ProtocolError::QueryTooLarge) } else { Ok(false) };
                }
                Some(()) if self.missing == 0 && !self.pieces.is_empty() => {
                    self.aside = 0;
                    return Ok(true);
                }
                // The header of a command, or a command of no words, which Redis passes over.
                Some(()) => {}
            }
        }
    }

    /// The number of arguments.
    #[inline]
    fn read_header(&mut self) -> Result<Option<()>, ProtocolError> {
        let bytes = self.input.unread();
        let (count, next) = match short_number(bytes, 1) {
            Some(found) => found,
            None => {
                let Some(end) = self.line_end(ProtocolError::MultibulkLine)? else { return Ok(None) };
                let count = jcache_core::number::parse_i64(&self.input.unread()[1..end]);
                let count = count.ok_or(ProtocolError::MultibulkLength)?;
                (usize::try_from(count).unwrap_or(0), end + 2)
            }
        };
        if count > self.limits.arguments {
            return Err(ProtocolError::MultibulkLength);
        }
        if self.restricted && count > self.limits.unauthenticated_arguments {
            return Err(ProtocolError::UnauthenticatedMultibulk);
        }
        if count == 0 {
            self.input.consume(next);
            (self.at, self.searched) = (0, 0);
        } else {
            (self.missing, self.at) = (count, next);
        }
        Ok(Some(()))
    }

    /// As many of the missing arguments as have arrived.
    #[inline]
    fn read_arguments(&mut self) -> Result<Option<()>, ProtocolError> {
        while self.missing > 0 {
            let len = match self.bulk {
                Some(len) => len,
                None => {
                    let Some(len) = self.read_length()? else { return Ok(None) };
                    self.bulk = Some(len);
                    len
                }
            };
            let (start, end) = (self.at, self.at + len);
            if self.input.has_large() {
                let Some(whole) = self.input.take_large() else { return Ok(None) };
                self.aside += len;
                self.pieces.push(Piece::Value(whole.into()));
            } else if self.input.unread().len() >= end + 2 {
                // Like Redis, the two bytes after an argument are not looked at.
                self.pieces.push(Piece::Slice { start, end });
                self.at = end + 2;
            } else {
                if Input::is_large(len) {
                    self.input.begin_large(start, len);
                }
                return Ok(None);
            }
            self.bulk = None;
            self.missing -= 1;
        }
        Ok(Some(()))
    }

    /// The length of the argument whose line starts at `at`.
    #[inline]
    fn read_length(&mut self) -> Result<Option<usize>, ProtocolError> {
        let bytes = self.input.unread();
        let short = if bytes.get(self.at) == Some(&b'$') { short_number(bytes, self.at + 1) } else { None };
        let (len, next) = match short {
            Some(found) => found,
            None => {
                let Some(end) = self.line_end(ProtocolError::BulkLine)? else { return Ok(None) };
                let line = &self.input.unread()[self.at..end];
                let len = match line.split_first() {
                    Some((b'$', digits)) => jcache_core::number::parse_i64(digits),
                    first => return Err(ProtocolError::NotABulk(first.map_or(b' ', |(first, _)| *first))),
                };
                (len.and_then(|len| len.try_into().ok()).ok_or(ProtocolError::BulkLength)?, end + 2)
            }
        };
        if len > self.limits.bulk {
            return Err(ProtocolError::BulkLength);
        }
        if self.restricted && len > self.limits.unauthenticated_bulk {
            return Err(ProtocolError::UnauthenticatedBulk);
        }
        self.at = next;
        Ok(Some(len))
    }

    /// Where the line that starts at `at` has its `\r`, when the byte after that is there too.
    fn line_end(&mut self, too_long: ProtocolError) -> Result<Option<usize>, ProtocolError> {
        let bytes = self.input.unread();
        let from = self.searched.max(self.at);
        let end = memchr::memchr(b'\r', &bytes[from..]).map_or(bytes.len(), |found| from + found);
        if end - self.at > self.limits.line {
            return Err(too_long);
        }
        self.searched = end;
        Ok((end + 1 < bytes.len()).then_some(end))
    }

    /// A command typed as a line.
    fn read_inline(&mut self) -> Result<Option<()>, ProtocolError> {
        let bytes = self.input.unread();
        let found = memchr::memchr(b'\n', &bytes[self.searched..]);
        let end = found.map_or(bytes.len(), |found| self.searched + found);
        // Redis looks only at lines that do not end, so that there a longer line passes when it comes in one piece.
        if end > self.limits.line {
            return Err(ProtocolError::InlineLine);
        }
        if found.is_none() {
            self.searched = end;
            return Ok(None);
        }
        let line = &bytes[..end];
        let words = inline::split(line.strip_suffix(b"\r").unwrap_or(line))?;
        self.pieces.extend(words.into_iter().map(Piece::Value));
        self.input.consume(end + 1);
        self.searched = 0;
        Ok(Some(()))
    }
}

/// The number at `at` in its common form, up to nine digits and a line end, and where the next line starts.
#[inline]
fn short_number(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut number = 0;
    for (place, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        match byte {
            b'0'..=b'9' if place == 0 || number > 0 => number = number * 10 + usize::from(byte - b'0'),
            b'\r' if place > 0 && bytes.len() > at + place + 1 => return Some((number, at + place + 2)),
            _ => return None,
        }
    }
    None
}
