//! What the levels ask of any command, beyond running it: parts per key, a degraded outcome, who may answer.

use super::key::{Del, Exists, Expire, FlushDb, NewTime, PExpire, PExpireAt, PExpireTime, Touch, Unlink};
use super::string::{Expiry, MGet, MSet, PSetEx, Set, SetEx, SetOptions};
use super::{Mutation, MutationCommand, Query};
use crate::arg::{Arg, Key};
use crate::effect::Effect;
use crate::error::{Error, ErrorKind, Result};
use crate::reply::{Outcome, Reply};
use crate::time::{Context, Timestamp};

impl<'a> Mutation<'a> {
    /// Key and value, when the mutation does nothing but to put a string there, without a condition or a deadline: the most
    /// common change of all, for which an engine may keep a short way. Its reply is `OK`.
    #[inline]
    pub fn plain_string(&self) -> Option<(&Key<'a>, &Arg<'a>)> {
        match self {
            Mutation::Set(set) if set.options == SetOptions::default() => Some((&set.key, &set.value)),
            _ => None,
        }
    }
}

impl<'a> Query<'a> {
    /// The key, when the query asks for nothing but the whole string there: the most common question of all, for which
    /// an engine may keep a short way.
    #[inline]
    pub fn whole_string(&self) -> Option<&Key<'a>> {
        match self {
            Query::Get(get) => Some(&get.key),
            _ => None,
        }
    }

    /// Whether only the authority knows the answer: the command has no key (`DBSIZE`, `SCAN`), it asks for the
    /// deadline, which a copy may have shortened, or how the key is kept, or it has a cursor.
    pub fn needs_authority(&self) -> bool {
        let asks_deadline =
            matches!(self, Query::Ttl(_) | Query::PTtl(_) | Query::ExpireTime(_) | Query::PExpireTime(_));
        // A cursor means something only to the level that gave it.
        let has_cursor = matches!(self, Query::HScan(_) | Query::SScan(_) | Query::ZScan(_));
        // A copy keeps the key in its own way.
        let asks_form = matches!(
            self,
            Query::MemoryUsage(_)
                | Query::ObjectEncoding(_)
                | Query::ObjectFreq(_)
                | Query::ObjectIdleTime(_)
                | Query::ObjectRefCount(_)
        );
        asks_deadline || asks_form || has_cursor || self.first_key().is_none()
    }

    /// The query for the deadline of `key`, whose reply [`deadline_of`](Query::deadline_of) reads.
    pub fn deadline(key: Key<'a>) -> Self {
        PExpireTime { key }.into()
    }

    /// The query for the size of `key` as one of `family`: bytes of a string, elements of a collection.
    pub fn size(family: super::Family, key: Key<'a>) -> Self {
        crate::fetch::size_query(family, key)
    }

    /// The deadline in a reply to [`deadline`](Query::deadline); `None` for never, and for no key.
    pub fn deadline_of(reply: &Reply) -> Option<Timestamp> {
        match reply {
            Reply::Int(at) if *at >= 0 => Some(Timestamp::from_millis(*at as u64)),
            _ => None,
        }
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
            Mutation::MSet(it) if it.pairs.len() > 1 => Some(
                it.pairs
                    .iter()
                    .map(|(key, value)| MSet { pairs: vec![(key.borrow(), value.borrow())] }.into())
                    .collect(),
            ),
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

    /// The removal of `keys`.
    pub fn removal(keys: impl IntoIterator<Item = Key<'a>>) -> Self {
        Unlink { keys: keys.into_iter().collect() }.into()
    }

    /// The removal of everything in the database of the connection: other databases of the same server are none of a
    /// cache's business.
    pub fn clearing() -> Self {
        FlushDb::default().into()
    }

    /// The same mutation with its relative time to live multiplied by `factor` (at least 1 ms is left); `None` when it
    /// has none or is not blind.
    pub fn scale_ttl(&self, factor: f64) -> Option<Self> {
        if !self.is_blind() {
            return None;
        }
        // A time that is refused, removes the key, or means for ever stays what it is.
        let scale = |millis: i64| {
            let sane = (1..Timestamp::MAX.as_i64()).contains(&millis);
            sane.then(|| ((millis as f64 * factor) as i64).max(1))
        };
        let seconds = |seconds: i64| scale(seconds.saturating_mul(1000));
        Some(match self {
            Mutation::Set(it) => {
                let millis = match it.options.expiry {
                    Expiry::Seconds(n) => seconds(n)?,
                    Expiry::Millis(n) => scale(n)?,
                    _ => return None,
                };
                let options = SetOptions { expiry: Expiry::Millis(millis), ..it.options };
                Set { options, ..it.clone() }.into()
            }
            Mutation::SetEx(SetEx { key, seconds: n, value }) => {
                PSetEx { key: key.clone(), millis: seconds(*n)?, value: value.clone() }.into()
            }
            Mutation::PSetEx(it) => PSetEx { millis: scale(it.millis)?, ..it.clone() }.into(),
            Mutation::Expire(Expire { key, time }) => {
                PExpire { key: key.clone(), time: NewTime { time: seconds(time.time)?, ..*time } }.into()
            }
            Mutation::PExpire(PExpire { key, time }) => {
                PExpire { key: key.clone(), time: NewTime { time: scale(time.time)?, ..*time } }.into()
            }
            _ => return None,
        })
    }

    /// The deadline that this mutation, in absolute terms, gives its key.
    pub fn deadline(&self) -> Option<Timestamp> {
        let at = match self {
            Mutation::Set(Set { options: SetOptions { expiry: Expiry::At(at), .. }, .. }) => *at,
            Mutation::PExpireAt(PExpireAt { time, .. }) => time.time,
            _ => return None,
        };
        Some(Timestamp::deadline(at))
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
