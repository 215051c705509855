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

    /// Drops the first `count` elements.
    pub(super) fn skip_front(&mut self, count: usize) {
        match self {
            Elements::Packed(elements) => elements.skip_front(count),
            Elements::Plain(element) => *element = element.filter(|_| count == 0),
        }
    }

    /// Drops the last `count` elements.
    fn skip_back(&mut self, count: usize) {
        match self {
            Elements::Packed(elements) => elements.skip_back(count),
            Elements::Plain(element) => *element = element.filter(|_| count == 0),
        }
    }
}

/// The elements of a stretch of a list: what is left of the first chunk, whole chunks, what is left of the last one.
///
/// Most walks go forward and end early, so what lies behind the stretch is only cut off when somebody comes from there.
#[derive(Clone)]
pub(super) struct Iter<'a> {
    front: Elements<'a>,
    chunks: vec_deque::Iter<'a, Chunk>,
    back: Elements<'a>,
    len: usize,
    beyond: usize,
}

impl<'a> Iter<'a> {
    /// The first `len` elements of `front` and `chunks`, which have `beyond` more.
    pub(super) fn new(front: Elements<'a>, chunks: vec_deque::Iter<'a, Chunk>, len: usize, beyond: usize) -> Self {
        Iter { front, chunks, back: Elements::default(), len, beyond }
    }

    /// Cuts off what lies behind the stretch.
    #[cold]
    fn trim(&mut self) {
        let mut beyond = std::mem::take(&mut self.beyond);
        while let Some(chunk) = self.chunks.next_back() {
            match beyond.checked_sub(chunk.len()) {
                Some(rest) => beyond = rest,
                None => {
                    self.back = chunk.elements();
                    return self.back.skip_back(beyond);
                }
            }
        }
        self.front.skip_back(beyond);
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.len = self.len.checked_sub(1)?;
        loop {
            let element = self.front.next();
            if element.is_some() {
                return element;
            }
            self.front = match self.chunks.next() {
                Some(chunk) => chunk.elements(),
                None => std::mem::take(&mut self.back),
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
        if self.beyond > 0 {
            self.trim();
        }
        self.len = self.len.checked_sub(1)?;
        loop {
            let element = self.back.next_back();
            if element.is_some() {
                return element;
            }
            self.back = match self.chunks.next_back() {
                Some(chunk) => chunk.elements(),
                None => std::mem::take(&mut self.front),
            };
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}
