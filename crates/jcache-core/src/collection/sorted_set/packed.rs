//! The small form of a sorted set: entries in order in one block of bytes.
//!
//! An entry is `len, score, member, len`: the length in one byte at both ends, so that the block is walked from either (the
//! idea of Redis's listpack), and the eight bytes of the score in native order between.

use super::{Place, SortedSet};
use crate::collection::allocated;

/// Entries in the order of (score, member).
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    len: u32,
}

const _: () = assert!(SortedSet::PACKED_MEMBER <= u8::MAX as usize);

/// Bytes of an entry beside its member.
const FRAME: usize = 1 + size_of::<f64>() + 1;

impl Packed {
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn heap_size(&self) -> usize {
        allocated(self.bytes.capacity())
    }

    /// The bytes in use.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// No less than the bytes that the block grows by for `count` members of so many bytes.
    pub(super) fn growth_ahead(&self, count: usize, bytes: usize) -> usize {
        let needed = self.bytes.len() + count * FRAME + bytes;
        if needed <= self.bytes.capacity() {
            return 0;
        }
        allocated(needed + needed / 8) - self.heap_size()
    }

    /// Where `member` is, with its score: the walk ends at it, so the offset is that of its end.
    fn find(&self, member: &[u8]) -> Option<(usize, f64)> {
        let mut walk = self.range(0, self.len());
        let (_, score) = walk.find(|(other, _)| *other == member)?;
        Some((self.bytes.len() - walk.rest.len() - FRAME - member.len(), score))
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|(_, score)| score)
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<usize> {
        self.range(0, self.len()).position(|(other, _)| other == member)
    }

    pub(super) fn rank_of(&self, place: Place<'_>) -> usize {
        self.range(0, self.len()).take_while(|&(member, score)| place.is_after(score, || member)).count()
    }

    /// Adds or moves `member`, which must be short enough to be packed.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        debug_assert!(member.len() <= SortedSet::PACKED_MEMBER);
        let old = self.find(member);
        match old {
            Some((_, old)) if old == score => return Some(old),
            Some((at, _)) => self.cut(at, FRAME + member.len(), 1),
            None => {}
        }
        let at = self.offset(self.rank_of(Place::Entry(score, member)));
        let (len, end) = (self.bytes.len(), at + FRAME + member.len());
        self.reserve(end - at);
        self.bytes.resize(len + end - at, 0);
        self.bytes.copy_within(at..len, end);
        self.bytes[at] = member.len() as u8;
        self.bytes[at + 1..at + 9].copy_from_slice(&score.to_ne_bytes());
        self.bytes[at + 9..end - 1].copy_from_slice(member);
        self.bytes[end - 1] = member.len() as u8;
        self.len += 1;
        old.map(|(_, score)| score)
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (at, score) = self.find(member)?;
        self.cut(at, FRAME + member.len(), 1);
        self.shrink();
        Some(score)
    }

    pub(super) fn remove_range(&mut self, start: usize, len: usize) {
        let (from, to) = (self.offset(start), self.offset(start + len));
        self.cut(from, to - from, len);
        self.shrink();
    }

    /// The entries of the ranks `start..end`, which must exist.
    pub(super) fn range(&self, start: usize, end: usize) -> Iter<'_> {
        Iter { rest: &self.bytes[self.offset(start)..self.offset(end)], len: end - start }
    }

    /// Where the entry of a rank starts, walking from the nearer end.
    fn offset(&self, rank: usize) -> usize {
        let mut walk = Iter { rest: &self.bytes, len: self.len() };
        if rank <= self.len() / 2 {
            (0..rank).for_each(|_| _ = walk.next());
            self.bytes.len() - walk.rest.len()
        } else {
            (rank..self.len()).for_each(|_| _ = walk.next_back());
            walk.rest.len()
        }
    }

    fn cut(&mut self, at: usize, bytes: usize, entries: usize) {
        self.bytes.drain(at..at + bytes);
        self.len -= entries as u32;
    }

    /// Grows by an eighth beyond need: packed sets are many, and moving a few kilobytes is quick.
    fn reserve(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() < more {
            self.bytes.reserve_exact(more + self.bytes.len() / 8);
        }
    }

    /// Gives back the room once half of it is unused.
    fn shrink(&mut self) {
        if self.bytes.len() < self.bytes.capacity() / 2 {
            self.bytes.shrink_to_fit();
        }
    }
}

/// Entries of a range of ranks, from both ends.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a> {
    rest: &'a [u8],
    len: usize,
}

/// Splits the frame of an entry into member and score.
#[inline]
fn open(entry: &[u8]) -> (&[u8], f64) {
    let (score, member) = entry[1..entry.len() - 1].split_first_chunk().expect("invariant: an entry has a score");
    (member, f64::from_ne_bytes(*score))
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let len = *self.rest.first()?;
        let (entry, rest) = self.rest.split_at(FRAME + len as usize);
        (self.rest, self.len) = (rest, self.len - 1);
        Some(open(entry))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let len = *self.rest.last()?;
        let (rest, entry) = self.rest.split_at(self.rest.len() - FRAME - len as usize);
        (self.rest, self.len) = (rest, self.len - 1);
        Some(open(entry))
    }
}
