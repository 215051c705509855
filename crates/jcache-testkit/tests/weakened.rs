//! The test of the tests: with a rule of the engine switched off, the simulator finds a violation within a stated
//! number of seeds. `cargo xtask sim --weakened` prints the table anew.
//!
//! Rules that need more luck than seeds have are the model's: `crates/jcache-cluster/tests/model` takes away R4's second
//! condition and R11, too, and finds both by exhaustion.

use jcache_cluster::engine::Switch;
use jcache_testkit::simulator::{Settings, run};

/// The rule that is off, and the seeds that find it at the latest.
const TABLE: [(Switch, u64); 25] = [
    (Switch::R1IgnorePending, 5),
    (Switch::R1IgnoreOne, 5),
    (Switch::R1BelowMinimum, 2),
    (Switch::R2Falls, 1),
    (Switch::R3ShrinkEarly, 28),
    (Switch::R4BehindCommit, 14),
    (Switch::R5BelowFloor, 2),
    (Switch::R6Anybody, 1),
    (Switch::R7NoFence, 2),
    (Switch::R8InPlace, 2),
    (Switch::R9DropTail, 2),
    (Switch::R10ShowUncommitted, 1),
    (Switch::GiveUpPending, 50),
    (Switch::UnguardedChange, 6),
    (Switch::ElectionFloor, 4),
    (Switch::SnapInProgress, 10),
    (Switch::NoSessions, 5),
    (Switch::NoTruncation, 5),
    (Switch::NoTaint, 2),
    (Switch::ApplyUncommitted, 1),
    (Switch::KeepIdentity, 1),
    (Switch::StaleReads, 20),
    (Switch::OwnClock, 54),
    (Switch::UnloggedPop, 1),
    (Switch::LogCommands, 1),
];

/// Any change of engine or simulator changes every run: the number may be missed by this factor.
const LUCK: u64 = 6;

#[test]
fn each_rule_that_is_off_is_noticed() {
    let mut missed = Vec::new();
    for (switch, seeds) in TABLE {
        let found = (0..seeds.max(5) * LUCK).find_map(|seed| {
            let violation = run(&Settings { without: vec![switch], ..Settings::seed(seed) }).violation?;
            Some((seed, violation))
        });
        match found {
            Some((seed, violation)) => println!("{switch:?}: after {} seeds: {}", seed + 1, violation.check),
            None => missed.push(switch),
        }
    }
    assert_eq!(missed, []);
}
