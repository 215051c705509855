//! The test of the tests: each rule can be removed, and the simulator or the model must notice.
//!
//! Without the feature `switches` there is nothing here but a constant `false`, which the compiler removes.

/// A rule of the engine that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Switch {
    /// R1: the commit point ignores a proposed in-sync set.
    R1IgnorePending,
    /// R1: the commit point ignores the slowest in-sync member.
    R1IgnoreOne,
    /// R1: commits below `min_insync`.
    R1BelowMinimum,
    /// R2: the commit point may fall.
    R2Falls,
    /// R3: a removal counts before the coordinator's answer.
    R3ShrinkEarly,
    /// R4: a member joins the in-sync set without holding all that is committed.
    R4BehindCommit,
    /// R4: a member joins without holding all from before the epoch.
    R4BehindStart,
    /// R5: the in-sync set is shrunk below `min_insync`.
    R5BelowFloor,
    /// R6: anybody elects itself.
    R6Anybody,
    /// R7: a member goes on appending and acknowledging for a smaller epoch.
    R7NoFence,
    /// R8: a full synchronisation empties the live copy first.
    R8InPlace,
    /// R9: a new leader drops the tail that was not committed.
    R9DropTail,
    /// R9: a new leader answers strong reads before its first record, and so what they saw, is committed.
    R9EarlyReads,
    /// R10: followers show what is not committed.
    R10ShowUncommitted,
    /// R11: the leader takes acknowledgements of any epoch and incarnation.
    R11AnyAck,
    /// R12: what the watch last told makes a leader, and proves to it that it still leads.
    R12WatchDecides,
    /// A proposal without an answer is forgotten.
    GiveUpPending,
    /// The change of the in-sync set is not guarded by the leader's key.
    UnguardedChange,
    /// The winner of an election drops the former leader even below the floor.
    ElectionFloor,
    /// Full synchronisation: records from before a shard's cut are applied to it.
    SnapNoFilter,
    /// Full synchronisation: records are applied to shards that have not begun.
    SnapNotBegun,
    /// Full synchronisation: records are applied to the shard that is being loaded.
    SnapInProgress,
    /// Retries are carried out again.
    NoSessions,
    /// A follower keeps a tail that the leader does not have.
    NoTruncation,
    /// A deposed leader keeps what it had executed.
    NoTaint,
    /// Followers execute what is not committed.
    ApplyUncommitted,
    /// A restarted process passes for the one before.
    KeepIdentity,
    /// Leader reads do not ask for the lease.
    StaleReads,
    /// A follower elects itself although its grant still runs.
    IgnoreGrant,
    /// Every process lets keys expire by its own clock.
    OwnClock,
    /// An element is handed to a waiting caller without being logged with the push.
    UnloggedPop,
    /// A process that finds nothing at the coordinator founds a cluster at once.
    FoundAtOnce,
    /// Effects are logged as the command came: relative times, conditions, chance.
    LogCommands,
    /// A new leader takes its wall clock for cluster time.
    WallClock,
    /// A write that changed nothing is answered without proof that its reply is not old.
    UnprovedReplies,
    /// A caller's older streams, and hellos that come late, are taken like the newest.
    OldStreams,
    /// A call whose caller has gone on is carried out again.
    OldCalls,
    /// A leader that has released its successor keeps its lease, and answers reads.
    ReleasedLease,
    /// Nothing is dropped from the log, however long it is.
    NoTrim,
}

impl Switch {
    /// Every switch.
    pub const ALL: &'static [Switch] = &[
        Switch::R1IgnorePending,
        Switch::R1IgnoreOne,
        Switch::R1BelowMinimum,
        Switch::R2Falls,
        Switch::R3ShrinkEarly,
        Switch::R4BehindCommit,
        Switch::R4BehindStart,
        Switch::R5BelowFloor,
        Switch::R6Anybody,
        Switch::R7NoFence,
        Switch::R8InPlace,
        Switch::R9DropTail,
        Switch::R9EarlyReads,
        Switch::R10ShowUncommitted,
        Switch::R11AnyAck,
        Switch::R12WatchDecides,
        Switch::GiveUpPending,
        Switch::UnguardedChange,
        Switch::ElectionFloor,
        Switch::SnapNoFilter,
        Switch::SnapNotBegun,
        Switch::SnapInProgress,
        Switch::NoSessions,
        Switch::NoTruncation,
        Switch::NoTaint,
        Switch::ApplyUncommitted,
        Switch::KeepIdentity,
        Switch::StaleReads,
        Switch::IgnoreGrant,
        Switch::OwnClock,
        Switch::UnloggedPop,
        Switch::FoundAtOnce,
        Switch::LogCommands,
        Switch::WallClock,
        Switch::UnprovedReplies,
        Switch::OldStreams,
        Switch::OldCalls,
        Switch::ReleasedLease,
        Switch::NoTrim,
    ];
}

/// Which rules are off: none, except in tests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rules {
    #[cfg(feature = "switches")]
    off: u64,
}

impl Rules {
    /// Whether the rule behind `switch` is off.
    #[inline(always)]
    pub(crate) fn off(self, switch: Switch) -> bool {
        #[cfg(feature = "switches")]
        return self.off & (1 << switch as u8) != 0;
        #[cfg(not(feature = "switches"))]
        {
            let _ = switch;
            false
        }
    }

    /// Switches a rule off.
    #[cfg(feature = "switches")]
    pub(crate) fn switch_off(&mut self, switch: Switch) {
        self.off |= 1 << switch as u8;
    }
}
