//! What clients saw: each operation with the moment it was called and the moment it was answered.
//!
//! A history is all that the [checkers](crate::check) are given, so they judge a simulated cluster, a real one, or any
//! other driver alike. What a call meant to do ([`Intent`]) is said by the client that made it: no checker knows a
//! command by its name.

use jcache_core::{Encoded, Mutation, Query, Reply, Request, Result};

/// A moment, in microseconds of one clock that all clients share.
pub type Moment = u64;

/// How much an answer promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// Nothing: a write that a failover may lose, or a read that may be stale.
    Weak,
    /// A read of what this process has been told is written.
    Own,
    /// What this client has seen before.
    Session,
    /// A write that is kept, or a read of all that is acknowledged: linearizable.
    Strong,
}

/// What an operation means for its group of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// It only reads.
    Read,
    /// It adds an element that no other operation adds, and that only a `Take` removes.
    Add(Vec<u8>),
    /// It takes elements, so many at most, whichever there are; its reply shows them.
    Take(usize),
    /// It adds to a counter that nothing else changes.
    Count(i64),
    /// Anything else.
    Change,
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was answered: with a reply, or with the command's own error, which changed nothing.
    Returned(Moment, Result<Reply>),
    /// It failed, and was for certain not carried out.
    Failed,
    /// No answer came: it may have been carried out, or may be at any later moment.
    Unknown,
}

/// One call of a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The client; it makes one call after the other.
    pub client: usize,
    /// The node that it called.
    pub node: usize,
    /// Which of the node's lives that was: another process each.
    pub life: u32,
    /// The keys that belong together: no operation touches two groups.
    pub group: usize,
    /// The command.
    pub command: Encoded,
    /// What the command is for.
    pub intent: Intent,
    /// What its answer would promise.
    pub promise: Promise,
    /// When it was called.
    pub invoked: Moment,
    /// What came of it.
    pub outcome: Outcome,
}

impl Operation {
    /// The reply, where there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Returned(_, Ok(reply)) => Some(reply),
            _ => None,
        }
    }

    /// Whether it changed something for certain, and for good.
    pub fn is_kept(&self) -> bool {
        self.promise == Promise::Strong && self.reply().is_some()
    }

    /// Whether it may have changed something.
    pub fn may_have_happened(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown | Outcome::Returned(_, Ok(_)))
    }

    /// Whether it is one that may wait for somebody else.
    pub fn waits(&self) -> bool {
        matches!(Parsed::new(&self.command), Parsed::Mutation(mutation) if mutation.blocking().is_some())
    }

    /// The operation in one line.
    pub fn show(&self) -> String {
        let command = crate::notation::line(self.command.args());
        let outcome = match &self.outcome {
            Outcome::Returned(at, Ok(reply)) => format!("{} at {at}", crate::notation::show(&Ok(reply.clone()), true)),
            Outcome::Returned(at, Err(error)) => format!("!{} at {at}", error.message()),
            Outcome::Failed => "not carried out".into(),
            Outcome::Unknown => "unknown".into(),
        };
        format!("client {} node {} {:?} {} {command} -> {outcome}", self.client, self.node, self.promise, self.invoked)
    }
}

/// What clients did, in the order in which they began.
pub type History = [Operation];

/// A command from its words: for clients and tests.
///
/// # Panics
/// When it is no command.
pub fn command(words: &[&[u8]]) -> Encoded {
    let args: Vec<jcache_core::Arg<'_>> = words.iter().map(|word| jcache_core::Arg::from(*word)).collect();
    match Request::parse(&args).unwrap_or_else(|error| panic!("{error}: {}", crate::notation::line(words))) {
        Request::Query(query) => Encoded::query(&query),
        Request::Mutation(mutation) => Encoded::mutation(&mutation),
    }
}

/// A command that was read once, to be run often.
#[derive(Debug)]
pub(crate) enum Parsed<'c> {
    Query(Query<'c>),
    Mutation(Mutation<'c>),
}

impl<'c> Parsed<'c> {
    pub(crate) fn new(command: &'c Encoded) -> Self {
        match Request::parse(command.args()).expect("invariant: it was encoded from a command") {
            Request::Query(query) => Self::Query(query),
            Request::Mutation(mutation) => Self::Mutation(mutation),
        }
    }
}
