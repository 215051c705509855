//! What is read from a sorted set: its members in order, whichever form it has.

use std::{fmt, iter::FusedIterator, ops::Deref};

use jcache_value::Value;

use super::{indexed, packed};

/// A member of a sorted set, borrowed from it: bytes of a packed set or a shared handle of an indexed one.
#[derive(Clone, Copy)]
pub struct Member<'a>(MemberForm<'a>);

#[derive(Clone, Copy)]
enum MemberForm<'a> {
    Packed(&'a [u8]),
    Indexed(&'a Value),
}

impl<'a> Member<'a> {
    /// The bytes.
    pub fn as_bytes(self) -> &'a [u8] {
        match self.0 {
            MemberForm::Packed(bytes) => bytes,
            MemberForm::Indexed(value) => value.as_bytes(),
        }
    }

    /// A handle of its own: shares the bytes of an indexed set, copies those of a packed one (64 at most).
    pub fn to_value(self) -> Value {
        match self.0 {
            MemberForm::Packed(bytes) => Value::new(bytes),
            MemberForm::Indexed(value) => value.clone(),
        }
    }
}

impl Deref for Member<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Member<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Member<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_bytes().escape_ascii())
    }
}

/// Neighbouring members of a sorted set with their scores, in order, from both ends; made by [`SortedSet::range`](super::SortedSet::range).
#[derive(Clone, Debug)]
pub struct Range<'a>(RangeForm<'a>);

#[derive(Clone, Debug)]
enum RangeForm<'a> {
    Packed(packed::Iter<'a>),
    Indexed(indexed::Iter<'a>),
}

impl<'a> From<packed::Iter<'a>> for Range<'a> {
    fn from(entries: packed::Iter<'a>) -> Self {
        Range(RangeForm::Packed(entries))
    }
}

impl<'a> From<indexed::Iter<'a>> for Range<'a> {
    fn from(entries: indexed::Iter<'a>) -> Self {
        Range(RangeForm::Indexed(entries))
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = (Member<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            RangeForm::Packed(it) => it.next().map(|(bytes, score)| (Member(MemberForm::Packed(bytes)), score)),
            RangeForm::Indexed(it) => it.next().map(|(value, score)| (Member(MemberForm::Indexed(value)), score)),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            RangeForm::Packed(it) => it.size_hint(),
            RangeForm::Indexed(it) => it.size_hint(),
        }
    }
}

impl DoubleEndedIterator for Range<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            RangeForm::Packed(it) => it.next_back().map(|(bytes, score)| (Member(MemberForm::Packed(bytes)), score)),
            RangeForm::Indexed(it) => it.next_back().map(|(value, score)| (Member(MemberForm::Indexed(value)), score)),
        }
    }
}

impl ExactSizeIterator for Range<'_> {}

impl FusedIterator for Range<'_> {}
