//! The test of the tests: with a rule of the engine switched off, the simulator finds a violation within a stated
//! number of seeds. `cargo xtask sim --weakened` prints the table anew.

use jcache_cluster::engine::Switch;
use jcache_testkit::simulator::{Settings, run};

/// Whether one of the first `seeds` seeds finds that `switch` is off.
fn found_within(switch: Switch, seeds: u64) -> Option<u64> {
    (0..seeds).find(|seed| {
        let settings = Settings { without: vec![switch], ..Settings::seed(*seed) };
        run(&settings).violation.is_some()
    })
}
