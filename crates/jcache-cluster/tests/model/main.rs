//! The commit rules as a bounded model, checked state by state: three nodes, etcd as a register with transactions, and
//! a network that delivers what it wants when it wants.
//!
//! The default run exhausts small bounds and finds every weakened rule; `cargo xtask model --full` exhausts the large
//! ones. Not modelled are sessions, snapshots, leases and blocking pops: those are the simulator's.

mod election;
mod follower;
mod leader;
mod properties;
mod rules;
mod state;
mod step;
mod walk;

use std::time::Instant;

use rules::Weakening::*;
use rules::{Bounds, Protocol};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Set by `cargo xtask model --full`.
const FULL: &str = "JCACHE_MODEL_FULL";

const ACKNOWLEDGED: &str = "a write is acknowledged";
const AFTER_FAILOVER: &str = "a write is acknowledged after a failover";
const BACK_IN_SYNC: &str = "a restarted node is in sync again";
const LOGS_PART: &str = "logs part";

const fn bounds(min_insync: u32, crashes: u8, epochs: u8, writes: u8, isr_changes: u8) -> Bounds {
    Bounds { min_insync, crashes, epochs, writes, isr_changes }
}

/// Visits every state within the bounds: none may violate a property, and just `reaches` must be reached.
fn exhaust(protocol: &Protocol, reaches: &[&str]) {
    let start = Instant::now();
    let checked = protocol.clone().checker().spawn_bfs().join();
    let states = checked.unique_state_count();
    eprintln!("{protocol:?}: {states} states, depth {}, {:.1?}", checked.max_depth(), start.elapsed());
    assert!(checked.is_done());
    for property in protocol.properties() {
        let found = checked.discovery(property.name);
        if property.expectation == Expectation::Sometimes {
            assert_eq!(found.is_some(), reaches.contains(&property.name), "{}", property.name);
        } else {
            let path = found.map(stateright::Path::into_actions);
            assert!(path.is_none(), "violated: {}: {path:#?}", property.name);
        }
    }
}

#[test]
fn small_bounds_are_exhausted() {
    for (bounds, alone, reaches) in [
        (bounds(1, 0, 2, 1, 1), false, &[ACKNOWLEDGED, AFTER_FAILOVER][..]),
        (bounds(2, 0, 2, 1, 2), false, &[ACKNOWLEDGED, AFTER_FAILOVER]),
        (bounds(3, 0, 2, 2, 0), false, &[ACKNOWLEDGED, AFTER_FAILOVER, LOGS_PART]),
        (bounds(2, 1, 2, 1, 1), false, &[ACKNOWLEDGED, AFTER_FAILOVER, BACK_IN_SYNC]),
        (bounds(2, 1, 1, 1, 2), true, &[ACKNOWLEDGED, BACK_IN_SYNC]),
    ] {
        exhaust(&Protocol { alone, ..Protocol::whole(bounds) }, reaches);
    }
}

/// The bounds of the design paper, and more: `cargo xtask model --full`.
#[test]
fn large_bounds_are_exhausted() {
    if std::env::var_os(FULL).is_none() {
        eprintln!("skipped: set {FULL}, or run cargo xtask model --full");
        return;
    }
    let all = &[ACKNOWLEDGED, AFTER_FAILOVER, BACK_IN_SYNC];
    for (bounds, alone, reaches) in [
        (bounds(1, 0, 2, 2, 2), false, &[ACKNOWLEDGED, AFTER_FAILOVER, LOGS_PART][..]),
        (bounds(3, 0, 3, 2, 0), false, &[ACKNOWLEDGED, AFTER_FAILOVER, LOGS_PART]),
        (bounds(2, 0, 2, 2, 2), false, &[ACKNOWLEDGED, AFTER_FAILOVER, LOGS_PART]),
        (bounds(2, 1, 2, 1, 3), false, all),
        (bounds(1, 1, 2, 1, 3), false, all),
        (bounds(2, 1, 2, 1, 3), true, all),
    ] {
        exhaust(&Protocol { alone, ..Protocol::whole(bounds) }, reaches);
    }
}

/// Deeper than exhaustion: a walk crosses five epochs. The full run takes fifty times as many steps.
#[test]
fn walks_find_no_violation() {
    let steps = if std::env::var_os(FULL).is_some() { 10_000_000 } else { 200_000 };
    for min_insync in 1..=3 {
        let protocol = Protocol::whole(bounds(min_insync, 2, 5, 4, 6));
        let walked = walk::walk(&protocol, steps);
        eprintln!("{protocol:?}: {} steps, reached {:?}", walked.steps, walked.reached);
        assert_eq!(walked.violation, None);
        for name in [ACKNOWLEDGED, AFTER_FAILOVER, BACK_IN_SYNC, LOGS_PART] {
            assert!(walked.reached.get(name).is_some_and(|walks| *walks > 20), "{name}");
        }
    }
}

/// The model is tested, too: without a rule it must fail, by a counterexample of no more than this many steps.
#[test]
fn every_weakening_is_found() {
    let three = bounds(3, 0, 2, 2, 0);
    for (rule, bounds, alone, steps) in [
        (R1CommitByMajority, bounds(1, 0, 2, 1, 1), false, 7),
        (R1CommitBelowMinimum, bounds(2, 1, 1, 1, 2), true, 8),
        (R2CommitPointFalls, three, false, 11),
        (R3PendingAddIgnored, bounds(1, 0, 2, 2, 2), false, 9),
        (R3ShrinkAtOnce, bounds(1, 0, 2, 1, 1), false, 7),
        (R3GiveUpPending, bounds(1, 0, 2, 2, 2), false, 10),
        (R4AddBehindCommit, bounds(1, 0, 2, 2, 2), false, 9),
        (R4AddBehindStart, bounds(2, 1, 2, 1, 2), false, 15),
        (R5ShrinkBelowFloor, bounds(2, 0, 2, 1, 2), false, 7),
        (R5ElectBelowFloor, bounds(2, 0, 2, 1, 1), false, 7),
        (R6AnyCandidate, bounds(1, 0, 2, 1, 1), false, 10),
        (R7NoFence, bounds(1, 0, 2, 1, 1), false, 8),
        (R8LoadInPlace, three, false, 13),
        (R9LeaderTruncates, bounds(1, 0, 2, 1, 1), false, 10),
        (R10ApplyUncommitted, bounds(1, 0, 2, 1, 1), false, 7),
        (R11AckOfAnyEpoch, bounds(3, 0, 3, 2, 0), false, 14),
        (R11NoIncarnation, bounds(1, 1, 2, 1, 2), false, 8),
        (R12UnguardedIsr, bounds(2, 0, 2, 1, 1), false, 10),
        (TruncateNothing, three, false, 11),
        (TruncateAtCommit, bounds(1, 0, 2, 1, 1), false, 11),
    ] {
        let start = Instant::now();
        let protocol = Protocol { alone, ..Protocol::without(rule, bounds) };
        let checked = protocol.clone().checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let always = protocol.properties().into_iter().filter(|it| it.expectation == Expectation::Always);
        let found = always.filter_map(|it| Some((it.name, checked.discovery(it.name)?.into_actions())));
        let (property, path) =
            found.min_by_key(|(_, path)| path.len()).unwrap_or_else(|| panic!("{rule:?}: not found"));
        eprintln!("{rule:?}: {} steps to '{property}', {:.1?}: {path:?}", path.len(), start.elapsed());
        assert!(path.len() <= steps, "{rule:?}");
    }
}
