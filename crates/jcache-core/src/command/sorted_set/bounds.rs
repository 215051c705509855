//! The ends of ranges by score and by member.

use crate::arg::{Arg, ArgSink, Args};
use crate::collection::SortedSet;
use crate::command::Field;
use crate::error::{Error, Result};
use crate::number::{format_f64, parse_f64};

/// One end of a range of scores: `5`, `(5` without 5 itself, `-inf`, `+inf`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreBound {
    /// The score.
    pub score: f64,
    /// Whether the score itself is left out.
    pub exclusive: bool,
}

impl ScoreBound {
    /// Below all scores.
    pub const MIN: Self = Self { score: f64::NEG_INFINITY, exclusive: false };
    /// Above all scores.
    pub const MAX: Self = Self { score: f64::INFINITY, exclusive: false };

    /// The rank of the first member of a range that starts here.
    pub(super) fn first(self, set: &SortedSet) -> usize {
        set.rank_of_score(self.score, self.exclusive)
    }

    /// The rank after the last member of a range that ends here.
    pub(super) fn end(self, set: &SortedSet) -> usize {
        set.rank_of_score(self.score, !self.exclusive)
    }
}

impl From<f64> for ScoreBound {
    fn from(score: f64) -> Self {
        Self { score, exclusive: false }
    }
}

impl ScoreBound {
    /// Reads a bound.
    pub(super) fn read(text: &Arg<'_>) -> Result<Self> {
        let (text, exclusive) = match text.strip_prefix(b"(") {
            Some(rest) => (rest, true),
            None => (text.as_bytes(), false),
        };
        let score = read_score(text).ok_or_else(|| Error::invalid("ERR min or max is not a float"))?;
        Ok(Self { score, exclusive })
    }
}

impl<'a> Field<'a> for ScoreBound {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Self::read(&args.take()?)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if self.exclusive {
            out.arg(format!("({}", format_f64(self.score)).as_bytes());
        } else {
            out.float(self.score);
        }
    }
}

/// Reads a score as Redis does for a bound. It trusts C's `strtod` here, more than it does for other floats: the text
/// ends at a zero byte, space may come first, and nothing at all is zero.
fn read_score(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    // C counts the vertical tab as a space, Rust does not.
    let start = text.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b)?;
    parse_f64(&text[start..]).or_else(|| beyond(&text[start..]))
}

/// A decimal number that is too large or too small for a float: here, infinite or zero.
fn beyond(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

/// One end of a range of members, by their bytes: `[a`, `(a` without a itself, `-`, `+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before all members.
    Min,
    /// `+`: after all members.
    Max,
    /// `[`: with the member itself.
    Inclusive(Arg<'a>),
    /// `(`: without the member itself.
    Exclusive(Arg<'a>),
}

impl LexBound<'_> {
    /// The rank of the first member of a range that starts here.
    pub(super) fn first(&self, set: &SortedSet) -> usize {
        match self {
            LexBound::Min => 0,
            LexBound::Max => set.len(),
            LexBound::Inclusive(member) => set.rank_of_member_bytes(member, false),
            LexBound::Exclusive(member) => set.rank_of_member_bytes(member, true),
        }
    }

    /// The rank after the last member of a range that ends here.
    pub(super) fn end(&self, set: &SortedSet) -> usize {
        match self {
            LexBound::Min => 0,
            LexBound::Max => set.len(),
            LexBound::Inclusive(member) => set.rank_of_member_bytes(member, true),
            LexBound::Exclusive(member) => set.rank_of_member_bytes(member, false),
        }
    }
}

impl<'a> LexBound<'a> {
    /// Reads a bound.
    pub(super) fn read(text: Arg<'a>) -> Result<Self> {
        match text.as_bytes() {
            // Redis sees the end of the text in a zero byte.
            [b'-'] | [b'-', 0, ..] => Ok(LexBound::Min),
            [b'+'] | [b'+', 0, ..] => Ok(LexBound::Max),
            [b'[', ..] => Ok(LexBound::Inclusive(after_first(text))),
            [b'(', ..] => Ok(LexBound::Exclusive(after_first(text))),
            _ => Err(Error::invalid("ERR min or max not valid string range item")),
        }
    }
}

impl<'a> Field<'a> for LexBound<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Self::read(args.take()?)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        match self {
            LexBound::Min => out.arg(b"-"),
            LexBound::Max => out.arg(b"+"),
            LexBound::Inclusive(member) => out.arg(&[b"[", member.as_bytes()].concat()),
            LexBound::Exclusive(member) => out.arg(&[b"(", member.as_bytes()].concat()),
        }
    }
}

/// The argument without its first byte.
fn after_first(arg: Arg<'_>) -> Arg<'_> {
    match arg {
        Arg::Slice(bytes) => Arg::Slice(&bytes[1..]),
        Arg::Value(value) => Arg::from(value.as_bytes()[1..].to_vec()),
    }
}
