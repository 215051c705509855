//! Ranges of sorted sets: their bounds, and the options of the methods that take them.

use std::ops::Bound;

use jcache_core::command::sorted_set::{
    LexBound, Limit, ScoreBound, Span, ZRange, ZRangeByLex, ZRangeByScore, ZRangeStore, ZRevRange, ZRevRangeByLex,
    ZRevRangeByScore,
};
use jcache_core::{Arg, Command, Error, Result};

use crate::commands::answers::scored;
use crate::commands::args::{IntoBounds, checked};
use crate::commands::call::Prepared;
use crate::typed::FromValue;

/// The lower and the upper bound of a range of scores.
pub(super) fn score_bounds(range: impl IntoBounds<f64>) -> Result<(ScoreBound, ScoreBound)> {
    let bound = |bound: Bound<f64>, open: ScoreBound| match bound {
        Bound::Included(score) | Bound::Excluded(score) if score.is_nan() => {
            Err(Error::invalid("ERR min or max is not a float"))
        }
        Bound::Included(score) => Ok(ScoreBound { score, exclusive: false }),
        Bound::Excluded(score) => Ok(ScoreBound { score, exclusive: true }),
        Bound::Unbounded => Ok(open),
    };
    let (low, high) = range.into_bounds();
    Ok((bound(low, ScoreBound::MIN)?, bound(high, ScoreBound::MAX)?))
}

/// The lower and the upper bound of a range of members.
pub(super) fn lex_bounds<'a>(range: impl IntoBounds<Arg<'a>>) -> (LexBound<'a>, LexBound<'a>) {
    let bound = |bound, open| match bound {
        Bound::Included(member) => LexBound::Inclusive(member),
        Bound::Excluded(member) => LexBound::Exclusive(member),
        Bound::Unbounded => open,
    };
    let (low, high) = range.into_bounds();
    (bound(low, LexBound::Min), bound(high, LexBound::Max))
}

/// `LIMIT`, with the numbers as Redis has them.
fn limit(offset: u32, count: u32) -> Option<Limit> {
    Some(Limit { offset: offset.into(), count: count.into() })
}

macro_rules! with_scores {
    ($($Command:ident: $($flag:ident).+),* $(,)?) => {$(
        impl<'a, E: ?Sized, T: FromValue> Prepared<'a, E, $Command<'a>, Vec<T>> {
            /// Answers each member with its score.
            pub fn with_scores(self) -> Prepared<'a, E, $Command<'a>, Vec<(T, f64)>> {
                self.with(|it| it.$($flag).+ = true).answering(scored)
            }
        }
    )*};
}
with_scores! {
    ZRange: shown.with_scores, ZRevRange: range.with_scores, ZRangeByScore: range.with_scores,
    ZRevRangeByScore: range.with_scores,
}

macro_rules! limits {
    ($($Command:ident),* $(,)?) => {$(
        impl<'a, E: ?Sized, O> Prepared<'a, E, $Command<'a>, O> {
            /// Leaves out the first `offset` members of the range, and gives `count` at most.
            pub fn limit(self, offset: u32, count: u32) -> Self {
                self.with(|it| it.range.limit = limit(offset, count))
            }
        }
    )*};
}
limits!(ZRangeByScore, ZRevRangeByScore, ZRangeByLex, ZRevRangeByLex);

/// Which members are stored; the last of these counts.
impl<'a, E: ?Sized, O> Prepared<'a, E, ZRangeStore<'a>, O> {
    /// Those from rank `start` to `stop`, both included.
    pub fn ranks(self, start: i64, stop: i64) -> Self {
        self.with(|it| it.selection.span = Span::Ranks(start, stop))
    }

    /// Those with scores in a range.
    pub fn scores(self, scores: impl IntoBounds<f64>) -> Self {
        self.try_with(|it| {
            let (low, high) = score_bounds(scores)?;
            it.selection.span = if it.selection.reverse { Span::Scores(high, low) } else { Span::Scores(low, high) };
            Ok(())
        })
    }

    /// Those in a range by their bytes, where all scores are equal.
    pub fn members(self, members: impl IntoBounds<Arg<'a>>) -> Self {
        self.with(|it| {
            let (low, high) = lex_bounds(members);
            it.selection.span = if it.selection.reverse { Span::Members(high, low) } else { Span::Members(low, high) };
        })
    }

    /// Counts ranks, and the [`limit`](Self::limit), from the highest score.
    pub fn rev(self) -> Self {
        self.with(|it| {
            // A reversed range is told from its upper end to its lower one.
            match &mut it.selection.span {
                Span::Scores(first, last) if !it.selection.reverse => std::mem::swap(first, last),
                Span::Members(first, last) if !it.selection.reverse => std::mem::swap(first, last),
                _ => {}
            }
            it.selection.reverse = true;
        })
    }

    /// Leaves out the first `offset` members of a range of scores or members, and stores `count` at most. An error for
    /// a range of ranks, so the range is to be told first.
    pub fn limit(self, offset: u32, count: u32) -> Self {
        self.try_with(|it| {
            it.selection.limit = limit(offset, count);
            checked(ZRangeStore::SPEC.name, &it.selection)
        })
    }
}
