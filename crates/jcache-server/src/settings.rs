//! What can be set: limits with their units and defaults, and parameters that somebody else adds to `CONFIG`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::status::Section;

/// Bounds on what clients may take. Change the fields of the default.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Open connections at one time; 10,000 (`maxclients`).
    pub clients: usize,
    /// How long a connection may be idle; for ever by default (`timeout`). Subscribers and those who wait in a blocking
    /// command are not idle.
    pub idle: Option<Duration>,
    /// How long a connection may take for the TLS handshake; 10 s.
    pub handshake: Duration,
    /// When silent connections are asked by TCP whether they are there still; 300 s (`tcp-keepalive`).
    pub keepalive: Option<Duration>,
    /// Bytes of one command that a client may send; 1 GiB, and 64 KiB before it is authenticated
    /// (`client-query-buffer-limit`).
    pub query: usize,
    /// Bytes of one argument; 512 MiB (`proto-max-bulk-len`).
    pub argument: usize,
    /// Bytes that may wait to be read by an ordinary client; unlimited, because its commands wait when 1 MiB of
    /// replies do (`client-output-buffer-limit normal`).
    pub output: OutputLimit,
    /// Bytes that may wait to be read by a subscriber; 32 MiB, or 8 MiB for 60 s
    /// (`client-output-buffer-limit pubsub`).
    pub subscriber_output: OutputLimit,
    /// How long a client may read nothing of the replies that wait for it; 60 s.
    pub stall: Option<Duration>,
    /// How long the server waits, when it stops, until clients have read their last replies; 5 s.
    pub drain: Duration,
    /// Commands that take longer go to the slow log; 10 ms (`slowlog-log-slower-than`, which is in microseconds).
    pub slow: Option<Duration>,
    /// Entries of the slow log; 128 (`slowlog-max-len`).
    pub slow_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 10_000,
            idle: None,
            handshake: Duration::from_secs(10),
            keepalive: Some(Duration::from_secs(300)),
            query: 1 << 30,
            argument: 512 << 20,
            output: OutputLimit::default(),
            subscriber_output: OutputLimit { hard: 32 << 20, soft: 8 << 20, soft_for: Duration::from_secs(60) },
            stall: Some(Duration::from_secs(60)),
            drain: Duration::from_secs(5),
            slow: Some(Duration::from_millis(10)),
            slow_entries: 128,
        }
    }
}

/// How many bytes may wait to be read by a client before it is disconnected. Zero is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputLimit {
    /// Bytes at which it is disconnected at once.
    pub hard: usize,
    /// Bytes at which it is disconnected when they were exceeded for [`soft_for`](OutputLimit::soft_for).
    pub soft: usize,
    /// How long the soft limit may be exceeded.
    pub soft_for: Duration,
}

/// Reads a parameter's value.
type Get = Arc<dyn Fn() -> String + Send + Sync>;
/// Changes it, or says why not.
type Set = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Gives sections of `INFO`.
pub(crate) type InfoSource = Arc<dyn Fn() -> Vec<Section> + Send + Sync>;

/// Sets counters back.
pub(crate) type Reset = Arc<dyn Fn() + Send + Sync>;

/// What whoever embeds the server adds to it.
#[derive(Clone)]
pub(crate) struct Embedder {
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) info: Vec<InfoSource>,
    pub(crate) rewrite: Option<Rewrite>,
    pub(crate) resets: Vec<Reset>,
}

/// Writes settings down, given as names and values, or says why it cannot.
pub(crate) type Rewrite = Arc<dyn Fn(&[(String, String)]) -> Result<(), String> + Send + Sync>;

/// A setting of whoever embeds the server, for `CONFIG GET` and `CONFIG SET`.
#[derive(Clone)]
pub struct Parameter {
    pub(crate) name: String,
    pub(crate) get: Get,
    pub(crate) set: Option<Set>,
}

impl Parameter {
    /// A parameter that can be read.
    pub fn new(name: impl Into<String>, get: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { name: name.into(), get: Arc::new(get), set: None }
    }

    /// Lets `CONFIG SET` change it; `set` says what is wrong with a value that it refuses.
    #[must_use]
    pub fn on_set(mut self, set: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.set = Some(Arc::new(set));
        self
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameter").field("name", &self.name).finish_non_exhaustive()
    }
}
