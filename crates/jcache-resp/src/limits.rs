//! How much a peer may make this side hold.

/// Limits of what is read from a connection; the defaults are [`Limits::REDIS`].
///
/// Memory is never reserved for bytes that have only been announced: a header that says 512 MB costs nothing until they
/// come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Arguments of one command.
    pub arguments: usize,
    /// Bytes of one argument.
    pub bulk: usize,
    /// Bytes of a line: an inline command, or a header.
    pub line: usize,
    /// Bytes of one command that has not arrived whole, with what is kept beside it.
    pub query: usize,
    /// Arguments of one command of a client that has not authenticated.
    pub unauthenticated_arguments: usize,
    /// Bytes of one argument of a client that has not authenticated.
    pub unauthenticated_bulk: usize,
    /// Lists within lists, in a reply.
    pub depth: usize,
    /// Bytes of one reply, with what is kept beside it.
    pub reply: usize,
}

impl Limits {
    /// What redis-server 7.0 takes from a client; a reply may be as large as a command.
    pub const REDIS: Limits = Limits {
        arguments: i32::MAX as usize,
        bulk: 512 << 20,
        line: 64 << 10,
        query: 1 << 30,
        unauthenticated_arguments: 10,
        unauthenticated_bulk: 16 << 10,
        depth: 32,
        reply: 1 << 30,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::REDIS
    }
}
