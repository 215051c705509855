//! Transactions of a driver against those of `redis-server`: what they answer, what they leave, and which writes of
//! others keep them from running.
//!
//! Each step is a small play of two clients: one watches some keys; the other, and now and then the first one too, writes;
//! then the first one runs a transaction. Redis says which plays end in nothing, and the driver must agree to the letter:
//! on every command that finds nothing to change, and on those that change something without a difference to see.

use jcache_core::{Arg, Driver, Key, Request, Watch};

use super::compare::{Kind, Outcomes, canonical, same};
use super::subject::{DriverSubject, Subject, borrow, now};
use super::{Generator, TOLERANCE, pool, state};
use crate::args;
use crate::notation::line;
use crate::oracle::{self, RawClient};

type Line = Vec<Vec<u8>>;

/// Plays `plays` random plays on a fresh oracle and on `driver`, which is empty. Skipped when `redis-server` is not
/// installed.
///
/// # Panics
/// At the first difference, with the play and the command that repeats the run.
pub fn transactions<D: Driver>(
    driver: &D,
    runtime: &tokio::runtime::Handle,
    generators: &[Generator],
    plays: usize,
    seed: u64,
) {
    let Some(server) = oracle::redis_or_skip() else { return };
    eprintln!("differential transactions: {plays} plays, JCACHE_SEED={seed}");
    // Nothing expires on its own here: each driver's tests of expiry step the clock.
    pool::set_soon(now().as_i64() + 3_600_000);
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut one, mut other) = (server.client(), server.client());
    for number in 0..plays {
        let play = Play::random(&mut rng, generators);
        let mut subject = DriverSubject::new(driver, runtime.clone());
        let outcome = play.run(&mut one, &mut other, driver, &mut subject, runtime).and_then(|()| {
            let often = if number % 16 == 0 {
                state::compare(&mut other, &mut subject, 10 * TOLERANCE).map(drop)
            } else {
                Ok(())
            };
            often.map_err(|difference| format!("{play}\n{difference}"))
        });
        if let Err(difference) = outcome {
            panic!(
                "differential transactions, play {number}:\n{difference}\nrepeat with: JCACHE_SEED={seed} \
                 JCACHE_DIFF={plays} cargo test -p {} -- {}",
                std::env::var("CARGO_PKG_NAME").unwrap_or_default(),
                std::thread::current().name().unwrap_or_default(),
            );
        }
    }
}

/// What two clients do.
struct Play {
    before: Vec<Line>,
    watched: Vec<Vec<u8>>,
    between: Vec<Line>,
    transaction: Vec<Line>,
}

impl std::fmt::Display for Play {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for args in &self.before {
            writeln!(f, "  {}", line(args))?;
        }
        writeln!(f, "  WATCH {}", line(&self.watched))?;
        for args in &self.between {
            writeln!(f, "  other: {}", line(args))?;
        }
        writeln!(f, "  MULTI")?;
        self.transaction.iter().try_for_each(|args| writeln!(f, "  {}", line(args)))?;
        write!(f, "  EXEC")
    }
}

impl Play {
    fn random(rng: &mut fastrand::Rng, generators: &[Generator]) -> Self {
        let mut some = |most: usize| {
            let count = rng.usize(..=most);
            (0..count).map(|_| command(rng, generators)).collect::<Vec<Line>>()
        };
        let (before, between, transaction) = (some(2), some(2), some(3));
        let watched = (0..rng.usize(..4)).map(|_| pool::key(rng)).collect();
        Self { before, watched, between, transaction }
    }

    fn run<D: Driver>(
        &self,
        one: &mut RawClient,
        other: &mut RawClient,
        driver: &D,
        subject: &mut DriverSubject<'_, D>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<(), String> {
        let wrong = |what: &str, theirs: &dyn std::fmt::Debug, ours: &dyn std::fmt::Debug| {
            Err(format!("{self}\n{what}\n  oracle:  {theirs:?}\n  subject: {ours:?}"))
        };
        let alone = |client: &mut RawClient, subject: &mut DriverSubject<'_, D>, args: &Line| {
            let theirs = client.call(args).and_then(|reply| canonical(args, reply));
            let ours = subject.call(args).and_then(|reply| canonical(args, reply));
            if agree(args, &theirs, &ours) { Ok(()) } else { wrong(&line(args), &theirs, &ours) }
        };
        for args in &self.before {
            alone(one, subject, args)?;
        }
        let mut watch = Watch::new();
        if !self.watched.is_empty() {
            one.call(&[args!["WATCH"], self.watched.clone()].concat())?;
            let keys: Vec<Key<'_>> = self.watched.iter().map(Key::from).collect();
            runtime.block_on(driver.watch(&keys, &mut watch)).map_err(|error| error.to_string())?;
        }
        for args in &self.between {
            alone(other, subject, args)?;
        }
        one.call(&["MULTI"])?;
        for args in &self.transaction {
            one.call(args).map_err(|error| format!("{self}\nnot queued: {error}"))?;
        }
        let theirs = one.call_each(&["EXEC"])?;
        let arguments: Vec<Vec<Arg<'_>>> = self.transaction.iter().map(|args| borrow(args)).collect();
        let requests: Vec<Request<'_>> =
            arguments.iter().map(|args| Request::parse(args).expect("only right ones are played")).collect();
        let ours = runtime.block_on(driver.transact(&requests, watch)).map_err(|error| error.to_string())?;
        let (theirs, ours) = match (theirs, ours) {
            (None, None) => return Ok(()),
            (Some(theirs), Some(ours)) if theirs.len() == ours.len() => (theirs, ours),
            (theirs, ours) => return wrong("the transaction", &theirs, &ours),
        };
        for (args, (theirs, ours)) in self.transaction.iter().zip(theirs.into_iter().zip(ours)) {
            let theirs = theirs.and_then(|reply| canonical(args, reply));
            let ours = ours.map_err(|error| error.message().to_owned()).and_then(|reply| canonical(args, reply));
            if !agree(args, &theirs, &ours) {
                return wrong(&format!("in the transaction: {}", line(args)), &theirs, &ours);
            }
        }
        Ok(())
    }
}

/// A command that both sides take, do not wait for, and carry out alike: no member is picked to be popped.
fn command(rng: &mut fastrand::Rng, generators: &[Generator]) -> Line {
    loop {
        let make = if rng.u8(..100) < 30 { pool::creator } else { generators[rng.usize(..generators.len())] };
        let args = make(rng);
        let waits = Request::parse(&borrow(&args))
            .map(|request| matches!(request, Request::Mutation(it) if it.blocking().is_some()));
        if waits == Ok(false) && Kind::of(&args) != Kind::Pop {
            return args;
        }
    }
}

fn agree(args: &[Vec<u8>], theirs: &Outcomes, ours: &Outcomes) -> bool {
    match Kind::of(args) {
        Kind::Plain => same(args, theirs, ours, 10 * TOLERANCE),
        // What is picked, and what is on a page, each side chooses itself.
        _ => match (theirs, ours) {
            (Ok(theirs), Ok(ours)) => theirs.is_nil() == ours.is_nil(),
            (theirs, ours) => theirs == ours,
        },
    }
}
