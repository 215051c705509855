//! What a cache backend implements: in-process memory, Redis, distributed memory, or a user's own.

use std::fmt::Debug;
use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use crate::answer::Answer;
use crate::arg::Key;
use crate::command::{Mutation, Query, Request};
use crate::effect::{Effect, Reach};
use crate::error::{Error, Result};
use crate::fetch::Fetched;
use crate::object::Object;
use crate::reply::{Reply, ReplySink};
use crate::snapshot::{FillLimit, Snapshot};
use crate::time::Timestamp;
use crate::watch::Watch;
use jcache_value::Value;

/// Who sees a driver's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Only this process.
    Process,
    /// Other processes too.
    Shared,
}

/// What changed in a driver's data, whoever changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// These keys, in this order; one may be there more than once, and may be as it was before.
    Keys(Vec<Value>),
    /// Anything may be another.
    Everything,
}

/// Tells what changes in a driver's data: see [`Driver::changes`]. Dropping it ends it.
pub trait ChangeFeed: Debug + Send {
    /// What changed since the last time; ready with `None` when there will be nothing more.
    fn poll_next(&mut self, task: &mut std::task::Context<'_>) -> Poll<Option<Changed>>;
}

/// A cache backend: it answers queries and carries out mutations.
///
/// Two methods are needed, [`query`](Driver::query) and [`mutate`](Driver::mutate), written as plain `async fn`; the
/// rest has defaults that are always correct and say what they cost. A driver handles commands as values: the
/// simplest one keeps a [`Keyspace`](crate::Keyspace) and calls `query.run` and `mutation.run`; one over a network
/// encodes them with `write_args`.
///
/// Which families it serves it says with the markers [`StringDriver`], [`HashDriver`], [`ListDriver`],
/// [`SetDriver`] and [`SortedSetDriver`]; a command of another family it answers with
/// [`Error::unsupported`](crate::Error::unsupported).
///
/// A future may be dropped at any await: the driver must then have carried the command out whole or not at all, or
/// not yet. What it carries out later, it carries out before the commands that were begun after it: a driver keeps the
/// order in which its calls of one key were begun, dropped ones included.
pub trait Driver: Debug + Send + Sync + 'static {
    /// Who sees the data; [`Scope::Process`] by default.
    fn scope(&self) -> Scope {
        Scope::Process
    }

    /// How long a call may take where the level's policy does not say; `None` for the usual: a second for shared data.
    /// A driver that itself bounds its calls, and retries within that bound, says so here.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// Answers at once when that needs no waiting; `None` means "ask [`query`](Driver::query)". Never blocks.
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        let _ = query;
        None
    }

    /// The string at `key` at once, `Ok(None)` when there is none; `None` means "ask with `GET`". Never blocks. A shorter
    /// way for the most common question of all; who has no shorter one needs not say anything here.
    fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        let _ = key;
        None
    }

    /// Tells the answer to a query to `out` at once, when that needs no waiting, the key is there and the command
    /// [tells](Query::tells) its reply: no element of it is built then. `None`, or an error: nothing was told. `None`
    /// means "ask [`try_query`](Driver::try_query)", of which this is only the shorter way. Never blocks.
    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        let _ = (query, out);
        None
    }

    /// Answers a query.
    fn query(&self, query: &Query<'_>) -> impl Future<Output = Result<Answer>> + Send;

    /// Carries out a mutation at once when that needs no waiting; `None` means "ask [`mutate`](Driver::mutate)".
    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        let _ = mutation;
        None
    }

    /// Carries out a mutation; a blocking one waits here until it has something or its own timeout passes.
    fn mutate(&self, mutation: &Mutation<'_>) -> impl Future<Output = Result<Reply>> + Send;

    /// Answers several queries, each on its own; one round trip where the driver can. The default asks in turn.
    fn query_many(&self, queries: &[Query<'_>]) -> impl Future<Output = Vec<Result<Answer>>> + Send {
        async move {
            let mut answers = Vec::with_capacity(queries.len());
            for query in queries {
                answers.push(self.query(query).await);
            }
            answers
        }
    }

    /// Answers a query of one key and, when the key is within `limit`, gives the whole key with its deadline as it
    /// was at that same moment, so that other levels can be filled. The default only answers.
    fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> impl Future<Output = Result<Fetched>> + Send {
        let _ = limit;
        async move { Ok(Fetched::answer(self.query(query).await?)) }
    }

    /// Takes over a whole key. The default can do it for strings, with one `SET … PXAT`.
    ///
    /// # Errors
    /// Unsupported where the driver cannot take a collection whole.
    fn install(&self, snapshot: &Snapshot) -> impl Future<Output = Result<()>> + Send {
        async move {
            let Object::String(_) = snapshot.object else {
                return Err(Error::unsupported("install"));
            };
            for mutation in snapshot.to_mutations() {
                self.mutate(&mutation).await?;
            }
            Ok(())
        }
    }

    /// Applies the effect of a mutation that another level decided, to this copy; no deadline may then lie past
    /// `cap`. The default applies whole effects without a cap, and otherwise drops the keys, which is always safe.
    fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> impl Future<Output = Result<()>> + Send {
        async move {
            let Some(change) = &effect.change else { return Ok(()) };
            if effect.reach == Reach::Whole && (cap.is_none() || change.only_removes()) {
                self.mutate(change).await.map(drop)
            } else {
                self.mutate(&change.drop_keys()).await.map(drop)
            }
        }
    }

    /// Runs requests one after the other with nothing in between: nobody sees some of them done and others not. Each has
    /// its own result; an error of one does not keep the others from running. Blocking commands do not wait: they answer
    /// nothing where they would. Who waits for one of the keys elsewhere is served after the last request.
    ///
    /// `Ok(None)` when a key of `watch` has changed since it was watched: then nothing was run. The watch is over either
    /// way. The default is unsupported: requests that are run one by one are no transaction.
    ///
    /// # Errors
    /// When none of the requests was run: unsupported, unreachable (which may leave open whether they were run after all,
    /// see [`Error::is_uncertain`]), invalid for a watch of another driver.
    fn transact(
        &self,
        requests: &[Request<'_>],
        watch: Watch,
    ) -> impl Future<Output = Result<Option<Vec<Result<Reply>>>>> + Send {
        let _ = (requests, watch);
        async { Err(Error::unsupported("MULTI")) }
    }

    /// Adds keys to `watch`, as they are now. A key that is watched already stays watched from then on. The default is
    /// unsupported.
    ///
    /// # Errors
    /// Unsupported, unreachable, invalid for a watch of another driver; then the keys may not be watched.
    fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> impl Future<Output = Result<()>> + Send {
        let _ = (keys, watch);
        async { Err(Error::unsupported("WATCH")) }
    }

    /// A feed of what changes from now on, by this process or another, so that process-local copies can forget it; a
    /// change is told after it can be read here. `None`, by default, when the driver does not learn of it.
    fn changes(&self) -> Option<Box<dyn ChangeFeed>> {
        None
    }

    /// Whether the backend is reachable now: asked after failures, before traffic returns. `Ok` by default.
    fn probe(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// The driver serves the string commands, and those of keys in general.
pub trait StringDriver: Driver {}
/// The driver serves the hash commands, and those of keys in general.
pub trait HashDriver: Driver {}
/// The driver serves the list commands, and those of keys in general.
pub trait ListDriver: Driver {}
/// The driver serves the set commands, and those of keys in general.
pub trait SetDriver: Driver {}
/// The driver serves the sorted set commands, and those of keys in general.
pub trait SortedSetDriver: Driver {}
