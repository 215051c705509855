//! What a level owes, and the task that looks after levels that are not well.
//!
//! The task runs only while something is wrong: it probes levels that are down, so that no caller pays for that,
//! repeats queued writes once the authority is back, and drops what copies may not keep, so that other processes do not
//! find it there. It ends when all is well, or when the cache is gone. Without a tokio runtime, or while the one that
//! runs the task stands still, the callers do the same work themselves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jcache_core::Result;
use tokio::time::Instant;

use super::Levels;
use super::health::Gate;
use super::level::{Level, Until, Verdict, within};
use super::switch::{Mechanism, on};

/// How often the task looks while something is wrong.
const TICK: Duration = Duration::from_millis(20);

/// After how long without a look the task counts as standing still.
const STALE: Duration = Duration::from_secs(1);

impl Levels {
    /// Refuses while `level` is down. Only when no task looks after it, this call may have to probe it.
    ///
    /// # Errors
    /// Unavailable.
    pub(super) async fn enter(self: &Arc<Self>, level: &Level) -> Result<()> {
        if level.health.is_up() || !on(Mechanism::HealthGate) {
            return Ok(());
        }
        self.look_after();
        if !self.looked_after() && level.health.gate(Instant::now(), level.probe_limit()) == Gate::Probe {
            level.probe().await;
        }
        if level.health.is_up() {
            return Ok(());
        }
        level.counters.skipped.add(1);
        Err(level.unavailable("is down"))
    }

    /// Whether the maintenance task is running, and its runtime too.
    fn looked_after(&self) -> bool {
        let stale = || self.last_look.lock().is_none_or(|at| at.elapsed() > STALE);
        self.maintenance_runs.load(Ordering::Acquire) && !stale()
    }

    /// Starts the maintenance task when it is not running and there is a runtime to run it.
    pub(super) fn look_after(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.maintenance_runs.swap(true, Ordering::AcqRel) {
            return;
        }
        /// The flag falls when the task ends, however it ends: a runtime that shuts down drops it mid-way.
        struct Running(std::sync::Weak<Levels>);
        impl Drop for Running {
            fn drop(&mut self) {
                if let Some(levels) = self.0.upgrade() {
                    levels.maintenance_runs.store(false, Ordering::Release);
                }
            }
        }
        let running = Running(Arc::downgrade(self));
        *self.last_look.lock() = Some(Instant::now());
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                let Some(levels) = running.0.upgrade() else { return };
                if levels.maintain().await {
                    break;
                }
            }
            let weak = running.0.clone();
            drop(running);
            // Something may have gone wrong between the last look and the fall of the flag.
            if let Some(levels) = weak.upgrade()
                && !levels.is_well()
            {
                levels.look_after();
            }
        });
    }

    pub(super) fn is_well(&self) -> bool {
        self.repairs.is_empty() && self.levels.iter().all(|level| level.is_clear())
    }

    /// One round: probes what is due, repeats what is queued, drops what is marked; says whether all is well.
    async fn maintain(self: &Arc<Self>) -> bool {
        // A failure is counted by the level's health; the next round tries again.
        for level in &self.levels {
            *self.last_look.lock() = Some(Instant::now());
            if level.health.gate(Instant::now(), level.probe_limit()) == Gate::Probe {
                level.probe().await;
            }
            if level.health.is_up() && !level.marks.is_empty() {
                let _ = level.settle(level.short_visit(), None).await;
            }
        }
        *self.last_look.lock() = Some(Instant::now());
        if !self.repairs.is_empty() && self.authority().health.is_up() {
            let _ = self.repair(self.authority().short_visit(), None).await;
        }
        self.is_well()
    }

    /// Does what level `index` owes for `key` (`None`: for everything) before it may answer: drops what is marked
    /// there, and at the authority repeats the writes that it missed.
    ///
    /// # Errors
    /// The level's, when it cannot.
    pub(super) async fn pay_debts(&self, index: usize, until: Until, key: Option<&[u8]>) -> Result<()> {
        if index == self.authority && self.repairs.concerns(key) && on(Mechanism::RepairFirst) {
            self.repair(until, key).await?;
        }
        let level = &self.levels[index];
        if level.settle(until, key).await? { Ok(()) } else { Err(level.unavailable("is being filled")) }
    }

    /// Repeats the queued writes of `key`, or all of them, at the authority.
    async fn repair(&self, until: Until, key: Option<&[u8]>) -> Result<()> {
        if !on(Mechanism::Repair) {
            return Ok(());
        }
        let level = self.authority();
        loop {
            // One turn an entry, so that a caller who waits for his key does not wait for the whole queue.
            let Some(_turn) = within(until, self.repairs.turn.lock()).await else { return Err(level.too_slow()) };
            let Some(repair) = self.repairs.next(key) else { return Ok(()) };
            let mutation = repair.mutation.as_mutation()?;
            // What has expired meanwhile still replaced what the authority holds.
            let due = repair.deadline.is_some_and(|at| at <= self.now());
            let removal = due.then(|| mutation.drop_keys());
            match level.mutate(until, removal.as_ref().unwrap_or(&mutation)).await {
                Ok(_) => self.repairs_done.add(1),
                Err(error) if Verdict::of(&error) == Verdict::Failure => return Err(error),
                // The authority refuses the write for good; so the copies must not keep it.
                Err(error) => {
                    tracing::warn!(level = %level.name, %error, "a queued write was refused");
                    for copy in self.copies() {
                        copy.marks.add(&mutation);
                    }
                    self.repairs.give_up(1);
                }
            }
            self.repairs.done(&repair);
        }
    }
}
