//! What the levels ask of any command, beyond running it: parts per key, a degraded outcome, who may answer.

use super::key::{Del, Exists, PExpireTime, Touch, Unlink};
use super::string::{MGet, MSet};
use super::{Mutation, MutationCommand, Query};
use crate::arg::Key;
use crate::effect::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::reply::{Outcome, Reply};
use crate::time::Context;

impl<'a> Query<'a> {
    /// Whether only the authority knows the answer: the command has no key (`DBSIZE`, `SCAN`), or it asks for the
    /// deadline, which a copy may have shortened.
    pub fn needs_authority(&self) -> bool {
        let asks_deadline =
            matches!(self, Query::Ttl(_) | Query::PTtl(_) | Query::ExpireTime(_) | Query::PExpireTime(_));
        asks_deadline || self.first_key().is_none()
    }

    /// The query for the deadline of `key`, whose reply [`deadline_of`](Query::deadline_of) reads.
    pub fn deadline(key: Key<'a>) -> Self {
        PExpireTime { key }.into()
    }

    /// Parts of one key each, when asking them one by one and joining the replies is the same (`MGET`, `EXISTS`).
    pub fn parts(&self) -> Option<Vec<Query<'_>>> {
        match self {
            Query::Exists(it) if it.keys.len() > 1 => {
                Some(it.keys.iter().map(|key| Exists { keys: vec![key.borrow()] }.into()).collect())
            }
            Query::Touch(it) if it.keys.len() > 1 => {
                Some(it.keys.iter().map(|key| Touch { keys: vec![key.borrow()] }.into()).collect())
            }
            Query::MGet(it) if it.keys.len() > 1 => {
                Some(it.keys.iter().map(|key| MGet { keys: vec![key.borrow()] }.into()).collect())
            }
            _ => None,
        }
    }

    /// The reply to the whole query from the replies to its [parts](Query::parts), in order.
    ///
    /// # Errors
    /// The first error among the parts.
    pub fn join(&self, parts: Vec<Result<Reply>>) -> Result<Reply> {
        join(parts)
    }
}

impl<'a> Mutation<'a> {
    /// Parts of one key each, when carrying them out one by one is the same but for atomicity (`MSET`, `DEL`).
    pub fn parts(&self) -> Option<Vec<Mutation<'_>>> {
        match self {
            Mutation::Del(it) if it.keys.len() > 1 => {
                Some(it.keys.iter().map(|key| Del { keys: vec![key.borrow()] }.into()).collect())
            }
            Mutation::Unlink(it) if it.keys.len() > 1 => {
                Some(it.keys.iter().map(|key| Unlink { keys: vec![key.borrow()] }.into()).collect())
            }
            Mutation::MSet(it) if it.pairs.len() > 1 => {
                Some(it.pairs.iter().map(|(key, value)| MSet { pairs: vec![(key.borrow(), value.borrow())] }.into()).collect())
            }
            _ => None,
        }
    }

    /// The reply to the whole mutation from the replies to its [parts](Mutation::parts), in order.
    ///
    /// # Errors
    /// The first error among the parts.
    pub fn join(&self, parts: Vec<Result<Reply>>) -> Result<Reply> {
        join(parts)
    }

    /// What a blind mutation does when nobody can be asked what is there: its reply and effect in the case that it
    /// takes effect. `None` for a mutation that is not blind.
    pub fn unasked(&self, context: Context) -> Option<(Reply, Effect<'a>)> {
        if !self.is_blind() {
            return None;
        }
        let reply = self.affirmative()?;
        let effect = self.effect(&reply, context).ok()?;
        Some((reply, effect))
    }
}

pub(super) fn affirmative<'a, C: MutationCommand<'a>>(_: &C) -> Option<Reply> {
    [Reply::Ok, Reply::Int(1)].into_iter().find_map(|reply| C::Reply::from_reply(reply).ok().map(Outcome::into_reply))
}

/// Adds up counts, strings lists together, and makes one `OK` of many.
fn join(parts: Vec<Result<Reply>>) -> Result<Reply> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Ok(Reply::Int(0)) };
    parts.try_fold(first?, |whole, part| match (whole, part?) {
        (Reply::Int(a), Reply::Int(b)) => Ok(Reply::Int(a + b)),
        (Reply::Array(mut items), Reply::Array(more)) => {
            items.extend(more);
            Ok(Reply::Array(items))
        }
        (Reply::Ok, Reply::Ok) => Ok(Reply::Ok),
        (_, other) => Err(Error::new(ErrorKind::Protocol, format!("cannot join {}", other.shape()))),
    })
}
