//! How throughput is timed: short rounds in which every engine has its turn, so that what disturbs the machine disturbs
//! all of them, and ratios are taken within a round.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::engine::Subject;
use crate::work::Request;

/// How many rounds a figure rests on.
pub const ROUNDS: usize = 7;

/// What one thread did in one round.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    /// Requests carried out.
    pub requests: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not, each followed by a write.
    pub misses: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// What all threads do in one round.
#[derive(Debug)]
pub struct Work<'a> {
    /// A stream of requests for each thread, of a length that [`BATCH`](Work::BATCH) divides.
    pub streams: &'a [Vec<Request>],
    /// How many of a hundred requests are writes.
    pub writes: u8,
    /// Which round it is: each starts elsewhere in the streams.
    pub number: usize,
}

impl Work<'_> {
    /// Requests between two looks at whether to stop.
    pub const BATCH: usize = 64;

    /// Runs `run` on as many threads as there are streams, all started together; tells each its stream and where in it
    /// to start.
    pub fn on_threads(&self, run: impl Fn(&[Request], usize) -> Round + Sync) -> Vec<Round> {
        let barrier = Barrier::new(self.streams.len());
        thread::scope(|scope| {
            let spawn = |stream| {
                let (run, barrier, number) = (&run, &barrier, self.number);
                scope.spawn(move || {
                    let stream: &Vec<Request> = stream;
                    let batches = stream.len() / Self::BATCH;
                    barrier.wait();
                    run(stream, number * 7919 % batches * Self::BATCH)
                })
            };
            let handles: Vec<_> = self.streams.iter().map(spawn).collect();
            handles.into_iter().map(|handle| handle.join().expect("no engine panics")).collect()
        })
    }
}

/// The figures of one engine, one for each round.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Millions of requests a second, of all threads together.
    pub rates: Vec<f64>,
    hits: u64,
    misses: u64,
}

impl Series {
    /// Which part of the reads found their key.
    pub fn hit_ratio(&self) -> f64 {
        self.hits as f64 / (self.hits + self.misses).max(1) as f64
    }
}

/// Gives every subject its turn in every round; each round begins with another one.
pub fn interleave(subjects: &[&dyn Subject], streams: &[Vec<Request>], writes: u8, turn: Duration) -> Vec<Series> {
    let mut all = vec![Series::default(); subjects.len()];
    // The first round only warms up.
    for number in 0..=ROUNDS {
        for index in (0..subjects.len()).map(|index| (index + number) % subjects.len()) {
            let rounds = timed(subjects[index], &Work { streams, writes, number }, turn);
            if number > 0 {
                let rate = |round: &Round| round.requests as f64 / round.elapsed.as_secs_f64() / 1e6;
                all[index].rates.push(rounds.iter().map(rate).sum());
                all[index].hits += rounds.iter().map(|round| round.hits).sum::<u64>();
                all[index].misses += rounds.iter().map(|round| round.misses).sum::<u64>();
            }
        }
    }
    all
}

fn timed(subject: &dyn Subject, work: &Work<'_>, turn: Duration) -> Vec<Round> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let running = scope.spawn(|| subject.round(work, &stop));
        thread::sleep(turn);
        stop.store(true, Ordering::Relaxed);
        running.join().expect("no engine panics")
    })
}

/// The middle of some figures, and the least and greatest.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of figures.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        Self { median: at(sorted.len() / 2), min: at(0), max: at(sorted.len().saturating_sub(1)) }
    }

    /// Of the ratios of figures taken in the same rounds.
    pub fn of_ratios(figures: &[f64], to: &[f64]) -> Self {
        Self::of(figures.iter().zip(to).map(|(figure, to)| figure / to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_of_the_figures() {
        let spread = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.0, 3.0));
        let ratios = Spread::of_ratios(&[2.0, 9.0, 4.0], &[1.0, 3.0, 2.0]);
        assert_eq!((ratios.min, ratios.median, ratios.max), (2.0, 2.0, 3.0));
    }
}
