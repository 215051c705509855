//! What each level knows of a key: for operators who ask why a read answers what it answers.

use std::sync::Arc;
use std::time::Duration;

use jcache_core::command::Family;
use jcache_core::{Error, Query, Reply, Result};

use super::Levels;
use super::level::{Level, Verdict};

/// What one level knows of a key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explained {
    /// The level's name.
    pub level: Arc<str>,
    /// Whether this level decides writes.
    pub authority: bool,
    /// Whether a read of the key would be answered here.
    pub answers: bool,
    /// What the level has.
    pub presence: Presence,
}

/// Whether a level has a key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Presence {
    /// It has it.
    Has {
        /// The type, as `TYPE` names it.
        kind: String,
        /// How long the key still lives; `None` for ever.
        remaining: Option<Duration>,
        /// Bytes of a string, elements of a collection.
        size: u64,
    },
    /// It was asked and does not have it.
    Missing,
    /// It has a copy that is not to be trusted, and drops it at the next read.
    Stale,
    /// It could not answer.
    Unavailable(Error),
}

impl Levels {
    pub(crate) async fn explain(&self, key: &[u8]) -> Vec<Explained> {
        let mut explained = Vec::with_capacity(self.levels.len());
        let mut answered = false;
        for (index, level) in self.levels.iter().enumerate() {
            let presence = match () {
                () if !level.health.is_up() => Presence::Unavailable(level.unavailable("is down")),
                () if level.marks.has(key) => Presence::Stale,
                () => self.presence(level, key).await.unwrap_or_else(Presence::Unavailable),
            };
            let answers = !answered && matches!(presence, Presence::Has { .. });
            answered |= answers;
            explained.push(Explained {
                level: level.name.clone(),
                authority: index == self.authority,
                answers,
                presence,
            });
        }
        explained
    }

    async fn presence(&self, level: &Level, key: &[u8]) -> Result<Presence> {
        let until = level.visit();
        for family in [Family::String, Family::Hash, Family::List, Family::Set, Family::SortedSet] {
            let answer = match level.ask_one(until, &Query::size(family, key.into()), false).await {
                Ok(fetched) => fetched.answer,
                // Another type, or a family that the driver does not serve: the next family tells.
                Err(error) if Verdict::of(&error) != Verdict::Failure => continue,
                Err(error) => return Err(error),
            };
            // A driver over a network cannot tell an empty string from none by its size; the deadline can.
            let maybe_empty = family == Family::String && answer.reply == Reply::Int(0);
            if !answer.hit && !maybe_empty {
                continue;
            }
            let deadline = level.ask_one(until, &Query::deadline(key.into()), false).await?.answer.reply;
            let Reply::Int(size) = answer.reply else { continue };
            if deadline == Reply::Int(-2) {
                return Ok(Presence::Missing);
            }
            let remaining = Query::deadline_of(&deadline).map(|at| at.since(self.now()));
            return Ok(Presence::Has { kind: family.type_name().to_owned(), remaining, size: size.unsigned_abs() });
        }
        Ok(Presence::Missing)
    }
}
