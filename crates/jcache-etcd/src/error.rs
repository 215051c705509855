//! What can go wrong, and whether the call may have had its effect all the same.

use tonic::{Code, Status};

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings cannot work.
    Configuration,
    /// No endpoint could be reached: the call was not sent.
    Unreachable,
    /// The call was sent, and no definite answer came: it may have had its effect, or have it later.
    Uncertain,
    /// etcd said no: the call had no effect.
    Refused,
    /// etcd does not accept the user or its password, or the user may not do this: the call had no effect.
    Denied,
    /// The history that a watch asked for is gone; list anew.
    Compacted,
}

/// A call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("etcd: {message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    compacted: i64,
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the call may have had its effect, or may have it later.
    pub fn is_uncertain(&self) -> bool {
        self.kind == ErrorKind::Uncertain
    }

    /// For [`ErrorKind::Compacted`]: the oldest revision that can be watched.
    pub fn oldest_revision(&self) -> Option<i64> {
        (self.kind == ErrorKind::Compacted).then_some(self.compacted)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), compacted: 0 }
    }

    pub(crate) fn compacted(oldest: i64) -> Self {
        let message = format!("the history before revision {oldest} has been compacted");
        Self { kind: ErrorKind::Compacted, message, compacted: oldest }
    }

    pub(crate) fn timeout(what: &str) -> Self {
        Self::new(ErrorKind::Uncertain, format!("no answer to {what} within its deadline"))
    }

    /// The error that `status` means for a call that was sent.
    pub(crate) fn from_status(status: &Status) -> Self {
        let kind = match status.code() {
            Code::PermissionDenied | Code::Unauthenticated => ErrorKind::Denied,
            // etcd checks these before it proposes anything. Everything else may come after the proposal.
            Code::InvalidArgument | Code::NotFound | Code::AlreadyExists | Code::OutOfRange | Code::Unimplemented => {
                // "user name not found" and the like are told as an invalid argument.
                if status.message().contains("authentication failed") { ErrorKind::Denied } else { ErrorKind::Refused }
            }
            Code::FailedPrecondition | Code::ResourceExhausted => ErrorKind::Refused,
            _ => ErrorKind::Uncertain,
        };
        Self::new(kind, status.message())
    }
}
