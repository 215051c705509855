//! Which members of a sorted set a command is about: a range by rank, score or member, its direction, and a limit.
//!
//! Whatever the kind of range, the members in it have neighbouring ranks, and the tree finds the first and the last
//! in O(log n): so every range command is a range of ranks in the end.

use std::ops::Range;

use super::bounds::{LexBound, ScoreBound};
use crate::arg::{Arg, ArgSink, Args};
use crate::collection::SortedSet;
use crate::command::Field;
use crate::command::list::clamp_range;
use crate::error::{Error, Result};
use crate::number::parse_i64;

/// A range, from the first to the last member of the reply: for a reversed one, from the highest to the lowest.
#[derive(Debug, Clone, PartialEq)]
pub enum Span<'a> {
    /// By rank, both included, negative from the end.
    Ranks(i64, i64),
    /// By score.
    Scores(ScoreBound, ScoreBound),
    /// By member, where all scores are equal.
    Members(LexBound<'a>, LexBound<'a>),
}

impl Span<'_> {
    /// The ranks in the range, in ascending order.
    pub(super) fn ranks(&self, set: &SortedSet, reverse: bool) -> Range<usize> {
        let (first, end) = match self {
            Span::Ranks(first, last) => {
                let ranks = clamp_range(*first, *last, set.len());
                return if reverse { set.len() - ranks.end..set.len() - ranks.start } else { ranks };
            }
            Span::Scores(first, last) => {
                let (min, max) = if reverse { (last, first) } else { (first, last) };
                (min.first(set), max.end(set))
            }
            Span::Members(first, last) => {
                let (min, max) = if reverse { (last, first) } else { (first, last) };
                (min.first(set), max.end(set))
            }
        };
        first..end.max(first)
    }
}

/// `LIMIT offset count`: which part of a range to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many members to skip; when it is negative, there is nothing.
    pub offset: i64,
    /// How many members to give; all when it is negative.
    pub count: i64,
}

impl Limit {
    /// The part of the ascending `ranks`, as seen from the end when `reverse`.
    fn cut(self, ranks: Range<usize>, reverse: bool) -> Range<usize> {
        let skip = usize::try_from(self.offset).unwrap_or(usize::MAX).min(ranks.len());
        let take = usize::try_from(self.count).unwrap_or(usize::MAX).min(ranks.len() - skip);
        if reverse { ranks.end - skip - take..ranks.end - skip } else { ranks.start + skip..ranks.start + skip + take }
    }
}

/// Part of a sorted set, in one of both directions: the arguments of `ZRANGESTORE` after its keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection<'a> {
    /// The range.
    pub span: Span<'a>,
    /// `REV`: from the highest to the lowest.
    pub reverse: bool,
    /// Which part of the range; not for a range by rank.
    pub limit: Option<Limit>,
}

impl Selection<'_> {
    /// All members in ascending order.
    pub const ALL: Selection<'static> = Selection { span: Span::Ranks(0, -1), reverse: false, limit: None };

    /// The ranks that are selected, in ascending order.
    pub(super) fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let ranks = self.span.ranks(set, self.reverse);
        self.limit.map_or(ranks.clone(), |limit| limit.cut(ranks, self.reverse))
    }
}

/// As `ZRANGESTORE` has it.
impl<'a> Field<'a> for Selection<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let general = Spelling { by: None, reverse: None, scores: false };
        general.select(args).map(|(selection, _)| selection)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        let by = match &self.span {
            Span::Ranks(first, last) => {
                (*first, *last).write(out);
                None
            }
            Span::Scores(first, last) => {
                (*first, *last).write(out);
                Some("BYSCORE")
            }
            Span::Members(first, last) => {
                first.write(out);
                last.write(out);
                Some("BYLEX")
            }
        };
        for word in by.into_iter().chain(self.reverse.then_some("REV")) {
            out.arg(word.as_bytes());
        }
        write_options(self.limit, false, out);
    }
}

/// A selection, and whether scores are shown with its members: the arguments of `ZRANGE` after its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<'a> {
    /// The members.
    pub selection: Selection<'a>,
    /// `WITHSCORES`; not for a range by member.
    pub with_scores: bool,
}

impl<'a> Field<'a> for Shown<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let general = Spelling { by: None, reverse: None, scores: true };
        general.select(args).map(|(selection, with_scores)| Shown { selection, with_scores })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        self.selection.write(out);
        write_options(None, self.with_scores, out);
    }
}

/// What kind of range a command has.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

/// What a command's name says about its range; the rest is for options to say.
#[derive(Clone, Copy)]
pub(super) struct Spelling {
    /// The kind of range.
    pub(super) by: Option<By>,
    /// Whether it is reversed.
    pub(super) reverse: Option<bool>,
    /// Whether scores may be asked for.
    pub(super) scores: bool,
}

/// All that is said about a range besides its bounds.
pub(super) struct Said<'a> {
    pub(super) bounds: (Arg<'a>, Arg<'a>),
    by: By,
    reverse: bool,
    pub(super) limit: Option<Limit>,
    pub(super) with_scores: bool,
}

impl Spelling {
    /// Reads `first last [options]`. Wrong options are reported before wrong bounds, so these are still texts.
    pub(super) fn read<'a>(mut self, args: &mut Args<'a>) -> Result<Said<'a>> {
        let bounds = (args.take()?, args.take()?);
        let (mut limit, mut with_scores) = (None, false);
        while !args.is_empty() {
            if self.scores && args.take_word("WITHSCORES") {
                with_scores = true;
            } else if args.len() > 2 && args.take_word("LIMIT") {
                limit = Some(Limit { offset: args.take_i64()?, count: args.take_i64()? });
            } else if self.reverse.is_none() && args.take_word("REV") {
                self.reverse = Some(true);
            } else if self.by.is_none() && args.take_word("BYLEX") {
                self.by = Some(By::Lex);
            } else if self.by.is_none() && args.take_word("BYSCORE") {
                self.by = Some(By::Score);
            } else {
                return Err(Error::syntax());
            }
        }
        let by = self.by.unwrap_or(By::Rank);
        // A limit without an end is none, and Redis lets it pass.
        if by == By::Rank && limit.take().is_some_and(|limit| limit.count != -1) {
            return Err(Error::invalid(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Lex && with_scores {
            return Err(Error::invalid("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        Ok(Said { bounds, by, reverse: self.reverse.unwrap_or(false), limit, with_scores })
    }

    /// Reads a selection, and whether scores are wanted.
    fn select<'a>(self, args: &mut Args<'a>) -> Result<(Selection<'a>, bool)> {
        let Said { bounds: (first, last), by, reverse, limit, with_scores } = self.read(args)?;
        let span = match by {
            By::Rank => Span::Ranks(read_rank(&first)?, read_rank(&last)?),
            By::Score => Span::Scores(ScoreBound::read(&first)?, ScoreBound::read(&last)?),
            By::Lex => Span::Members(LexBound::read(first)?, LexBound::read(last)?),
        };
        Ok((Selection { span, reverse, limit }, with_scores))
    }
}

pub(super) fn read_rank(text: &Arg<'_>) -> Result<i64> {
    parse_i64(text).ok_or_else(Error::not_an_integer)
}

/// Writes the options that every kind of range has.
pub(super) fn write_options<S: ArgSink + ?Sized>(limit: Option<Limit>, with_scores: bool, out: &mut S) {
    if let Some(Limit { offset, count }) = limit {
        out.arg(b"LIMIT");
        out.int(offset);
        out.int(count);
    }
    if with_scores {
        out.arg(b"WITHSCORES");
    }
}
