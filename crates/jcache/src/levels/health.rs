//! Whether a level is worth asking: up, down for a while, or to be probed.
//!
//! After [`FAILURES`] failures in a row a level is down: it is skipped at no cost until its back-off has passed. Then
//! one caller may probe it while the others still skip it. The back-off doubles with every probe after which the level
//! was not well, whether the probe failed or the calls after it did.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Failures in a row after which a level counts as down.
pub(crate) const FAILURES: u32 = 3;

/// The state of a level as operators see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HealthState {
    /// It is asked.
    Up,
    /// It is skipped until its back-off has passed.
    Down,
    /// Its back-off has passed and one caller is finding out.
    Probing,
}

/// How long a level that is down is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BackOff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

#[derive(Debug)]
pub(crate) struct Health {
    back_off: BackOff,
    /// Mirrors `state.down_until.is_some()`, so that asking a healthy level takes no lock.
    down: AtomicBool,
    /// Whether a success has anything to put right, so that it takes no lock otherwise.
    troubled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failures: u32,
    wait: Duration,
    down_until: Option<Instant>,
    /// Until when the probe of one caller keeps the others from probing. It ends by itself: a caller whose runtime
    /// stands still must not keep the level down for ever.
    probing: Option<Instant>,
}

/// What to do about a level.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Ask it.
    Open,
    /// Skip it.
    Closed,
    /// This caller is the one to probe it, and must report the outcome.
    Probe,
}

impl Health {
    pub(crate) fn new(back_off: BackOff) -> Self {
        let state = State { failures: 0, wait: back_off.first, down_until: None, probing: None };
        Self { back_off, down: AtomicBool::new(false), troubled: AtomicBool::new(false), state: Mutex::new(state) }
    }

    #[inline]
    pub(crate) fn is_up(&self) -> bool {
        !self.down.load(Ordering::Acquire)
    }

    pub(crate) fn state(&self) -> HealthState {
        let state = self.state.lock();
        match state.down_until {
            None => HealthState::Up,
            Some(_) if state.probing.is_some() => HealthState::Probing,
            Some(_) => HealthState::Down,
        }
    }

    /// Whether to ask the level at `now`; a probe is over within `limit`.
    pub(crate) fn gate(&self, now: Instant, limit: Duration) -> Gate {
        if self.is_up() {
            return Gate::Open;
        }
        let mut state = self.state.lock();
        match state.down_until {
            None => Gate::Open,
            Some(until) if now < until || state.probing.is_some_and(|end| now < end) => Gate::Closed,
            Some(_) => {
                state.probing = Some(now + limit * 2);
                Gate::Probe
            }
        }
    }

    /// The level answered.
    #[inline]
    pub(crate) fn succeeded(&self) {
        if !self.troubled.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock();
        *state = State { failures: 0, wait: self.back_off.first, down_until: None, probing: None };
        self.down.store(false, Ordering::Release);
        self.troubled.store(false, Ordering::Relaxed);
    }

    /// The level failed, or was too slow. Says whether it went down just now.
    pub(crate) fn failed(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        self.troubled.store(true, Ordering::Relaxed);
        state.failures = state.failures.saturating_add(1);
        if state.down_until.is_some() || state.failures < FAILURES {
            return false;
        }
        state.down_until = Some(now + state.wait);
        self.down.store(true, Ordering::Release);
        true
    }

    /// A probe answered: the level is asked again, but the next failure puts it down at once, and for longer.
    pub(crate) fn probe_succeeded(&self) {
        let mut state = self.state.lock();
        state.failures = FAILURES - 1;
        state.wait = (state.wait * 2).min(self.back_off.longest);
        state.down_until = None;
        state.probing = None;
        self.down.store(false, Ordering::Release);
    }

    /// A probe failed, or was given up: wait twice as long.
    pub(crate) fn probe_failed(&self, now: Instant) {
        let mut state = self.state.lock();
        if state.down_until.is_some() {
            state.wait = (state.wait * 2).min(self.back_off.longest);
            state.down_until = Some(now + state.wait);
            state.probing = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(10);

    fn health() -> Health {
        Health::new(BackOff { first: Duration::from_millis(100), longest: Duration::from_millis(300) })
    }

    #[test]
    fn goes_down_after_failures_in_a_row_and_is_probed_by_one() {
        let (health, t0) = (health(), Instant::now());
        assert!(!health.failed(t0));
        health.succeeded();
        assert!(!health.failed(t0));
        assert!(!health.failed(t0));
        assert!(health.is_up());
        assert!(health.failed(t0));
        assert_eq!(health.gate(t0, LIMIT), Gate::Closed);
        let later = t0 + Duration::from_millis(100);
        assert_eq!(health.gate(later, LIMIT), Gate::Probe);
        assert_eq!(health.gate(later, LIMIT), Gate::Closed, "one caller probes");
        health.probe_failed(later);
        assert_eq!(health.gate(later + Duration::from_millis(199), LIMIT), Gate::Closed, "twice as long");
        assert_eq!(health.gate(later + Duration::from_millis(200), LIMIT), Gate::Probe);
        health.probe_succeeded();
        assert!(health.is_up());
        assert!(health.failed(later), "after a probe one failure is enough");
        assert_eq!(health.gate(later + Duration::from_millis(299), LIMIT), Gate::Closed, "and the wait is longer");
    }

    #[test]
    fn a_probe_that_never_ends_does_not_keep_others_from_probing() {
        let (health, t0) = (health(), Instant::now());
        for _ in 0..FAILURES {
            health.failed(t0);
        }
        let later = t0 + Duration::from_millis(100);
        assert_eq!(health.gate(later, LIMIT), Gate::Probe);
        assert_eq!(health.gate(later + LIMIT, LIMIT), Gate::Closed);
        assert_eq!(health.gate(later + LIMIT * 2, LIMIT), Gate::Probe);
    }

    #[test]
    fn back_off_is_bounded_and_starts_again_after_success() {
        let (health, mut now) = (health(), Instant::now());
        for _ in 0..FAILURES {
            health.failed(now);
        }
        for wait in [100, 200, 300, 300] {
            now += Duration::from_millis(wait);
            assert_eq!(health.gate(now, LIMIT), Gate::Probe, "after {wait} ms");
            health.probe_failed(now);
        }
        health.probe_succeeded();
        health.succeeded();
        assert_eq!(health.state(), HealthState::Up);
        for _ in 0..FAILURES {
            health.failed(now);
        }
        assert_eq!(health.gate(now + Duration::from_millis(100), LIMIT), Gate::Probe, "the first wait again");
    }
}
