//! The arguments of range commands whose name says what kind of range they have and which way it goes.

use super::bounds::{LexBound, ScoreBound};
use super::select::{By, Limit, Said, Selection, Span, Spelling, read_rank, write_options};
use crate::arg::{ArgSink, Args};
use crate::command::Field;
use crate::error::Result;

/// A range of ranks: `first last [WITHSCORES]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ByRank {
    /// The rank of the reply's first member.
    pub first: i64,
    /// The rank of its last member.
    pub last: i64,
    /// `WITHSCORES`.
    pub with_scores: bool,
}

/// A range of scores: `first last [WITHSCORES] [LIMIT offset count]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ByScore {
    /// The bound where the reply starts.
    pub first: ScoreBound,
    /// The bound where it ends.
    pub last: ScoreBound,
    /// Which part of the range to give.
    pub limit: Option<Limit>,
    /// `WITHSCORES`.
    pub with_scores: bool,
}

/// A range of members: `first last [LIMIT offset count]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ByLex<'a> {
    /// The bound where the reply starts.
    pub first: LexBound<'a>,
    /// The bound where it ends.
    pub last: LexBound<'a>,
    /// Which part of the range to give.
    pub limit: Option<Limit>,
}

impl ByRank {
    pub(super) fn selection(&self, reverse: bool) -> Selection<'static> {
        Selection { span: Span::Ranks(self.first, self.last), reverse, limit: None }
    }
}

impl ByScore {
    pub(super) fn selection(&self, reverse: bool) -> Selection<'static> {
        Selection { span: Span::Scores(self.first, self.last), reverse, limit: self.limit }
    }
}

impl<'a> ByLex<'a> {
    pub(super) fn selection(&self, reverse: bool) -> Selection<'a> {
        Selection { span: Span::Members(self.first.clone(), self.last.clone()), reverse, limit: self.limit }
    }
}

/// The options of a range of this kind, for either direction: the bounds come as the reply goes.
fn read<'a>(by: By, args: &mut Args<'a>) -> Result<Said<'a>> {
    Spelling { by: Some(by), reverse: Some(false), scores: true }.read(args)
}

impl<'a> Field<'a> for ByRank {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let said = read(By::Rank, args)?;
        let (first, last) = (read_rank(&said.bounds.0)?, read_rank(&said.bounds.1)?);
        Ok(Self { first, last, with_scores: said.with_scores })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        (self.first, self.last).write(out);
        write_options(None, self.with_scores, out);
    }
}

impl<'a> Field<'a> for ByScore {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let said = read(By::Score, args)?;
        let (first, last) = (ScoreBound::read(&said.bounds.0)?, ScoreBound::read(&said.bounds.1)?);
        Ok(Self { first, last, limit: said.limit, with_scores: said.with_scores })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        (self.first, self.last).write(out);
        write_options(self.limit, self.with_scores, out);
    }
}

impl<'a> Field<'a> for ByLex<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let said = read(By::Lex, args)?;
        let (first, last) = said.bounds;
        Ok(Self { first: LexBound::read(first)?, last: LexBound::read(last)?, limit: said.limit })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        self.first.write(out);
        self.last.write(out);
        write_options(self.limit, false, out);
    }
}
