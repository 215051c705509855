//! Who is who: nodes, their incarnations, and the numbers that order history.
//!
//! A process is an *incarnation*, not a node: memory dies with the process, so one that restarts under the same node id
//! is empty, and nobody may take it for the member that it was (D3).

use std::fmt;
use std::sync::Arc;

/// One leadership: grows by one with each, and is never used twice.
pub type Epoch = u64;

/// A place in the log; the first record has offset 1.
pub type Offset = u64;

/// A node's configured name; one living process at a time bears it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// The node `name`.
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(name.as_ref().into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for NodeId {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A random number that a process draws at its start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u128);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// One process: a node in one of its lives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId {
    /// The node.
    pub node: NodeId,
    /// Which of its lives.
    pub inc: Incarnation,
}

impl MemberId {
    /// The life `inc` of `node`.
    pub fn new(node: impl Into<NodeId>, inc: u128) -> Self {
        Self { node: node.into(), inc: Incarnation(inc) }
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}", self.node, self.inc)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}", self.node, self.inc)
    }
}

/// What a process knows of itself when it starts.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Node and incarnation; the latter drawn at random by the host.
    pub member: MemberId,
    /// Where other members reach it, as the transport understands it.
    pub addr: String,
    /// The failure domain; the in-sync set is spread over zones.
    pub zone: String,
    /// Preferred among equals, the higher the earlier.
    pub prio: u32,
    /// Whether it may be in the in-sync set, and so lead.
    pub voter: bool,
    /// A random number that becomes the cluster's id should this process found it.
    pub seed: u128,
}

/// The time, as the host reads it for each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Now {
    /// Microseconds of `CLOCK_BOOTTIME`: monotonic, and running while the machine sleeps.
    pub boot_us: u64,
    /// Milliseconds of the wall clock since the Unix epoch; it may jump.
    pub wall_ms: u64,
}
