//! The levels against a reference model: two processes with copies of their own over shared levels, random programs,
//! faults, cancellations and interleavings, all from one seed.
//!
//! - [`node`]: the backends and the links to them, which fail, stall and lose replies;
//! - [`world`]: random levels on top of them;
//! - [`program`]: random commands;
//! - [`schedule`]: polls concurrent commands in a random order and drops some half-way, on a virtual clock;
//! - [`promises`]: what must hold after every round, and at the end;
//! - [`run`]: a whole run, and the tests: that runs pass, and that they fail without each mechanism.
//!
//! A failure names its seed; `JCACHE_SEED=… JCACHE_STEPS=… cargo test -p jcache --lib levels::tests::run::replay` runs it
//! again.

mod node;
mod program;
mod promises;
mod run;
mod schedule;
mod world;

use jcache_core::{Mutation, Reply, Result};

use super::Levels;

/// What a chain of caches does without an authority: every level carries the mutation out on its own.
pub(super) async fn every_level_decides(levels: &Levels, mutation: &Mutation<'_>) -> Result<Reply> {
    let mut first = None;
    for level in &levels.levels {
        let reply = level.mutate(level.visit(), mutation).await;
        first.get_or_insert(reply);
    }
    first.expect("a cache has a level")
}
