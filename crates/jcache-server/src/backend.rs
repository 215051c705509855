//! What a server serves.

use std::future::Future;

use jcache_core::{Reply, Request, Result};

use crate::status::Section;

/// Carries out commands for a server: a cache, or a driver.
///
/// Clones are handles of the same data. A command is first offered to [`try_call`](Backend::try_call), which answers at
/// once or has done nothing; what has to wait is awaited with [`call`](Backend::call), and nothing else of that client
/// meanwhile.
pub trait Backend: Clone + Send + Sync + 'static {
    /// Carries a command out at once, or says with `None` that it would have to wait, and has done nothing.
    fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>>;

    /// Carries a command out, also when that takes waiting. The future is dropped when the client goes away: a blocking
    /// command has then taken nothing.
    fn call(&self, request: &Request<'_>) -> impl Future<Output = Result<Reply>> + Send;

    /// What `INFO` tells of the backend: sections of its own, or more fields for those of the server. Nothing by
    /// default.
    fn info(&self) -> Vec<Section> {
        Vec::new()
    }
}
