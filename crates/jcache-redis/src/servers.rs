//! The server or servers behind a driver, and how requests get to them.

use std::time::Duration;

use jcache_core::arg::Key;
use jcache_core::{Mutation, Query, Result};
use redis::{Cmd, Value};

use crate::batch;
use crate::blocking::{self, GiveBack};
use crate::link::Link;
use crate::wire;

/// The server or servers behind a driver.
#[derive(Debug)]
pub(crate) enum Servers {
    /// One server, or the master that Sentinels name.
    One(Link),
}

impl Servers {
    /// Connects now.
    ///
    /// # Errors
    /// Why that cannot be.
    pub(crate) async fn connect(&self) -> Result<()> {
        match self {
            Servers::One(link) => link.connect().await,
        }
    }

    pub(crate) async fn query(&self, _query: &Query<'_>, cmd: Cmd) -> Result<Value> {
        match self {
            Servers::One(link) => link.send(&cmd).await,
        }
    }

    pub(crate) async fn mutate(&self, _mutation: &Mutation<'_>, cmd: Cmd) -> Result<Value> {
        match self {
            Servers::One(link) => link.send(&cmd).await,
        }
    }

    pub(crate) async fn block(
        &self,
        _mutation: &Mutation<'_>,
        cmd: Cmd,
        wait: Option<Duration>,
        give_back: GiveBack,
    ) -> Result<Value> {
        match self {
            Servers::One(link) => blocking::run(link, cmd, wait, give_back).await,
        }
    }

    /// Asks several queries at once, each with its own outcome.
    pub(crate) async fn query_many(&self, queries: &[Query<'_>]) -> Vec<Result<Value>> {
        match self {
            Servers::One(link) => batch::independent(link, queries.iter().map(wire::query).collect()).await,
        }
    }

    /// Runs commands of `key` as one transaction in one round trip.
    ///
    /// # Errors
    /// When none of them was run. A command's own error stands among the values.
    pub(crate) async fn transaction(&self, _key: Option<&Key<'_>>, commands: Vec<Cmd>) -> Result<Vec<Value>> {
        match self {
            Servers::One(link) => batch::transaction(link, commands).await,
        }
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) async fn probe(&self) -> Result<()> {
        match self {
            Servers::One(link) => link.ping().await,
        }
    }
}
