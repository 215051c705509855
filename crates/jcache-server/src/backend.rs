//! What a server serves.

use std::future::Future;

use jcache_core::{Error, Key, Query, Reply, ReplySink, Request, Result, Watch};

use crate::status::Section;

/// Carries out commands for a server: a cache, or a driver.
///
/// Clones are handles of the same data. A command is first offered to [`try_call`](Backend::try_call), which answers at
/// once or has done nothing; what has to wait is awaited with [`call`](Backend::call), and nothing else of that client
/// meanwhile.
pub trait Backend: Clone + Send + Sync + 'static {
    /// Carries a command out at once, or says with `None` that it would have to wait, and has done nothing.
    fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>>;

    /// Tells the answer to a query that [tells](Query::tells) its reply at once, from where the elements lie. `None`, or
    /// an error: nothing was told. `None` means that the query is to be carried out like any command, of which this is
    /// only the shorter way; so it is by default.
    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        let _ = (query, out);
        None
    }

    /// Carries a command out, also when that takes waiting. The future is dropped when the client goes away: a blocking
    /// command has then taken nothing.
    fn call(&self, request: &Request<'_>) -> impl Future<Output = Result<Reply>> + Send;

    /// Runs requests with nothing in between, each with a result of its own (`EXEC`). `None` when a key of `watch` has
    /// changed since: then nothing was run. Unsupported by default.
    fn transact(
        &self,
        requests: &[Request<'_>],
        watch: Watch,
    ) -> impl Future<Output = Result<Option<Vec<Result<Reply>>>>> + Send {
        let _ = (requests, watch);
        async { Err(Error::unsupported("MULTI")) }
    }

    /// Adds keys to `watch`, as they are now (`WATCH`). Unsupported by default.
    fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> impl Future<Output = Result<()>> + Send {
        let _ = (keys, watch);
        async { Err(Error::unsupported("WATCH")) }
    }

    /// What `INFO` tells of the backend: sections of its own, or more fields for those of the server. Nothing by
    /// default.
    fn info(&self) -> Vec<Section> {
        Vec::new()
    }
}
