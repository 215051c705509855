//! The cache as a server: everything that talks to Redis talks to it.

use std::future::Future;
use std::io;

use jcache_core::{Key, Query, Reply, ReplySink, Request, Result, Watch};
use jcache_server::{Backend, Listener, Section, Server};

use crate::Cache;
use crate::cache::Execute;

/// Serves `cache` to Redis clients, with default settings, until the future is dropped or a client says `SHUTDOWN`.
///
/// Connections run on the current tokio runtime. `listener` is a tokio `TcpListener` or `UnixListener`, or a
/// [`Listener`](crate::server::Listener) for more. For a password, limits, or a graceful end take
/// [`Server`](crate::server::Server).
///
/// ```
/// use jcache::prelude::*;
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache::new();
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let address = listener.local_addr()?;
/// tokio::spawn(jcache::serve(cache.clone(), listener));
///
/// cache.set("hello", "world").await?; // and: redis-cli -p … GET hello
/// # let mut client = tokio::net::TcpStream::connect(address).await?;
/// # client.write_all(b"GET hello\r\n").await?;
/// # let mut reply = [0; 11];
/// # client.read_exact(&mut reply).await?;
/// # assert_eq!(&reply, b"$5\r\nworld\r\n");
/// # Ok(()) }
/// ```
///
/// # Errors
/// Permission denied when other machines can reach the listener: that takes a password.
pub async fn serve(cache: Cache, listener: impl Into<Listener>) -> io::Result<()> {
    let server = Server::builder(cache).build().map_err(io::Error::other)?;
    server.serve(listener).await
}

impl Backend for Cache {
    #[inline]
    fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>> {
        Execute::try_call(self, request)
    }

    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        Execute::try_tell(self, query, out)
    }

    fn call(&self, request: &Request<'_>) -> impl Future<Output = Result<Reply>> + Send {
        Execute::call(self, request)
    }

    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        Cache::transact(self, requests, watch).await
    }

    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        Cache::watch(self, keys, watch).await
    }

    /// A line a level: what it answered and what it did not.
    fn info(&self) -> Vec<Section> {
        let stats = self.stats();
        let mut section = Section::new("Levels");
        for level in &stats.levels {
            let role = if level.authority { "authority" } else { "copy" };
            section = section.field(
                format!("level_{}", level.name),
                format!(
                    "role={role},state={:?},hits={},misses={},writes={}",
                    level.health, level.hits, level.misses, level.writes
                ),
            );
        }
        vec![
            section
                .field("degraded_misses", stats.degraded_misses)
                .field("degraded_writes", stats.degraded_writes)
                .field("repairs_queued", stats.repairs_queued)
                .field("repairs_done", stats.repairs_done)
                .field("repairs_given_up", stats.repairs_given_up),
        ]
    }
}
