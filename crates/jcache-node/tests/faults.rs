//! Clusters of real processes under faults: the short form of what `cargo xtask faults` does at length.

#![allow(clippy::unwrap_used)] // A helper of a test fails like the test itself.

use std::path::Path;
use std::time::Duration;

use jcache_faults::figures::HEAD;
use jcache_faults::sandbox;
use jcache_faults::scenario::{How, find, run};

/// No round begins after so long.
const MOST: Duration = Duration::from_secs(15);
/// Every run is the same run, as far as processes and networks can be.
const SEED: u64 = 1;

/// Runs a scenario in a sandbox of its own.
fn short(test: &str, id: &str) {
    sandbox::test(test, || {
        let how =
            How { binary: Path::new(env!("CARGO_BIN_EXE_jcache")).to_owned(), long: false, most: MOST, keep: false };
        let figures = run(find(id).unwrap(), SEED, &how);
        eprintln!("{HEAD}\n{}", figures.row(id));
        assert_eq!(figures.violations, []);
        assert!(figures.acknowledged > 100, "nothing happened: {figures:?}");
    });
}

macro_rules! short {
    ($($test:ident: $id:literal;)+) => {
        $(#[test]
        fn $test() {
            short(stringify!($test), $id);
        })+
    };
}

short! {
    a_killed_leader: "T-1";
    a_halted_leader: "T-4";
    a_leader_cut_off: "T-6";
    a_lease_revoked: "T-13";
    a_node_that_takes_a_large_keyspace: "T-16";
    answers_cut_off: "T-20";
    callers_that_wait: "T-21";
    planned_hand_overs: "T-24";
    strangers: "T-26";
    strangers_without_papers: "T-26 papers";
}
