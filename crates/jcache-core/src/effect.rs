//! The deterministic change that a mutation made, for copies and followers.

use crate::command::Mutation;

/// How much of its keys an effect says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It says all there is to know about its keys (`SET`, `DEL`, `FLUSHALL`): any copy can apply it, also one that
    /// did not hold the keys.
    Whole,
    /// It changes part of what a key holds (`HSET`, `INCR`, `EXPIRE`): only a copy that holds the key may apply it.
    Within,
    /// It depends on more than its own arguments and the key it changes (`RENAME`, `ZUNIONSTORE`): only a full
    /// replica may apply it; a copy drops the keys.
    Replica,
}

/// What a mutation did, given its reply: nothing, or a mutation without chance, clock or condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect<'a> {
    /// The change; `None` when nothing changed.
    pub change: Option<Mutation<'a>>,
    /// What the change says about its keys.
    pub reach: Reach,
}

impl<'a> Effect<'a> {
    /// Nothing changed.
    pub fn nothing() -> Self {
        Self { change: None, reach: Reach::Whole }
    }

    /// `change` says all about its keys.
    pub fn whole(change: impl Into<Mutation<'a>>) -> Self {
        Self { change: Some(change.into()), reach: Reach::Whole }
    }

    /// `change` alters part of what its key holds.
    pub fn within(change: impl Into<Mutation<'a>>) -> Self {
        Self { change: Some(change.into()), reach: Reach::Within }
    }

    /// `change` can be repeated only on a full replica.
    pub fn replica(change: impl Into<Mutation<'a>>) -> Self {
        Self { change: Some(change.into()), reach: Reach::Replica }
    }
}
