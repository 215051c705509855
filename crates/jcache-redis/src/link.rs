//! The way to one server: a connection that all callers share, replaced by itself when it ends or falls silent.
//!
//! A link is *up*, *connecting* (the first attempt since it was lost: callers wait for its outcome), or *down* (callers
//! get the reason at once, while attempts go on in the background). A command is sent at most once: when its connection
//! ends before the reply, the caller is told so and nothing is repeated, because the server may have done it.
//!
//! A server that stops answering while its socket stays open (a halted process, a machine that vanished) is noticed by
//! its silence, and the connection is given up. What it may still hold unread must not be carried out after newer
//! commands of ours, so the first thing a new connection does is to have the server close the old one.

use std::future::Future;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use jcache_core::{Error, Result};
use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::blocking::Pool;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error;
use crate::handshake::Identity;
use crate::settings::Settings;

/// The way to one server. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    settings: Arc<Settings>,
    state: watch::Sender<State>,
    in_flight: Semaphore,
    blocking: Pool,
    /// Where attempts to connect are spawned when a future is dropped outside of any runtime.
    runtime: OnceLock<Handle>,
}

#[derive(Debug, Clone)]
enum State {
    /// Nobody has asked for a connection yet.
    Idle,
    /// The first attempt is under way.
    Connecting,
    Up(Arc<Connection>),
    /// The last attempt failed; others follow.
    Down(Error),
}

impl Link {
    /// A link that connects when it is first used.
    pub(crate) fn new(endpoint: Endpoint, settings: Arc<Settings>) -> Self {
        let in_flight = Semaphore::new(settings.max_in_flight);
        let blocking = Pool::new(&settings);
        let state = watch::Sender::new(State::Idle);
        Self(Arc::new(Inner { endpoint, settings, state, in_flight, blocking, runtime: OnceLock::new() }))
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.0.settings
    }

    /// Whether `other` is a clone of this link.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.0.blocking
    }

    /// Connects now and waits for the outcome of the first attempt.
    ///
    /// # Errors
    /// Why the server cannot be reached, or refuses us.
    pub(crate) async fn connect(&self) -> Result<()> {
        let patience = self.0.settings.connect_timeout * 2;
        self.connection(Instant::now() + patience).await.map(drop)
    }

    /// Sends one command and gives the reply, which may be an error reply.
    ///
    /// # Errors
    /// Unavailable or timeout.
    pub(crate) async fn send(&self, cmd: &Cmd) -> Result<Value> {
        let value = self.exchange(|connection| async move { connection.send(cmd).await }).await?;
        if let Value::ServerError(refused) = &value {
            self.check_role(refused.code());
        }
        Ok(value)
    }

    /// Sends commands in one go and gives all replies, error replies among them.
    ///
    /// # Errors
    /// Unavailable or timeout, of all together.
    pub(crate) async fn send_all(&self, commands: &Pipeline) -> Result<Vec<Value>> {
        let values = self.exchange(|connection| async move { connection.send_all(commands).await }).await?;
        for value in &values {
            if let Value::ServerError(refused) = value {
                self.check_role(refused.code());
            }
        }
        Ok(values)
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn ping(&self) -> Result<()> {
        match self.send(&redis::cmd("PING")).await? {
            Value::ServerError(refused) => Err(error::server(&refused)),
            _ => Ok(()),
        }
    }

    /// Opens another connection to the server that this link leads to.
    ///
    /// # Errors
    /// Why the server cannot be reached, or refuses us.
    pub(crate) async fn open_another(&self) -> Result<Connection> {
        let limit = self.0.settings.connect_timeout;
        let open = self.0.endpoint.open(&self.0.settings, || {});
        timeout(limit, open).await.unwrap_or_else(|_| Err(error::unreachable(&self.0.endpoint, no_answer(limit))))
    }

    /// The shared connection, as soon as there is one, or the reason why there is none.
    pub(crate) async fn connection(&self, deadline: Instant) -> Result<Arc<Connection>> {
        loop {
            let state = self.0.state.borrow().clone();
            match state {
                State::Up(connection) if !connection.is_closed() => return Ok(connection),
                State::Up(dead) => self.0.replace(&dead),
                State::Down(error) => return Err(error),
                State::Idle => self.0.start(),
                State::Connecting => {
                    let mut changes = self.0.state.subscribe();
                    let settled = changes.wait_for(|state| !matches!(state, State::Connecting));
                    if timeout_at(deadline, settled).await.is_err() {
                        return Err(error::unreachable(&self.0.endpoint, "no answer yet"));
                    }
                }
            }
        }
    }

    async fn exchange<T, F>(&self, call: impl FnOnce(Arc<Connection>) -> F) -> Result<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let Inner { settings, in_flight, .. } = &*self.0;
        let Ok(_permit) = in_flight.try_acquire() else {
            return Err(error::full("calls", settings.max_in_flight));
        };
        let deadline = Instant::now() + settings.command_timeout;
        let connection = self.connection(deadline).await?;
        let mut waiting = Waiting { link: &self.0, connection: &connection, over: false };
        let outcome = timeout_at(deadline, call(connection.clone())).await;
        waiting.over = outcome.is_ok();
        match outcome {
            Ok(result) => result.map_err(error::connection),
            Err(_) => Err(error::timeout(settings.command_timeout)),
        }
    }

    /// A server that has become a replica is left for the one that is the master now.
    fn check_role(&self, code: &str) {
        if code == "READONLY" && self.0.endpoint.moves() {
            let state = self.0.state.borrow().clone();
            if let State::Up(connection) = state {
                connection.close();
                self.0.replace(&connection);
            }
        }
    }
}

/// A caller who waits for a reply. Whether the future timed out or was dropped: silence is noticed.
struct Waiting<'a> {
    link: &'a Arc<Inner>,
    connection: &'a Arc<Connection>,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over && self.connection.gave_up(self.link.settings.stalled()) {
            tracing::warn!(server = %self.link.endpoint, "the server fell silent; connecting anew");
            self.connection.close();
            self.link.replace(self.connection);
        }
    }
}

impl Inner {
    /// Begins to connect for the first caller.
    fn start(self: &Arc<Self>) {
        if self.turn(|state| matches!(state, State::Idle)) {
            self.spawn_attempts(None);
        }
    }

    /// Begins to connect again, if `lost` is the connection in use.
    fn replace(self: &Arc<Self>, lost: &Arc<Connection>) {
        if self.turn(|state| matches!(state, State::Up(connection) if Arc::ptr_eq(connection, lost))) {
            self.spawn_attempts(lost.identity().cloned());
        }
    }

    /// Begins to connect again, if the connection in use is over.
    fn replace_ended(self: &Arc<Self>) {
        let state = self.state.borrow().clone();
        if let State::Up(connection) = state
            && connection.is_closed()
        {
            self.replace(&connection);
        }
    }

    /// Goes over to connecting when `from` is the state; says whether.
    fn turn(&self, from: impl FnOnce(&State) -> bool) -> bool {
        self.state.send_if_modified(|state| {
            let now = from(state);
            if now {
                *state = State::Connecting;
            }
            now
        })
    }

    fn spawn_attempts(self: &Arc<Self>, old: Option<Identity>) {
        let here = Handle::try_current().ok();
        let runtime = match &here {
            Some(here) => self.runtime.get_or_init(|| here.clone()),
            None => self.runtime.get().expect("invariant: the first attempt starts in a caller's runtime"),
        };
        // The runtime that calls now outlives the one that called first, in a program with several.
        let runtime = here.as_ref().unwrap_or(runtime);
        let attempts = Attempts { link: Arc::downgrade(self), done: false };
        runtime.spawn(attempts.run(old));
    }

    async fn attempt(self: &Arc<Self>, old: Option<&Identity>) -> Result<Connection> {
        let link = Arc::downgrade(self);
        let on_end = move || {
            if let Some(link) = link.upgrade() {
                link.replace_ended();
            }
        };
        let limit = self.settings.connect_timeout;
        let open = async {
            let connection = self.endpoint.open(&self.settings, on_end).await?;
            if let Some(old) = old {
                // No such connection any more, or not allowed to: both are fine.
                connection.send(&old.kill()).await.map_err(|e| error::unreachable(&self.endpoint, e))?;
            }
            Ok(connection)
        };
        timeout(limit, open).await.unwrap_or_else(|_| Err(error::unreachable(&self.endpoint, no_answer(limit))))
    }
}

/// The task that connects, with growing pauses, until it succeeds or nobody holds the link.
struct Attempts {
    link: Weak<Inner>,
    done: bool,
}

impl Attempts {
    async fn run(mut self, old: Option<Identity>) {
        let mut pause = Duration::ZERO;
        loop {
            let Some(link) = self.link.upgrade() else { return };
            match link.attempt(old.as_ref()).await {
                Ok(connection) => {
                    link.state.send_replace(State::Up(Arc::new(connection)));
                    self.done = true;
                    // It may have ended before it was seen as up.
                    return link.replace_ended();
                }
                Err(error) => {
                    tracing::debug!(server = %link.endpoint, %error, "cannot connect");
                    link.state.send_replace(State::Down(error));
                }
            }
            pause = (pause * 2).clamp(link.settings.reconnect_min, link.settings.reconnect_max);
            drop(link);
            // Many processes that lost the same server do not come back in step.
            sleep(pause.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
        }
    }
}

/// A runtime that ends takes its tasks along: the next caller, in another runtime, begins anew.
impl Drop for Attempts {
    fn drop(&mut self) {
        if let (false, Some(link)) = (self.done, self.link.upgrade()) {
            link.state.send_replace(State::Idle);
        }
    }
}

fn no_answer(limit: Duration) -> String {
    format!("no answer within {limit:?}")
}
