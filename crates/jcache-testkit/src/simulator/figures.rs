//! What runs are counted by.

use std::fmt;

use jcache_cluster::engine::Counters;

/// Of a thousand groups of keys so many may be left undecided …
const MOST_UNDECIDED: u64 = 5;
/// … and so many in any case: in few runs one rough one weighs much.
const FEW_UNDECIDED: u64 = 5;

/// Sums over runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Runs.
    pub runs: u64,
    /// Simulated time in microseconds.
    pub simulated: u64,
    /// Steps of engines.
    pub steps: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// Calls of clients.
    pub calls: u64,
    /// Writes that were acknowledged and have to be kept.
    pub acknowledged: u64,
    /// Calls that ended as unknown.
    pub unknown: u64,
    /// Calls that were refused, and not carried out.
    pub refused: u64,
    /// Epochs.
    pub elections: u64,
    /// Joins that were answered with everything.
    pub full_syncs: u64,
    /// Joins that were answered with what was missing.
    pub partial_syncs: u64,
    /// Changes of the in-sync set.
    pub changes: u64,
    /// Retries that were answered from the session table.
    pub deduplicated: u64,
    /// Transactions that took effect when nobody waited for them any more.
    pub landed_late: u64,
    /// Unclean starts, where they were allowed.
    pub unclean_starts: u64,
    /// Digests of copies that were compared.
    pub compared: u64,
    /// Groups of keys for which an order was looked for.
    pub groups: u64,
    /// Those for which the search gave up.
    pub undecided: u64,
    /// Runs that unclean starts divide.
    pub split: u64,
    /// Runs whose end is not judged: nobody of the in-sync set was left, and nobody was allowed to begin anew.
    pub void: u64,
    /// The longest time from the last fault until all copies were together, in microseconds.
    pub convergence: u64,
    /// Runs with a violation.
    pub violations: u64,
}

impl Figures {
    /// Whether what was judged is enough to call runs clean: hardly any groups are left undecided.
    pub fn is_telling(&self) -> bool {
        self.undecided <= FEW_UNDECIDED + self.groups * MOST_UNDECIDED / 1_000
    }

    /// Adds what an engine has counted.
    pub(super) fn add(&mut self, counters: &Counters) {
        self.full_syncs += counters.full_syncs;
        self.partial_syncs += counters.partial_syncs;
        self.changes += counters.evictions + counters.additions;
        self.deduplicated += counters.deduplicated;
        self.unclean_starts += counters.unclean_starts;
    }

    /// Adds other runs.
    pub fn merge(&mut self, other: &Figures) {
        let Figures { runs, simulated, steps, faults, calls, acknowledged, unknown, refused, elections, .. } = other;
        self.runs += runs;
        self.simulated += simulated;
        self.steps += steps;
        self.faults += faults;
        self.calls += calls;
        self.acknowledged += acknowledged;
        self.unknown += unknown;
        self.refused += refused;
        self.elections += elections;
        self.full_syncs += other.full_syncs;
        self.partial_syncs += other.partial_syncs;
        self.changes += other.changes;
        self.deduplicated += other.deduplicated;
        self.landed_late += other.landed_late;
        self.unclean_starts += other.unclean_starts;
        self.compared += other.compared;
        self.groups += other.groups;
        self.undecided += other.undecided;
        self.split += other.split;
        self.void += other.void;
        self.convergence = self.convergence.max(other.convergence);
        self.violations += other.violations;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} runs, {} simulated seconds, {} engine steps",
            self.runs,
            self.simulated / 1_000_000,
            self.steps
        )?;
        writeln!(
            f,
            "{} calls: {} writes acknowledged, {} unknown, {} refused; {} retries answered from the table",
            self.calls, self.acknowledged, self.unknown, self.refused, self.deduplicated
        )?;
        writeln!(
            f,
            "{} faults; {} elections, {} changes of the in-sync set, {} full and {} partial syncs",
            self.faults, self.elections, self.changes, self.full_syncs, self.partial_syncs
        )?;
        writeln!(
            f,
            "{} transactions landed when nobody waited any more; {} unclean starts where they were allowed",
            self.landed_late, self.unclean_starts
        )?;
        writeln!(
            f,
            "{} digests compared; {} of {} groups undecided, {} runs split by unclean starts, {} without an end; converged within {:.1} s",
            self.compared,
            self.undecided,
            self.groups,
            self.split,
            self.void,
            self.convergence as f64 / 1e6
        )?;
        write!(f, "{} violations", self.violations)
    }
}
