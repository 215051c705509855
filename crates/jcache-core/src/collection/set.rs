//! Sets: unique members.
//!
//! Three forms: up to 512 integers as a sorted vector of numbers, up to 128 members of up to 64 bytes packed in one
//! block, and beyond that a [`Dense`] of values. A set begins as integers and only ever moves on to a larger form.

use std::fmt;

use jcache_value::Value;

use super::dense::Dense;
use super::packed::Packed;
use super::{allocated, growth};

/// A set of byte strings.
///
/// Small sets are one block, of integers or of bytes, and large ones an index with a block per member, so every
/// operation on one member is O(1) in effect. A set that became large stays so, as in Redis.
///
/// ```
/// use jcache_core::collection::Set;
///
/// let mut set = Set::new();
/// assert!(set.insert(b"7"));
/// assert!(!set.insert(b"7"), "the member was there already");
/// assert!(set.is_intset());
/// assert!(set.insert(b"seven") && !set.is_intset());
/// assert!(set.contains(b"7") && set.contains(b"seven"));
/// ```
#[derive(Clone)]
pub struct Set(Form);

/// Bytes that a member's block takes beside the member: header, and the allocator's rounding.
const BLOCK: usize = 40;

/// Bytes that the longest integer takes, packed.
const DIGITS: usize = 22;

#[derive(Clone)]
enum Form {
    Ints(Vec<i64>),
    Packed(Packed),
    Full(Box<Dense<Value>>),
}

impl Set {
    /// The most members a set of integers has: Redis's default for `set-max-intset-entries`.
    pub const MAX_INTSET_ENTRIES: usize = 512;
    /// The most members a packed set has.
    pub const MAX_PACKED_ENTRIES: usize = 128;
    /// The longest member of a packed set, in bytes.
    pub const MAX_PACKED_VALUE: usize = 64;

    /// An empty set. Allocates nothing.
    pub fn new() -> Self {
        Set(Form::Ints(Vec::new()))
    }

    /// How many members there are. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Ints(ints) => ints.len(),
            Form::Packed(packed) => packed.len(),
            Form::Full(dense) => dense.len(),
        }
    }

    /// Whether there are no members. O(1).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the set is a vector of integers, which `OBJECT ENCODING` calls `intset`.
    #[inline]
    pub fn is_intset(&self) -> bool {
        matches!(self.0, Form::Ints(_))
    }

    /// Whether the set is one packed block of byte strings. Redis 7.0 has no such form and calls it `hashtable`.
    #[inline]
    pub fn is_packed(&self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Bytes on the heap, as the allocator rounds them, without the set's own words. O(1).
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Ints(ints) => allocated(ints.capacity() * size_of::<i64>()),
            Form::Packed(packed) => packed.heap_size(),
            Form::Full(dense) => allocated(size_of::<Dense<Value>>()) + dense.heap_size(),
        }
    }

    /// No less than the bytes that [`Set::heap_size`] grows by when these members are added, at any moment meanwhile.
    /// O(number of members given).
    pub fn growth_ahead<'x>(&self, members: impl Iterator<Item = &'x [u8]> + Clone) -> usize {
        let count = members.clone().count();
        // Those that are not there yet, looked for only where it matters.
        let new = || members.clone().filter(|member| !self.contains(member)).count();
        let blocks = || members.clone().map(|member| BLOCK + member.len()).sum::<usize>();
        let packs = || members.clone().all(|member| member.len() <= Self::MAX_PACKED_VALUE);
        let fits = |most: usize| self.len() + count <= most || self.len() + new() <= most;
        match &self.0 {
            Form::Full(dense) => blocks() + dense.growth_ahead(count, new),
            Form::Ints(ints) if fits(Self::MAX_INTSET_ENTRIES) && members.clone().all(|it| integer(it).is_some()) => {
                growth::of_vec(ints.len(), ints.capacity(), count, size_of::<i64>(), |len| len / 4 + 2)
            }
            Form::Packed(packed) if packs() && fits(Self::MAX_PACKED_ENTRIES) => {
                packed.growth_ahead(members.map(|member| Packed::cost(member.len())).sum())
            }
            Form::Ints(_) | Form::Packed(_) => {
                let those_there = match &self.0 {
                    Form::Packed(packed) => packed.size(),
                    _ => self.len() * DIGITS,
                };
                // Perhaps packed first, and then in full.
                let packed = 2 * those_there;
                let len = self.len() + count;
                packed
                    + Dense::<Value>::size_of_new(len + growth::step(len))
                    + self.len() * BLOCK
                    + those_there
                    + blocks()
            }
        }
    }

    /// Whether this is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Form::Ints(ints) => integer(member).is_some_and(|int| ints.binary_search(&int).is_ok()),
            Form::Packed(packed) => packed.find(member, 1).is_some(),
            Form::Full(dense) => dense.get(member).is_some(),
        }
    }

    /// Adds a member and returns whether it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Ints(ints) => match integer(member) {
                Some(int) => {
                    let Err(at) = ints.binary_search(&int) else { return false };
                    if ints.len() == ints.capacity() {
                        ints.reserve_exact(ints.len() / 4 + 2);
                    }
                    ints.insert(at, int);
                    if ints.len() > Self::MAX_INTSET_ENTRIES {
                        self.unpack();
                    }
                    true
                }
                None => {
                    if ints.len() < Self::MAX_PACKED_ENTRIES && member.len() <= Self::MAX_PACKED_VALUE {
                        self.pack();
                    } else {
                        self.unpack();
                    }
                    self.insert(member)
                }
            },
            Form::Packed(packed) => {
                if packed.find(member, 1).is_some() {
                    return false;
                }
                if packed.len() < Self::MAX_PACKED_ENTRIES && member.len() <= Self::MAX_PACKED_VALUE {
                    packed.push_back(member);
                    return true;
                }
                self.unpack();
                self.insert(member)
            }
            Form::Full(dense) => dense.upsert(member, |_| None, || Value::new(member)),
        }
    }

    /// Removes a member and returns whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Ints(ints) => {
                let at = integer(member).and_then(|int| ints.binary_search(&int).ok());
                at.map(|at| remove_int(ints, at)).is_some()
            }
            Form::Packed(packed) => {
                let position = packed.find(member, 1);
                position.inspect(|&position| packed.remove(position, 1)).is_some()
            }
            Form::Full(dense) => dense.remove(member).is_some(),
        }
    }

    /// Visits all members: integers in ascending order, others in no particular one.
    pub fn for_each(&self, mut visit: impl FnMut(&[u8])) {
        match &self.0 {
            Form::Ints(ints) => {
                let mut digits = itoa::Buffer::new();
                ints.iter().for_each(|&int| visit(digits.format(int).as_bytes()));
            }
            Form::Packed(packed) => packed.iter().for_each(visit),
            Form::Full(dense) => dense.elements().iter().for_each(|member| visit(member)),
        }
    }

    /// The members in the order of [`Set::for_each`]; those of a large set as handles.
    pub fn iter(&self) -> impl Iterator<Item = Value> {
        let (mut packed, rest) = match &self.0 {
            Form::Packed(packed) => (packed.iter(), 0..0),
            _ => (Default::default(), 0..self.len()),
        };
        let rest = rest.map_while(|index| self.nth(index));
        std::iter::from_fn(move || packed.next().map(Value::new)).chain(rest)
    }

    /// The member with this number in the order of [`Set::for_each`]: what random picks are made of.
    ///
    /// O(1), or O(n) while packed. Any change may give the members other numbers.
    pub fn nth(&self, index: usize) -> Option<Value> {
        match &self.0 {
            Form::Ints(ints) => ints.get(index).map(|&int| format(int)),
            Form::Packed(packed) => packed.get(index).map(Value::new),
            Form::Full(dense) => dense.elements().get(index).cloned(),
        }
    }

    /// Removes and returns the member with this number in the order of [`Set::for_each`].
    ///
    /// O(1) in a large set, O(n) in a small one.
    pub fn pop_nth(&mut self, index: usize) -> Option<Value> {
        match &mut self.0 {
            Form::Ints(ints) => (index < ints.len()).then(|| format(remove_int(ints, index))),
            Form::Packed(packed) => {
                let position = packed.position(index);
                let member = packed.at(position).map(Value::new)?;
                packed.remove(position, 1);
                Some(member)
            }
            Form::Full(dense) => dense.remove_nth(index),
        }
    }

    /// Visits about `count` members and returns the cursor to go on with: 0 begins, and 0 is returned at the end.
    ///
    /// A member that is there from the first call to the last is visited at least once, whatever changes in between.
    /// A small set is visited at once, whatever `count` is.
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut impl FnMut(&[u8])) -> u64 {
        match &self.0 {
            Form::Full(dense) => dense.scan(cursor, count, |member| visit(member)),
            _ => {
                self.for_each(visit);
                0
            }
        }
    }

    /// Turns integers into the packed form.
    fn pack(&mut self) {
        let mut packed = Packed::default();
        self.for_each(|member| packed.push_back(member));
        self.0 = Form::Packed(packed);
    }

    /// Turns into the full form, for good.
    #[cold]
    fn unpack(&mut self) {
        let mut dense = Dense::with_capacity(self.len() + 1);
        self.for_each(|member| {
            dense.upsert(member, |_| None, || Value::new(member));
        });
        self.0 = Form::Full(Box::new(dense));
    }
}

impl Default for Set {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Set {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|member| other.contains(&member))
    }
}

impl Eq for Set {}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The integer that `member` spells, if it is spelled as we would: no sign or zero too many.
fn integer(member: &[u8]) -> Option<i64> {
    let digits = member.strip_prefix(b"-").unwrap_or(member);
    match (digits, member) {
        ([b'0'], [b'0']) => Some(0),
        ([b'1'..=b'9', ..], _) if member.len() <= 20 => std::str::from_utf8(member).ok()?.parse().ok(),
        _ => None,
    }
}

fn format(int: i64) -> Value {
    Value::new(itoa::Buffer::new().format(int).as_bytes())
}

fn remove_int(ints: &mut Vec<i64>, at: usize) -> i64 {
    let int = ints.remove(at);
    if ints.capacity() > 16 && ints.len() < ints.capacity() / 4 {
        ints.shrink_to(ints.len() * 2);
    }
    int
}
