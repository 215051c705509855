//! A sequence of byte strings in one block: what small collections and the chunks of lists are made of.
//!
//! Each element has its length before and behind it, so that the sequence can be walked from both ends; elements below
//! 128 bytes cost two bytes more than they hold. Spare room is kept at both ends: pushing and popping at either is
//! amortised O(1), everything by position is a walk and a move of bytes, which is fast while the block is a few
//! kilobytes.

mod element;
#[cfg(test)]
mod tests;

use std::fmt;

use super::allocated;
use element::{varint_len, write};

pub(crate) use element::Iter;

/// Growth stops here on the way past it, so that the full chunks of a list have no slack.
pub(super) const CHUNK: usize = 8192;

/// Blocks up to this size are not shrunk when elements leave.
const KEEP: usize = 256;

/// A sequence of byte strings in one block.
///
/// Positions are byte offsets into the live part: 0 is the first element, [`Packed::size`] the end. They come from
/// [`Packed::find`] and [`Packed::position`] and are good until the next change.
#[derive(Default)]
pub(crate) struct Packed {
    block: Box<[u8]>,
    start: u32,
    end: u32,
    len: u32,
}

impl Packed {
    /// An empty sequence with room for `bytes` of elements and their lengths.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Packed { block: vec![0; filling(bytes)].into_boxed_slice(), start: 0, end: 0, len: 0 }
    }

    /// How many elements there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes in use: elements and their lengths, without spare room.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// The bytes the block takes from the allocator.
    #[inline]
    pub(crate) fn heap_size(&self) -> usize {
        allocated(self.block.len())
    }

    /// No less than the bytes that the block grows by when elements of so many bytes, lengths included, are added or put
    /// in the place of others.
    pub(crate) fn growth_ahead(&self, bytes: usize) -> usize {
        if self.block.len() - self.end as usize >= bytes && self.start as usize >= bytes {
            return 0;
        }
        // A quarter of what is needed is kept spare at each end.
        let needed = self.size() + bytes;
        allocated(needed + needed / 2 + 16).saturating_sub(self.heap_size())
    }

    /// The bytes an element of `len` bytes takes.
    #[inline]
    pub(crate) fn cost(len: usize) -> usize {
        len + 2 * varint_len(len)
    }

    /// The elements in order, from either end.
    #[inline]
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { rest: self.live(), len: self.len() }
    }

    /// Where the element `index` starts; the end for `len` and beyond. Walks from the nearer end.
    pub(crate) fn position(&self, index: usize) -> usize {
        self.iter().offset(index.min(self.len()))
    }

    /// The element `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        self.at(self.position(index))
    }

    /// The element that starts at `position`; `None` at the end.
    #[inline]
    pub(crate) fn at(&self, position: usize) -> Option<&[u8]> {
        Iter { rest: &self.live()[position..], len: 1 }.next()
    }

    /// The position after the element of `len` bytes at `position`.
    #[inline]
    pub(crate) fn after(position: usize, len: usize) -> usize {
        position + Self::cost(len)
    }

    /// The position of the first element equal to `needle` among those whose index is a multiple of `step`.
    pub(crate) fn find(&self, needle: &[u8], step: usize) -> Option<usize> {
        let mut walk = self.iter();
        loop {
            let position = self.size() - walk.rest.len();
            if walk.next()? == needle {
                return Some(position);
            }
            for _ in 1..step {
                walk.next();
            }
        }
    }

    /// Adds an element at the end.
    #[inline]
    pub(crate) fn push_back(&mut self, element: &[u8]) {
        let cost = Self::cost(element.len());
        if self.block.len() - (self.end as usize) < cost {
            self.make_room(0, cost);
        }
        let end = self.end as usize;
        write(&mut self.block[end..end + cost], element);
        self.end += cost as u32;
        self.len += 1;
    }

    /// Adds an element at the front.
    #[inline]
    pub(crate) fn push_front(&mut self, element: &[u8]) {
        let cost = Self::cost(element.len());
        if (self.start as usize) < cost {
            self.make_room(cost, 0);
        }
        let start = self.start as usize;
        write(&mut self.block[start - cost..start], element);
        self.start -= cost as u32;
        self.len += 1;
    }

    /// Adds an element before the one at `position`.
    pub(crate) fn insert(&mut self, position: usize, element: &[u8]) {
        let cost = Self::cost(element.len());
        self.splice(position, 0, cost);
        let at = self.start as usize + position;
        write(&mut self.block[at..at + cost], element);
        self.len += 1;
    }

    /// Puts `element` in the place of the one at `position`.
    pub(crate) fn replace(&mut self, position: usize, element: &[u8]) {
        let old = self.at(position).map_or(0, |old| Self::cost(old.len()));
        let cost = Self::cost(element.len());
        self.splice(position, old, cost);
        let at = self.start as usize + position;
        write(&mut self.block[at..at + cost], element);
        self.shrink();
    }

    /// Removes `count` elements from `position` on, or as many as there are.
    pub(crate) fn remove(&mut self, position: usize, count: usize) {
        let mut walk = Iter { rest: &self.live()[position..], len: count };
        walk.by_ref().for_each(drop);
        let removed = (count - walk.len) as u32;
        let old = self.size() - position - walk.rest.len();
        self.splice(position, old, 0);
        self.len -= removed;
        self.shrink();
    }

    /// Removes all but the elements from the index `start` up to, but not including, `end`.
    pub(crate) fn retain_range(&mut self, start: usize, end: usize) {
        let (from, to) = (self.position(start), self.position(end));
        self.end = self.start + to as u32;
        self.start += from as u32;
        self.len = (end.min(self.len()) - start) as u32;
        self.shrink();
    }

    /// Removes the first element after `take` has looked at it.
    #[inline]
    pub(crate) fn pop_front<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let element = self.iter().next()?;
        let cost = Self::cost(element.len());
        let taken = take(element);
        self.start += cost as u32;
        self.len -= 1;
        self.shrink();
        Some(taken)
    }

    /// Removes the last element after `take` has looked at it.
    #[inline]
    pub(crate) fn pop_back<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let element = self.iter().next_back()?;
        let cost = Self::cost(element.len());
        let taken = take(element);
        self.end -= cost as u32;
        self.len -= 1;
        self.shrink();
        Some(taken)
    }

    /// Moves the elements of `other` to the end of this one.
    pub(crate) fn append(&mut self, other: &Packed) {
        self.make_room(0, other.size());
        let end = self.end as usize;
        self.block[end..end + other.size()].copy_from_slice(other.live());
        self.end += other.size() as u32;
        self.len += other.len;
    }

    /// Cuts the sequence before the element `index` and returns the rest.
    pub(crate) fn split_off(&mut self, index: usize) -> Packed {
        let position = self.position(index);
        let block: Box<[u8]> = self.live()[position..].into();
        let rest = Packed { start: 0, end: block.len() as u32, len: self.len - index as u32, block };
        self.end = self.start + position as u32;
        self.len = index as u32;
        self.shrink();
        rest
    }

    #[inline]
    fn live(&self) -> &[u8] {
        &self.block[self.start as usize..self.end as usize]
    }

    /// Makes the `old` bytes at `position` `new` bytes long; what is in them is left to the caller.
    fn splice(&mut self, position: usize, old: usize, new: usize) {
        let start = self.start as usize;
        if position < self.size() / 2 && start + old >= new {
            // What comes before is the shorter part: move that.
            self.block.copy_within(start..start + position, start + old - new);
            self.start = (start + old - new) as u32;
            return;
        }
        if new > old && self.block.len() - (self.end as usize) < new - old {
            self.make_room(0, new - old);
        }
        let at = self.start as usize + position;
        self.block.copy_within(at + old..self.end as usize, at + new);
        self.end = (self.end as usize + new - old) as u32;
    }

    /// Sees to it that there are `front` spare bytes before and `back` spare bytes after the live ones.
    ///
    /// Spare room at the wrong end is used when it is worth the move: the live bytes go to the middle, so that a queue
    /// (in at one end, out at the other) stays in its block for as long as it does not get longer.
    #[cold]
    fn make_room(&mut self, front: usize, back: usize) {
        let (size, spare) = (self.size(), self.block.len() - self.size());
        let need = front + back;
        if spare >= 2 * need && spare >= size / 4 {
            let start = front + (spare - need) / 2;
            self.block.copy_within(self.start as usize..self.end as usize, start);
            self.start = start as u32;
            self.end = (start + size) as u32;
            return;
        }
        // The end that grows gets a quarter more than it needs, the other one keeps its room unless that is much.
        let needed = size + need;
        let slack = needed / 4;
        let wanted = if needed <= CHUNK { CHUNK.min(needed + slack) } else { needed + slack };
        let grown = wanted - size;
        let (before, after) = if front > 0 {
            (grown, (self.block.len() - self.end as usize).min(slack))
        } else {
            ((self.start as usize).min(slack), grown)
        };
        self.relocate(before, after);
    }

    /// Gives room back when elements that left take three quarters of the block.
    #[inline]
    fn shrink(&mut self) {
        if self.block.len() > KEEP && self.size() < self.block.len() / 4 {
            let spare = self.size() / 4;
            self.relocate(spare / 2, spare);
        }
        if self.len == 0 {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Moves the live bytes to a new block with `before` and `after` spare bytes around them.
    #[cold]
    fn relocate(&mut self, before: usize, after: usize) {
        let size = self.size();
        let total = filling(before + size + after);
        assert!(total <= u32::MAX as usize, "a packed sequence is at most 4 GiB");
        let mut block = vec![0; total].into_boxed_slice();
        let before = if after == 0 { total - size } else { before };
        block[before..before + size].copy_from_slice(self.live());
        *self = Packed { block, start: before as u32, end: (before + size) as u32, len: self.len };
    }
}

/// So many bytes and what an allocator would round them up by in any case: that is room too.
#[inline]
fn filling(bytes: usize) -> usize {
    (bytes + 8).next_multiple_of(16) - 8
}

impl Clone for Packed {
    /// The copy has no spare room: most copies are only read.
    fn clone(&self) -> Self {
        Packed { block: self.live().into(), start: 0, end: self.size() as u32, len: self.len }
    }
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.live() == other.live()
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|element| element.escape_ascii().to_string())).finish()
    }
}
