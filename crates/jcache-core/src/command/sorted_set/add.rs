//! Adding, changing and removing members.

use crate::arg::{Arg, ArgSink, Args, Key};
use crate::collection::SortedSet;
use crate::command::{Field, KeyPositions, MutationCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::reply::{Outcome, Reply};
use crate::time::Context;

/// The options of `ZADD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ZAddOptions {
    /// `NX`: only add members, change none.
    pub nx: bool,
    /// `XX`: only change members, add none.
    pub xx: bool,
    /// `GT`: change a member only to a higher score.
    pub gt: bool,
    /// `LT`: change a member only to a lower score.
    pub lt: bool,
    /// `CH`: answer how many members were added or changed, not only how many were added.
    pub ch: bool,
    /// `INCR`: add to the score of the one member, and answer the new one.
    pub incr: bool,
}

impl ZAddOptions {
    /// Whether adding depends on what is there.
    fn conditional(self) -> bool {
        self.nx || self.xx || self.gt || self.lt
    }

    /// The score that a member is to get which has the score `old`; `None` when it is to stay as it is.
    fn decide(self, old: Option<f64>, score: f64) -> Result<Option<f64>> {
        let Some(old) = old else { return Ok((!self.xx).then_some(score)) };
        if self.nx {
            return Ok(None);
        }
        let score = if self.incr { sum(old, score)? } else { score };
        let refused = self.gt && score <= old || self.lt && score >= old;
        Ok((!refused).then_some(score))
    }
}

/// Reads the options and, as Redis does, judges them together with the number of pairs that follow.
impl<'a> Field<'a> for ZAddOptions {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut options = Self::default();
        while let Some(word) = args.peek() {
            let flag = match () {
                () if word.is_word("NX") => &mut options.nx,
                () if word.is_word("XX") => &mut options.xx,
                () if word.is_word("GT") => &mut options.gt,
                () if word.is_word("LT") => &mut options.lt,
                () if word.is_word("CH") => &mut options.ch,
                () if word.is_word("INCR") => &mut options.incr,
                () => break,
            };
            *flag = true;
            args.take()?;
        }
        let Self { nx, xx, gt, lt, incr, .. } = options;
        if args.is_empty() || !args.len().is_multiple_of(2) {
            return Err(Error::syntax());
        }
        if nx && xx {
            return Err(Error::invalid("ERR XX and NX options at the same time are not compatible"));
        }
        if nx && (gt || lt) || gt && lt {
            return Err(Error::invalid("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if incr && args.len() > 2 {
            return Err(Error::invalid("ERR INCR option supports a single increment-element pair"));
        }
        Ok(options)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        let words =
            [(self.nx, "NX"), (self.xx, "XX"), (self.gt, "GT"), (self.lt, "LT"), (self.ch, "CH"), (self.incr, "INCR")];
        for (_, word) in words.into_iter().filter(|(set, _)| *set) {
            out.arg(word.as_bytes());
        }
    }
}

/// What `ZADD` did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Added {
    /// How many members were added, or with `CH` added or changed.
    Count(u64),
    /// With `INCR` the new score, or `None` when a condition refused it.
    Score(Option<f64>),
}

impl Added {
    /// The count; 0 after `INCR`.
    pub fn count(self) -> u64 {
        match self {
            Added::Count(count) => count,
            Added::Score(_) => 0,
        }
    }
}

impl Outcome for Added {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Int(_) => Outcome::from_reply(reply).map(Added::Count),
            _ => Outcome::from_reply(reply).map(Added::Score),
        }
    }

    fn into_reply(self) -> Reply {
        match self {
            Added::Count(count) => count.into_reply(),
            Added::Score(score) => score.into_reply(),
        }
    }
}

command! {
    /// Adds members with scores, or gives members other scores. How many were added; with `CH` added or changed; with
    /// `INCR` the new score of the one member, or nil. O(log n) a member.
    ZAdd<'a> = "ZADD", Decides SortedSet, arity -4, keys KeyPositions::ONE,
    "Adds members to a sorted set, or changes their scores." => Added {
        /// The key.
        key: Key<'a>,
        /// Conditions, and what to answer.
        options: ZAddOptions,
        /// Scores and members.
        members: Vec<(f64, Arg<'a>)>,
    }
}

impl<'a> ZAdd<'a> {
    /// Adds or updates members without a condition.
    pub fn plain(key: Key<'a>, members: Vec<(f64, Arg<'a>)>) -> Self {
        Self { key, options: ZAddOptions::default(), members }
    }

    /// Adds to the score of the one member.
    fn increment<K: Keyspace>(&self, keyspace: &mut K, by: f64, member: &[u8]) -> Result<Option<f64>> {
        let old = keyspace.collection::<SortedSet>(&self.key)?.and_then(|set| set.score(member));
        let Some(score) = self.options.decide(old, by)? else { return Ok(None) };
        replace(keyspace, &self.key, member, old, score)?;
        Ok(Some(score))
    }

    /// Adds the members; how many were added, or with `CH` added or changed, and whether any was.
    fn add_to(&self, set: &mut SortedSet) -> (u64, bool) {
        let (mut count, mut is_changed) = (0, false);
        for (score, member) in &self.members {
            if self.options.conditional() && !matches!(self.options.decide(set.score(member), *score), Ok(Some(_))) {
                continue;
            }
            let old = put(set, member, *score);
            is_changed |= old != Some(*score);
            count += u64::from(old.is_none() || self.options.ch && old != Some(*score));
        }
        (count, is_changed)
    }
}

/// Adding zero makes `0` of `-0`: as a score they are the same, and Redis forgets the sign too while a set is small.
fn put(set: &mut SortedSet, member: &[u8], score: f64) -> Option<f64> {
    set.insert(member, score + 0.0)
}

/// What the sorted set at `key` grows by when members get a score.
fn growth_ahead<'x, K: Keyspace>(
    keyspace: &K,
    key: &Key<'_>,
    members: impl Iterator<Item = &'x [u8]> + Clone,
) -> Option<usize> {
    Some(keyspace.collection::<SortedSet>(key).ok()??.growth_ahead(members))
}

/// Gives a member that has the score `old` the score `score`.
fn replace<K: Keyspace>(keyspace: &mut K, key: &[u8], member: &[u8], old: Option<f64>, score: f64) -> Result<()> {
    keyspace.upsert(key, |set| put(set, member, score))?;
    if old == Some(score) {
        keyspace.unchanged(key);
    }
    Ok(())
}

/// A score plus an increment.
fn sum(old: f64, by: f64) -> Result<f64> {
    let score = old + by;
    if score.is_nan() { Err(Error::invalid("ERR resulting score is not a number (NaN)")) } else { Ok(score) }
}

impl<'a> MutationCommand<'a> for ZAdd<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<Added> {
        // Parsing refuses these; a command made in code can still hold one.
        if self.members.iter().any(|(score, _)| score.is_nan()) {
            return Err(Error::not_a_float());
        }
        let (count, is_changed) = match self.members.as_slice() {
            [(by, member)] if self.options.incr => return self.increment(keyspace, *by, member).map(Added::Score),
            _ if self.options.xx => keyspace.update(&self.key, |set| self.add_to(set))?.unwrap_or_default(),
            _ => keyspace.upsert(&self.key, |set| self.add_to(set))?,
        };
        if !is_changed {
            keyspace.unchanged(&self.key);
        }
        Ok(Added::Count(count))
    }

    fn read_reply(&self, reply: Reply) -> Result<Added> {
        if self.options.incr {
            Outcome::from_reply(reply).map(Added::Score)
        } else {
            Outcome::from_reply(reply).map(Added::Count)
        }
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, self.members.iter().map(|(_, member)| &**member))
    }

    fn effect(&self, added: &Added, _: Context) -> Effect<'a> {
        let ZAddOptions { nx, ch, .. } = self.options;
        match (added, self.members.as_slice()) {
            (Added::Score(None), _) => Effect::nothing(),
            (Added::Score(Some(score)), [(_, member)]) => {
                Effect::within(Self::plain(self.key.clone(), vec![(*score, member.clone())]))
            }
            // Nothing was added, and with these options that means nothing was changed.
            (Added::Count(0), _) if nx || ch => Effect::nothing(),
            // The one member was added or changed.
            (Added::Count(1), [_]) => Effect::within(Self::plain(self.key.clone(), self.members.clone())),
            // Which of several the condition let pass is not told: a copy that holds the whole key finds the same.
            _ if self.options.conditional() => Effect::within(self.clone()),
            _ => Effect::within(Self::plain(self.key.clone(), self.members.clone())),
        }
    }
}

command! {
    /// Adds to the score of a member, which is taken for 0 when it is not there. The new score. O(log n).
    ZIncrBy<'a> = "ZINCRBY", Decides SortedSet, arity 4, keys KeyPositions::ONE,
    "Adds to the score of a member." => f64 {
        /// The key.
        key: Key<'a>,
        /// What to add.
        increment: f64,
        /// The member.
        member: Arg<'a>,
    }
}

impl<'a> MutationCommand<'a> for ZIncrBy<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<f64> {
        let old = keyspace.collection::<SortedSet>(&self.key)?.and_then(|set| set.score(&self.member));
        let score = sum(old.unwrap_or(0.0), self.increment)?;
        replace(keyspace, &self.key, &self.member, old, score)?;
        Ok(score)
    }

    fn growth_ahead<K: Keyspace>(&self, keyspace: &K) -> Option<usize> {
        growth_ahead(keyspace, &self.key, std::iter::once(&*self.member))
    }

    fn effect(&self, score: &f64, _: Context) -> Effect<'a> {
        Effect::within(ZAdd::plain(self.key.clone(), vec![(*score, self.member.clone())]))
    }
}

command! {
    /// Removes members. How many there were. O(log n) a member.
    ZRem<'a> = "ZREM", Decides SortedSet, arity -3, keys KeyPositions::ONE,
    "Removes members of a sorted set." => u64 {
        /// The key.
        key: Key<'a>,
        /// The members.
        members: Vec<Arg<'a>>,
    }
}

impl<'a> MutationCommand<'a> for ZRem<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let removed = keyspace.update(&self.key, |set: &mut SortedSet| {
            self.members.iter().filter(|member| set.remove(member).is_some()).count()
        })?;
        Ok(removed.unwrap_or(0) as u64)
    }

    fn effect(&self, removed: &u64, _: Context) -> Effect<'a> {
        if *removed == 0 { Effect::nothing() } else { Effect::within(self.clone()) }
    }
}
