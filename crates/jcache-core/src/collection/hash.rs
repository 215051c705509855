//! Hashes: fields with values.
//!
//! Up to 512 fields with names and values of up to 64 bytes are packed, field after value in one block; beyond that a
//! hash is a [`Dense`] of one block per field, name and value together.

use std::fmt;
use std::iter::FusedIterator;

use jcache_value::{Entry, Value};

use super::dense::{Dense, Keyed};
use super::packed::{self, Packed};
use super::{allocated, growth};

/// A mutable map from fields to values, both byte strings.
///
/// Small hashes are one block of bytes that is searched from front to back, large ones an index with a block per field,
/// so every operation on one field is O(1) in effect. A hash that became large stays so, as in Redis.
///
/// ```
/// use jcache_core::collection::Hash;
///
/// let mut hash = Hash::new();
/// assert!(hash.insert(b"name", b"Ada"));
/// assert!(!hash.insert(b"name", b"Grace"), "the field was there already");
/// assert_eq!(hash.get(b"name").as_deref(), Some(&b"Grace"[..]));
/// assert_eq!(hash.len(), 1);
/// ```
#[derive(Clone)]
pub struct Hash(Form);

#[derive(Clone)]
enum Form {
    Packed(Packed),
    Full(Box<Dense<Entry<()>>>),
}

impl Keyed for Entry<()> {
    #[inline]
    fn key(&self) -> &[u8] {
        Entry::key(self)
    }
    #[inline]
    fn heap_size(&self) -> usize {
        self.size()
    }
    fn duplicate(&self) -> Self {
        Entry::shared(Entry::key(self), value(self).clone(), 0)
    }
}

/// The value of a field in the full form.
#[inline]
fn value(entry: &Entry<()>) -> &Value {
    entry.as_text().expect("invariant: a hash holds text entries only")
}

impl Hash {
    /// The most fields a packed hash has: `hash-max-listpack-entries` as Redis's configuration file has it. (Without
    /// that file Redis 7.0 takes 512, where a hit walks through 0.9 µs of fields instead of 0.2.)
    pub const MAX_PACKED_ENTRIES: usize = 128;
    /// The longest field or value in a packed hash, in bytes: Redis's default for `hash-max-listpack-value`.
    pub const MAX_PACKED_VALUE: usize = 64;

    /// An empty hash. Allocates nothing.
    pub fn new() -> Self {
        Hash(Form::Packed(Packed::default()))
    }

    /// How many fields there are. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.len() / 2,
            Form::Full(dense) => dense.len(),
        }
    }

    /// Whether there are no fields. O(1).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the hash is one packed block, which `OBJECT ENCODING` calls `listpack`.
    #[inline]
    pub fn is_packed(&self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Bytes on the heap, as the allocator rounds them, without the hash's own words. O(1).
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.heap_size(),
            Form::Full(dense) => allocated(size_of::<Dense<Entry<()>>>()) + dense.heap_size(),
        }
    }

    /// No less than the bytes that [`Hash::heap_size`] grows by when these fields are set, at any moment meanwhile.
    /// O(number of fields given).
    pub fn growth_ahead<'x>(&self, pairs: impl Iterator<Item = (&'x [u8], &'x [u8])> + Clone) -> usize {
        let count = pairs.clone().count();
        // Those that are not there yet, looked for only where it matters.
        let new = || pairs.clone().filter(|(field, _)| !self.contains(field)).count();
        let block = |field: usize, value: usize| Entry::<()>::text_size(field, value, false);
        let blocks = || pairs.clone().map(|(field, value)| block(field.len(), value.len())).sum::<usize>();
        match &self.0 {
            Form::Packed(packed) => {
                let most = Self::MAX_PACKED_VALUE;
                let stays = pairs.clone().all(|(field, value)| field.len().max(value.len()) <= most)
                    && (self.len() + count <= Self::MAX_PACKED_ENTRIES
                        || self.len() + new() <= Self::MAX_PACKED_ENTRIES);
                if stays {
                    let cost = |(field, value): (&[u8], &[u8])| Packed::cost(field.len()) + Packed::cost(value.len());
                    return packed.growth_ahead(pairs.map(cost).sum());
                }
                let those_there = packed.size() + self.len() * block(0, 0);
                Dense::<Entry<()>>::size_of_new(self.len() + count + growth::step(self.len() + count))
                    + those_there
                    + blocks()
            }
            Form::Full(dense) => blocks() + dense.growth_ahead(count, new),
        }
    }

    /// The value of a field: a handle to it in a large hash, a copy in a packed one.
    pub fn get(&self, field: &[u8]) -> Option<Value> {
        match &self.0 {
            Form::Packed(_) => self.peek(field).map(Value::new),
            Form::Full(dense) => dense.get(field).map(|entry| value(entry).clone()),
        }
    }

    /// The value of a field, borrowed.
    #[inline]
    pub fn peek(&self, field: &[u8]) -> Option<&[u8]> {
        match &self.0 {
            Form::Packed(packed) => packed.at(Packed::after(packed.find(field, 2)?, field.len())),
            Form::Full(dense) => dense.get(field).map(|entry| value(entry).as_bytes()),
        }
    }

    /// The length of the value of a field, in bytes.
    pub fn value_len(&self, field: &[u8]) -> Option<usize> {
        self.peek(field).map(<[u8]>::len)
    }

    /// Whether the field exists.
    pub fn contains(&self, field: &[u8]) -> bool {
        self.peek(field).is_some()
    }

    /// Takes the room that these fields need, and no more, where there are none yet: most hashes are set whole and then
    /// read. O(number of fields given).
    pub fn prepare<'x>(&mut self, mut pairs: impl Iterator<Item = (&'x [u8], &'x [u8])>) {
        let Form::Packed(packed) = &mut self.0 else { return };
        let cost = |(field, value): (&[u8], &[u8])| {
            let stays = field.len().max(value.len()) <= Self::MAX_PACKED_VALUE;
            stays.then(|| Packed::cost(field.len()) + Packed::cost(value.len()))
        };
        if packed.is_empty()
            && let Some((bytes, 2..=Self::MAX_PACKED_ENTRIES)) =
                pairs.try_fold((0, 0), |(bytes, count), pair| Some((bytes + cost(pair)?, count + 1)))
        {
            *packed = Packed::with_capacity(bytes);
        }
    }

    /// Sets a field and returns whether it is new.
    pub fn insert(&mut self, field: &[u8], new: &[u8]) -> bool {
        if field.len().max(new.len()) > Self::MAX_PACKED_VALUE {
            self.unpack();
        }
        match &mut self.0 {
            Form::Packed(packed) => match packed.find(field, 2) {
                Some(position) => {
                    packed.replace(Packed::after(position, field.len()), new);
                    false
                }
                None => {
                    packed.push_back(field);
                    packed.push_back(new);
                    if packed.len() > 2 * Self::MAX_PACKED_ENTRIES {
                        self.unpack();
                    }
                    true
                }
            },
            Form::Full(dense) => dense.upsert(
                field,
                |entry| if entry.overwrite(new) { None } else { Some(Entry::text(field, new, 0)) },
                || Entry::text(field, new, 0),
            ),
        }
    }

    /// Removes a field and returns whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match &mut self.0 {
            Form::Packed(packed) => {
                let position = packed.find(field, 2);
                position.inspect(|&position| packed.remove(position, 2)).is_some()
            }
            Form::Full(dense) => dense.remove(field).is_some(),
        }
    }

    /// The fields with their values, borrowed, in no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + FusedIterator + Clone {
        match &self.0 {
            Form::Packed(packed) => Iter::Packed(packed.iter()),
            Form::Full(dense) => Iter::Full(dense.elements().iter()),
        }
    }

    /// Visits all fields with their values, in the order of [`Hash::iter`].
    #[inline]
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &[u8])) {
        self.iter().for_each(|(field, value)| visit(field, value));
    }

    /// The fields with their values, in the order of [`Hash::iter`]; the values of a large hash as handles.
    pub fn entries(&self) -> Vec<(Value, Value)> {
        match &self.0 {
            Form::Packed(_) => self.iter().map(|(field, value)| (Value::new(field), Value::new(value))).collect(),
            Form::Full(dense) => {
                dense.elements().iter().map(|entry| (Value::new(entry.key()), value(entry).clone())).collect()
            }
        }
    }

    /// The field and value with this number in the order of [`Hash::iter`]: what random picks are made of.
    ///
    /// O(1) in a large hash, O(n) in a packed one. Any change may give the fields other numbers.
    pub fn nth(&self, index: usize) -> Option<(Value, Value)> {
        match &self.0 {
            Form::Packed(_) => self.iter().nth(index).map(|(field, value)| (Value::new(field), Value::new(value))),
            Form::Full(dense) => {
                dense.elements().get(index).map(|entry| (Value::new(entry.key()), value(entry).clone()))
            }
        }
    }

    /// Visits about `count` fields and returns the cursor to go on with: 0 begins, and 0 is returned at the end.
    ///
    /// A field that is there from the first call to the last is visited at least once, whatever changes in between.
    /// A packed hash is visited at once, whatever `count` is.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut impl FnMut(&[u8], &[u8])) -> u64 {
        match &self.0 {
            Form::Packed(_) => {
                self.for_each(visit);
                0
            }
            Form::Full(dense) => dense.scan(cursor, count, |entry| visit(entry.key(), value(entry))),
        }
    }

    /// Turns into the full form, for good.
    #[cold]
    fn unpack(&mut self) {
        if self.is_packed() {
            let mut dense = Dense::with_capacity(self.len() + 1);
            self.for_each(|field, value| {
                dense.upsert(field, |_| None, || Entry::text(field, value, 0));
            });
            self.0 = Form::Full(Box::new(dense));
        }
    }
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(field, value)| other.peek(field) == Some(value))
    }
}

impl Eq for Hash {}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries()).finish()
    }
}

#[derive(Clone)]
enum Iter<'a> {
    Packed(packed::Iter<'a>),
    Full(std::slice::Iter<'a, Entry<()>>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Packed(elements) => elements.next().zip(elements.next()),
            Iter::Full(entries) => entries.next().map(|entry| (entry.key(), value(entry).as_bytes())),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = match self {
            Iter::Packed(elements) => elements.len() / 2,
            Iter::Full(entries) => entries.len(),
        };
        (len, Some(len))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}
