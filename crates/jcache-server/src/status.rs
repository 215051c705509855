//! What a server tells of itself: to `INFO`, to metrics, to whoever embeds it.

use std::time::{Duration, SystemTime};

/// A section of `INFO`: a name and fields in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The name as `INFO` prints it (`Memory`); asked for in any case.
    pub name: String,
    /// Names and values, in the order in which they are printed.
    pub fields: Vec<(String, String)>,
}

impl Section {
    /// An empty section.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), fields: Vec::new() }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.fields.push((name.into(), value.to_string()));
        self
    }
}

/// Figures of a server: counts since it was built, and what is so now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Status {
    /// How long the server has been there.
    pub uptime: Duration,
    /// Connections that are open now.
    pub clients: usize,
    /// Of those, the ones that wait in a blocking command.
    pub blocked_clients: usize,
    /// Of those, the ones that are subscribed to a channel or pattern.
    pub subscribed_clients: usize,
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that were refused or closed because of a limit: too many clients, or no password where one is due.
    pub rejected_connections: u64,
    /// Connections that were closed because their output grew over its limit, or was not read for too long.
    pub output_limit_disconnections: u64,
    /// Connections that were closed because their input broke a limit or the protocol.
    pub protocol_errors: u64,
    /// Commands that were carried out, failed ones included.
    pub commands: u64,
    /// Commands that answered an error.
    pub failed_commands: u64,
    /// Commands per second, over the last second or so.
    pub commands_per_second: u64,
    /// Bytes that were read from clients.
    pub bytes_in: u64,
    /// Bytes that were written to clients.
    pub bytes_out: u64,
    /// Bytes that wait to be read by clients.
    pub output_bytes: u64,
    /// Channels that somebody is subscribed to.
    pub channels: usize,
    /// Patterns that somebody is subscribed to.
    pub patterns: usize,
    /// Commands that were slower than the limit of the slow log, since the server was built.
    pub slow_commands: u64,
}

/// A command that took longer than the limit of the slow log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slow {
    /// Counts up.
    pub id: u64,
    /// When it was done.
    pub at: SystemTime,
    /// How long it took, without waiting in a blocking command.
    pub took: Duration,
    /// Name and arguments, cut short as Redis does: 32 of them, 128 bytes each.
    pub args: Vec<Vec<u8>>,
    /// Who sent it.
    pub client: String,
    /// The name that the client gave itself.
    pub client_name: String,
}
