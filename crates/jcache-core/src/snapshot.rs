//! A whole key as it was at one moment: what fills copy from level to level.

use jcache_value::Value;

use crate::arg::{Arg, Key};
use crate::command::hash::HSet;
use crate::command::key::{Del, PExpireAt};
use crate::command::list::RPush;
use crate::command::set::SAdd;
use crate::command::sorted_set::ZAdd;
use crate::command::string::Set;
use crate::command::{Mutation, Query};
use crate::error::Result;
use crate::keyspace::Keyspace;
use crate::model::Model;
use crate::object::Object;
use crate::reply::Reply;
use crate::time::{Context, Timestamp};

/// A key, everything it holds, and its deadline, read together.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The key.
    pub key: Value,
    /// What it holds, whole.
    pub object: Object,
    /// When it expires; `None` for never.
    pub deadline: Option<Timestamp>,
}

impl Snapshot {
    /// The reply that `query` gives on this key alone, as long as it is not due.
    ///
    /// # Errors
    /// The query's.
    pub fn run(&self, query: &Query<'_>) -> Result<Reply> {
        let mut alone = Model::default();
        alone.put(&self.key, self.object.clone(), None)?;
        query.run(&alone, Context::at(Timestamp::ZERO))
    }

    /// The mutations that make any driver hold this key: one for a string; for a collection a removal, the elements,
    /// and the deadline, to be run as one transaction.
    pub fn to_mutations(&self) -> Vec<Mutation<'_>> {
        let key = || Key::from(&self.key);
        let mut elements: Vec<(Value, Value)> = Vec::new();
        let fill: Mutation<'_> = match &self.object {
            Object::String(value) => {
                return vec![Set::until(key(), Arg::Value(value.clone()), self.deadline).into()];
            }
            Object::Hash(hash) => {
                hash.for_each(|field, value| elements.push((Value::new(field), Value::new(value))));
                HSet { key: key(), pairs: elements.into_iter().map(|(f, v)| (Arg::Value(f), Arg::Value(v))).collect() }
                    .into()
            }
            Object::List(list) => {
                RPush { key: key(), elements: list.iter().map(|it| Arg::Value(Value::new(it))).collect() }.into()
            }
            Object::Set(set) => {
                let mut members = Vec::with_capacity(set.len());
                set.for_each(|member| members.push(Arg::Value(Value::new(member))));
                SAdd { key: key(), members }.into()
            }
            Object::SortedSet(sorted) => {
                let members = sorted.iter().map(|(member, score)| (score, Arg::Value(member.to_value())));
                ZAdd::plain(key(), members.collect()).into()
            }
        };
        let mut mutations = vec![Del { keys: vec![key()] }.into(), fill];
        if let Some(at) = self.deadline {
            mutations.push(PExpireAt::at(key(), at).into());
        }
        mutations
    }
}

/// The largest key that a fill copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillLimit {
    /// Elements of a collection.
    pub elements: usize,
    /// Bytes of a string, or of a collection's heap.
    pub bytes: usize,
}

impl Default for FillLimit {
    /// 1,024 elements and 1 MiB.
    fn default() -> Self {
        Self { elements: 1024, bytes: 1 << 20 }
    }
}

impl FillLimit {
    /// Whether `object` may be filled.
    pub fn admits(self, object: &Object) -> bool {
        object.as_ref().elements().unwrap_or(0) <= self.elements && object.heap_size() <= self.bytes
    }
}
