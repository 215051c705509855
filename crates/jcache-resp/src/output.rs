//! What is to be sent: small things one after the other in one buffer, large values by reference between.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};
use jcache_core::Value;

/// Values of this many bytes and more are sent from where they are; smaller ones are copied.
const SHARED: usize = 16 << 10;

/// Bytes to send, in order: a [`Buf`] for `write_buf` or `write_all_buf`, vectored where the socket can.
///
/// Replies and commands are written into it, and it takes large values by reference. It has no bound of its own: who
/// writes looks at [`len`](Output::len) between commands.
#[derive(Debug, Default)]
pub struct Output {
    /// Full pieces, which come before `tail`.
    pieces: VecDeque<Bytes>,
    /// What was written last.
    pub(crate) tail: Vec<u8>,
    /// How much of `tail` has been sent; only when `pieces` is empty.
    sent: usize,
    /// Bytes in `pieces`.
    before: usize,
}

impl Output {
    /// An empty output.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that have not been sent.
    pub fn len(&self) -> usize {
        self.before + self.tail.len() - self.sent
    }

    /// Bytes that have not been sent and lie in large pieces, and how many pieces those are; the rest lies in one buffer.
    pub fn pieces(&self) -> (usize, usize) {
        (self.before, self.pieces.len())
    }

    /// Bytes that the buffer for small things has room for.
    pub fn capacity(&self) -> usize {
        self.tail.capacity()
    }

    /// Whether all has been sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes that have not been sent.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all: Vec<u8> = self.pieces.iter().flatten().copied().collect();
        all.extend_from_slice(&self.tail[self.sent..]);
        all
    }

    /// Writes bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// Takes over the first `count` bytes of what `other` holds: a copy, or large values by reference.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn take_from(&mut self, other: &mut Output, mut count: usize) {
        while count > 0 {
            if let Some(piece) = other.pieces.pop_front_if(|piece| piece.len() <= count) {
                (count, other.before) = (count - piece.len(), other.before - piece.len());
                self.share(piece);
            } else {
                let step = count.min(other.chunk().len());
                self.raw(&other.chunk()[..step]);
                other.advance(step);
                count -= step;
            }
        }
    }

    /// Forgets what has not been sent.
    pub fn clear(&mut self) {
        self.pieces.clear();
        self.tail.clear();
        (self.before, self.sent) = (0, 0);
    }

    /// Gives the buffer back when there is nothing in it: for connections that idle.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Writes a value: a copy, or large ones by reference.
    #[inline]
    pub(crate) fn value(&mut self, value: &Value) {
        if value.len() < SHARED { self.tail.extend_from_slice(value) } else { self.share(value.clone().to_bytes()) }
    }

    #[cold]
    fn share(&mut self, bytes: Bytes) {
        self.cut();
        self.before += bytes.len();
        self.pieces.push_back(bytes);
    }

    /// Makes what is in `tail` a piece.
    fn cut(&mut self) {
        if !self.tail.is_empty() {
            let mut piece = Bytes::from(std::mem::take(&mut self.tail));
            piece.advance(std::mem::take(&mut self.sent));
            self.before += piece.len();
            self.pieces.push_back(piece);
        }
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&self.tail[self.sent..], |piece| piece)
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len(), "cannot send more than there is");
        while let Some(piece) = self.pieces.front_mut() {
            let step = count.min(piece.len());
            piece.advance(step);
            (count, self.before) = (count - step, self.before - step);
            if !piece.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        self.sent += count;
        if self.sent == self.tail.len() {
            self.tail.clear();
            self.sent = 0;
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let tail = &self.tail[self.sent..];
        let all = self.pieces.iter().map(|piece| &piece[..]).chain((!tail.is_empty()).then_some(tail));
        slices.iter_mut().zip(all).map(|(slice, bytes)| *slice = IoSlice::new(bytes)).count()
    }
}
