//! A stretch of a list: a packed block, or one long element by itself.

use jcache_value::Value;

use crate::collection::packed::{CHUNK, Packed};

use super::iter::Elements;

/// Longer elements are chunks of their own.
pub(super) const PLAIN: usize = CHUNK / 2;

/// A stretch of a list; never empty between operations.
#[derive(Clone)]
pub(super) enum Chunk {
    Packed(Packed),
    Plain(Value),
}

impl Chunk {
    /// A chunk of one element, with `room` bytes for more.
    pub(super) fn new(element: &[u8], room: usize, push: impl FnOnce(&mut Packed, &[u8])) -> Self {
        if element.len() > PLAIN {
            return Chunk::Plain(Value::new(element));
        }
        let mut packed = Packed::with_capacity(room);
        push(&mut packed, element);
        Chunk::Packed(packed)
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Chunk::Packed(packed) => packed.len(),
            Chunk::Plain(_) => 1,
        }
    }

    #[inline]
    pub(super) fn heap_size(&self) -> usize {
        match self {
            Chunk::Packed(packed) => packed.heap_size(),
            Chunk::Plain(value) => value.heap_size(),
        }
    }

    #[inline]
    pub(super) fn elements(&self) -> Elements<'_> {
        match self {
            Chunk::Packed(packed) => Elements::Packed(packed.iter()),
            Chunk::Plain(value) => Elements::Plain(Some(value.as_bytes())),
        }
    }

    /// The block, when `element` fits into it.
    #[inline]
    pub(super) fn packed_for(&mut self, element: &[u8]) -> Option<&mut Packed> {
        match self {
            Chunk::Packed(packed) if fits(packed, element) => Some(packed),
            _ => None,
        }
    }

    /// Takes an element that `pop` takes from a packed chunk; a chunk left empty is for the caller to remove.
    #[inline]
    pub(super) fn pop(&mut self, pop: impl FnOnce(&mut Packed) -> Option<Value>) -> Option<Value> {
        match self {
            Chunk::Packed(packed) => pop(packed),
            Chunk::Plain(_) => self.take(),
        }
    }

    /// Takes the only element of a plain chunk.
    pub(super) fn take(&mut self) -> Option<Value> {
        match std::mem::replace(self, Chunk::Packed(Packed::default())) {
            Chunk::Packed(_) => None,
            Chunk::Plain(value) => Some(value),
        }
    }
}

/// Whether `element` is to be packed, and into this block.
#[inline]
pub(super) fn fits(packed: &Packed, element: &[u8]) -> bool {
    element.len() <= PLAIN && packed.size() + Packed::cost(element.len()) <= CHUNK
}

/// Puts `element` in the place of the one at `index` if it is to be packed, and fits; returns whether it did.
pub(super) fn replace(packed: &mut Packed, index: usize, element: &[u8]) -> bool {
    let position = packed.position(index);
    let Some(old) = packed.at(position).map(|old| Packed::cost(old.len())) else { return false };
    let fits = element.len() <= PLAIN && packed.size() - old + Packed::cost(element.len()) <= CHUNK;
    if fits {
        packed.replace(position, element);
    }
    fits
}

/// Removes up to `limit` elements equal to `element`, from the end when `backward`.
pub(super) fn remove_matching(packed: &mut Packed, element: &[u8], limit: usize, backward: bool) -> usize {
    let found = packed.iter().filter(|other| *other == element).count();
    let removed = found.min(limit);
    if removed > 0 {
        // Whatever the direction, it is a run of the matches: build anew without them.
        let first = if backward { found - removed } else { 0 };
        let mut kept = Packed::with_capacity(packed.size() - removed * Packed::cost(element.len()));
        let mut seen = 0;
        for other in packed.iter() {
            if other == element {
                seen += 1;
                if (first..first + removed).contains(&(seen - 1)) {
                    continue;
                }
            }
            kept.push_back(other);
        }
        *packed = kept;
    }
    removed
}
