//! How long commands take, for the slow log, the spikes of `LATENCY`, and its histograms.
//!
//! For the first two a clock is read once a command, and the kernel's coarse one where it is fine enough: it is a few
//! milliseconds off and costs a fraction of the other. For histograms a sample of the commands is measured precisely.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jcache_core::Arg;
use rustix::time::{ClockId, clock_gettime};

use crate::command;
use crate::latency::SAMPLE;
use crate::session::Session;
use crate::shared::Settings;

/// From here on, in microseconds, a threshold is far enough above the coarse clock's tick.
const COARSE_FROM: u64 = 8_000;

pub(crate) struct Stopwatch {
    /// Nanoseconds; never when both are off.
    threshold: u64,
    clock: ClockId,
    last: u64,
    /// When the command began that is measured; 0 when this one is not.
    begun: u64,
}

impl Stopwatch {
    #[inline]
    pub(crate) fn start(settings: &Settings) -> Self {
        let slow = u64::try_from(settings.slow_micros.load(Ordering::Relaxed)).unwrap_or(u64::MAX);
        let spike = match settings.spike_millis.load(Ordering::Relaxed) {
            0 => u64::MAX,
            millis => millis.saturating_mul(1000),
        };
        let micros = slow.min(spike);
        let clock = if micros >= COARSE_FROM { COARSE } else { ClockId::Monotonic };
        let threshold = micros.saturating_mul(1000);
        let last = if threshold == u64::MAX { 0 } else { now(clock) };
        Self { threshold, clock, last, begun: 0 }
    }

    /// A command begins.
    #[inline]
    pub(crate) fn begin(&mut self, session: &mut Session) {
        let number = session.measured;
        session.measured = number.wrapping_add(1);
        self.begun = if number.is_multiple_of(SAMPLE) { self.choose(session) } else { 0 };
    }

    #[cold]
    fn choose(&self, session: &Session) -> u64 {
        if session.shared.settings.tracks_latency.load(Ordering::Relaxed) { now(ClockId::Monotonic) } else { 0 }
    }

    /// A command is done.
    #[inline]
    pub(crate) fn lap(&mut self, session: &Session, args: &[Arg<'_>]) {
        if self.begun != 0 {
            measured(session, args, Duration::from_nanos(now(ClockId::Monotonic) - self.begun));
        }
        if self.threshold == u64::MAX {
            return;
        }
        let now = now(self.clock);
        let took = now - std::mem::replace(&mut self.last, now);
        if took >= self.threshold {
            note(session, args, Duration::from_nanos(took));
        }
    }
}

#[cfg(target_os = "linux")]
const COARSE: ClockId = ClockId::MonotonicCoarse;
#[cfg(not(target_os = "linux"))]
const COARSE: ClockId = ClockId::Monotonic;

#[inline]
fn now(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// A command that waited is done.
pub(crate) fn waited(session: &Session, args: &[Arg<'_>], took: Duration) {
    measured(session, args, took);
    note(session, args, took);
}

/// Counts a command among those that were measured.
#[cold]
pub(crate) fn measured(session: &Session, args: &[Arg<'_>], took: Duration) {
    let tracks = session.shared.settings.tracks_latency.load(Ordering::Relaxed);
    if tracks && let Ok(command) = command::resolve(args) {
        session.shared.latencies.add(command.place, took);
    }
}

/// Remembers a command that may have been slow.
#[cold]
fn note(session: &Session, args: &[Arg<'_>], took: Duration) {
    let settings = &session.shared.settings;
    let slow = u128::try_from(settings.slow_micros.load(Ordering::Relaxed)).ok();
    if slow.is_some_and(|slow| took.as_micros() >= slow) {
        let most = settings.limits.read().slow_entries;
        session.shared.slow.add(args, took, &session.client, most);
    }
    let spike = settings.spike_millis.load(Ordering::Relaxed);
    if spike > 0 && took.as_millis() >= u128::from(spike) {
        session.shared.slow.spike(took);
    }
}
