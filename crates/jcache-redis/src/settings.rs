//! What a driver is told about its server and its limits. Every bound has a name and a unit here.

use std::time::Duration;

/// How long opening a connection may take, name lookup, TLS and login included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a command may take, from the call to its reply; a blocking one: beyond its own wait.
pub(crate) const COMMAND_TIMEOUT: Duration = Duration::from_secs(1);
/// The pause after the first failed attempt to connect again; it doubles with each further one.
pub(crate) const RECONNECT_MIN: Duration = Duration::from_millis(50);
/// The longest pause between two attempts to connect again.
pub(crate) const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// Calls under way at once on one connection; more are refused.
pub(crate) const MAX_IN_FLIGHT: usize = 16_384;
/// Blocking commands under way at once, each with a connection of its own; more are refused.
pub(crate) const MAX_BLOCKING: usize = 256;
/// Connections kept for the next blocking command.
pub(crate) const MAX_IDLE_BLOCKING: usize = 8;
/// Without any reply for so many command timeouts while some are awaited, a connection is given up.
pub(crate) const STALLED_TIMEOUTS: u32 = 2;

/// Which protocol to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Protocol {
    /// RESP3 where the server knows it (Redis 6, every Valkey), RESP2 otherwise.
    #[default]
    Auto,
    /// RESP2.
    Resp2,
    /// RESP3; a server that does not know it is an error.
    Resp3,
}

/// Who we are to the server.
#[derive(Clone, Default)]
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) database: u32,
}

impl Login {
    /// The password to log in with; a name without a password logs in with the empty one.
    pub(crate) fn password(&self) -> Option<&str> {
        self.password.as_deref().or(self.username.as_ref().map(|_| ""))
    }
}

/// A password is never shown.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("database", &self.database)
            .finish()
    }
}

/// Everything but where the server is.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) login: Login,
    pub(crate) protocol: Protocol,
    pub(crate) connect_timeout: Duration,
    pub(crate) command_timeout: Duration,
    pub(crate) reconnect_min: Duration,
    pub(crate) reconnect_max: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_blocking: usize,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::Connector>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            login: Login::default(),
            protocol: Protocol::default(),
            connect_timeout: CONNECT_TIMEOUT,
            command_timeout: COMMAND_TIMEOUT,
            reconnect_min: RECONNECT_MIN,
            reconnect_max: RECONNECT_MAX,
            max_in_flight: MAX_IN_FLIGHT,
            max_blocking: MAX_BLOCKING,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Settings {
    /// How long nothing may come back from a connection that owes us replies.
    pub(crate) fn stalled(&self) -> Duration {
        self.command_timeout * STALLED_TIMEOUTS
    }
}
