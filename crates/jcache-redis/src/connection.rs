//! One open connection: the client library's multiplexer over a stream of ours, logged in and watched.
//!
//! The driver opens its own streams and says hello itself, instead of asking the library for a finished connection,
//! because it then knows the moment a connection ends (also in RESP2, also when idle), keeps the server's own error
//! texts of the login, and learns the identity that the server gives the connection (see [`Identity`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jcache_core::Result;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisResult, Value};
use tokio::task::AbortHandle;

use crate::error;
use crate::handshake::{self, Identity};
use crate::settings::Settings;
use crate::stream::{self, Address};

/// An open connection. Dropping it closes the socket.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: MultiplexedConnection,
    identity: Option<Identity>,
    driver: AbortHandle,
    ended: Arc<AtomicBool>,
    opened: Instant,
    /// Microseconds after `opened` since which we wait without any reply; 0 when none is owed.
    waiting: AtomicU64,
}

impl Connection {
    /// Opens a connection to `address` and logs in; `on_end` is called when it ends for whatever reason but ours.
    ///
    /// # Errors
    /// Unavailable, or what the server says to the login. There is no time limit here: the caller sets one.
    pub(crate) async fn open(
        address: &Address,
        settings: &Settings,
        master: bool,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Result<Self> {
        let stream = stream::open(address, settings).await.map_err(|e| error::unreachable(address, e))?;
        // No login by the library: it would hide the server's texts.
        let info = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(settings.max_in_flight);
        let (mut sender, driver) = MultiplexedConnection::new_with_config(&info, stream, config)
            .await
            .map_err(|e| error::unreachable(address, e))?;
        let ended = Arc::new(AtomicBool::new(false));
        let end = ended.clone();
        let driver = tokio::spawn(async move {
            driver.await;
            end.store(true, Ordering::Release);
            on_end();
        })
        .abort_handle();
        // Whatever fails from here on, the socket is closed with this guard's task.
        let closing = Closing(Some(driver));
        let identity = handshake::greet(&mut sender, settings, master, address).await?;
        Ok(Self { sender, identity, driver: closing.keep(), ended, opened: Instant::now(), waiting: AtomicU64::new(0) })
    }

    /// Who we are to the server, where it told.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Whether the connection is over.
    pub(crate) fn is_closed(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.driver.is_finished()
    }

    /// Closes the socket.
    pub(crate) fn close(&self) {
        self.driver.abort();
    }

    /// Sends one command and waits for its reply.
    pub(crate) async fn send(&self, cmd: &Cmd) -> RedisResult<Value> {
        self.asked();
        let result = self.sender.clone().send_packed_command(cmd).await;
        self.waiting.store(0, Ordering::Relaxed);
        result
    }

    /// Sends commands together and waits for all replies; error replies stand among them.
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        self.asked();
        let result = self.sender.clone().send_packed_commands(commands, 0, commands.len()).await;
        self.waiting.store(0, Ordering::Relaxed);
        result
    }

    /// Starts the clock that [`gave_up`](Connection::gave_up) reads, unless it runs.
    fn asked(&self) -> u64 {
        let now = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        match self.waiting.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => 0,
            Err(since) => now.saturating_sub(since),
        }
    }

    /// Notes that a caller stopped waiting for a reply, and says whether the connection has been silent for `limit`.
    pub(crate) fn gave_up(&self, limit: Duration) -> bool {
        u128::from(self.asked()) >= limit.as_micros()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ends the task of a connection that did not come to be.
struct Closing(Option<AbortHandle>);

impl Closing {
    fn keep(mut self) -> AbortHandle {
        self.0.take().expect("invariant: taken once, here")
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(driver) = self.0.take() {
            driver.abort();
        }
    }
}
