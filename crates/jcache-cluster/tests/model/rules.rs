//! The rules of the protocol, each with the ways to weaken it that a test must notice.

/// A rule taken away. The names follow the commit rules R1 to R12.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakening {
    /// R1: commits when a majority of the in-sync set has acknowledged, not all of it.
    R1CommitByMajority,
    /// R1: commits although fewer members than `min_insync` are in sync.
    R1CommitBelowMinimum,
    /// R2: the commit point follows the acknowledgements down, too.
    R2CommitPointFalls,
    /// R3: a member that is being added does not count yet.
    R3PendingAddIgnored,
    /// R3: a member that is being removed counts no more, before etcd has said so.
    R3ShrinkAtOnce,
    /// R3: a leader gives up a change of unknown outcome and reads the set again.
    R3GiveUpPending,
    /// R4: adds a follower whose log ends before the commit point.
    R4AddBehindCommit,
    /// R4: adds a follower whose log ends before the epoch's start.
    R4AddBehindStart,
    /// R5: shrinks the in-sync set below `min_insync`.
    R5ShrinkBelowFloor,
    /// R5: an election drops the former leader although that leaves fewer than `min_insync`.
    R5ElectBelowFloor,
    /// R6: a process outside the in-sync set may elect itself.
    R6AnyCandidate,
    /// R7: a process follows and acknowledges a leader of an older epoch.
    R7NoFence,
    /// R8: a full sync throws the log away first, and loads in place.
    R8LoadInPlace,
    /// R9: a new leader keeps only what it knows to be committed.
    R9LeaderTruncates,
    /// R10: a follower executes what is not committed.
    R10ApplyUncommitted,
    /// R11: an acknowledgement of another epoch counts.
    R11AckOfAnyEpoch,
    /// R11: a restarted node counts as the member that it was.
    R11NoIncarnation,
    /// R12: a change of the in-sync set is not guarded by the leader key.
    R12UnguardedIsr,
    /// Truncation: a follower keeps a tail that the leader does not have.
    TruncateNothing,
    /// Truncation: a follower cuts its log at its own commit point, and not where the logs part.
    TruncateAtCommit,
}

/// How far the model goes: it is exhausted within these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub min_insync: u32,
    pub crashes: u8,
    pub epochs: u8,
    pub writes: u8,
    pub isr_changes: u8,
}

/// The protocol within bounds, whole or weakened.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub bounds: Bounds,
    pub without: Option<Weakening>,
    /// Whether node 0 starts alone in the in-sync set, as after a bootstrap, or all three in sync.
    pub alone: bool,
}

impl Protocol {
    pub(crate) fn whole(bounds: Bounds) -> Self {
        Self { bounds, without: None, alone: false }
    }

    pub(crate) fn without(rule: Weakening, bounds: Bounds) -> Self {
        Self { without: Some(rule), ..Self::whole(bounds) }
    }

    /// Whether the rule is in force.
    pub(crate) fn keeps(&self, rule: Weakening) -> bool {
        self.without != Some(rule)
    }

    /// The fewest members that an in-sync set may be changed to.
    pub(crate) fn floor(&self) -> u32 {
        self.bounds.min_insync.max(1)
    }
}
