//! Union, intersection and difference: what their arguments say, and how scores come together.

use crate::arg::{ArgSink, Args, Key};
use crate::collection::{Set, SortedSet};
use crate::command::several::take_at_least;
use crate::command::{Field, KeyList, Late};
use crate::error::{Error, Result};
use crate::keyspace::{Found, Keyspace};
use crate::number::parse_f64;
use crate::object::ObjectRef;

/// What becomes of the scores of a member that is in several sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregate {
    /// They are added up.
    #[default]
    Sum,
    /// The lowest is taken.
    Min,
    /// The highest is taken.
    Max,
}

impl Aggregate {
    /// Two scores as one. Infinities that cancel out are zero, and a score that is not a number never wins.
    pub(super) fn join(self, one: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum => number(one + other),
            Aggregate::Min if other < one => other,
            Aggregate::Max if other > one => other,
            Aggregate::Min | Aggregate::Max => one,
        }
    }
}

/// The number itself, and zero for what is none; a zero without a sign.
pub(super) fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score + 0.0 }
}

/// The options of union, intersection and difference; each command has some of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CombineOptions {
    /// `WEIGHTS`: what the scores of each source are multiplied with; 1 when empty.
    pub weights: Vec<f64>,
    /// `AGGREGATE`.
    pub aggregate: Aggregate,
    /// `WITHSCORES`.
    pub with_scores: bool,
    /// `LIMIT`: where counting may stop; 0 never.
    pub limit: u64,
}

/// Which options a command has.
struct Allowed {
    /// `WEIGHTS` and `AGGREGATE`.
    weights: bool,
    /// `WITHSCORES`.
    scores: bool,
    /// `LIMIT`.
    limit: bool,
}

impl Allowed {
    fn by(command: &str) -> Self {
        Self {
            weights: matches!(command, "ZUNION" | "ZINTER" | "ZUNIONSTORE" | "ZINTERSTORE"),
            scores: matches!(command, "ZUNION" | "ZINTER" | "ZDIFF"),
            limit: command == "ZINTERCARD",
        }
    }
}

impl CombineOptions {
    /// Reads the options of a command with so many sources.
    fn parse(args: &mut Args<'_>, sources: usize) -> Result<Self> {
        let allowed = Allowed::by(args.name());
        let mut options = Self::default();
        while !args.is_empty() {
            if allowed.weights && args.len() > sources && args.take_word("WEIGHTS") {
                let mut weight =
                    || parse_f64(&args.take()?).ok_or_else(|| Error::invalid("ERR weight value is not a float"));
                options.weights = (0..sources).map(|_| weight()).collect::<Result<_>>()?;
            } else if allowed.weights && args.len() > 1 && args.take_word("AGGREGATE") {
                options.aggregate = Aggregate::parse(args)?;
            } else if allowed.scores && args.take_word("WITHSCORES") {
                options.with_scores = true;
            } else if allowed.limit && args.len() > 1 && args.take_word("LIMIT") {
                options.limit = take_at_least(args, 0, "ERR LIMIT can't be negative")?;
            } else {
                return Err(Error::syntax());
            }
        }
        Ok(options)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if !self.weights.is_empty() {
            out.arg(b"WEIGHTS");
            self.weights.iter().for_each(|weight| out.float(*weight));
        }
        if self.aggregate != Aggregate::default() {
            out.arg(b"AGGREGATE");
            self.aggregate.write(out);
        }
        if self.with_scores {
            out.arg(b"WITHSCORES");
        }
        if self.limit > 0 {
            out.arg(b"LIMIT");
            out.int(i64::try_from(self.limit).unwrap_or(i64::MAX));
        }
    }
}

impl<'a> Field<'a> for Aggregate {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.take_word("SUM") {
            Ok(Aggregate::Sum)
        } else if args.take_word("MIN") {
            Ok(Aggregate::Min)
        } else if args.take_word("MAX") {
            Ok(Aggregate::Max)
        } else {
            Err(Error::syntax())
        }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.arg(match self {
            Aggregate::Sum => b"SUM",
            Aggregate::Min => b"MIN",
            Aggregate::Max => b"MAX",
        });
    }
}

/// `numkeys key [key …]` and the options: the sets that are combined, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Sources<'a> {
    /// The sources: sorted sets, or sets, whose members have a score of 1.
    pub keys: Vec<Key<'a>>,
    /// How they are combined; wrong options are reported after a source of the wrong type.
    pub options: Late<'a, CombineOptions>,
}

impl<'a> Field<'a> for Sources<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let Ok(count @ 1..) = u64::try_from(args.take_i64()?) else {
            let name = args.name().to_ascii_lowercase();
            return Err(Error::invalid(format!("ERR at least 1 input key is needed for '{name}' command")));
        };
        let KeyList(keys) = KeyList::take(args, count)?;
        let options = Late::read(args, |args| CombineOptions::parse(args, keys.len()));
        Ok(Self { keys, options })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.int(self.keys.len() as i64);
        self.keys.write(out);
        self.options.write_with(out, CombineOptions::write);
    }

    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        self.keys.visit_keys(visit);
    }
}

impl Sources<'_> {
    /// The sources and the options; an absent source is an empty one.
    ///
    /// # Errors
    /// A source of the wrong type, then wrong options.
    pub(super) fn find<'k, K: Keyspace>(&self, keyspace: &'k K) -> Result<(Vec<Source<'k>>, &CombineOptions)> {
        let members = self.keys.iter().map(|key| Members::at(keyspace, key)).collect::<Result<Vec<_>>>()?;
        let options = self.options.get()?;
        let weights = options.weights.iter().copied().chain(std::iter::repeat(1.0));
        let sources = members.into_iter().zip(weights).map(|(members, weight)| Source { members, weight });
        Ok((sources.collect(), options))
    }

    /// Whether scores are asked for.
    pub(super) fn with_scores(&self) -> bool {
        self.options.get().is_ok_and(|options| options.with_scores)
    }
}

/// One of the sets that are combined.
#[derive(Clone, Copy)]
pub(super) struct Source<'k> {
    members: Members<'k>,
    weight: f64,
}

#[derive(Clone, Copy)]
enum Members<'k> {
    None,
    Plain(&'k Set),
    Scored(&'k SortedSet),
}

impl<'k> Members<'k> {
    fn at<K: Keyspace>(keyspace: &'k K, key: &[u8]) -> Result<Self> {
        match keyspace.find(key) {
            None => Ok(Members::None),
            Some(Found { object: ObjectRef::Set(set), .. }) => Ok(Members::Plain(set)),
            Some(Found { object: ObjectRef::SortedSet(set), .. }) => Ok(Members::Scored(set)),
            Some(_) => Err(Error::wrong_type()),
        }
    }
}

impl Source<'_> {
    pub(super) fn len(&self) -> usize {
        match self.members {
            Members::None => 0,
            Members::Plain(set) => set.len(),
            Members::Scored(set) => set.len(),
        }
    }

    /// The weighted score of a member, which may be no number: zero times infinity.
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        let score = match self.members {
            Members::None => None,
            Members::Plain(set) => set.contains(member).then_some(1.0),
            Members::Scored(set) => set.score(member),
        };
        score.map(|score| score * self.weight)
    }

    /// Visits the members with their weighted scores, as long as `visit` says so.
    pub(super) fn visit(&self, mut visit: impl FnMut(&[u8], f64) -> bool) {
        match self.members {
            Members::None => {}
            Members::Plain(set) => {
                set.iter().all(|member| visit(&member, number(self.weight)));
            }
            Members::Scored(set) => {
                set.iter().all(|(member, score)| visit(&member, number(score * self.weight)));
            }
        }
    }

    pub(super) fn for_each(&self, mut visit: impl FnMut(&[u8], f64)) {
        self.visit(|member, score| {
            visit(member, score);
            true
        });
    }
}
