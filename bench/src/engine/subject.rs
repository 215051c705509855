//! An engine in a box: what tables do with one, each call a whole loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hdrhistogram::Histogram;

use super::Engine;
use crate::memory::empty_histogram as histogram;
use crate::rounds::{Round, Work};
use crate::work::{Request, VALUE, touch};

/// One operation, for loops that do nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Operation {
    /// A read that finds its key.
    Get,
    /// A write to a key that is there.
    Set,
}

/// What is done with an engine of any kind.
pub trait Subject: Send + Sync {
    /// Puts the keys of the numbers below `count`.
    fn fill(&self, count: u64);

    /// How many entries there are.
    fn entries(&self) -> usize;

    /// Carries out requests on all threads until told to stop.
    fn round(&self, work: &Work<'_>, stop: &AtomicBool) -> Vec<Round>;

    /// Carries out requests one after the other, each miss followed by a write; how many found their key.
    fn replay(&self, requests: &mut dyn Iterator<Item = Request>) -> u64;

    /// One operation again and again, over `requests` in a circle.
    fn spin(&self, operation: Operation, requests: &[Request], count: usize);

    /// Times each of `count` requests, misses followed by a write, in nanoseconds.
    fn latency(&self, requests: &[Request], writes: u8, count: usize) -> Histogram<u64>;

    /// Puts the 20-byte keys of the numbers below `count`.
    fn fill_20(&self, count: u64);
}

impl<E: Engine> Subject for E {
    fn fill(&self, count: u64) {
        (0..count).for_each(|number| self.set(Request::new(number, 0).key(), &VALUE));
    }

    fn entries(&self) -> usize {
        Engine::entries(self)
    }

    fn round(&self, work: &Work<'_>, stop: &AtomicBool) -> Vec<Round> {
        work.on_threads(|stream, start| {
            let mut round = Round::default();
            let begin = Instant::now();
            let mut at = start;
            while !stop.load(Ordering::Relaxed) {
                for request in &stream[at..at + Work::BATCH] {
                    if request.die < work.writes {
                        self.set(request.key(), &VALUE);
                    } else if let Some(value) = self.get(request.key()) {
                        touch(value.as_ref());
                        round.hits += 1;
                    } else {
                        self.set(request.key(), &VALUE);
                        round.misses += 1;
                    }
                }
                round.requests += Work::BATCH as u64;
                at = (at + Work::BATCH) % stream.len();
            }
            round.elapsed = begin.elapsed();
            round
        })
    }

    fn replay(&self, requests: &mut dyn Iterator<Item = Request>) -> u64 {
        let mut hits = 0;
        for request in requests {
            match self.get(request.key()) {
                Some(value) => {
                    touch(value.as_ref());
                    hits += 1;
                }
                None => self.set(request.key(), &VALUE),
            }
        }
        hits
    }

    fn spin(&self, operation: Operation, requests: &[Request], count: usize) {
        for request in requests.iter().cycle().take(count) {
            match operation {
                Operation::Get => touch(self.get(request.key()).expect("a hit").as_ref()),
                Operation::Set => self.set(request.key(), &VALUE),
            }
        }
    }

    fn latency(&self, requests: &[Request], writes: u8, count: usize) -> Histogram<u64> {
        let mut histogram = histogram();
        for request in requests.iter().cycle().take(count) {
            let begin = Instant::now();
            if request.die < writes {
                self.set(request.key(), &VALUE);
            } else if let Some(value) = self.get(request.key()) {
                touch(value.as_ref());
            } else {
                self.set(request.key(), &VALUE);
            }
            histogram.saturating_record(begin.elapsed().as_nanos() as u64);
        }
        histogram
    }

    fn fill_20(&self, count: u64) {
        (0..count).for_each(|number| self.set(&crate::work::key_20(number), &VALUE));
    }
}
