//! The one error type: opaque, with a kind to branch on and Redis's text to show.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, to branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The key holds another type than the command is for (`WRONGTYPE`).
    WrongType,
    /// An argument, or the stored value, is not what the command needs (not an integer, out of range, syntax …).
    Invalid,
    /// The command name is not known.
    UnknownCommand,
    /// The command has too few or too many arguments.
    Arity,
    /// A key or value is larger than 512 MiB, or a value does not fit the bound.
    TooLarge,
    /// There is no room and nothing may be evicted (`OOM`).
    OutOfMemory,
    /// A level cannot be reached, is marked down, or is loading.
    Unavailable,
    /// A level did not answer within its deadline.
    Timeout,
    /// A level is there and does not carry this out now: too few copies are in step, nobody leads, too much waits
    /// (`NOREPLICAS`, `NOLEADER`, `OVERLOADED` …). It is no sign that the level is away.
    Refused,
    /// The keys of one command live in different cluster slots (`CROSSSLOT`).
    CrossSlot,
    /// Authentication failed or a permission is missing (`NOAUTH`, `WRONGPASS`, `NOPERM`).
    Auth,
    /// The driver does not offer this command.
    Unsupported,
    /// A stored value cannot be converted to the requested type.
    Conversion,
    /// A setting is wrong or contradicts another.
    Configuration,
    /// The server answered what the protocol does not allow here.
    Protocol,
    /// Any other error that a server reported.
    Server,
}

impl ErrorKind {
    /// The kind of an error that a server answered with `text`. It decides what the levels do.
    fn of_reply(text: &str) -> Self {
        match text.split(' ').next().unwrap_or_default() {
            "WRONGTYPE" => ErrorKind::WrongType,
            "NOAUTH" | "WRONGPASS" | "NOPERM" => ErrorKind::Auth,
            "CROSSSLOT" => ErrorKind::CrossSlot,
            "OOM" => ErrorKind::OutOfMemory,
            // The server is there and will do it later, or another server does it.
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "READONLY" | "TRYAGAIN" | "BUSY" | "MISCONF" | "MOVED"
            | "ASK" | "NOREPLICAS" | "UNBLOCKED" => ErrorKind::Unavailable,
            "ERR" => match text {
                _ if text.starts_with("ERR unknown command") => ErrorKind::UnknownCommand,
                _ if text.starts_with("ERR wrong number of arguments") => ErrorKind::Arity,
                _ if text.starts_with("ERR string exceeds maximum allowed size") => ErrorKind::TooLarge,
                _ if text.starts_with("ERR max number of clients") => ErrorKind::Unavailable,
                _ => ErrorKind::Invalid,
            },
            _ => ErrorKind::Server,
        }
    }
}

/// An error with a [kind](Error::kind), a message, and where known the level and the cause.
///
/// `Display` gives the message; for command errors it is, to the letter, what Redis 7.0 answers
/// (`WRONGTYPE Operation against a key holding the wrong kind of value`).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    level: Option<Arc<str>>,
    uncertain: bool,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that says `message`.
    #[cold]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            level: None,
            uncertain: kind == ErrorKind::Timeout,
            source: None,
        }))
    }

    /// An error of kind [`Invalid`](ErrorKind::Invalid) with Redis's text, which starts with `ERR `.
    #[cold]
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// `ERR syntax error`.
    #[cold]
    pub fn syntax() -> Self {
        Self::invalid("ERR syntax error")
    }

    /// `ERR value is not an integer or out of range`.
    #[cold]
    pub fn not_an_integer() -> Self {
        Self::invalid("ERR value is not an integer or out of range")
    }

    /// `ERR value is not a valid float`.
    #[cold]
    pub fn not_a_float() -> Self {
        Self::invalid("ERR value is not a valid float")
    }

    /// `WRONGTYPE …`: the key holds another type.
    #[cold]
    pub fn wrong_type() -> Self {
        Self::new(ErrorKind::WrongType, "WRONGTYPE Operation against a key holding the wrong kind of value")
    }

    /// `ERR wrong number of arguments for '…' command`.
    #[cold]
    pub fn arity(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        Self::new(ErrorKind::Arity, format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// A key, value, field or member above [`Value::MAX`](crate::Value::MAX) bytes.
    #[cold]
    pub fn too_large(bytes: usize) -> Self {
        let limit = crate::Value::MAX;
        Self::new(
            ErrorKind::TooLarge,
            format!("ERR string of {bytes} bytes exceeds maximum allowed size ({limit} bytes)"),
        )
    }

    /// The driver does not offer `command`.
    #[cold]
    pub fn unsupported(command: &str) -> Self {
        Self::new(ErrorKind::Unsupported, format!("ERR this driver does not support '{command}'"))
    }

    /// A reply of a shape that the command cannot have.
    #[cold]
    pub fn unexpected_reply(expected: &str, reply: &crate::Reply) -> Self {
        Self::new(ErrorKind::Protocol, format!("unexpected reply: expected {expected}, got {}", reply.shape()))
    }

    /// An error that a server answered with `text`; the kind follows from its code word.
    #[cold]
    pub fn server(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(ErrorKind::of_reply(&text), text)
    }

    /// The same error, said to come from the level `name`.
    #[must_use]
    pub fn at_level(mut self, name: &str) -> Self {
        self.0.level = Some(name.into());
        self
    }

    /// The same error with the error that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// The same error of a command that was sent, and may have been carried out all the same.
    #[must_use]
    pub fn uncertain(mut self) -> Self {
        self.0.uncertain = true;
        self
    }

    /// Whether the command may have been carried out although it failed: it was sent and no answer came. True of
    /// every [`Timeout`](ErrorKind::Timeout), and of connections that broke after sending.
    pub fn is_uncertain(&self) -> bool {
        self.0.uncertain
    }

    /// What went wrong, to branch on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The text: for command errors, exactly Redis's.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name of the level that failed, where one did.
    pub fn level(&self) -> Option<&str> {
        self.0.level.as_deref()
    }

    /// Whether the same call may succeed later: the level was unreachable, slow or full, or refused it for now.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Refused)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(level) = &self.0.level {
            out.field("level", level);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

/// Two errors are equal when kind and message are: what a test compares.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind == other.0.kind && self.0.message == other.0.message
    }
}
