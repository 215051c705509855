//! The cache: commands over levels.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jcache_core::command::{Family, check_size};
use jcache_core::{
    Key, MutationCommand, Outcome, Query, QueryCommand, Reply, ReplySink, Request, Result, Value, Watch,
};

use crate::builder::{Builder, Everything};
use crate::commands::Call;
use crate::commands::call::as_is;
use crate::levels::read::ReadTrace;
use crate::levels::write::WriteTrace;
use crate::levels::{Explained, Levels, ReadReport, Stats, WriteReport};

/// Carries out commands: what the typed methods of every family stand on.
///
/// [`Cache`] and the specialised caches implement it; the traits of [`commands`](crate::commands) add the methods.
///
/// # Errors
/// Besides their own errors, all commands fail as [unavailable](crate::ErrorKind::Unavailable) or with
/// [timeout](crate::ErrorKind::Timeout) when a read finds no level that answers, or a write cannot reach the level
/// that decides.
pub trait Execute: Send + Sync {
    /// The families whose commands are served; those of others do not compile.
    const SERVES: Serves = Serves::Everything;

    /// Carries a command out at once, or says with `None` that it would have to wait, and has done nothing.
    fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>>;

    /// The string at `key`, `Ok(None)` when there is none, if that can be told at once. `None` says nothing: then `GET`
    /// is carried out like any command, of which this is only the shorter way.
    fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        let _ = key;
        None
    }

    /// Tells the answer to `out` at once, element by element, if that can be done: for a protocol, which has no use for
    /// a reply that is built first. `None`, or an error: nothing was told. `None` says nothing: then the query is
    /// carried out like any command, of which this is only the shorter way.
    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        let _ = (query, out);
        None
    }

    /// Carries a command out, also when that takes waiting; [`try_call`](Self::try_call) is the faster way where it
    /// answers.
    ///
    /// Arguments above 512 MiB are refused when a request is made: by [`Request::parse`], and by every method.
    fn call(&self, request: &Request<'_>) -> impl Future<Output = Result<Reply>> + Send;

    /// Answers a query that has no method, or is at hand as a value.
    ///
    /// ```
    /// use jcache::command::string::SubStr;
    /// use jcache::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// cache.set("hello", "world").await?;
    /// let part = cache.query(SubStr { key: "hello".into(), start: 0, stop: 2 }).await?;
    /// assert_eq!(part, Value::from("wor"));
    /// # Ok(()) }
    /// ```
    #[inline]
    fn query<'a, C: QueryCommand<'a>>(&'a self, command: C) -> Call<'a, Self, C::Reply> {
        Call::query(self, || Ok(command), as_is)
    }

    /// Carries out a mutation that has no method, or is at hand as a value.
    #[inline]
    fn mutate<'a, C: MutationCommand<'a>>(&'a self, command: C) -> Call<'a, Self, C::Reply> {
        Call::mutation(self, || Ok(command), as_is)
    }
}

/// The families that a cache serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// All of them.
    Everything,
    /// One family, and the commands of keys.
    Only(Family),
}

impl Serves {
    /// Whether commands of `family` are served.
    pub const fn admits(self, family: Family) -> bool {
        match self {
            Serves::Everything => true,
            Serves::Only(only) => matches!(family, Family::Key) || family as u8 == only as u8,
        }
    }
}

/// A cache over one or more levels.
///
/// Levels are read in order and the first that has the key answers; one level, the authority, decides every write, and
/// the others follow as copies. A cache is cheap to clone; clones share the levels.
///
/// The methods come from the traits of [`commands`](crate::commands), all in [`prelude`](crate::prelude).
///
/// ```
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.set("hello", "world").ttl(std::time::Duration::from_secs(60)).await?;
/// let hello: Option<String> = cache.get("hello").await?;
/// assert_eq!(hello.as_deref(), Some("world"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Cache {
    levels: Arc<Levels>,
    strict: bool,
}

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

impl Cache {
    /// A cache with one memory level: the embedded default.
    pub fn new() -> Self {
        Self::builder().build().expect("the default settings are right")
    }

    /// Starts to build a cache; without a level it gets one memory level.
    pub fn builder() -> Builder<Everything> {
        Builder::new()
    }

    pub(crate) fn from_levels(levels: Levels, strict: bool) -> Self {
        let levels = Arc::new(levels);
        levels.follow();
        Self { levels, strict }
    }

    /// The same cache, where a read answers "nothing there" only when the authority itself said so.
    #[must_use]
    pub fn strict(&self) -> Self {
        Self { levels: self.levels.clone(), strict: true }
    }

    /// The names of the levels in the order in which they are read.
    pub fn level_names(&self) -> impl Iterator<Item = &str> {
        self.levels.levels.iter().map(|level| &*level.name)
    }

    /// What the cache and its levels did so far.
    pub fn stats(&self) -> Stats {
        self.levels.stats()
    }

    /// Reads, and says which level answered, how long the key still lives there, and which levels were not well.
    ///
    /// # Errors
    /// As [`Execute::query`].
    // Not `async fn`: a future whose type holds that of a borrowed command cannot be shown to be `Send` by callers.
    pub fn read<'a, C: QueryCommand<'a>>(&'a self, command: C) -> BoxFuture<'a, Result<ReadReport<C::Reply>>> {
        Box::pin(async move {
            check_size(&command)?;
            let query = command.into();
            let mut trace = ReadTrace::default();
            let reply = self.levels.read(&query, self.strict, &mut trace).await?;
            let value = C::Reply::from_reply(reply)?;
            let remaining = match trace.source {
                Some(index) => self.levels.remaining(index, &query).await,
                None => None,
            };
            let source = trace.source.map(|index| self.levels.levels[index].name.clone());
            Ok(ReadReport { value, source, remaining, degraded: trace.degraded })
        })
    }

    /// Writes, and says whether the authority decided and which levels were not well.
    ///
    /// # Errors
    /// As [`Execute::mutate`].
    pub fn write<'a, C: MutationCommand<'a>>(&'a self, command: C) -> BoxFuture<'a, Result<WriteReport<C::Reply>>> {
        Box::pin(async move {
            check_size(&command)?;
            let mutation = command.into();
            let mut trace = WriteTrace::default();
            let reply = self.levels.write(&mutation, &mut trace).await?;
            Ok(WriteReport { value: C::Reply::from_reply(reply)?, decided: trace.decided, degraded: trace.degraded })
        })
    }

    /// Runs requests as one transaction at the level that decides: nobody sees some of them done and others not. Each has
    /// its own result; an error of one does not keep the others from running. Blocking commands do not wait.
    ///
    /// `None` when a key of `watch` has changed since it was [watched](Cache::watch): then nothing was run. The copies
    /// drop the keys that were changed. [`Cache::transaction`] is the same with typed replies.
    ///
    /// ```
    /// use jcache::prelude::*;
    /// use jcache::{Arg, Reply, Request, Watch};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
    /// let cache = Cache::new();
    /// let pay = ["DECRBY", "ada", "5"].map(Arg::from);
    /// let get = ["INCRBY", "bob", "5"].map(Arg::from);
    /// let requests = [Request::parse(&pay)?, Request::parse(&get)?];
    ///
    /// let mut watch = Watch::new();
    /// cache.watch(&["ada".into()], &mut watch).await?;
    /// let replies = cache.transact(&requests, watch).await?;
    /// assert_eq!(replies, Some(vec![Ok(Reply::Int(-5)), Ok(Reply::Int(5))]));
    ///
    /// let mut watch = Watch::new();
    /// cache.watch(&["ada".into()], &mut watch).await?;
    /// cache.incr("ada").await?;
    /// assert_eq!(cache.transact(&requests, watch).await?, None);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When none of the requests was run: [unsupported](crate::ErrorKind::Unsupported) by the level that decides,
    /// [unavailable](crate::ErrorKind::Unavailable) or [timeout](crate::ErrorKind::Timeout) when it cannot be reached;
    /// [`Error::is_uncertain`](crate::Error::is_uncertain) says whether it may have run them all the same.
    pub fn transact<'a>(
        &'a self,
        requests: &'a [Request<'a>],
        watch: Watch,
    ) -> BoxFuture<'a, Result<Option<Vec<Result<Reply>>>>> {
        Box::pin(async move { self.levels.transact(requests, watch, &mut WriteTrace::default()).await })
    }

    /// Adds keys to `watch`, as they are now, for a [transaction](Cache::transact) that shall run only if none of them
    /// changes in between. Reads that begin after this see each key as it was then or later, on every level.
    ///
    /// # Errors
    /// As [`Cache::transact`]; then the keys may not be watched.
    pub fn watch<'a>(&'a self, keys: &'a [Key<'a>], watch: &'a mut Watch) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.levels.watch(keys, watch))
    }

    /// Makes the copies of this process forget `key`: for when the caller knows that another process changed it. The
    /// copies drop it before they answer for it again, and fills that are on their way are void.
    pub fn invalidate(&self, key: &[u8]) {
        self.levels.invalidate(key);
    }

    /// Per level: whether it has `key`, for how long and how large, and which level would answer a read. Changes
    /// nothing and fills nothing.
    pub async fn explain(&self, key: &[u8]) -> Vec<Explained> {
        self.levels.explain(key).await
    }

    /// Carries out any command that was read from its arguments: what a shell or a protocol server does.
    ///
    /// # Errors
    /// The command's own, or as [`Execute`] says.
    pub async fn call(&self, request: &Request<'_>) -> Result<Reply> {
        match self.try_call(request) {
            Some(result) => result,
            None => Execute::call(self, request).await,
        }
    }
}

impl Execute for Cache {
    #[inline]
    fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>> {
        match request {
            Request::Query(query) => self.levels.try_read(query),
            Request::Mutation(mutation) => self.levels.try_write(mutation),
        }
    }

    /// Always inlined, as what it calls: the way to a string in memory is so short that calls would be a fifth of it.
    #[inline(always)]
    fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        self.levels.try_text(key)
    }

    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        self.levels.try_tell(query, out)
    }

    async fn call(&self, request: &Request<'_>) -> Result<Reply> {
        match request {
            Request::Query(query) => self.levels.read(query, self.strict, &mut ReadTrace::default()).await,
            Request::Mutation(mutation) => self.levels.write(mutation, &mut WriteTrace::default()).await,
        }
    }
}

impl Levels {
    /// How long the first key of `query` still lives at level `index`.
    async fn remaining(&self, index: usize, query: &jcache_core::Query<'_>) -> Option<Duration> {
        let at = self.deadline_at(index, query.first_key()?).await.ok()??;
        Some(at.since(self.now()))
    }
}
