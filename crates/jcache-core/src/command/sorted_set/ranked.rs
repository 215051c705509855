//! The reply of commands that give members with or without their scores.

use jcache_value::Value;

use crate::collection::SortedSet;
use crate::error::Result;
use crate::reply::{Outcome, Reply, Scored};

/// Members in the order of the reply, with their scores when the command asked for them.
///
/// A flat list is read as members alone; a command with `WITHSCORES` reads it as pairs, because RESP2 sends them so.
#[derive(Debug, Clone, PartialEq)]
pub enum Ranked {
    /// Members alone.
    Plain(Vec<Value>),
    /// Members and scores.
    Scored(Scored),
}

impl Ranked {
    /// The members, without their scores.
    pub fn into_members(self) -> Vec<Value> {
        match self {
            Ranked::Plain(members) => members,
            Ranked::Scored(Scored(members)) => members.into_iter().map(|(member, _)| member).collect(),
        }
    }

    /// The members with their scores; `None` when there are members and the command did not ask for scores.
    pub fn into_scored(self) -> Option<Vec<(Value, f64)>> {
        match self {
            Ranked::Plain(members) => members.is_empty().then(Vec::new),
            Ranked::Scored(Scored(members)) => Some(members),
        }
    }

    /// Nothing, in the form asked for.
    pub(super) fn none(with_scores: bool) -> Self {
        Self::of(std::iter::empty(), with_scores)
    }

    /// These members, in the form asked for.
    pub(super) fn of(members: impl Iterator<Item = (Value, f64)>, with_scores: bool) -> Self {
        if with_scores {
            Ranked::Scored(Scored(members.collect()))
        } else {
            Ranked::Plain(members.map(|(member, _)| member).collect())
        }
    }

    /// The members of `set` at the ascending `ranks`, from the end when `reverse`.
    pub(super) fn at(set: &SortedSet, ranks: std::ops::Range<usize>, reverse: bool, with_scores: bool) -> Self {
        let members = set.range(ranks.start, ranks.len()).map(|(member, score)| (member.to_value(), score));
        if reverse { Self::of(members.rev(), with_scores) } else { Self::of(members, with_scores) }
    }

    /// Reads the reply to a command that asked for scores or did not.
    pub(super) fn read(reply: Reply, with_scores: bool) -> Result<Self> {
        if with_scores {
            Outcome::from_reply(reply).map(Ranked::Scored)
        } else {
            Outcome::from_reply(reply).map(Ranked::Plain)
        }
    }
}

impl Outcome for Ranked {
    fn from_reply(reply: Reply) -> Result<Self> {
        let pairs = match &reply {
            Reply::Map(_) | Reply::Pairs(_) => true,
            Reply::Array(items) => matches!(items.first(), Some(Reply::Array(_))),
            _ => false,
        };
        Self::read(reply, pairs)
    }

    fn into_reply(self) -> Reply {
        match self {
            Ranked::Plain(members) => members.into_reply(),
            Ranked::Scored(members) => members.into_reply(),
        }
    }
}
