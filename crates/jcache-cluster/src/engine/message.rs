//! What members say to each other. Plain data: the transport maps it to its wire.
//!
//! Three kinds of streams, each first in, first out until it breaks, and each dialled by the one that asks: *replicate*
//! (follower to leader), *forward* (any process to the leader), *status* (a candidate to its peers).

use bytes::Bytes;
use jcache_core::{Error, Reply};

use super::event::{Ack, Level};
use super::member::{Epoch, MemberId, NodeId, Offset};

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKind {
    /// The log, from leader to follower, and acknowledgements back.
    Replicate,
    /// Calls of a process to the leader, and answers back.
    Forward,
    /// Questions of a candidate.
    Status,
}

/// One message on a stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Follower to leader: here I am, with this history.
    Join(Join),
    /// Leader to follower: not here, not now, or not you.
    Reject(Reject),
    /// Leader to follower: go on from here.
    Accept(Accept),
    /// Leader to follower: records; none is a heartbeat.
    Frame(Frame),
    /// Leader to follower: a part of a full synchronisation.
    Snap(Snap),
    /// Follower to leader: what I have.
    Ack(AckMessage),
    /// Leader to follower: you lead `epoch` from now on (a hint, to be confirmed at the coordinator).
    Handover {
        /// The new epoch.
        epoch: Epoch,
    },
    /// Leader to follower: I am cut off from the coordinator and have stopped; elect yourself without waiting.
    Release {
        /// The epoch that ends.
        epoch: Epoch,
    },
    /// Follower to leader: the release came to nothing.
    ReleaseFailed {
        /// The epoch that was to end.
        epoch: Epoch,
    },
    /// Follower to leader: take me out of the in-sync set, I am leaving. Leader to follower: you are out.
    Leave,
    /// Process to leader, first on a forward stream: who calls. Streams of the same member with a smaller
    /// `generation` are void, so that no late copy of a call is carried out after a newer one was answered.
    Hello {
        /// Who calls.
        member: MemberId,
        /// The cluster's id.
        cluster: String,
        /// Grows with every stream of this member.
        generation: u64,
        /// The highest epoch that it has seen.
        promised: Epoch,
    },
    /// Process to leader: calls.
    Forward(Vec<ForwardCall>),
    /// Process to leader: the caller of this call has gone.
    ForwardCancel {
        /// Its number.
        seq: u64,
    },
    /// Leader to process: answers, with the leader's epoch.
    Forwarded {
        /// The leader's epoch.
        epoch: Epoch,
        /// Number of the call, and its result.
        answers: Vec<(u64, ForwardResult)>,
    },
    /// Candidate to peer: how far are you?
    StatusRequest {
        /// Who asks.
        member: MemberId,
        /// The id of its cluster.
        cluster: String,
        /// The highest epoch that it has seen.
        promised: Epoch,
    },
    /// Peer to candidate.
    StatusReply(PeerStatus),
}

/// A follower's history, whole, so that the leader finds the point of divergence in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The cluster's id as the follower knows it; empty when it knows none.
    pub cluster: String,
    /// Who joins.
    pub member: MemberId,
    /// Number of this join, given back with the answer: an answer to an earlier one is void, because what it was based
    /// on may have changed.
    pub attempt: u64,
    /// The highest epoch it has seen.
    pub promised: Epoch,
    /// Its last record.
    pub leo: Offset,
    /// The last record it has executed.
    pub applied: Offset,
    /// It has executed records that may not survive: those of a deposed leader.
    pub tainted: bool,
    /// It asks for everything anew, because its digest differed.
    pub resync: bool,
    /// Epochs and where they start in its log.
    pub epochs: Vec<(Epoch, Offset)>,
    /// Wire versions that it speaks.
    pub wire: (u32, u32),
    /// It leaves and wants to be no candidate.
    pub leaving: bool,
}

/// Why a join, or a stream, is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reject {
    /// The follower has seen, or shall see, this epoch: join again.
    StaleEpoch(Epoch),
    /// I do not lead; maybe this one does.
    NotLeader(Option<NodeId>),
    /// Another cluster.
    Cluster,
    /// No common wire version.
    Wire,
    /// As many full synchronisations as may run are running: come again.
    Busy,
}

/// The leader's answer to a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The leader's epoch.
    pub epoch: Epoch,
    /// The cluster's id.
    pub cluster: String,
    /// Number of the join that this answers.
    pub attempt: u64,
    /// The follower's log is right up to here; what follows it drops.
    pub truncate_to: Offset,
    /// Everything comes anew, the records after `truncate_to` with it.
    pub full: bool,
    /// Cluster time in milliseconds: who has joined may lead before the first frame comes.
    pub time_ms: u64,
    /// Number of this message on the stream.
    pub seq: u64,
}

/// Records of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The leader's epoch: the fence.
    pub epoch: Epoch,
    /// The epoch in which the records were written.
    pub written: Epoch,
    /// Offset of the first record; of the next one when there is none.
    pub first: Offset,
    /// How many records.
    pub count: u32,
    /// The leader's commit point.
    pub hw: Offset,
    /// Cluster time, in milliseconds.
    pub time_ms: u64,
    /// Number of this message on the stream; acknowledging it is a grant.
    pub seq: u64,
    /// The encoded records, shared by all streams.
    pub records: Bytes,
}

/// A part of a full synchronisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snap {
    /// The leader's epoch.
    pub epoch: Epoch,
    /// Number of this message on the stream.
    pub seq: u64,
    /// The part.
    pub part: SnapPart,
}

/// The parts of a full synchronisation, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapPart {
    /// A shard as it was after record `at`.
    Begin {
        /// Which shard.
        shard: usize,
        /// Of how many.
        shards: usize,
        /// `s_i`: the last record that the shard has seen.
        at: Offset,
    },
    /// Some of its keys.
    Chunk {
        /// Which shard.
        shard: usize,
        /// As [`Store::snapshot`](super::Store::snapshot) gave them.
        entries: Bytes,
    },
    /// The shard is whole.
    End {
        /// Which shard.
        shard: usize,
    },
    /// All shards are whole; the follower's log starts after the record at which it was attached.
    Done {
        /// The last record sent before this message.
        leo: Offset,
        /// The session table as of then.
        sessions: Bytes,
        /// Epochs and where they start in the leader's log.
        epochs: Vec<(Epoch, Offset)>,
    },
}

/// What a follower has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckMessage {
    /// The epoch it follows in (R11).
    pub epoch: Epoch,
    /// Which incarnation acknowledges (R11).
    pub member: MemberId,
    /// Its last record; 0 while it is being synchronised.
    pub received: Offset,
    /// The last record it has executed.
    pub applied: Offset,
    /// The last message it has seen: with this it grants not to elect for γ from now.
    pub seq: u64,
    /// It reaches the coordinator.
    pub coordinated: bool,
}

/// A call on its way to the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardCall {
    /// Its number, unique in this process.
    pub seq: u64,
    /// What to do.
    pub work: Work,
}

/// What a forwarded call asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Open a session for this member.
    OpenSession,
    /// Read.
    Read {
        /// How fresh: [`Level::Leader`], [`Level::Linearizable`], or `Leader` for a [`Level::Session`], which is told when
        /// what it has seen is lost.
        level: Level,
        /// The encoded command.
        command: Bytes,
    },
    /// Write, exactly once.
    Write {
        /// The session.
        session: u64,
        /// All calls of the session below this one are finished for their callers.
        low: u64,
        /// When to answer.
        ack: Ack,
        /// Until when a blocking command waits, in cluster time; `None` for ever, or for others.
        until_ms: Option<u64>,
        /// The encoded command.
        command: Bytes,
        /// Whether the command is a transaction.
        several: bool,
    },
}

/// What came of a forwarded call.
#[derive(Debug, Clone, PartialEq)]
pub enum ForwardResult {
    /// It was done.
    Done {
        /// The reply; for an opened session its number.
        reply: Reply,
        /// The offset after which it is visible.
        offset: Offset,
    },
    /// The command failed and changed nothing.
    Command(Error),
    /// Nobody here has carried it out: send it again, here or to another leader.
    Again,
    /// The session is not known here.
    NoSession,
    /// It was carried out for its caller before, or may have been, and nobody knows the result any more.
    Unknown,
    /// Too few members are in sync; it was not carried out.
    NotEnoughReplicas,
    /// Too much is uncommitted; it was not carried out.
    Overloaded,
    /// The leader's lease is void, and what was asked needs it; it was not carried out.
    Fenced,
    /// The caller had gone; it was not carried out.
    Cancelled,
    /// A failover lost what the read's session has seen.
    SessionLost,
}

/// How far a peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerStatus {
    /// Who answers.
    pub member: MemberId,
    /// The id of its cluster; empty when it knows none.
    pub cluster: String,
    /// The highest epoch it has seen.
    pub promised: Epoch,
    /// The newest state that it knows to have been recorded: epoch, and `n` of the record.
    pub recorded: (Epoch, u64),
    /// The epoch of its last record.
    pub last_epoch: Epoch,
    /// Its last record.
    pub leo: Offset,
    /// Its preference.
    pub prio: u32,
    /// It leads.
    pub leads: bool,
}
