//! What can happen to the engine, and what it wants done.

use std::fmt;

use jcache_core::{Error, Reply, Request};

use super::coordinator::{CoordEvent, CoordRequest, RequestId};
use super::member::{Epoch, MemberId, NodeId, Offset};
use super::message::{Message, StreamKind};
use super::transaction::Transaction;

/// A stream between two members. The engine numbers those it dials, the host those it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// Dialled by this engine.
    Out(u64),
    /// Accepted by the host.
    In(u64),
}

/// The host's number for a call.
pub type CallId = u64;

/// One thing that happens.
#[derive(Debug)]
pub enum Event<'a> {
    /// Time passes. Wanted every [`Engine::TICK_MS`](super::Engine::TICK_MS).
    Tick,
    /// The coordinator said something.
    Coord(CoordEvent),
    /// A peer dialled.
    Accepted {
        /// The new stream.
        stream: StreamId,
        /// What for.
        kind: StreamKind,
    },
    /// A dialled stream is ready.
    Opened {
        /// Which.
        stream: StreamId,
    },
    /// A message arrived.
    Message {
        /// On which stream.
        stream: StreamId,
        /// What.
        message: Message,
    },
    /// A stream broke, or could not be dialled; not sent for streams that the engine closed.
    Broken {
        /// Which.
        stream: StreamId,
    },
    /// A caller in this process asks something.
    Call {
        /// The host's number, given back with the answer.
        call: CallId,
        /// What.
        request: Request<'a>,
        /// How.
        options: CallOptions,
    },
    /// A caller in this process asks for several things with nothing in between. The reply is the list of replies, nil
    /// when a watched key had changed.
    Transact {
        /// The host's number, given back with the answer.
        call: CallId,
        /// What.
        transaction: Transaction,
        /// How; how fresh reads are to be does not count: they see what the leader has.
        options: CallOptions,
    },
    /// The caller has gone.
    Cancel {
        /// Of this call.
        call: CallId,
    },
    /// The operator asks something.
    Admin(Admin),
}

/// What an operator can ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// Hand leadership to this node, or to the best one.
    Handover(Option<NodeId>),
    /// Leave: give leadership away, get out of the in-sync set, answer [`Action::Left`].
    Shutdown,
    /// These members are dead for certain.
    Bury(Vec<MemberId>),
}

/// When a write is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Ack {
    /// As soon as the leader has executed it. A failover may lose it.
    Leader,
    /// When every in-sync member has it. It is then kept (section 0 of the design, see the crate's docs).
    #[default]
    InSync,
    /// When so many followers have it. No promise beyond that.
    Replicas(u32),
}

/// How fresh a read is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// What this process has. May be stale; never goes back.
    #[default]
    Local,
    /// At least what this token has seen.
    Session(Token),
    /// What the leader has committed, by its lease: relies on clocks that run alike.
    Leader,
    /// What the leader has committed, proved by its peers or by the coordinator: relies on no clock.
    Linearizable,
}

/// A point in history: what a write's answer gives, and a session read asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Token {
    /// The epoch.
    pub epoch: Epoch,
    /// The offset.
    pub offset: Offset,
}

/// How a call is to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallOptions {
    /// For writes.
    pub ack: Ack,
    /// For reads.
    pub level: Level,
    /// Instead of [`Config::call_ms`](super::Config::call_ms).
    pub timeout_ms: Option<u64>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Ask the coordinator.
    Coord(RequestId, CoordRequest),
    /// Dial a peer; answered by `Opened` or `Broken`.
    Connect {
        /// The engine's number for it.
        stream: StreamId,
        /// What for.
        kind: StreamKind,
        /// Whom.
        peer: NodeId,
        /// Where.
        addr: String,
    },
    /// Send a message.
    Send {
        /// On which stream.
        stream: StreamId,
        /// What.
        message: Message,
    },
    /// Close a stream; nothing more comes from it.
    Close {
        /// Which.
        stream: StreamId,
    },
    /// Answer a call.
    Answer {
        /// Which.
        call: CallId,
        /// What came of it.
        result: Result<Answer, Failure>,
    },
    /// Tell the user.
    Notify(Notice),
    /// The shutdown that was asked for is done: end the process's part.
    Left {
        /// Whether it was out of the in-sync set, or nobody else was there: to the others nothing has failed.
        in_order: bool,
    },
    /// Nothing can go on: end the process's part.
    Fatal(Fatal),
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The reply.
    pub reply: Reply,
    /// For session reads to come.
    pub token: Token,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The command failed and changed nothing.
    Command(Error),
    /// Nobody leads; it was not carried out.
    NoLeader,
    /// Too few members are in sync; it was not carried out.
    NotEnoughReplicas,
    /// Too much is uncommitted, or too many calls wait; it was not carried out.
    Overloaded,
    /// The leader's lease is void; it was not carried out.
    Fenced,
    /// The write that the token stands for was lost by a failover (only `Leader` and `Replicas` writes can be).
    SessionLost,
    /// Its caller had gone; it was not carried out.
    Cancelled,
    /// The process is leaving; it was not carried out.
    ShuttingDown,
    /// Nobody knows: it may have been carried out.
    Unknown,
}

impl Failure {
    /// Whether the write may have been carried out, or may still be.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Failure::Unknown)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Command(error) => return error.fmt(f),
            Failure::NoLeader => "nobody leads the cluster",
            Failure::NotEnoughReplicas => "too few members are in sync",
            Failure::Overloaded => "too much is waiting",
            Failure::Fenced => "the leader's lease is void",
            Failure::SessionLost => "the write that this read asks for was lost by a failover",
            Failure::Cancelled => "the caller had gone",
            Failure::ShuttingDown => "the process is leaving the cluster",
            Failure::Unknown => "no answer came; the write may have been carried out",
        })
    }
}

impl std::error::Error for Failure {}

/// Something that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Leadership was taken although all in-sync members were, or seemed, gone: acknowledged writes may be lost.
    UncleanStart {
        /// The new epoch.
        epoch: Epoch,
        /// Whether it is certain that they were gone.
        certain: bool,
    },
    /// A shard differs from the leader's; this process takes everything anew.
    DigestMismatch {
        /// Which shard.
        shard: usize,
        /// After which record.
        offset: Offset,
    },
    /// The coordinator lost or went back on its data.
    CoordinatorReset {
        /// The epoch it has; 0 when it has nothing.
        epoch: Epoch,
    },
    /// A member had executed what the cluster has not: an error of the engine, or an unclean start.
    AppliedBeyondDivergence {
        /// Who.
        member: MemberId,
    },
    /// The wall clock and cluster time are far apart.
    ClockJump {
        /// Wall clock minus cluster time, in milliseconds.
        ahead_ms: i64,
    },
}

/// Why nothing can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fatal {
    /// Another living process bears this node id.
    DuplicateNodeId,
    /// The cluster has other settings.
    ConfigMismatch,
    /// The member is of another cluster.
    WrongCluster,
    /// The cluster speaks a wire version that this build does not.
    Wire,
    /// The leader logs what this build cannot read.
    UnknownRecord,
}

/// Where actions go, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    /// What to do.
    pub actions: Vec<Action>,
}

impl Outbox {
    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(crate) fn send(&mut self, stream: StreamId, message: Message) {
        self.actions.push(Action::Send { stream, message });
    }

    /// Takes the actions, and leaves the room for more.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Action> {
        self.actions.drain(..)
    }
}
