//! Commands of sets: those of one member or all are here; algebra between sets and random picks have a file each.

mod algebra;
mod member;
mod pick;

use jcache_value::Value;

pub use algebra::{NumKeys, SDiff, SDiffStore, SInter, SInterCard, SInterLimit, SInterStore, SUnion, SUnionStore};
pub use member::{SAdd, SMove, SRem};
pub use pick::{PickCount, PopCount, SPop, SRandMember};

use crate::arg::{Arg, Key};
use crate::collection::Set;
use crate::command::{Cursor, KeyPositions, Late, QueryCommand, ScanOptions, command};
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::reply::{Members, Page, ReplySink, Shape};
use crate::time::Context;

command! {
    /// How many members the set has; 0 when there is none. O(1).
    SCard<'a> = "SCARD", Query Set, arity 2, keys KeyPositions::ONE,
    "Counts the members of a set." => u64 {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for SCard<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<u64> {
        Ok(keyspace.collection::<Set>(&self.key)?.map_or(0, |set| set.len() as u64))
    }
}

command! {
    /// Whether the set has the member. O(1).
    SIsMember<'a> = "SISMEMBER", Query Set, arity 3, keys KeyPositions::ONE,
    "Whether a set has a member." => bool {
        /// The key.
        key: Key<'a>,
        /// The member.
        member: Arg<'a>,
    }
}

impl<'a> QueryCommand<'a> for SIsMember<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<bool> {
        Ok(keyspace.collection::<Set>(&self.key)?.is_some_and(|set| set.contains(&self.member)))
    }
}

command! {
    /// Whether the set has each of the members, in the order asked. O(number of members asked).
    SMIsMember<'a> = "SMISMEMBER", Query Set, arity -3, keys KeyPositions::ONE,
    "Whether a set has each of some members." => Vec<bool> {
        /// The key.
        key: Key<'a>,
        /// The members.
        members: Vec<Arg<'a>>,
    }
}

impl<'a> QueryCommand<'a> for SMIsMember<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Vec<bool>> {
        let set = keyspace.collection::<Set>(&self.key)?;
        Ok(self.members.iter().map(|member| set.is_some_and(|set| set.contains(member))).collect())
    }
}

command! {
    /// All members, in no particular order. O(number of members).
    SMembers<'a> = "SMEMBERS", Query Set, arity 2, keys KeyPositions::ONE,
    "All members of a set." => Members {
        /// The key.
        key: Key<'a>,
    }
}

impl<'a> QueryCommand<'a> for SMembers<'a> {
    const TELLS: bool = true;

    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Members> {
        Ok(Members(keyspace.collection::<Set>(&self.key)?.map_or_else(Vec::new, |set| set.iter().collect())))
    }

    fn tell<K: Keyspace>(&self, keyspace: &K, out: &mut dyn ReplySink) -> Result<bool> {
        let Some(set) = keyspace.collection::<Set>(&self.key)? else { return Ok(false) };
        out.list(Shape::Set, set.len());
        set.iter().for_each(|member| out.bulk(&member));
        Ok(true)
    }
}

command! {
    /// A page of members, and the cursor of the next page, 0 at the end. A member that is there during the whole scan
    /// is in at least one page; a small set is one page. O(`COUNT`) a page.
    SScan<'a> = "SSCAN", Query Set, arity -3, keys KeyPositions::ONE,
    "Goes through the members of a set." => Page<Vec<Value>> {
        /// The key.
        key: Key<'a>,
        /// Where to go on.
        cursor: Cursor,
        /// Which members, and how many a page.
        options: Late<'a, ScanOptions<'a>>,
    }
}

impl<'a> QueryCommand<'a> for SScan<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<Page<Vec<Value>>> {
        let mut items = Vec::new();
        let Some(set) = keyspace.collection::<Set>(&self.key)? else { return Ok(Page::default()) };
        let options = self.options.get()?;
        let cursor = set.scan(self.cursor.0, options.count(), &mut |member| {
            if options.admits(member) {
                items.push(Value::new(member));
            }
        });
        Ok(Page { cursor, items })
    }
}
