//! Lists: sequences that are fast at both ends.
//!
//! Up to 8 KiB a list is one packed block. A longer one is a queue of chunks: packed blocks of up to 8 KiB, and each
//! element above 4 KiB on its own as a value that is handed out without a copy. The ends cost O(1), an element in the
//! middle a walk over the chunks from the nearer end and one within a chunk.

mod chunk;
mod chunks;
mod iter;

use std::fmt;
use std::iter::FusedIterator;

use jcache_value::Value;

use super::packed::{CHUNK, Packed};
use chunk::{PLAIN, fits, remove_matching, replace};
use chunks::Chunks;
use iter::{Elements, Iter};

/// A sequence of byte strings.
///
/// Indexes count from the front; what Redis counts from the back is for the caller to turn around. Both ends are
/// amortised O(1). With `c` chunks of 8 KiB an element by index is O(c), at most half of them to walk over, and so is
/// inserting or removing there.
///
/// ```
/// use jcache_core::collection::List;
///
/// let mut list = List::new();
/// list.push_back(b"b");
/// list.push_back(b"c");
/// list.push_front(b"a");
/// assert_eq!(list.iter().collect::<Vec<_>>(), [b"a", b"b", b"c"]);
/// assert_eq!(list.pop_front().as_deref(), Some(&b"a"[..]));
/// assert_eq!(list.len(), 2);
/// ```
#[derive(Clone)]
pub struct List(Form);

#[derive(Clone)]
enum Form {
    Packed(Packed),
    Chunks(Box<Chunks>),
}

impl List {
    /// An empty list. Allocates nothing.
    pub fn new() -> Self {
        List(Form::Packed(Packed::default()))
    }

    /// How many elements there are. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.len(),
            Form::Chunks(chunks) => chunks.len(),
        }
    }

    /// Whether there are no elements. O(1).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the list is one packed block.
    #[inline]
    pub fn is_packed(&self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Bytes on the heap, as the allocator rounds them, without the list's own words. O(1).
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.heap_size(),
            Form::Chunks(chunks) => chunks.heap_size(),
        }
    }

    /// No less than the bytes that [`List::heap_size`] grows by when these elements are added anywhere, one after the
    /// other, or put in the place of others. O(number of elements given).
    pub fn growth_ahead<'x>(&self, elements: impl Iterator<Item = &'x [u8]> + Clone) -> usize {
        match &self.0 {
            Form::Packed(packed) => {
                let cost: usize = elements.clone().map(|element| Packed::cost(element.len())).sum();
                let stays = packed.size() + cost <= CHUNK && elements.clone().all(|element| element.len() <= PLAIN);
                let turns = || Chunks::size_of_new() + Chunks::default().growth_ahead(elements);
                packed.growth_ahead(cost.min(CHUNK)) + if stays { 0 } else { turns() }
            }
            Form::Chunks(chunks) => chunks.growth_ahead(elements),
        }
    }

    /// Adds an element at the front. Amortised O(1).
    #[inline]
    pub fn push_front(&mut self, element: &[u8]) {
        match &mut self.0 {
            Form::Packed(packed) if fits(packed, element) => packed.push_front(element),
            _ => self.chunks().push_front(element),
        }
    }

    /// Adds an element at the end. Amortised O(1).
    #[inline]
    pub fn push_back(&mut self, element: &[u8]) {
        match &mut self.0 {
            Form::Packed(packed) if fits(packed, element) => packed.push_back(element),
            _ => self.chunks().push_back(element),
        }
    }

    /// Removes and returns the first element. Amortised O(1).
    #[inline]
    pub fn pop_front(&mut self) -> Option<Value> {
        match &mut self.0 {
            Form::Packed(packed) => packed.pop_front(Value::new),
            Form::Chunks(chunks) => {
                let element = chunks.pop_front();
                self.settle();
                element
            }
        }
    }

    /// Removes and returns the last element. Amortised O(1).
    #[inline]
    pub fn pop_back(&mut self) -> Option<Value> {
        match &mut self.0 {
            Form::Packed(packed) => packed.pop_back(Value::new),
            Form::Chunks(chunks) => {
                let element = chunks.pop_back();
                self.settle();
                element
            }
        }
    }

    /// The element at `index`: a copy, or a handle when it is long.
    pub fn get(&self, index: usize) -> Option<Value> {
        match &self.0 {
            Form::Packed(packed) => packed.get(index).map(Value::new),
            Form::Chunks(chunks) => chunks.get(index),
        }
    }

    /// The element at `index`, borrowed.
    pub fn peek(&self, index: usize) -> Option<&[u8]> {
        self.range(index, 1).next()
    }

    /// Puts `element` in the place of the one at `index`; `false` when there is none.
    pub fn set(&mut self, index: usize, element: &[u8]) -> bool {
        if index >= self.len() {
            return false;
        }
        let replaced = match &mut self.0 {
            Form::Packed(packed) => replace(packed, index, element),
            Form::Chunks(_) => false,
        };
        if !replaced {
            self.chunks().set(index, element);
        }
        self.settle();
        true
    }

    /// Inserts `element` so that it is at `index` afterwards; `false` when that is beyond the end.
    pub fn insert(&mut self, index: usize, element: &[u8]) -> bool {
        if index == 0 {
            self.push_front(element);
        } else if index < self.len() {
            match &mut self.0 {
                Form::Packed(packed) if fits(packed, element) => packed.insert(packed.position(index), element),
                _ => self.chunks().insert(index, element),
            }
        } else if index == self.len() {
            self.push_back(element);
        } else {
            return false;
        }
        true
    }

    /// Removes and returns the element at `index`.
    pub fn remove(&mut self, index: usize) -> Option<Value> {
        match &mut self.0 {
            Form::Packed(packed) => {
                let position = packed.position(index);
                let element = packed.at(position).map(Value::new)?;
                packed.remove(position, 1);
                Some(element)
            }
            Form::Chunks(chunks) => {
                let element = chunks.remove(index)?;
                self.settle();
                Some(element)
            }
        }
    }

    /// The elements, borrowed, from either end.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator + FusedIterator + Clone {
        self.range(0, usize::MAX)
    }

    /// The elements from `start` on, at most `len` of them, borrowed, from either end.
    pub fn range(
        &self,
        start: usize,
        len: usize,
    ) -> impl DoubleEndedIterator<Item = &[u8]> + ExactSizeIterator + FusedIterator + Clone {
        let start = start.min(self.len());
        let len = len.min(self.len() - start);
        match &self.0 {
            Form::Packed(packed) => {
                let mut elements = packed.iter();
                elements.skip_front(start);
                Iter::new(Elements::Packed(elements), Default::default(), len, packed.len() - start - len)
            }
            Form::Chunks(chunks) => chunks.range(start, len),
        }
    }

    /// Visits the elements from `start` on, at most `len` of them.
    pub fn for_each_range(&self, start: usize, len: usize, visit: impl FnMut(&[u8])) {
        self.range(start, len).for_each(visit);
    }

    /// The index of the first element equal to `element`. O(n).
    pub fn position(&self, element: &[u8]) -> Option<usize> {
        self.iter().position(|other| other == element)
    }

    /// Removes all elements but those from the index `start` up to, but not including, `end`.
    ///
    /// O(chunks removed) and one walk within a chunk at each end; an empty or reversed range removes everything.
    pub fn retain_range(&mut self, start: usize, end: usize) {
        let end = end.min(self.len());
        if start >= end {
            *self = List::new();
            return;
        }
        match &mut self.0 {
            Form::Packed(packed) => packed.retain_range(start, end),
            Form::Chunks(chunks) => {
                chunks.retain_range(start, end);
                self.settle();
            }
        }
    }

    /// Removes elements equal to `element` and returns how many: the first `count`, or the last `-count` when that is
    /// negative, or all when it is 0. O(n).
    pub fn remove_matching(&mut self, element: &[u8], count: i64) -> usize {
        let limit = match count {
            0 => usize::MAX,
            _ => usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
        };
        match &mut self.0 {
            Form::Packed(packed) => remove_matching(packed, element, limit, count < 0),
            Form::Chunks(chunks) => {
                let removed = chunks.remove_matching(element, limit, count < 0);
                self.settle();
                removed
            }
        }
    }

    /// The chunks, after turning into them.
    fn chunks(&mut self) -> &mut Chunks {
        if let Form::Packed(packed) = &mut self.0 {
            self.0 = Form::Chunks(Box::new(Chunks::from(std::mem::take(packed))));
        }
        match &mut self.0 {
            Form::Chunks(chunks) => chunks,
            Form::Packed(_) => unreachable!("the list has just been turned into chunks"),
        }
    }

    /// Turns back into one packed block when that is all there is.
    #[inline]
    fn settle(&mut self) {
        if let Form::Chunks(chunks) = &mut self.0
            && let Some(packed) = chunks.take_small()
        {
            self.0 = Form::Packed(packed);
        }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for List {}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Value::new)).finish()
    }
}
