//! The coordinator (etcd) as data: what the engine asks of it, and what it answers.
//!
//! All safety of leadership lies in guarded transactions: each names the revisions it relies on, and an answer without
//! success carries what is there instead. A watch is only a hint (R12).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::member::{Epoch, Incarnation, MemberId, NodeId};

/// A key below the cluster's prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `m/<node>`: a living process, with its lease.
    Member(NodeId),
    /// `leader`: who leads, with the leader's lease. Written once an epoch.
    Leader,
    /// `state`: epoch and in-sync set. No lease.
    State,
    /// `cfg`: the settings that must agree. No lease.
    Config,
}

impl Key {
    /// The key's path below the prefix.
    pub fn path(&self) -> String {
        match self {
            Key::Member(node) => format!("m/{node}"),
            Key::Leader => "leader".into(),
            Key::State => "state".into(),
            Key::Config => "cfg".into(),
        }
    }

    /// The key at `path` below the prefix.
    pub fn parse(path: &str) -> Option<Self> {
        match path {
            "leader" => Some(Key::Leader),
            "state" => Some(Key::State),
            "cfg" => Some(Key::Config),
            _ => path.strip_prefix("m/").map(|node| Key::Member(NodeId::new(node))),
        }
    }
}

/// The coordinator's number for a lease.
pub type LeaseId = i64;
/// The coordinator's count of changes; 0 for a key that is absent.
pub type Revision = i64;
/// Pairs a request with its answer.
pub type RequestId = u64;

/// One thing to ask of the coordinator. Each is answered by one [`CoordEvent::Answer`], a watch besides by its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoordRequest {
    /// A new lease for this process.
    Grant {
        /// Time to live; the coordinator may give more.
        ttl_ms: u64,
    },
    /// Prolongs the lease once.
    KeepAlive(LeaseId),
    /// Ends the lease; its keys go.
    Revoke(LeaseId),
    /// Puts and deletes when every guard holds.
    Txn(Txn),
    /// Reads every key, linearizably.
    List,
    /// Watches every key from this revision on; replaces an earlier watch.
    Watch {
        /// The first revision to report.
        from: Revision,
    },
}

/// A guarded transaction: all of `writes`, when each key of `guards` was last changed at its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Txn {
    /// Key and `mod_revision`; 0 for absent.
    pub guards: Vec<(Key, Revision)>,
    /// What to write, at most one per key.
    pub writes: Vec<Write>,
}

/// One write of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Puts a value, with a lease or without.
    Put {
        /// Where.
        key: Key,
        /// JSON.
        value: String,
        /// The lease that the key lives with. A transaction with a dead lease is refused whole.
        lease: Option<LeaseId>,
    },
    /// Deletes a key.
    Delete(Key),
}

/// A key's value and when it was last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kv {
    /// JSON.
    pub value: String,
    /// Revision of its last change.
    pub revision: Revision,
}

/// All keys at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The coordinator's revision.
    pub revision: Revision,
    /// What is there.
    pub keys: BTreeMap<Key, Kv>,
}

/// What the coordinator says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoordEvent {
    /// The answer to a request.
    Answer(RequestId, Result<CoordAnswer, CoordError>),
    /// Keys have changed, in order; `None` was deleted.
    Changed {
        /// The revision of these changes.
        revision: Revision,
        /// Key and new value.
        changes: Vec<(Key, Option<Kv>)>,
    },
    /// The watch ended: a broken connection, or its history was compacted away.
    WatchLost,
}

/// A request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoordAnswer {
    /// The new lease.
    Granted(LeaseId),
    /// The lease lives on.
    Alive,
    /// The lease is no more: it expired, or was revoked.
    LeaseGone,
    /// The lease was revoked.
    Revoked,
    /// The guards held, and everything was written at this revision.
    Done(Revision),
    /// A guard did not hold: every key as it was at that moment.
    Refused(Listing),
    /// All keys.
    Listing(Listing),
    /// The watch is set.
    Watching,
}

/// A request was not answered as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoordError {
    /// No answer came: it may have been carried out, or be carried out later.
    Unknown,
    /// It was not carried out, and will not be (a dead lease, a compacted revision, no permission).
    Failed,
}

/// The value of `m/<node>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// The node.
    pub node: NodeId,
    /// Its incarnation.
    pub inc: Incarnation,
    /// Where it listens.
    pub addr: String,
    /// Its failure domain.
    pub zone: String,
    /// Its preference.
    pub prio: u32,
    /// Whether it may be in the in-sync set.
    pub voter: bool,
    /// Wire versions it speaks.
    pub proto: (u32, u32),
    /// Its lease, for a hand-over to it.
    pub lease: LeaseId,
    /// The id of its cluster; empty when it has not been in one yet.
    #[serde(default)]
    pub cluster: String,
    /// The highest epoch that it had seen when it registered.
    #[serde(default)]
    pub epoch: Epoch,
}

/// The value of `leader`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderRecord {
    /// The node.
    pub node: NodeId,
    /// Its incarnation.
    pub inc: Incarnation,
    /// Its epoch.
    pub epoch: Epoch,
    /// Where it listens.
    pub addr: String,
}

impl LeaderRecord {
    /// Who leads.
    pub fn member(&self) -> MemberId {
        MemberId { node: self.node.clone(), inc: self.inc }
    }
}

/// The value of `state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRecord {
    /// Drawn at the founding, as hexadecimal digits; members of another cluster are refused.
    pub cluster_id: String,
    /// The last epoch.
    pub epoch: Epoch,
    /// Who leads, or led, it.
    pub leader: MemberId,
    /// The in-sync set.
    pub isr: Vec<MemberId>,
    /// What commits need.
    pub min_insync: usize,
    /// The wire version in use.
    pub wire: u32,
    /// How many unclean starts there were.
    pub unclean: u64,
    /// Grows by one with every write of this key.
    pub n: u64,
}

impl StateRecord {
    /// What orders states: a later one has a larger number, whatever the coordinator's revisions say.
    pub fn number(&self) -> (Epoch, u64) {
        (self.epoch, self.n)
    }
}

/// The value of `cfg`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigRecord {
    /// As in [`Config`](super::Config).
    pub min_insync: usize,
    /// As in [`Config`](super::Config).
    pub isr_target: usize,
    /// Heartbeat, evict, lease, grant in milliseconds.
    pub timing: [u64; 4],
}

impl Serialize for NodeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(NodeId::new)
    }
}

impl Serialize for Incarnation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Incarnation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Incarnation).map_err(serde::de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
struct MemberJson {
    node: NodeId,
    inc: Incarnation,
}

impl Serialize for MemberId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MemberJson { node: self.node.clone(), inc: self.inc }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for MemberId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        MemberJson::deserialize(deserializer).map(|it| MemberId { node: it.node, inc: it.inc })
    }
}
