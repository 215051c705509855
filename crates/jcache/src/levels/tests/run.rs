//! A whole run from a seed, and the tests.

use std::time::Duration;

use super::super::switch::{Mechanism, shuffle, without};
use super::node::{Clock, Fault};
use super::program::{Author, QUEUES, keys_of};
use super::promises::{self, Ledger};
use super::schedule::together;
use super::world::World;

/// Rounds of a run.
const STEPS: u64 = 40;

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text}")))
}

/// Runs the program of `seed` for `steps` rounds, and says on standard error what happens when that is wanted.
fn run(seed: u64, steps: u64, aloud: bool) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    shuffle(seed);
    runtime.expect("a runtime").block_on(async {
        let mut rng = fastrand::Rng::with_seed(seed);
        let world = World::random(&mut rng, Clock::start());
        let mut author = Author::new(world.processes.len(), world.hot, aloud);
        let mut ledger = Ledger::default();
        for step in 0..steps {
            round(&world, &mut author, &mut ledger, &mut rng).await.map_err(|error| {
                let replay = "cargo test -p jcache --lib levels::tests::run::replay -- --nocapture";
                format!("JCACHE_SEED={seed} JCACHE_STEPS={} {replay}\nround {step}: {error}", step + 1)
            })?;
        }
        rest(&world, &ledger).await.map_err(|error| format!("JCACHE_SEED={seed} JCACHE_STEPS={steps}: {error}"))
    })
}

async fn round(world: &World, author: &mut Author, ledger: &mut Ledger, rng: &mut fastrand::Rng) -> Result<(), String> {
    let mut lines = Vec::new();
    for _ in 0..rng.usize(1..6) {
        let id = rng.usize(0..world.processes.len());
        lines.push((id, author.line(id, rng)));
    }
    let drops = world.drops;
    let disturb = |rng: &mut fastrand::Rng| disturb(world, rng, world.rarely);
    let events = together(&world.processes, lines, rng, drops, disturb).await?;
    if author.aloud {
        for event in &events {
            eprintln!("process {} {} -> {:?} ({:?})", event.process, event.line, event.outcome, event.took);
        }
    }
    ledger.note(&events)?;
    promises::copies(world)?;
    disturb_between(world, rng).await;
    for process in &world.processes {
        promises::reads(world, ledger, process, rng).await?;
    }
    promises::copies(world)
}

/// Now and then changes what is wrong with a link.
fn disturb(world: &World, rng: &mut fastrand::Rng, rarely: u32) {
    if rng.u32(0..100 * rarely) >= world.faults {
        return;
    }
    let process = &world.processes[rng.usize(0..world.processes.len())];
    let link = &process.links[rng.usize(0..process.links.len())];
    link.set([Fault::None, Fault::None, Fault::Fail, Fault::LoseReply, Fault::Stall][rng.usize(0..5)]);
}

/// Between rounds: faults, lost copies, and time that passes.
async fn disturb_between(world: &World, rng: &mut fastrand::Rng) {
    disturb(world, rng, 1);
    if rng.u32(0..if world.hot { 2 } else { 10 }) == 0 {
        let process = &world.processes[rng.usize(0..world.processes.len())];
        let index = rng.usize(0..process.links.len());
        if index != process.levels.authority {
            let keys = keys_of(process.id);
            let key = if world.hot { 0 } else { rng.usize(0..keys.len()) };
            process.links[index].node().evict(keys[key].as_bytes());
        }
    }
    if rng.u32(0..4) == 0 {
        tokio::time::sleep(Duration::from_millis(rng.u64(1..300))).await;
    }
}

/// Everything recovers, the processes forget what others may have changed, and time passes.
async fn rest(world: &World, ledger: &Ledger) -> Result<(), String> {
    for process in &world.processes {
        process.links.iter().for_each(|link| link.set(Fault::None));
    }
    // Longer than the longest back-off.
    tokio::time::sleep(Duration::from_secs(12)).await;
    promises::copies(world)?;
    for process in &world.processes {
        let others = (0..world.processes.len()).filter(|id| *id != process.id).flat_map(keys_of);
        let foreign = others.chain(QUEUES.map(str::to_owned));
        foreign.for_each(|key| process.levels.invalidate(key.as_bytes()));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    promises::quiet(world)?;
    ledger.settle_queues(world)
}

#[test]
fn the_promises_hold() {
    let first = from_env("JCACHE_SEED").unwrap_or(0);
    let count = from_env("JCACHE_SEEDS").unwrap_or(if from_env("JCACHE_SEED").is_some() { 1 } else { 300 });
    let steps = from_env("JCACHE_STEPS").unwrap_or(STEPS);
    for seed in first..first + count {
        if let Err(error) = run(seed, steps, false) {
            panic!("{error}");
        }
    }
}

/// The one seed of `JCACHE_SEED`, with what happened.
#[test]
fn replay() {
    if let Some(seed) = from_env("JCACHE_SEED") {
        run(seed, from_env("JCACHE_STEPS").unwrap_or(STEPS), true).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Without each mechanism a promise breaks within so many seeds.
#[test]
fn each_mechanism_is_needed() {
    use Mechanism::*;
    let mechanisms = [
        Fence,
        Generation,
        Overlap,
        OverlapFromStart,
        FillsOvertaken,
        MarksOnCancel,
        MarksOnFailure,
        FillDeadline,
        Cap,
        Within,
        Effect,
        Authority,
        Strict,
        HealthGate,
        Deadline,
        Repair,
        RepairFirst,
        TokenFirst,
    ];
    let most = from_env("JCACHE_SEEDS").unwrap_or(3000);
    let mut unnoticed = Vec::new();
    let only = std::env::var("JCACHE_WITHOUT").ok();
    for mechanism in mechanisms {
        if only.as_ref().is_some_and(|only| *only != format!("{mechanism:?}")) {
            continue;
        }
        let caught =
            (0..most).find_map(|seed| without(Some(mechanism), || run(seed, STEPS, false)).err().map(|it| (seed, it)));
        match caught {
            Some((seed, error)) => {
                eprintln!("without {mechanism:?}: seed {seed}: {}", error.lines().last().unwrap_or(""));
            }
            None => unnoticed.push(mechanism),
        }
    }
    assert!(unnoticed.is_empty(), "nobody noticed in {most} seeds that these were off: {unnoticed:?}");
}
