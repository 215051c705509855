//! The bytes received and not yet understood: one buffer that the socket reads into, and beside it one large argument
//! that is read straight to where it will stay.

use bytes::buf::{BufMut, Limit};

/// Strings of this many bytes and more get an allocation of their own when they have not arrived whole.
const LARGE: usize = 32 << 10;
/// Room that a connection reads into at first.
const MIN_CHUNK: usize = 4 << 10;
/// Room that a connection reads into once it has filled smaller ones.
const MAX_CHUNK: usize = 64 << 10;

/// Received bytes.
#[derive(Debug)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    /// Where the unread bytes start.
    start: usize,
    /// Room asked for at the next read.
    chunk: usize,
    large: Option<Large>,
}

/// A large string on its way, and the line end after it.
#[derive(Debug)]
struct Large {
    bytes: Vec<u8>,
    wanted: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self { bytes: Vec::new(), start: 0, chunk: MIN_CHUNK, large: None }
    }
}

impl Input {
    /// Where the next bytes go.
    pub(crate) fn place(&mut self) -> Limit<&mut Vec<u8>> {
        if let Some(large) = &mut self.large {
            // Twice what has come at most, and never more than was announced: a promise alone reserves nothing.
            let missing = large.wanted - large.bytes.len();
            if large.bytes.len() == large.bytes.capacity() {
                large.bytes.reserve_exact(missing.min(large.bytes.len().max(MAX_CHUNK)));
            }
            let room = large.bytes.capacity() - large.bytes.len();
            return (&mut large.bytes).limit(missing.min(room));
        }
        let full = !self.bytes.is_empty() && self.bytes.len() == self.bytes.capacity();
        if full {
            self.chunk = (self.chunk * 2).min(MAX_CHUNK);
        }
        if self.start == self.bytes.len() {
            self.bytes.clear();
        } else if self.start > 0 {
            // What stays is a part of one command, which is moved only now that it has become the first.
            self.bytes.drain(..self.start);
        }
        self.start = 0;
        self.bytes.reserve(self.chunk);
        let room = self.bytes.capacity() - self.bytes.len();
        (&mut self.bytes).limit(room)
    }

    /// The bytes that have not been read yet.
    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Takes `count` of the unread bytes away.
    #[inline]
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Takes `count` of the unread bytes away, and gives them.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> &[u8] {
        let taken = &self.bytes[self.start..self.start + count];
        self.start += count;
        taken
    }

    /// Whether a string of `len` bytes that has not arrived whole is worth an allocation of its own.
    pub(crate) fn is_large(len: usize) -> bool {
        len >= LARGE
    }

    /// Reads a string of `len` bytes, which starts at the unread byte `at` and has not arrived whole, to a place of its
    /// own from here on.
    pub(crate) fn begin_large(&mut self, at: usize, len: usize) {
        let arrived = self.start + at..;
        let mut bytes = Vec::with_capacity((len + 2).min(MAX_CHUNK));
        bytes.extend_from_slice(&self.bytes[arrived.clone()]);
        self.bytes.truncate(arrived.start);
        self.large = Some(Large { bytes, wanted: len + 2 });
    }

    /// Bytes of the large string that have arrived.
    pub(crate) fn large_len(&self) -> usize {
        self.large.as_ref().map_or(0, |large| large.bytes.len())
    }

    /// The large string, without the line end, once it is whole.
    pub(crate) fn take_large(&mut self) -> Option<Vec<u8>> {
        let mut whole = self.large.take_if(|large| large.bytes.len() == large.wanted)?;
        whole.bytes.truncate(whole.wanted - 2);
        Some(whole.bytes)
    }

    /// Bytes that were received and not understood yet, and for how many more there is room.
    pub(crate) fn held(&self) -> (usize, usize) {
        let (large, room) = self.large.as_ref().map_or((0, 0), |large| (large.bytes.len(), large.bytes.capacity()));
        let held = self.bytes.len() - self.start + large;
        (held, self.bytes.capacity() + room - held)
    }

    /// Whether a large string is on its way.
    pub(crate) fn has_large(&self) -> bool {
        self.large.is_some()
    }

    /// Gives the buffer back when there is nothing in it.
    pub(crate) fn release(&mut self) {
        if self.start == self.bytes.len() {
            (self.bytes, self.start, self.chunk) = (Vec::new(), 0, MIN_CHUNK);
        }
    }
}
