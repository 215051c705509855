//! Watched keys: they belong to a connection, so a watch has one of its own until its transaction has run.
//!
//! It comes from the pool of the blocking commands, and counts among them. The transaction is sent when everything that
//! went over the shared connection before has been carried out, so that calls keep their order. A caller who goes away in
//! the middle has the server close the connection: what it has not read by then it never runs.

use jcache_core::{Error, ErrorKind, Key, Result, Value as Bytes};
use redis::{Cmd, RedisResult, Value};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::batch;
use crate::connection::Connection;
use crate::error;
use crate::link::Link;

/// What this driver keeps in a [`Watch`](jcache_core::Watch). Dropping it closes the connection, and so ends the watching.
#[derive(Debug)]
pub(crate) struct Watching {
    link: Link,
    /// Taken out when it may serve others again.
    connection: Option<Connection>,
    keys: Vec<Bytes>,
    runtime: Handle,
    /// Whether a transaction is under way.
    running: bool,
    _slot: OwnedSemaphorePermit,
}

impl Watching {
    /// A connection that watches nothing yet.
    ///
    /// # Errors
    /// Unavailable, also when too many are in use.
    pub(crate) async fn begin(link: &Link) -> Result<Self> {
        let settings = link.settings();
        let slot =
            link.pool().slot().ok_or_else(|| error::full("blocking commands and watches", settings.max_blocking))?;
        // The shared connection says at once when the server cannot be reached.
        link.connection(Instant::now() + settings.command_timeout).await?;
        let connection = match link.pool().take() {
            Some(connection) => connection,
            None => link.open_another().await?,
        };
        let runtime = Handle::current();
        let (link, connection) = (link.clone(), Some(connection));
        Ok(Self { link, connection, keys: Vec::new(), runtime, running: false, _slot: slot })
    }

    pub(crate) fn is_of(&self, link: &Link) -> bool {
        self.link.is_same(link)
    }

    /// Watches `keys` too; returns how many are watched now.
    ///
    /// # Errors
    /// Unavailable, timeout, or what the server says.
    pub(crate) async fn add(&mut self, keys: &[Key<'_>]) -> Result<usize> {
        let mut cmd = redis::cmd("WATCH");
        for key in keys {
            cmd.arg(key.as_bytes());
        }
        let connection = self.connection()?;
        match self.within(connection.send(&cmd)).await? {
            Value::ServerError(refused) => return Err(error::server(&refused)),
            _ => self.keys.extend(keys.iter().map(|key| key.0.to_value())),
        }
        self.keys.sort_unstable();
        self.keys.dedup();
        Ok(self.keys.len())
    }

    /// Runs the transaction; `None` when a watched key has changed.
    ///
    /// # Errors
    /// When none of the commands was run, or nobody knows.
    pub(crate) async fn run(mut self, commands: &[Cmd]) -> Result<Option<Vec<Value>>> {
        self.link.ping().await?;
        self.running = true;
        let pipeline = batch::multi(commands, false);
        let connection = self.connection()?;
        let replies = self.within(connection.send_all(&pipeline)).await?;
        self.running = false;
        let results = batch::results(replies, commands.len())?;
        if let Some(connection) = self.connection.take() {
            self.link.pool().put(connection);
        }
        Ok(results)
    }

    fn connection(&self) -> Result<&Connection> {
        let open = self.connection.as_ref().filter(|connection| !connection.is_closed());
        open.ok_or_else(|| Error::new(ErrorKind::Unavailable, "the connection that watched the keys was lost"))
    }

    async fn within<T>(&self, call: impl Future<Output = RedisResult<T>>) -> Result<T> {
        let limit = self.link.settings().command_timeout;
        timeout(limit, call).await.map_err(|_| error::timeout(limit))?.map_err(error::connection)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let identity = self.connection.as_ref().and_then(|connection| connection.identity().cloned());
        if let Some(identity) = identity.filter(|_| self.running) {
            let link = self.link.clone();
            self.runtime.spawn(async move {
                // An error means that the server is not there, or the connection no longer.
                let _ = link.send(&identity.kill()).await;
            });
        }
    }
}
