//! What all clients saw, on one clock: the history that the checkers judge.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jcache_testkit::check::lifetime::{Life, Look};
use jcache_testkit::history::{Intent, Moment, Operation, Outcome};

/// The history, as it grows.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    operations: Vec<Operation>,
    /// Which of them have no outcome yet, not even an unknown one.
    open: BTreeSet<usize>,
    lives: Vec<Life>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { start: Instant::now(), inner: Mutex::default() }
    }
}

impl Recorder {
    /// Microseconds since the start.
    pub fn now(&self) -> Moment {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(Moment::MAX)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An operation begins now; gives its place.
    pub(crate) fn begin(&self, mut operation: Operation) -> usize {
        let mut inner = self.inner();
        // Under the lock, so that the order of the list is the order of beginning.
        operation.invoked = self.now();
        inner.operations.push(operation);
        let place = inner.operations.len() - 1;
        inner.open.insert(place);
        place
    }

    /// It ended.
    pub(crate) fn end(&self, place: usize, outcome: Outcome) {
        let mut inner = self.inner();
        inner.operations[place].outcome = outcome;
        inner.open.remove(&place);
    }

    /// A key is written that is to live so many microseconds; gives its place.
    pub(crate) fn born(&self, name: String, lives: u64) -> usize {
        let mut inner = self.inner();
        inner.lives.push(Life { name, invoked: self.now(), lives, ..Life::default() });
        inner.lives.len() - 1
    }

    /// The write of the key was acknowledged now.
    pub(crate) fn lives(&self, place: usize) {
        let now = self.now();
        self.inner().lives[place].acknowledged = Some(now);
    }

    /// Somebody looked at the key.
    pub(crate) fn looked(&self, place: usize, look: Look) {
        self.inner().lives[place].looks.push(look);
    }

    /// The name of one of the newest `most` keys with a deadline, and its place.
    pub(crate) fn mortal(&self, random: usize, most: usize) -> Option<(usize, String)> {
        let inner = self.inner();
        let place = inner.lives.len().checked_sub(1 + random % most)?;
        Some((place, inner.lives[place].name.clone()))
    }

    /// Runs `f` on the history so far.
    pub fn with<T>(&self, f: impl FnOnce(&[Operation], &[Life]) -> T) -> T {
        let inner = self.inner();
        f(&inner.operations, &inner.lives)
    }

    /// When the first write that was called at `since` or later was acknowledged for good.
    pub fn accepted(&self, since: Moment) -> Option<Moment> {
        self.with(|operations, _| writes(operations, since).filter_map(kept_at).min())
    }

    /// Waits until every call that began before `until` has ended, one way or the other: as long as clients have patience.
    pub fn settle(&self, until: Moment) {
        let open = || {
            let inner = self.inner();
            inner.open.first().is_some_and(|place| inner.operations[*place].invoked < until)
        };
        while open() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The longest time within `since..until` in which no write was acknowledged, in microseconds.
    pub fn longest_gap(&self, since: Moment, until: Moment) -> u64 {
        self.with(|operations, _| {
            // A call may last: those that began earlier may have ended here.
            let early = since.saturating_sub(10_000_000);
            let mut moments: Vec<Moment> =
                writes(operations, early).filter_map(kept_at).filter(|at| (since..until).contains(at)).collect();
            moments.extend([since, until]);
            moments.sort_unstable();
            moments.array_windows().map(|[a, b]| b - a).max().unwrap_or(0)
        })
    }
}

/// The writes that began at `since` or later.
pub(crate) fn writes(operations: &[Operation], since: Moment) -> impl Iterator<Item = &Operation> {
    let first = operations.partition_point(|it| it.invoked < since);
    operations[first..].iter().filter(|it| it.intent != Intent::Read)
}

/// When a write was acknowledged for good, if it was.
pub(crate) fn kept_at(operation: &Operation) -> Option<Moment> {
    match &operation.outcome {
        Outcome::Returned(at, Ok(_)) if operation.is_kept() => Some(*at),
        _ => None,
    }
}
