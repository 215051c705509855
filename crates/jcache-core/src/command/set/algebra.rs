//! Intersection, union and difference of sets: as a reply, stored at a key, or only counted.

use jcache_value::Value;

use crate::arg::{ArgSink, Args, Key};
use crate::collection::Set;
use crate::command::key::Del;
use crate::command::{Field, KeyPositions, MutationCommand, QueryCommand, command};
use crate::effect::Effect;
use crate::error::{Error, Result};
use crate::keyspace::Keyspace;
use crate::object::Object;
use crate::reply::Members;
use crate::time::Context;

/// The sets at `keys`, `None` for an absent one. All are looked up before anything is computed, because Redis reports
/// a wrong type even where an absent key already decides the result.
fn find<'k, K: Keyspace>(keyspace: &'k K, keys: &[Key<'_>]) -> Result<Vec<Option<&'k Set>>> {
    keys.iter().map(|key| keyspace.collection::<Set>(key)).collect()
}

/// The members that are in all sets: the smallest set is walked and the others are asked.
fn intersection(sets: Vec<Option<&Set>>) -> impl Iterator<Item = Value> {
    // One absent set makes the intersection empty.
    let mut sets = sets.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default();
    sets.sort_unstable_by_key(|set| set.len());
    let smallest = sets.first().copied();
    let others = move |member: &Value| sets.iter().skip(1).all(|set| set.contains(member));
    smallest.into_iter().flat_map(Set::iter).filter(others)
}

/// The members that are in any set: the largest one, which shares its members, plus those of the others.
fn union(sets: &[Option<&Set>]) -> Set {
    let largest = sets.iter().enumerate().filter_map(|(at, set)| Some((at, (*set)?))).max_by_key(|(_, set)| set.len());
    let Some((base, largest)) = largest else { return Set::new() };
    let mut union = largest.clone();
    for set in sets.iter().enumerate().filter(|(at, _)| *at != base).filter_map(|(_, set)| *set) {
        set.for_each(|member| {
            union.insert(member);
        });
    }
    union
}

/// The members of the first set that are in none of the others.
fn difference(sets: Vec<Option<&Set>>) -> impl Iterator<Item = Value> {
    let mut sets = sets.into_iter();
    let first = sets.next().flatten();
    let others: Vec<&Set> = sets.flatten().collect();
    first.into_iter().flat_map(Set::iter).filter(move |member| !others.iter().any(|set| set.contains(member)))
}

command! {
    /// The members that are in all of the sets. O(members of the smallest set · number of sets).
    SInter<'a> = "SINTER", Query Set, arity -2, keys KeyPositions::ALL,
    "The intersection of sets." => Members {
        /// The sets.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> QueryCommand<'a> for SInter<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Members> {
        Ok(Members(intersection(find(keyspace, &self.keys)?).collect()))
    }
}

command! {
    /// The members that are in any of the sets. O(members of all sets).
    SUnion<'a> = "SUNION", Query Set, arity -2, keys KeyPositions::ALL,
    "The union of sets." => Members {
        /// The sets.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> QueryCommand<'a> for SUnion<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Members> {
        Ok(Members(union(&find(keyspace, &self.keys)?).iter().collect()))
    }
}

command! {
    /// The members of the first set that are in none of the others. O(members of the first set · number of sets).
    SDiff<'a> = "SDIFF", Query Set, arity -2, keys KeyPositions::ALL,
    "The difference of sets." => Members {
        /// The sets.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> QueryCommand<'a> for SDiff<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Members> {
        Ok(Members(difference(find(keyspace, &self.keys)?).collect()))
    }
}

/// Makes `destination` hold `result` without a deadline, or nothing when it is empty, whatever was there before.
fn store<K: Keyspace>(keyspace: &mut K, destination: &Key<'_>, result: Set) -> Result<u64> {
    let len = result.len() as u64;
    if result.is_empty() {
        keyspace.remove(destination);
    } else {
        keyspace.put(destination, Object::Set(result), None)?;
    }
    Ok(len)
}

/// The set of these members.
fn collect(members: impl Iterator<Item = Value>) -> Set {
    let mut set = Set::new();
    members.for_each(|member| {
        set.insert(&member);
    });
    set
}

/// An empty result removes the destination, which every copy can repeat; any other needs the sources.
fn stored<'a>(len: u64, destination: &Key<'a>, command: impl Into<crate::Mutation<'a>>) -> Effect<'a> {
    if len == 0 { Effect::whole(Del { keys: vec![destination.clone()] }) } else { Effect::replica(command) }
}

command! {
    /// Stores the members that are in all of the sets, whatever the destination held, and says how many there are.
    /// O(members of the smallest set · number of sets).
    SInterStore<'a> = "SINTERSTORE", Decides Set, arity -3, keys KeyPositions::ALL,
    "Stores the intersection of sets." => u64 {
        /// Where the result goes.
        destination: Key<'a>,
        /// The sets.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> MutationCommand<'a> for SInterStore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let result = collect(intersection(find(keyspace, &self.keys)?));
        store(keyspace, &self.destination, result)
    }

    fn effect(&self, reply: &u64, _: Context) -> Effect<'a> {
        stored(*reply, &self.destination, self.clone())
    }
}

command! {
    /// Stores the members that are in any of the sets, whatever the destination held, and says how many there are.
    /// O(members of all sets).
    SUnionStore<'a> = "SUNIONSTORE", Decides Set, arity -3, keys KeyPositions::ALL,
    "Stores the union of sets." => u64 {
        /// Where the result goes.
        destination: Key<'a>,
        /// The sets.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> MutationCommand<'a> for SUnionStore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let result = union(&find(keyspace, &self.keys)?);
        store(keyspace, &self.destination, result)
    }

    fn effect(&self, reply: &u64, _: Context) -> Effect<'a> {
        stored(*reply, &self.destination, self.clone())
    }
}

command! {
    /// Stores the members of the first set that are in none of the others, whatever the destination held, and says
    /// how many there are. O(members of the first set · number of sets).
    SDiffStore<'a> = "SDIFFSTORE", Decides Set, arity -3, keys KeyPositions::ALL,
    "Stores the difference of sets." => u64 {
        /// Where the result goes.
        destination: Key<'a>,
        /// The sets.
        keys: Vec<Key<'a>>,
    }
}

impl<'a> MutationCommand<'a> for SDiffStore<'a> {
    fn run<K: Keyspace>(&self, keyspace: &mut K, _: Context) -> Result<u64> {
        let result = collect(difference(find(keyspace, &self.keys)?));
        store(keyspace, &self.destination, result)
    }

    fn effect(&self, reply: &u64, _: Context) -> Effect<'a> {
        stored(*reply, &self.destination, self.clone())
    }
}

/// Keys after their number, as `SINTERCARD` reads them.
#[derive(Debug, Clone, PartialEq)]
pub struct NumKeys<'a>(pub Vec<Key<'a>>);

impl<'a> Field<'a> for NumKeys<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let count = args.take_i64().ok().filter(|&count| count > 0);
        let count = count.ok_or_else(|| Error::invalid("ERR numkeys should be greater than 0"))?;
        if count as u64 > args.len() as u64 {
            return Err(Error::invalid("ERR Number of keys can't be greater than number of args"));
        }
        (0..count).map(|_| Key::parse(args)).collect::<Result<_>>().map(Self)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.int(self.0.len() as i64);
        self.0.write(out);
    }

    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        self.0.visit_keys(visit);
    }
}

/// `LIMIT n`: where counting may stop; 0 never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SInterLimit(pub u64);

impl<'a> Field<'a> for SInterLimit {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut limit = 0;
        while !args.is_empty() {
            if !args.take_word("LIMIT") || args.is_empty() {
                return Err(Error::syntax());
            }
            let given = args.take_i64().ok().and_then(|limit| u64::try_from(limit).ok());
            limit = given.ok_or_else(|| Error::invalid("ERR LIMIT can't be negative"))?;
        }
        Ok(Self(limit))
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if self.0 > 0 {
            out.arg(b"LIMIT");
            out.int(i64::try_from(self.0).unwrap_or(i64::MAX));
        }
    }
}

command! {
    /// How many members are in all of the sets, counted up to the limit.
    /// O(members of the smallest set · number of sets).
    SInterCard<'a> = "SINTERCARD", Query Set, arity -3, keys KeyPositions::NONE,
    "Counts the intersection of sets." => u64 {
        /// The sets.
        keys: NumKeys<'a>,
        /// Where to stop.
        limit: SInterLimit,
    }
}

impl<'a> QueryCommand<'a> for SInterCard<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        let limit = if self.limit.0 == 0 { usize::MAX } else { usize::try_from(self.limit.0).unwrap_or(usize::MAX) };
        Ok(intersection(find(keyspace, &self.keys.0)?).take(limit).count() as u64)
    }
}
