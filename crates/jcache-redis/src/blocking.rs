//! Blocking commands: each has a connection of its own while it waits, so that it holds up nobody else.
//!
//! Nothing that the server has handed out is lost when the caller goes away: the command runs in a task of its own,
//! which is told when the caller's future is dropped. It then asks the server to end the wait, takes the answer, and if
//! the server had popped something in the meantime, gives it back. Only a connection that breaks at that very moment can
//! still lose an element, as with any pop over a network; `BLMOVE` into a second list is the remedy there.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use jcache_core::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use redis::{Cmd, RedisResult, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use crate::batch;
use crate::connection::Connection;
use crate::error;
use crate::link::Link;
use crate::settings::{MAX_IDLE_BLOCKING, Settings};

/// The pause between two requests to end a wait, for a command that the server has not begun yet.
const UNBLOCK_AGAIN: Duration = Duration::from_millis(20);

/// Puts back what a reply holds, for a caller who is gone. Must not block: it spawns.
pub(crate) type GiveBack = Arc<dyn Fn(Value) + Send + Sync>;

/// The connections of one server that serve blocking commands.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Connection>>,
    slots: Arc<Semaphore>,
}

impl Pool {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { idle: Mutex::default(), slots: Arc::new(Semaphore::new(settings.max_blocking)) }
    }

    /// The right to one connection more; `None` when all are in use.
    pub(crate) fn slot(&self) -> Option<OwnedSemaphorePermit> {
        self.slots.clone().try_acquire_owned().ok()
    }

    /// A connection that is open already.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        std::iter::from_fn(|| idle.pop()).find(|connection| !connection.is_closed())
    }

    /// Keeps a connection for the next.
    pub(crate) fn put(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        if idle.len() < MAX_IDLE_BLOCKING && !connection.is_closed() {
            idle.push(connection);
        }
    }
}

/// Runs a blocking command that waits for `wait` at most (`None`: for ever) and gives its reply; `asking`
/// follows a redirect to a slot that is being moved.
///
/// # Errors
/// Unavailable, also when too many such commands are under way; timeout when the server is overdue.
pub(crate) async fn run(
    link: &Link,
    cmd: Cmd,
    asking: bool,
    wait: Option<Duration>,
    give_back: GiveBack,
) -> Result<Value> {
    let settings = link.settings();
    let Some(slot) = link.pool().slot() else {
        return Err(error::full("blocking commands", settings.max_blocking));
    };
    // The shared connection says at once when the server cannot be reached, and ends the wait later if need be.
    link.connection(Instant::now() + settings.command_timeout).await?;
    let connection = match link.pool().take() {
        Some(connection) => connection,
        None => link.open_another().await?,
    };
    let (answer, reply) = oneshot::channel();
    let overdue = wait.and_then(|wait| Instant::now().checked_add(wait)?.checked_add(settings.command_timeout));
    let call = Call { link: link.clone(), connection, cmd, asking, overdue, _slot: slot };
    let mut caller = Caller { reply, give_back: give_back.clone() };
    tokio::spawn(call.serve(answer, give_back));
    (&mut caller.reply).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Unavailable, "the runtime ended during a blocking command").uncertain())
    })
}

/// The caller's end. Dropped with an answer in it that nobody took, it gives back what the answer holds.
struct Caller {
    reply: oneshot::Receiver<Result<Value>>,
    give_back: GiveBack,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.reply.close();
        if let Ok(Ok(value)) = self.reply.try_recv() {
            (self.give_back)(value);
        }
    }
}

/// A blocking command under way.
struct Call {
    link: Link,
    connection: Connection,
    cmd: Cmd,
    asking: bool,
    overdue: Option<Instant>,
    _slot: OwnedSemaphorePermit,
}

impl Call {
    async fn serve(self, mut answer: oneshot::Sender<Result<Value>>, give_back: GiveBack) {
        let reply = {
            let mut reply = pin!(self.send());
            tokio::select! {
                reply = &mut reply => Some(reply),
                () = answer.closed() => self.end_wait(reply).await,
                () = until(self.overdue) => self.end_wait(reply).await,
            }
        };
        let result = match reply {
            Some(reply) => reply.map_err(error::connection),
            None => Err(error::timeout(self.link.settings().command_timeout)),
        };
        if result.is_ok() {
            self.link.pool().put(self.connection);
        }
        if let Err(Ok(value)) = answer.send(result) {
            give_back(value);
        }
    }

    async fn send(&self) -> RedisResult<Value> {
        if self.asking {
            let mut replies = self.connection.send_all(&batch::asking(&self.cmd)).await?;
            return Ok(replies.pop().unwrap_or(Value::Nil));
        }
        self.connection.send(&self.cmd).await
    }

    /// Has the server end the wait, and gives what it then answers; `None` when nothing comes.
    async fn end_wait(
        &self,
        mut reply: Pin<&mut impl Future<Output = RedisResult<Value>>>,
    ) -> Option<RedisResult<Value>> {
        let mut patience = pin!(sleep(self.link.settings().command_timeout));
        loop {
            let ask = async {
                if let Some(identity) = self.connection.identity() {
                    // An error means that the server is not there to be asked: patience runs out then.
                    let _ = self.link.send(&identity.unblock()).await;
                }
                sleep(UNBLOCK_AGAIN).await;
            };
            tokio::select! {
                reply = &mut reply => return Some(reply),
                () = &mut patience => return None,
                () = ask => {}
            }
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
