//! The driver: commands in, replies out.

use std::sync::Arc;

use jcache_core::command::Blocking;
use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::fetch::{FetchPlan, Fetched, Step};
use jcache_core::snapshot::FillLimit;
use jcache_core::{
    Answer, Context, Driver, Encoded, ErrorKind, Key, Model, Mutation, Query, Reply, Request, Result, Scope, Snapshot,
    Timestamp, Watch,
};
use redis::Value;
use tokio::runtime::Handle;

use crate::blocking::GiveBack;
use crate::builder::Builder;
use crate::servers::Servers;
use crate::wire;

/// The Redis and Valkey driver: a shared level over one server, Sentinels, or a cluster.
///
/// Clones share the connections. All methods may be called concurrently; ordinary commands share one connection to a
/// server, blocking commands have their own while they wait. A future may be dropped at any time: the connection stays
/// usable, and an element that a blocking pop took for a caller who is gone is put back.
///
/// A command is sent at most once. An error of kind [`Unavailable`](ErrorKind::Unavailable) or
/// [`Timeout`](ErrorKind::Timeout) after it was sent leaves open whether the server carried it out; once a later
/// command was answered it will not be carried out any more.
///
/// # Examples
///
/// ```no_run
/// # async fn run() -> jcache_core::Result<()> {
/// use jcache_redis::Redis;
///
/// let redis = Redis::connect("redis://127.0.0.1:6379/0").await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Redis {
    pub(crate) servers: Arc<Servers>,
}

impl Redis {
    /// Connects to the server that `url` names and fails when it cannot be reached now. [The crate](crate) tells the
    /// forms of `url`.
    ///
    /// # Errors
    /// Configuration for a URL that cannot be read; unavailable when the server cannot be reached within the connect
    /// timeout (1 s); authentication.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().url(url).connect().await
    }

    /// A driver for the server that `url` names, which connects when it is first used. While the server cannot be
    /// reached its commands fail as unavailable, and it recovers by itself: a cache can start before its Redis.
    ///
    /// # Errors
    /// Configuration, for a URL that cannot be read.
    pub fn lazy(url: &str) -> Result<Self> {
        Self::builder().url(url).lazy()
    }

    /// All settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    async fn block(&self, mutation: &Mutation<'_>, wait: Blocking) -> Result<Reply> {
        let servers = self.servers.clone();
        let command = Encoded::mutation(mutation);
        let runtime = Handle::current();
        let give_back: GiveBack = Arc::new(move |value| {
            if let Some(undo) = undo(&command, value) {
                let servers = servers.clone();
                runtime.spawn(async move {
                    if let Err(error) = servers.mutate(&undo).await {
                        tracing::warn!(%error, "cannot put back what a dropped blocking command took");
                    }
                });
            }
        });
        mutation.canonical(self.servers.block(mutation, wait.timeout, give_back).await?)
    }
}

/// What puts back the elements in the reply to `command`.
fn undo(command: &Encoded, reply: Value) -> Option<Mutation<'static>> {
    let mutation = command.as_mutation().ok()?;
    let reply = mutation.canonical(wire::reply(reply).ok()?).ok()?;
    mutation.undo(&reply)
}

/// The answer in a reply. A reply that an absent key would give as well (nil, zero, -2 for a life, the end of a scan) may
/// mean either, and counts as a miss, which is always safe.
fn answer(query: &Query<'_>, reply: Result<Reply>) -> Result<Answer> {
    let mut answer = Answer::from(query.canonical(reply?)?);
    if answer.hit {
        let absent = query.run(&Model::default(), Context::at(Timestamp::ZERO));
        answer.hit = absent.as_ref() != Ok(&answer.reply);
    }
    Ok(answer)
}

impl Driver for Redis {
    fn scope(&self) -> Scope {
        Scope::Shared
    }

    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        answer(query, self.servers.query(query).await)
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        if let Some(wait) = mutation.blocking() {
            return self.block(mutation, wait).await;
        }
        mutation.canonical(self.servers.mutate(mutation).await?)
    }

    async fn query_many(&self, queries: &[Query<'_>]) -> Vec<Result<Answer>> {
        let replies = self.servers.query_many(queries).await;
        queries.iter().zip(replies).map(|(query, reply)| answer(query, reply)).collect()
    }

    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        let (Some(key), Some(mut plan)) = (query.first_key(), FetchPlan::new(query, limit)) else {
            return self.query(query).await.map(Fetched::answer);
        };
        loop {
            let replies = {
                let queries = plan.transaction();
                let commands = queries.iter().map(wire::query).collect::<Result<Vec<_>>>()?;
                let values = match self.servers.transaction(key, &commands).await {
                    // An older server, or a user of few rights: the answer alone is still an answer.
                    Err(refused) if matches!(refused.kind(), ErrorKind::UnknownCommand | ErrorKind::Auth) => {
                        return self.query(query).await.map(Fetched::answer);
                    }
                    values => values?,
                };
                let read = |(query, value): (&Query<'_>, Value)| query.canonical(wire::reply(value)?);
                queries.iter().zip(values).map(read).collect()
            };
            if let Step::Done(fetched) = plan.feed(replies)? {
                return Ok(fetched);
            }
        }
    }

    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        let mutations = snapshot.to_mutations();
        let commands = mutations.iter().map(wire::mutation).collect::<Result<Vec<_>>>()?;
        let values = self.servers.transaction(&Key::from(&snapshot.key), &commands).await?;
        values.into_iter().try_for_each(|value| wire::reply(value).map(drop))
    }

    /// Without a watch one round trip, with one two. In a cluster all keys have to be in one slot.
    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        let values = self.servers.transact(requests, watch).await?;
        let read = |(request, value): (&Request<'_>, Value)| match request {
            Request::Query(query) => query.canonical(wire::reply(value)?),
            Request::Mutation(mutation) => mutation.canonical(wire::reply(value)?),
        };
        Ok(values.map(|values| requests.iter().zip(values).map(read).collect()))
    }

    /// A watch has a connection of its own until its transaction, and counts among the blocking commands
    /// ([`Builder::max_blocking`]). Not supported on a cluster.
    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        self.servers.watch(keys, watch).await
    }

    async fn probe(&self) -> Result<()> {
        self.servers.probe().await
    }
}

impl StringDriver for Redis {}
impl HashDriver for Redis {}
impl ListDriver for Redis {}
impl SetDriver for Redis {}
impl SortedSetDriver for Redis {}
