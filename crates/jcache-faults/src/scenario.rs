//! The list of scenarios, and how one is run: a cluster under load, round by round, then the verdict.
//!
//! A scenario is a row: how its cluster is made, what clients do, and what happens in a round. After each round all nodes
//! must be in sync again; after the last, everything is judged.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;
use jcache_testkit::check::Violation;

use crate::cluster::{Cluster, Settings};
use crate::figures::Figures;
use crate::load::Pace;
use crate::scenarios::{blocking, clocks, crash, etcd, halt, handover, memory, partition, refused, retries, sync};
use crate::trial::{Outcome, Trial};
use crate::workload::Mix;

/// A scenario.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// Its number in the list of tests that the design demands.
    pub id: &'static str,
    /// What happens, in a few words.
    pub what: &'static str,
    /// Rounds of the short and of the long form.
    pub rounds: (usize, usize),
    pub(crate) settings: fn(&mut Settings),
    pub(crate) mix: Mix,
    pub(crate) round: fn(&mut Trial) -> Outcome,
}

/// How scenarios are run.
#[derive(Debug, Clone)]
pub struct How {
    /// The binary `jcache`.
    pub binary: PathBuf,
    /// Whether this is the long form.
    pub long: bool,
    /// No round begins after so much time.
    pub most: Duration,
    /// Whether logs and histories are kept also when all is well.
    pub keep: bool,
}

fn usual(_: &mut Settings) {}

const fn row(
    id: &'static str,
    what: &'static str,
    rounds: (usize, usize),
    mix: Mix,
    round: fn(&mut Trial) -> Outcome,
) -> Scenario {
    Scenario { id, what, rounds, settings: usual, mix, round }
}

/// All of them, in the order of the design.
pub const SCENARIOS: &[Scenario] = &[
    row("T-1", "the leader is killed", (2, 50), Mix::All, crash::leader),
    row("T-2", "followers are killed; so many that nothing can be committed", (3, 12), Mix::All, crash::several),
    row("T-3", "all members are killed in turn, as fast as they come back", (1, 5), Mix::All, crash::in_turn),
    Scenario {
        settings: |settings| settings.more = ["--unclean-after", "5s"].map(str::to_owned).into(),
        ..row(
            "T-3 all",
            "all are killed at once: what is lost is told, and the cluster goes on",
            (1, 3),
            Mix::All,
            crash::all,
        )
    },
    row("T-4", "the leader is halted", (2, 8), Mix::All, halt::leader),
    row("T-5", "a follower is halted, once and often", (1, 4), Mix::All, halt::follower),
    row("T-6", "leader and followers are cut apart, in three shapes", (1, 9), Mix::All, partition::leader),
    row("T-7", "one node and etcd, or a follower and its leader are cut apart", (3, 9), Mix::All, partition::one_link),
    row("T-8", "cuts in one direction, and a bridge", (3, 12), Mix::All, partition::one_way),
    Scenario {
        settings: |settings| settings.etcd = 3,
        ..row(
            "T-11",
            "etcd's leader is killed, all of it halted or killed, its history compacted",
            (2, 8),
            Mix::All,
            etcd::faults,
        )
    },
    row("T-12", "etcd forgets everything, or goes back to an older state", (2, 6), Mix::All, etcd::amnesia),
    row("T-13", "the leader's lease is revoked, its key deleted", (2, 20), Mix::All, etcd::meddling),
    Scenario {
        settings: |settings| settings.clocks = true,
        ..row(
            "T-14",
            "wall clocks jump by an hour and by a day, then the leader is killed",
            (2, 8),
            Mix::Mortals,
            clocks::jumps,
        )
    },
    Scenario {
        settings: |settings| (settings.nodes, settings.spare, settings.min_insync) = (2, 1, 1),
        ..row(
            "T-16",
            "a node takes a large keyspace while writes go on, and somebody is killed meanwhile",
            (1, 6),
            Mix::All,
            sync::large,
        )
    },
    row("T-20", "answers are cut off again and again while leaders change", (1, 10), Mix::Counted, retries::storm),
    row("T-21", "callers wait for elements while leaders change", (1, 10), Mix::Queues, blocking::failover),
    row("T-24", "leadership is handed over, again and again", (10, 100), Mix::All, handover::planned),
    row("T-24 rolling", "the nodes are restarted one after the other", (1, 5), Mix::All, handover::rolling),
    row(
        "T-26",
        "strangers: a second node of the same name, one with other settings, garbage",
        (1, 3),
        Mix::All,
        refused::strangers,
    ),
    Scenario {
        settings: |settings| settings.papers = true,
        ..row(
            "T-26 papers",
            "strangers: no TLS, a certificate of others, one that ran out, another secret",
            (1, 3),
            Mix::All,
            refused::papers,
        )
    },
    row("C10", "full load while a follower is halted: memory stays bounded", (0, 1), Mix::All, memory::bounded),
];

/// The scenario called `id`.
pub fn find(id: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|it| it.id.eq_ignore_ascii_case(id))
}

/// Runs a scenario with one seed.
pub fn run(scenario: &Scenario, seed: u64, how: &How) -> Figures {
    let mut settings = Settings::default();
    (scenario.settings)(&mut settings);
    eprintln!("{} ({}), seed {seed}", scenario.id, scenario.what);
    let cluster = match Cluster::start(&how.binary, &settings) {
        Ok(cluster) => cluster,
        Err(violation) => return Figures { runs: 1, violations: vec![violation], ..Figures::default() },
    };
    let pace = Pace { mix: scenario.mix, ..Pace::default() };
    let mut trial = Trial::new(cluster, pace, Rng::with_seed(seed), how.long);
    if let Err(violation) = rounds(scenario, &mut trial, how) {
        trial.say(&format!("broken: {violation}"));
        trial.figures.violations.push(violation);
        eprintln!("{}", trial.cluster.logs(40));
    }
    let figures = trial.conclude(how.keep);
    for violation in &figures.violations {
        eprintln!("  VIOLATION {violation}");
    }
    if !figures.violations.is_empty() {
        eprintln!("  again: {}", again(scenario, seed, how));
    }
    figures
}

fn rounds(scenario: &Scenario, trial: &mut Trial, how: &How) -> Outcome {
    let since = Instant::now();
    let rounds = if how.long { scenario.rounds.1 } else { scenario.rounds.0 };
    for round in 0..rounds {
        // Faults meet clients that are under way.
        trial.pause(100..400);
        if round > 0 {
            if since.elapsed() > how.most {
                trial.remark(format!("{round} of {rounds} rounds in {:?}", how.most));
                break;
            }
            trial.next_round();
        }
        (scenario.round)(trial)?;
        trial.together()?;
    }
    Ok(())
}

fn again(scenario: &Scenario, seed: u64, how: &How) -> String {
    let long = if how.long { "" } else { " --short" };
    format!("cargo xtask faults --only '{}' --first-seed {seed} --seeds 1{long}", scenario.id)
}

/// A promise of the scenario itself that did not hold.
pub(crate) fn violated(scenario: &'static str, what: impl Into<String>) -> Violation {
    Violation::new(scenario, what)
}

/// The binary that runs beside this program, when there is one: both lie in cargo's folder.
pub fn binary_beside() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let binary = own.parent().map(|folder| folder.join("jcache"))?;
    Path::is_file(&binary).then_some(binary)
}
