//! Random commands on a real `redis-server` and on a subject, compared reply by reply, and key by key in between.
//!
//! A family of commands has a generator, a function that makes one random invocation; the harness mixes in commands
//! that create, remove and date keys of every type, and now and then makes a command wrong. Replies must be equal to
//! the letter, error texts included, except where Redis leaves something open: the order of sets and hashes, random
//! picks and pages of scans, which are held to what they must keep, and the millisecond at which a command ran.
//!
//! Redis's clock cannot be stepped, so the run goes in epochs. All short lives end at one moment ([`pool::soon`]);
//! commands stop well before it, everything is compared, the moment passes, and everything is compared again: what was
//! due must be gone on both sides. An epoch that did not stop in time, because the machine was busy, proves nothing
//! and is thrown away with its data.
//!
//! ```no_run
//! use jcache_testkit::differential::{self, ModelSubject};
//!
//! let (invocations, seed) = (differential::invocations(20_000), differential::seed());
//! differential::run(&mut ModelSubject::default(), "string", &[differential::string::command], invocations, seed);
//! ```

mod compare;
pub mod hash;
pub mod key;
mod laws;
pub mod list;
mod play;
pub mod pool;
pub mod set;
pub mod sorted_set;
mod state;
pub mod string;
mod subject;
mod transactions;

use std::collections::VecDeque;
use std::time::Duration;

use compare::Kind;
pub(crate) use compare::{canonical, flat, is_ordered, name};
pub use pool::soon;
use subject::now;
pub use subject::{DriverSubject, ModelSubject, ServerSubject, Subject};
pub use transactions::transactions;

use crate::args;
use crate::notation::line;
use crate::oracle::{self, RawClient};

/// Makes one random invocation: the name and the arguments.
pub type Generator = fn(&mut fastrand::Rng) -> Vec<Vec<u8>>;

/// The generators of all families: together they meet each other's keys more often than any one alone.
pub const FAMILIES: [Generator; 6] =
    [string::command, key::command, hash::command, list::command, set::command, sorted_set::command];

/// Makes one random invocation of any family, or one that creates a key.
pub fn any(rng: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    match FAMILIES.get(rng.usize(..FAMILIES.len() + 1)) {
        Some(generator) => generator(rng),
        None => pool::creator(rng),
    }
}

/// How many commands go to the oracle in one go.
const BATCH: usize = 100;
/// So long before the end of the short lives no batch starts, in milliseconds.
const MARGIN: i64 = 50;
/// How far apart a relative deadline may be on both sides, in milliseconds, on top of the longest batch.
const TOLERANCE: i64 = 150;
/// How many commands are remembered to explain a difference.
const REMEMBERED: usize = 5000;

/// How many invocations to run: the environment's `JCACHE_DIFF`, or `default`.
pub fn invocations(default: usize) -> usize {
    std::env::var("JCACHE_DIFF").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The seed to run with: the environment's `JCACHE_SEED`, or a new one.
pub fn seed() -> u64 {
    std::env::var("JCACHE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| fastrand::u64(..1 << 32))
}

/// Runs random invocations of `generators` (and creators of other keys) on a fresh oracle and on `subject`, which is
/// empty; `family` names the run. Skipped when `redis-server` is not installed.
///
/// The same seed makes the same commands; times, and what Redis picks at random, are new in every run.
///
/// # Panics
/// At the first difference, with the commands that led to it and the command that repeats the run.
pub fn run(subject: &mut impl Subject, family: &str, generators: &[Generator], invocations: usize, seed: u64) {
    let Some(server) = oracle::redis_or_skip() else { return };
    let mut oracle = server.client();
    // Either protocol, so that the canonical form of replies is proven for both.
    if seed % 2 == 1 {
        oracle.resp3();
    }
    eprintln!("differential {family}: {invocations} invocations, JCACHE_SEED={seed}");
    let rng = fastrand::Rng::with_seed(seed);
    let mut run = Run { oracle, subject, rng, step: 0, invocations, longest: 0, passed: false, log: VecDeque::new() };
    let (mut length, mut lost) = (2 * MARGIN + 20, 0);
    while run.step < invocations {
        let before = run.step;
        match run.epoch(generators, length) {
            Ok(()) => {}
            Err(_) if !run.passed && now().as_i64() >= soon() - 5 && lost < 20 => {
                lost += 1;
                length = (2 * length).min(4_000);
                eprintln!("differential {family}: steps {before}..{} took too long and prove nothing", run.step);
                run.forget();
            }
            Err(difference) => panic!(
                "differential {family}: {difference}\nrepeat with: JCACHE_SEED={seed} JCACHE_DIFF={invocations} \
                 cargo test -p {} -- {}",
                std::env::var("CARGO_PKG_NAME").unwrap_or_default(),
                std::thread::current().name().unwrap_or_default(),
            ),
        }
    }
}

struct Run<'s, S> {
    oracle: RawClient,
    subject: &'s mut S,
    rng: fastrand::Rng,
    step: usize,
    invocations: usize,
    /// The longest batch so far, in milliseconds: how far relative deadlines may be apart.
    longest: i64,
    /// Whether the short lives have ended as planned, so that time no longer excuses anything.
    passed: bool,
    log: VecDeque<Vec<Vec<u8>>>,
}

impl<S: Subject> Run<'_, S> {
    /// Commands until `length` milliseconds from now, the step over that moment, and both states compared around it.
    fn epoch(&mut self, generators: &[Generator], length: i64) -> Result<(), String> {
        let end = now().as_i64() + length;
        pool::set_soon(end);
        self.passed = false;
        while self.step < self.invocations && now().as_i64() < end - MARGIN {
            let batch = self.batch(generators);
            self.play(&batch)?;
        }
        let drift = self.drift();
        let before = state::compare(&mut self.oracle, self.subject, drift)?;
        if now().as_i64() >= end {
            return Err("the epoch took too long".to_owned());
        }
        let pause = end + 30 - now().as_i64();
        std::thread::sleep(Duration::from_millis(u64::try_from(pause).unwrap_or(0)));
        self.passed = true;
        let there = state::compare(&mut self.oracle, self.subject, drift)?;
        // What is due may still be counted by DBSIZE; a removal that removes nothing ends that on both sides.
        for key in before.iter().filter(|key| !there.contains(key)) {
            let del = args!["DEL", key.clone()];
            let (expected, actual) = (self.oracle.call(&del), self.subject.call(&del));
            if expected != actual {
                return Err(format!("{} after its life: oracle {expected:?}, subject {actual:?}", line(&del)));
            }
        }
        Ok(())
    }

    fn batch(&mut self, generators: &[Generator]) -> Vec<Vec<Vec<u8>>> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH && self.step + batch.len() < self.invocations {
            let rng = &mut self.rng;
            let args = if generators.is_empty() || rng.u8(..100) < 15 {
                pool::creator(rng)
            } else {
                let mut args = generators[rng.usize(..generators.len())](rng);
                if rng.u8(..100) < 3 {
                    pool::spoil(rng, &mut args);
                }
                args
            };
            let last = Kind::of(&args).ends_batch();
            batch.push(args);
            if last {
                break;
            }
        }
        batch
    }

    fn drift(&self) -> i64 {
        TOLERANCE + self.longest
    }

    /// Empties both sides.
    fn forget(&mut self) {
        let flush = args!["FLUSHALL"];
        assert_eq!(self.oracle.call(&flush), self.subject.call(&flush), "FLUSHALL");
        self.log.clear();
    }
}
