//! Long lists: a queue of chunks, with the sums over them.

use std::collections::VecDeque;

use jcache_value::Value;

use crate::collection::allocated;
use crate::collection::packed::{CHUNK, Packed};

use super::chunk::{Chunk, PLAIN, remove_matching, replace};
use super::iter::Iter;

/// With this many chunks a list is long.
const LONG: usize = 4;

/// Bytes that a long element takes besides its own: header, and the allocator's rounding.
const BLOCK: usize = 40;

/// A list as a queue of chunks, with the sums over them.
#[derive(Default)]
pub(super) struct Chunks {
    queue: VecDeque<Chunk>,
    len: usize,
    held: usize,
}

impl Chunks {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn heap_size(&self) -> usize {
        allocated(size_of::<Chunks>()) + allocated(self.queue.capacity() * size_of::<Chunk>()) + self.held
    }

    /// Bytes that the queue takes besides its chunks, with a few.
    pub(super) fn size_of_new() -> usize {
        allocated(size_of::<Chunks>()) + allocated(LONG * size_of::<Chunk>())
    }

    /// No less than the bytes that the list grows by when `elements` are added anywhere, or put in the place of others.
    pub(super) fn growth_ahead<'x>(&self, elements: impl Iterator<Item = &'x [u8]>) -> usize {
        let (mut chunks, mut packed, mut long) = (0, 0, 0);
        for element in elements {
            // Inserting may cut a chunk in two.
            chunks += 2;
            if element.len() > PLAIN { long += element.len() + BLOCK } else { packed += Packed::cost(element.len()) }
        }
        // Of two chunks in a row that elements filled, one is half full; one chunk may be begun, and one cut.
        let blocks = packed.div_ceil(CHUNK / 2).min(chunks / 2) + 1;
        let needed = self.queue.len() + chunks;
        let room = self.queue.capacity();
        let queue = if needed <= room { 0 } else { allocated((2 * needed - room) * size_of::<Chunk>()) };
        queue + blocks * allocated(CHUNK + 16) + long
    }

    /// Takes what is left when that is nothing, or one packed chunk of half the size. Half, so that a list at the limit
    /// does not turn to and fro.
    #[inline]
    pub(super) fn take_small(&mut self) -> Option<Packed> {
        match (self.queue.len(), self.queue.front_mut()) {
            (1, Some(Chunk::Packed(packed))) if packed.size() <= CHUNK / 2 => Some(std::mem::take(packed)),
            (0, _) => Some(Packed::default()),
            _ => None,
        }
    }

    /// Changes the chunk `at`, keeps the sums, and removes the chunk when nothing is left in it.
    #[inline]
    fn edit<T>(&mut self, at: usize, change: impl FnOnce(&mut Chunk) -> T) -> T {
        let chunk = &mut self.queue[at];
        self.len -= chunk.len();
        self.held -= chunk.heap_size();
        let result = change(chunk);
        if chunk.len() == 0 {
            self.queue.remove(at);
            if self.queue.len() < self.queue.capacity() / 4 {
                self.queue.shrink_to(self.queue.len() * 2);
            }
        } else {
            self.len += chunk.len();
            self.held += chunk.heap_size();
        }
        result
    }

    /// Puts a chunk before the one `at`.
    fn place(&mut self, at: usize, chunk: Chunk) {
        self.len += chunk.len();
        self.held += chunk.heap_size();
        self.queue.insert(at, chunk);
    }

    #[inline]
    pub(super) fn push_front(&mut self, element: &[u8]) {
        self.push(0, 0, element, Packed::push_front);
    }

    #[inline]
    pub(super) fn push_back(&mut self, element: &[u8]) {
        let end = self.queue.len();
        self.push(end.saturating_sub(1), end, element, Packed::push_back);
    }

    /// Pushes into the chunk `at` if there is room, and into a new one at `new` otherwise.
    #[inline]
    fn push(&mut self, at: usize, new: usize, element: &[u8], push: impl FnOnce(&mut Packed, &[u8])) {
        match self.queue.get_mut(at).and_then(|chunk| chunk.packed_for(element)) {
            Some(packed) => {
                self.held -= packed.heap_size();
                push(packed, element);
                self.held += packed.heap_size();
                self.len += 1;
            }
            None => {
                // In a long list a whole block is little, and not growing it step by step is worth it.
                let room = if self.queue.len() < LONG { CHUNK / 4 } else { CHUNK };
                self.place(new, Chunk::new(element, room, push));
            }
        }
    }

    #[inline]
    pub(super) fn pop_front(&mut self) -> Option<Value> {
        self.pop(0, |packed| packed.pop_front(Value::new))
    }

    #[inline]
    pub(super) fn pop_back(&mut self) -> Option<Value> {
        self.pop(self.queue.len() - 1, |packed| packed.pop_back(Value::new))
    }

    #[inline]
    fn pop(&mut self, at: usize, pop: impl FnOnce(&mut Packed) -> Option<Value>) -> Option<Value> {
        match &mut self.queue[at] {
            Chunk::Packed(packed) if packed.len() > 1 => {
                self.held -= packed.heap_size();
                let element = pop(packed);
                self.held += packed.heap_size();
                self.len -= 1;
                element
            }
            _ => self.edit(at, |chunk| chunk.pop(pop)),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<Value> {
        let (at, within) = self.locate(index)?;
        match &self.queue[at] {
            Chunk::Packed(packed) => packed.get(within).map(Value::new),
            Chunk::Plain(value) => Some(value.clone()),
        }
    }

    /// The chunk with the element `index`, and its index in there. Walks from the nearer end.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index < self.len / 2 {
            let mut left = index;
            for (at, chunk) in self.queue.iter().enumerate() {
                match left.checked_sub(chunk.len()) {
                    Some(rest) => left = rest,
                    None => return Some((at, left)),
                }
            }
        } else {
            // `left` elements from the one looked for to the end.
            let mut left = self.len.checked_sub(index)?;
            for (at, chunk) in self.queue.iter().enumerate().rev() {
                match left.checked_sub(chunk.len()) {
                    Some(rest) if rest > 0 => left = rest,
                    _ if left == 0 => return None,
                    _ => return Some((at, chunk.len() - left)),
                }
            }
        }
        None
    }

    /// The elements from `start` on, `len` of them, which must exist.
    pub(super) fn range(&self, start: usize, len: usize) -> Iter<'_> {
        let (at, within) = self.locate(start).unwrap_or((self.queue.len(), 0));
        let mut chunks = self.queue.range(at..);
        let mut front = chunks.next().map(Chunk::elements).unwrap_or_default();
        front.skip_front(within);
        Iter::new(front, chunks, len, self.len - start - len)
    }

    pub(super) fn set(&mut self, index: usize, element: &[u8]) {
        let Some((at, within)) = self.locate(index) else { return };
        let replaced = self.edit(at, |chunk| match (&mut *chunk, element.len() > PLAIN) {
            (Chunk::Plain(value), true) => {
                *value = Value::new(element);
                true
            }
            (Chunk::Packed(packed), _) => replace(packed, within, element),
            (Chunk::Plain(_), false) => false,
        });
        if !replaced {
            self.insert(index, element);
            self.remove(index + 1);
        }
    }

    /// Inserts before the element `index`, or at the end.
    pub(super) fn insert(&mut self, index: usize, element: &[u8]) {
        let Some((at, within)) = self.locate(index) else { return self.push_back(element) };
        if self.queue[at].packed_for(element).is_some() {
            self.edit(at, |chunk| {
                if let Chunk::Packed(packed) = chunk {
                    packed.insert(packed.position(within), element);
                }
            });
            return;
        }
        let mut at = at;
        if within > 0 {
            // No room, or no place for a long element: cut the chunk here.
            let rest = self.edit(at, |chunk| match chunk {
                Chunk::Packed(packed) => packed.split_off(within),
                Chunk::Plain(_) => unreachable!("a plain chunk has one element"),
            });
            at += 1;
            self.place(at, Chunk::Packed(rest));
        }
        match at.checked_sub(1) {
            Some(before) if self.queue[before].packed_for(element).is_some() => {
                self.push(before, at, element, Packed::push_back);
            }
            _ => self.push(at, at, element, Packed::push_front),
        }
    }

    pub(super) fn remove(&mut self, index: usize) -> Option<Value> {
        let (at, within) = self.locate(index)?;
        let element = self.edit(at, |chunk| match chunk {
            Chunk::Packed(packed) => {
                let position = packed.position(within);
                let element = packed.at(position).map(Value::new);
                packed.remove(position, 1);
                element
            }
            Chunk::Plain(_) => chunk.take(),
        });
        self.merge(at);
        self.merge(at.wrapping_sub(1));
        element
    }

    pub(super) fn retain_range(&mut self, start: usize, end: usize) {
        let (mut front, mut back) = (start, self.len - end);
        while let Some(chunk) = self.queue.front().filter(|chunk| chunk.len() <= front) {
            front -= chunk.len();
            self.edit(0, |chunk| *chunk = Chunk::Packed(Packed::default()));
        }
        while let Some(chunk) = self.queue.back().filter(|chunk| chunk.len() <= back) {
            back -= chunk.len();
            self.edit(self.queue.len() - 1, |chunk| *chunk = Chunk::Packed(Packed::default()));
        }
        let mut trim = |at: usize, front: usize, back: usize| {
            self.edit(at, |chunk| {
                if let Chunk::Packed(packed) = chunk {
                    packed.retain_range(front, packed.len() - back);
                }
            });
            self.queue.len() - 1
        };
        let last = trim(0, front, 0);
        trim(last, 0, back);
    }

    pub(super) fn remove_matching(&mut self, element: &[u8], limit: usize, backward: bool) -> usize {
        let mut removed = 0;
        // The chunks stay in place, empty or not, until the walk is over.
        let mut visit = |chunk: &mut Chunk| {
            removed += match chunk {
                Chunk::Packed(packed) => remove_matching(packed, element, limit - removed, backward),
                Chunk::Plain(value) => usize::from(value.as_bytes() == element && chunk.take().is_some()),
            };
            removed == limit
        };
        if backward {
            self.queue.iter_mut().rev().any(&mut visit);
        } else {
            self.queue.iter_mut().any(&mut visit);
        }
        if removed > 0 {
            for chunk in std::mem::take(self).queue {
                if chunk.len() > 0 {
                    self.place(self.queue.len(), chunk);
                    self.merge(self.queue.len().wrapping_sub(2));
                }
            }
        }
        removed
    }

    /// Makes one chunk of the one `at` and the next, if both are packed and half a chunk holds them.
    fn merge(&mut self, at: usize) {
        if let (Some(Chunk::Packed(left)), Some(Chunk::Packed(right))) =
            (self.queue.get(at), self.queue.get(at.wrapping_add(1)))
            && left.size() + right.size() <= CHUNK / 2
        {
            let mut next = Packed::default();
            self.edit(at + 1, |chunk| {
                if let Chunk::Packed(packed) = chunk {
                    next = std::mem::take(packed);
                }
            });
            self.edit(at, |chunk| {
                if let Chunk::Packed(packed) = chunk {
                    packed.append(&next);
                }
            });
        }
    }
}

impl From<Packed> for Chunks {
    fn from(packed: Packed) -> Self {
        let mut chunks = Chunks::default();
        if !packed.is_empty() {
            chunks.place(0, Chunk::Packed(packed));
        }
        chunks
    }
}

impl Clone for Chunks {
    fn clone(&self) -> Self {
        // The copies of the chunks have no spare room, so the sums differ.
        let queue: VecDeque<Chunk> = self.queue.iter().cloned().collect();
        let held = queue.iter().map(Chunk::heap_size).sum();
        Chunks { queue, len: self.len, held }
    }
}
