//! Sorted sets: unique members, each with a score, in the order of (score, member bytes).
//!
//! Two forms behind one type. A small set is *packed*: its entries lie in order in one block of bytes, and every operation
//! walks it, which for so few is as fast as any index and takes the least memory. A set with more than
//! [`SortedSet::PACKED_LEN`] members, or with a member longer than [`SortedSet::PACKED_MEMBER`] bytes, is *indexed*: a hash
//! index finds a member, and a B+tree with subtree counts keeps the order, so that ranks cost O(log n) both ways. It
//! never goes back.
//!
//! Scores are never NaN. `-0.0` and `0.0` compare equal, and the first of them that was stored stays.

mod indexed;
mod packed;
mod range;
mod sequence;

use std::fmt;

use jcache_value::Value;

use super::allocated;
use indexed::Indexed;
use packed::Packed;
pub use range::{Member, Range};

/// A set of unique byte strings (members), each with a score, ordered by score and then by member bytes.
///
/// In the complexities below, n is the number of members. They are those of a set past its packed form; a packed one is
/// walked, which is O(n) with n of at most [`PACKED_LEN`](Self::PACKED_LEN).
///
/// ```
/// use jcache_core::collection::SortedSet;
///
/// let mut board = SortedSet::new();
/// board.insert(b"ada", 36.0);
/// board.insert(b"bob", 12.5);
/// assert_eq!(board.insert(b"bob", 40.0), Some(12.5));
/// assert_eq!(board.rank(b"bob"), Some(1));
/// let best: Vec<_> = board.iter().rev().map(|(member, score)| (member.to_vec(), score)).collect();
/// assert_eq!(best, [(b"bob".to_vec(), 40.0), (b"ada".to_vec(), 36.0)]);
/// ```
#[derive(Clone, Default)]
pub struct SortedSet(Form);

#[derive(Clone)]
enum Form {
    Packed(Packed),
    Indexed(Box<Indexed>),
}

impl Default for Form {
    fn default() -> Self {
        Form::Packed(Packed::default())
    }
}

/// Calls a method that both forms have.
macro_rules! either {
    ($set:expr, $form:ident => $call:expr) => {
        match $set {
            Form::Packed($form) => $call,
            Form::Indexed($form) => $call,
        }
    };
}

impl SortedSet {
    /// The number of members up to which a set is packed: 128, as `zset-max-listpack-entries` of Redis.
    pub const PACKED_LEN: usize = 128;
    /// The length in bytes up to which members are packed: 64, as `zset-max-listpack-value` of Redis.
    pub const PACKED_MEMBER: usize = 64;

    /// An empty set; it takes no heap.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of members. O(1).
    pub fn len(&self) -> usize {
        either!(&self.0, it => it.len())
    }

    /// Whether there are no members. O(1).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the set is in its small form, one block of bytes. O(1).
    pub fn is_packed(&self) -> bool {
        matches!(self.0, Form::Packed(_))
    }

    /// Bytes on the heap that the set owns beyond itself, as the allocator rounds them. O(1).
    ///
    /// A member's block counts in full even while clones of the set share it.
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Form::Packed(it) => it.heap_size(),
            Form::Indexed(it) => allocated(size_of::<Indexed>()) + it.heap_size(),
        }
    }

    /// No less than the bytes that [`SortedSet::heap_size`] grows by when these members get a score, at any moment
    /// meanwhile. O(number of members given).
    pub fn growth_ahead<'x>(&self, members: impl Iterator<Item = &'x [u8]> + Clone) -> usize {
        let count = members.clone().count();
        // Those that are not there yet, looked for only where it matters.
        let new = || members.clone().filter(|member| self.score(member).is_none()).count();
        let bytes = || members.clone().map(<[u8]>::len).sum::<usize>();
        match &self.0 {
            Form::Packed(packed) => {
                let stays = members.clone().all(|member| member.len() <= Self::PACKED_MEMBER)
                    && (self.len() + count <= Self::PACKED_LEN || self.len() + new() <= Self::PACKED_LEN);
                let all = || Indexed::size_of_new(self.len() + count, packed.size() + bytes());
                if stays { packed.growth_ahead(count, bytes()) } else { all() }
            }
            Form::Indexed(indexed) => indexed.growth_ahead(count, new, bytes()),
        }
    }

    /// The score of `member`. O(1).
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        either!(&self.0, it => it.score(member))
    }

    /// Gives `member` a score, adding it if new; returns the score it had. O(log n).
    ///
    /// A score that compares equal to the old one changes nothing, not even the sign of a zero.
    ///
    /// # Panics
    /// If `score` is NaN, which has no place in an order.
    ///
    /// ```
    /// # use jcache_core::collection::SortedSet;
    /// let mut set = SortedSet::new();
    /// assert_eq!(set.insert(b"a", 1.0), None);
    /// assert_eq!(set.insert(b"a", 2.0), Some(1.0));
    /// assert_eq!(set.score(b"a"), Some(2.0));
    /// ```
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        assert!(!score.is_nan(), "a score is a number");
        if let Form::Packed(packed) = &mut self.0 {
            let fits = packed.len() < Self::PACKED_LEN && member.len() <= Self::PACKED_MEMBER;
            if fits || packed.score(member).is_some() {
                return packed.insert(member, score);
            }
        }
        self.index(1).insert(member, score)
    }

    /// Removes `member`; returns its score. O(log n).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        either!(&mut self.0, it => it.remove(member))
    }

    /// The number of members before `member`. O(log n).
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        either!(&self.0, it => it.rank(member))
    }

    /// The member of a rank, with its score; the first has rank 0. O(log n).
    pub fn nth(&self, rank: usize) -> Option<(Value, f64)> {
        self.range(rank, 1).next().map(|(member, score)| (member.to_value(), score))
    }

    /// Removes the first member. O(log n).
    ///
    /// ```
    /// # use jcache_core::{Value, collection::SortedSet};
    /// let mut queue = SortedSet::from_iter([("late", 9.0), ("soon", 1.0)]);
    /// assert_eq!(queue.pop_min(), Some((Value::from("soon"), 1.0)));
    /// ```
    pub fn pop_min(&mut self) -> Option<(Value, f64)> {
        self.pop(0)
    }

    /// Removes the last member. O(log n).
    pub fn pop_max(&mut self) -> Option<(Value, f64)> {
        self.pop(self.len().checked_sub(1)?)
    }

    fn pop(&mut self, rank: usize) -> Option<(Value, f64)> {
        let popped = self.nth(rank)?;
        self.remove_range(rank, 1);
        Some(popped)
    }

    /// The number of members with a score under `score`, or up to `score` when `after_equal`. O(log n).
    ///
    /// ```
    /// # use jcache_core::collection::SortedSet;
    /// let set = SortedSet::from_iter([("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.0)]);
    /// assert_eq!((set.rank_of_score(2.0, false), set.rank_of_score(2.0, true)), (1, 3));
    /// ```
    pub fn rank_of_score(&self, score: f64, after_equal: bool) -> usize {
        either!(&self.0, it => it.rank_of(Place::Score(score, after_equal)))
    }

    /// The number of members whose bytes come before `member`, or up to it when `after_equal`, if all scores are equal.
    /// O(log n).
    ///
    /// With different scores there is no such order, and the answer is some rank from 0 to n; that after the member may even be the
    /// smaller one.
    ///
    /// ```
    /// # use jcache_core::collection::SortedSet;
    /// let words = SortedSet::from_iter([("ant", 0.0), ("bee", 0.0), ("cat", 0.0)]);
    /// assert_eq!((words.rank_of_member_bytes(b"bee", false), words.rank_of_member_bytes(b"bee", true)), (1, 2));
    /// assert_eq!(words.rank_of_member_bytes(b"bird", false), 2);
    /// ```
    pub fn rank_of_member_bytes(&self, member: &[u8], after_equal: bool) -> usize {
        either!(&self.0, it => it.rank_of(Place::Bytes(member, after_equal)))
    }

    /// Up to `len` members from rank `start` on, in order, from both ends. O(log n), then O(1) a member.
    ///
    /// ```
    /// # use jcache_core::collection::SortedSet;
    /// let set = SortedSet::from_iter([("a", 1.0), ("b", 2.0), ("c", 3.0)]);
    /// let last_two: Vec<_> = set.range(1, 99).map(|(member, score)| (member.as_bytes(), score)).collect();
    /// assert_eq!(last_two, [(&b"b"[..], 2.0), (b"c", 3.0)]);
    /// ```
    pub fn range(&self, start: usize, len: usize) -> Range<'_> {
        let start = start.min(self.len());
        let end = start.saturating_add(len).min(self.len());
        either!(&self.0, it => Range::from(it.range(start, end)))
    }

    /// All members in order, from both ends.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, self.len())
    }

    /// Removes up to `len` members from rank `start` on; returns how many. O(log n + removed).
    ///
    /// ```
    /// # use jcache_core::collection::SortedSet;
    /// let mut latest = SortedSet::from_iter([("a", 1.0), ("b", 2.0), ("c", 3.0)]);
    /// assert_eq!(latest.remove_range(0, 2), 2);
    /// assert_eq!(latest.len(), 1);
    /// ```
    pub fn remove_range(&mut self, start: usize, len: usize) -> usize {
        let len = len.min(self.len().saturating_sub(start));
        either!(&mut self.0, it => it.remove_range(start, len));
        len
    }

    /// Visits about `count` members and returns the cursor of the next step: 0 when all were seen. O(count).
    ///
    /// The first step has cursor 0. A member that is there during the whole scan is visited at least once, whatever else
    /// comes, goes or changes its score meanwhile. A packed set is visited at once.
    ///
    /// ```
    /// # use jcache_core::collection::SortedSet;
    /// let set: SortedSet = (0..1000).map(|i| (i.to_string(), 0.0)).collect();
    /// let (mut seen, mut cursor) = (0, 0);
    /// loop {
    ///     cursor = set.scan(cursor, 10, &mut |_, _| seen += 1);
    ///     if cursor == 0 { break }
    /// }
    /// assert_eq!(seen, 1000);
    /// ```
    pub fn scan(&self, cursor: u64, count: usize, visit: &mut impl FnMut(&[u8], f64)) -> u64 {
        match &self.0 {
            Form::Packed(it) => {
                it.range(0, it.len()).for_each(|(member, score)| visit(member, score));
                0
            }
            Form::Indexed(it) => it.scan(cursor, count, visit),
        }
    }

    /// Turns to the indexed form, with room for more members.
    fn index(&mut self, more: usize) -> &mut Indexed {
        if let Form::Packed(packed) = &self.0 {
            let mut indexed = Indexed::with_capacity(packed.len() + more);
            packed.range(0, packed.len()).for_each(|(member, score)| indexed.append(member, score));
            self.0 = Form::Indexed(Box::new(indexed));
        }
        match &mut self.0 {
            Form::Indexed(indexed) => indexed,
            Form::Packed(_) => unreachable!("invariant: was just indexed"),
        }
    }
}

impl<M: AsRef<[u8]>> Extend<(M, f64)> for SortedSet {
    /// Inserts each in turn: a later score of a member wins. Ascending input is the fastest and leaves the densest set.
    fn extend<I: IntoIterator<Item = (M, f64)>>(&mut self, members: I) {
        let members = members.into_iter();
        if members.size_hint().0 > Self::PACKED_LEN {
            self.index(members.size_hint().0);
        }
        members.for_each(|(member, score)| {
            self.insert(member.as_ref(), score);
        });
    }
}

impl<M: AsRef<[u8]>> FromIterator<(M, f64)> for SortedSet {
    fn from_iter<I: IntoIterator<Item = (M, f64)>>(members: I) -> Self {
        let mut set = Self::new();
        set.extend(members);
        set
    }
}

impl PartialEq for SortedSet {
    /// The same members with equal scores, in whichever form.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for SortedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A point between members, whose rank is asked for.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Where the entry is or would be.
    Entry(f64, &'a [u8]),
    /// Before all members with the score, or after them.
    Score(f64, bool),
    /// Before the member if order is by bytes alone, or after it.
    Bytes(&'a [u8], bool),
}

impl Place<'_> {
    /// Whether a member lies before this place. Its bytes may be far away in memory and are fetched only if they decide.
    #[inline]
    fn is_after<'m>(self, score: f64, member: impl FnOnce() -> &'m [u8]) -> bool {
        match self {
            Place::Entry(limit, bytes) => score < limit || (score == limit && member() < bytes),
            Place::Score(limit, equal) => score < limit || (equal && score == limit),
            Place::Bytes(bytes, false) => member() < bytes,
            Place::Bytes(bytes, true) => member() <= bytes,
        }
    }
}
