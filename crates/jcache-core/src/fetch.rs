//! How a driver over a network reads a whole key with its deadline, as a plan of transactions.
//!
//! The plan is told in queries, so the driver needs no command of its own: it sends each step as one transaction
//! (Redis: `MULTI … EXEC`) and feeds the replies back. A string read takes one step; for a collection the first step
//! asks the size together with the query itself, so that a collection above the limit is answered without being read.

use jcache_value::Value;

use crate::answer::Answer;
use crate::arg::Key;
use crate::collection::{Hash, List, Set, SortedSet};
use crate::command::hash::{HGetAll, HLen};
use crate::command::key::PExpireTime;
use crate::command::list::{LLen, LRange};
use crate::command::set::{SCard, SMembers};
use crate::command::sorted_set::{ZCard, ZRange};
use crate::command::string::{Get, StrLen};
use crate::command::{Family, Query};
use crate::error::{Error, ErrorKind, Result};
use crate::keyspace::Keyspace;
use crate::model::Model;
use crate::object::Object;
use crate::reply::{Fields, Outcome, Reply, Scored};
use crate::snapshot::{FillLimit, Snapshot};
use crate::time::{Context, Timestamp};

/// The answer to a query and, when the key was small enough to be read whole, all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The answer.
    pub answer: Answer,
    /// The whole key as it was when the answer was given.
    pub snapshot: Option<Snapshot>,
}

impl Fetched {
    /// Only an answer.
    pub fn answer(answer: Answer) -> Self {
        Self { answer, snapshot: None }
    }

    /// The answer to `query` from the keyspace that a driver holds under its lock, with the whole key when it has one
    /// within `limit`.
    ///
    /// # Errors
    /// The query's.
    pub fn from_keyspace<K: Keyspace>(
        query: &Query<'_>,
        keyspace: &K,
        limit: FillLimit,
        context: Context,
    ) -> Result<Self> {
        let answer = query.answer(keyspace, context)?;
        let snapshot = query.first_key().filter(|_| answer.hit && fillable(query)).and_then(|key| {
            let found = keyspace.find(key)?;
            let small =
                found.object.elements().unwrap_or(0) <= limit.elements && found.object.heap_size() <= limit.bytes;
            small.then(|| Snapshot {
                key: key.0.to_value(),
                object: found.object.to_object(),
                deadline: found.deadline,
            })
        });
        Ok(Self { answer, snapshot })
    }
}

/// Whether `query` reads one key of one type, so that the whole key can be fetched and filled with its answer.
pub fn fillable(query: &Query<'_>) -> bool {
    let mut keys = 0;
    query.visit_keys(|_| keys += 1);
    keys == 1 && query.spec().family != Family::Key
}

/// What to do next for a [`FetchPlan`].
#[derive(Debug)]
pub enum Step {
    /// Run another transaction.
    Again,
    /// The result.
    Done(Fetched),
}

/// A read of a whole key in one or two transactions.
#[derive(Debug)]
pub struct FetchPlan<'q> {
    query: &'q Query<'q>,
    limit: FillLimit,
    key: &'q Key<'q>,
    whole: Query<'q>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Size and the query itself.
    Size,
    /// Deadline and the whole key.
    Whole,
}

impl<'q> FetchPlan<'q> {
    /// A plan for `query`; `None` when it is not a read of one key of one type: then there is nothing to fill with.
    pub fn new(query: &'q Query<'q>, limit: FillLimit) -> Option<Self> {
        let key = query.first_key().filter(|_| fillable(query))?;
        let whole = whole_query(query.spec().family, key.borrow())?;
        // `MGET` of one key reads the whole string as `GET` does, and a key of another type as nil.
        let reads_whole = *query == whole || matches!(query, Query::MGet(_));
        let stage = if reads_whole { Stage::Whole } else { Stage::Size };
        Some(Self { query, limit, key, whole, stage })
    }

    /// The queries of the next transaction.
    pub fn transaction(&self) -> Vec<Query<'_>> {
        match self.stage {
            Stage::Size => vec![size_query(self.query.spec().family, self.key.borrow()), self.query.clone()],
            Stage::Whole => vec![PExpireTime { key: self.key.borrow() }.into(), self.whole.clone()],
        }
    }

    /// Takes the replies of the transaction, one for each query.
    ///
    /// # Errors
    /// The query's own error, such as a wrong type, or a reply of unexpected shape.
    pub fn feed(&mut self, replies: Vec<Result<Reply>>) -> Result<Step> {
        let count = replies.len();
        let [first, second]: [Result<Reply>; 2] = replies
            .try_into()
            .map_err(|_| Error::new(ErrorKind::Protocol, format!("a transaction of 2 gave {count} replies")))?;
        match self.stage {
            Stage::Size => {
                let answer = second?;
                let size = i64::from_reply(first?)?;
                let limit =
                    if self.query.spec().family == Family::String { self.limit.bytes } else { self.limit.elements };
                if size > 0 && size as u64 <= limit as u64 {
                    self.stage = Stage::Whole;
                    return Ok(Step::Again);
                }
                // Size zero is an absent key, or an empty string, which the next level answers as well.
                Ok(Step::Done(Fetched::answer(Answer { reply: self.query.canonical(answer)?, hit: size > 0 })))
            }
            Stage::Whole => {
                let reply = match second {
                    Err(error) if error.kind() == ErrorKind::WrongType && matches!(self.query, Query::MGet(_)) => {
                        let nil = Reply::Array(vec![Reply::Nil]);
                        return Ok(Step::Done(Fetched::answer(Answer::hit(nil))));
                    }
                    other => other?,
                };
                let deadline = match i64::from_reply(first?)? {
                    -1 => None,
                    at => Some(Timestamp::from_millis(u64::try_from(at).unwrap_or(0))),
                };
                let Some(object) = read_whole(self.query.spec().family, reply)? else {
                    let absent = self.query.run(&Model::default(), Context::at(Timestamp::ZERO))?;
                    return Ok(Step::Done(Fetched::answer(Answer::miss(absent))));
                };
                let snapshot = Snapshot { key: self.key.0.to_value(), object, deadline };
                let reply = snapshot.run(self.query)?;
                let snapshot = self.limit.admits(&snapshot.object).then_some(snapshot);
                Ok(Step::Done(Fetched { answer: Answer::hit(reply), snapshot }))
            }
        }
    }
}

fn whole_query(family: Family, key: Key<'_>) -> Option<Query<'_>> {
    Some(match family {
        Family::Key => return None,
        Family::String => Get { key }.into(),
        Family::Hash => HGetAll { key }.into(),
        Family::List => LRange::whole(key).into(),
        Family::Set => SMembers { key }.into(),
        Family::SortedSet => ZRange::whole(key).into(),
    })
}

pub(crate) fn size_query(family: Family, key: Key<'_>) -> Query<'_> {
    match family {
        Family::Key | Family::String => StrLen { key }.into(),
        Family::Hash => HLen { key }.into(),
        Family::List => LLen { key }.into(),
        Family::Set => SCard { key }.into(),
        Family::SortedSet => ZCard { key }.into(),
    }
}

/// The object in the reply of the whole-key query; `None` for an absent key.
fn read_whole(family: Family, reply: Reply) -> Result<Option<Object>> {
    let object = match family {
        Family::Key | Family::String => return Ok(Option::<Value>::from_reply(reply)?.map(Object::String)),
        Family::Hash => {
            let mut hash = Hash::default();
            for (field, value) in Fields::from_reply(reply)?.0 {
                hash.insert(&field, &value);
            }
            Object::Hash(hash)
        }
        Family::List => {
            let mut list = List::default();
            for element in Vec::<Value>::from_reply(reply)? {
                list.push_back(&element);
            }
            Object::List(list)
        }
        Family::Set => {
            let mut set = Set::default();
            for member in Vec::<Value>::from_reply(reply)? {
                set.insert(&member);
            }
            Object::Set(set)
        }
        Family::SortedSet => {
            let mut sorted = SortedSet::default();
            for (member, score) in Scored::from_reply(reply)?.0 {
                sorted.insert(&member, score);
            }
            Object::SortedSet(sorted)
        }
    };
    Ok((!object.is_empty_collection()).then_some(object))
}
