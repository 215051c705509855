//! Walking over a stretch of a list, from either end.

use std::collections::vec_deque;
use std::iter::FusedIterator;

use crate::collection::packed;

use super::chunk::Chunk;

/// The elements of one chunk.
#[derive(Clone)]
pub(super) enum Elements<'a> {
    Packed(packed::Iter<'a>),
    Plain(Option<&'a [u8]>),
}

impl Default for Elements<'_> {
    fn default() -> Self {
        Elements::Plain(None)
    }
}

impl<'a> Elements<'a> {
    #[inline]
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        match self {
            Elements::Packed(elements) => elements.next(),
            Elements::Plain(element) => element.take(),
        }
    }

    #[inline]
    pub(super) fn next_back(&mut self) -> Option<&'a [u8]> {
        match self {
            Elements::Packed(elements) => elements.next_back(),
            Elements::Plain(element) => element.take(),
        }
    }

    /// Drops elements from both ends.
    pub(super) fn trim(&mut self, front: usize, back: usize) {
        for _ in 0..front {
            self.next();
        }
        for _ in 0..back {
            self.next_back();
        }
    }
}

/// The elements of a stretch of a list: what is left of the first chunk, whole chunks, what is left of the last one.
#[derive(Clone)]
pub(super) struct Iter<'a> {
    front: Elements<'a>,
    chunks: vec_deque::Iter<'a, Chunk>,
    back: Elements<'a>,
    len: usize,
}

impl<'a> Iter<'a> {
    /// `len` elements in all.
    pub(super) fn new(front: Elements<'a>, chunks: vec_deque::Iter<'a, Chunk>, back: Elements<'a>, len: usize) -> Self {
        Iter { front, chunks, back, len }
    }

    /// `len` elements from `start` on of one chunk.
    pub(super) fn within(mut elements: Elements<'a>, start: usize, len: usize) -> Self {
        if let Elements::Packed(packed) = &elements {
            let back = packed.len() - start - len;
            elements.trim(start, back);
        }
        Iter { front: elements, chunks: Default::default(), back: Elements::default(), len }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            if let Some(element) = self.front.next() {
                self.len -= 1;
                return Some(element);
            }
            self.front = match self.chunks.next() {
                Some(chunk) => chunk.elements(),
                None if self.len > 0 => std::mem::take(&mut self.back),
                None => return None,
            };
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(element) = self.back.next_back() {
                self.len -= 1;
                return Some(element);
            }
            self.back = match self.chunks.next_back() {
                Some(chunk) => chunk.elements(),
                None if self.len > 0 => std::mem::take(&mut self.front),
                None => return None,
            };
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}
