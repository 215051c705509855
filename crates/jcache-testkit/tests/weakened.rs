//! The test of the tests: with a rule of the engine switched off, somebody notices, and the table says who. For most it
//! is the simulator, within a stated number of seeds; `cargo xtask sim --weakened` prints its part anew. Two rules need
//! more luck than seeds have: streams that keep their order hardly ever leave them alone with a failure. They are the
//! model's, by exhaustion within a stated number of steps, and have tables of their own in the engine's tests.

use jcache_cluster::engine::Switch;
use jcache_testkit::simulator::{Settings, run};

/// Who notices that a rule is off.
#[derive(Debug, Clone, Copy)]
enum Notices {
    /// The simulator, within so many seeds from the first.
    Simulator(u64),
    /// The model, without the rule that has this name there, by so many steps at most; and this table of the engine's
    /// own tests.
    Model(&'static str, u64, &'static str),
    /// Only this table of the engine's own tests: chance does not bring a copy of a call so late that another call has made a
    /// difference since, hardly any client asks at the one moment that counts, and the model has no calls.
    Table(&'static str),
}
use Notices::{Model, Simulator, Table};

const TABLE: &[(Switch, Notices)] = &[
    (Switch::R1IgnorePending, Simulator(25)),
    (Switch::R1IgnoreOne, Simulator(2)),
    (Switch::R1BelowMinimum, Simulator(2)),
    (Switch::R2Falls, Simulator(1)),
    (Switch::R3ShrinkEarly, Simulator(28)),
    (Switch::R4BehindCommit, Simulator(3)),
    (
        Switch::R4BehindStart,
        Model("R4AddBehindStart", 15, "r4_who_joins_holds_what_is_committed_and_what_is_from_before_the_epoch"),
    ),
    (Switch::R5BelowFloor, Simulator(2)),
    (Switch::R6Anybody, Simulator(2)),
    (Switch::R7NoFence, Simulator(5)),
    (Switch::R8InPlace, Simulator(2)),
    (Switch::R9DropTail, Simulator(3)),
    (Switch::R9EarlyReads, Simulator(19)),
    (Switch::R10ShowUncommitted, Simulator(3)),
    (
        Switch::R11AnyAck,
        Model("R11AckOfAnyEpoch", 14, "r11_an_acknowledgement_counts_in_its_epoch_and_for_its_incarnation"),
    ),
    (Switch::R12WatchDecides, Simulator(112)),
    (Switch::GiveUpPending, Simulator(29)),
    (Switch::UnguardedChange, Simulator(2)),
    (Switch::ElectionFloor, Simulator(2)),
    (Switch::SnapNoFilter, Simulator(21)),
    (Switch::SnapNotBegun, Simulator(49)),
    (Switch::SnapInProgress, Simulator(6)),
    (Switch::NoSessions, Simulator(2)),
    (Switch::NoTruncation, Simulator(2)),
    (Switch::NoTaint, Simulator(6)),
    (Switch::ApplyUncommitted, Simulator(1)),
    (Switch::KeepIdentity, Simulator(2)),
    (Switch::StaleReads, Simulator(6)),
    (Switch::IgnoreGrant, Simulator(10)),
    (Switch::OwnClock, Simulator(3)),
    (Switch::UnloggedPop, Simulator(1)),
    (Switch::FoundAtOnce, Simulator(8)),
    (Switch::LogCommands, Simulator(1)),
    (Switch::WallClock, Simulator(2)),
    (Switch::UnprovedReplies, Table("a_write_that_changed_nothing_is_as_good_as_a_read")),
    (Switch::OldStreams, Table("a_late_copy_of_a_call_is_not_carried_out")),
    (Switch::OldCalls, Table("a_late_copy_of_a_call_is_not_carried_out")),
    (Switch::ReleasedLease, Table("who_has_released_its_successor_answers_no_read")),
    (Switch::NoTrim, Simulator(5)),
];

/// Any change of engine or simulator changes every run: the number may be missed by this factor.
const LUCK: u64 = 6;

#[test]
fn each_rule_that_is_off_is_noticed() {
    let mut missed = Vec::new();
    for (switch, notices) in TABLE {
        let Simulator(seeds) = *notices else { continue };
        let found = (0..seeds.max(10) * LUCK).find_map(|seed| {
            let violation = run(&Settings { without: vec![*switch], ..Settings::seed(seed) }).violation?;
            Some((seed, violation))
        });
        match found {
            Some((seed, violation)) => println!("{switch:?}: after {} seeds: {}", seed + 1, violation.check),
            None => missed.push(switch),
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn the_table_names_every_switch_and_tells_the_truth() {
    let listed: Vec<Switch> = TABLE.iter().map(|(switch, _)| *switch).collect();
    assert_eq!(listed, Switch::ALL);
    let model = include_str!("../../jcache-cluster/tests/model/main.rs");
    let tables = include_str!("../../jcache-cluster/tests/engine/rules.rs");
    let others = [
        include_str!("../../jcache-cluster/tests/engine/callers.rs"),
        include_str!("../../jcache-cluster/tests/engine/leases.rs"),
    ]
    .concat();
    for (switch, notices) in TABLE {
        if let Table(table) = notices {
            let tabled = others.contains(&format!("fn {table}(")) && others.contains(&format!("Switch::{switch:?}"));
            assert!(tabled, "{switch:?} has no table {table}");
        }
        if let Model(rule, steps, table) = notices {
            let row = model.lines().find(|line| line.trim_start().starts_with(&format!("({rule}, ")));
            let row = row.unwrap_or_else(|| panic!("the model does not know {rule}"));
            assert!(row.ends_with(&format!(", {steps}),")), "{rule}: {row}");
            let tabled = tables.contains(&format!("fn {table}(")) && tables.contains(&format!("Switch::{switch:?}"));
            assert!(tabled, "{switch:?} has no table {table}");
        }
    }
}
