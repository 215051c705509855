//! The simulator: a whole cluster of replication engines in one thread, with clients and with a nemesis, drawn from one
//! number.
//!
//! One seed is one run, byte for byte: time is an agenda, every latency and every fault is drawn from the seed, and
//! nothing iterates over what has no order. The coordinator ([`etcd`]) and the [`network`] are fakes with the semantics
//! of the real ones, and their failures. What clients saw is judged by the checkers of [`crate::check`], C1 to C10.
//!
//! `cargo xtask sim --seeds 1000` runs many; `cargo xtask sim --first-seed S --seeds 1 --trace` shows one.

mod agenda;
mod both;
mod calm;
mod client;
mod coordination;
mod eras;
mod etcd;
mod figures;
mod judge;
mod links;
mod nemesis;
mod network;
mod plan;
mod process;
mod scenes;
mod trace;
mod watch;
mod workload;
mod world;

use jcache_core::{Encoded, Request};

pub use both::BothStores;
pub use figures::Figures;
pub use plan::Plan;

use crate::check::Violation;
use world::{Happening, World};

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The run.
    pub seed: u64,
    /// How many nodes; drawn from the seed when not given.
    pub nodes: Option<usize>,
    /// For how many simulated seconds faults happen; drawn from the seed when not given.
    pub seconds: Option<u64>,
    /// Whether every process holds its data in a `MemoryStore` too, compared with the model at every call.
    pub memory: bool,
    /// Whether unclean starts are allowed in every run, and not only where the seed says so.
    pub unclean: bool,
    /// Whether every event is written down.
    pub trace: bool,
    /// Rules that are switched off.
    #[cfg(feature = "switches")]
    pub without: Vec<jcache_cluster::engine::Switch>,
}

impl Settings {
    /// The run of `seed`, as drawn.
    pub fn seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    #[cfg(feature = "switches")]
    fn keeps_identity(&self) -> bool {
        self.without.contains(&jcache_cluster::engine::Switch::KeepIdentity)
    }

    #[cfg(not(feature = "switches"))]
    fn keeps_identity(&self) -> bool {
        false
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Run {
    /// What was counted.
    pub figures: Figures,
    /// The first promise that did not hold.
    pub violation: Option<Violation>,
    /// A hash of all that happened: the same for the same seed.
    pub fingerprint: u64,
    /// What happened, where it was asked for.
    pub trace: Vec<String>,
}

/// Runs one seed to its end, or to its first violation.
pub fn run(settings: &Settings) -> Run {
    let mut world = World::new(settings);
    let plan = world.plan.clone();
    world.trace.line(0, || format!("{plan:?}"));
    // At first no faults, so that there is a cluster to be hurt.
    let first = 1_500_000 + plan.config.found_wait_ms * 1_000;
    world.agenda.plan(first, Happening::Fault);
    world.run(first + plan.fault_seconds * 1_000_000);
    world.conclude();
    if world.violation.is_some() {
        world.show_differences();
    }
    let fingerprint = world.trace.fingerprint();
    let trace = world.trace.lines.take().map_or_else(Vec::new, |lines| lines.into_iter().collect());
    Run { figures: world.figures, violation: world.violation, fingerprint, trace }
}

/// How long a command may wait for an element, in microseconds.
fn blocking_time(command: &Encoded) -> u64 {
    let Ok(Request::Mutation(mutation)) = Request::parse(command.args()) else { return 0 };
    let timeout = mutation.blocking().and_then(|blocking| blocking.timeout);
    timeout.map_or(0, |timeout| timeout.as_micros() as u64)
}
