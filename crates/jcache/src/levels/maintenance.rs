//! What a level owes, and the task that looks after levels that are not well.
//!
//! The task runs only while something is wrong: it probes levels that are down, so that no caller pays for that, and
//! repeats queued writes once the authority is back. It ends when all is well, or when the cache is gone. Without a
//! tokio runtime there is no task, and the callers do the same work themselves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jcache_core::{Mutation, Result};

use super::Levels;
use super::health::Gate;
use super::level::{Level, Verdict};

/// How often the task looks while something is wrong.
const TICK: Duration = Duration::from_millis(20);

impl Levels {
    /// Whether the maintenance task is running.
    pub(super) fn looked_after(&self) -> bool {
        self.maintenance_runs.load(Ordering::Acquire)
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

    fn is_well(&self) -> bool {
        self.repairs.is_empty() && self.levels.iter().all(|level| level.health.is_up())
    }

    /// One round: probes what is due, repeats what is queued; says whether all is well.
    async fn maintain(self: &Arc<Self>) -> bool {
        for level in &self.levels {
            if level.health.gate(Instant::now()) == Gate::Probe {
                level.probe().await;
            }
        }
        if !self.repairs.is_empty() && self.authority().health.is_up() {
            // A failure is counted by the level's health; the next round tries again.
            let _ = self.repair(None).await;
        }
        self.is_well()
    }

    /// Does what level `index` owes for `key` (`None`: for everything) before it may answer: drops what is marked
    /// there, and at the authority repeats the writes that it missed.
    ///
    /// # Errors
    /// The level's, when it cannot.
    pub(super) async fn pay_debts(&self, index: usize, key: Option<&[u8]>) -> Result<()> {
        if index == self.authority && self.repairs.concerns(key) {
            self.repair(key).await?;
        }
        self.levels[index].settle(key).await
    }

    /// Repeats the queued writes of `key`, or all of them, at the authority.
    async fn repair(&self, key: Option<&[u8]>) -> Result<()> {
        let level = self.authority();
        loop {
            // One turn an entry, so that a caller who waits for his key does not wait for the whole queue.
            let _turn = self.repairs.turn.lock().await;
            let Some(repair) = self.repairs.next(key) else { return Ok(()) };
            for encoded in &repair.mutations {
                let mutation = encoded.as_mutation()?;
                // What has expired meanwhile still replaced what the authority holds.
                let due = repair.deadline.is_some_and(|at| at <= self.now());
                let removal = due.then(|| mutation.drop_keys());
                match self.repeat(level, removal.as_ref().unwrap_or(&mutation)).await {
                    Ok(()) => {}
                    Err(error) if Verdict::of(&error) == Verdict::Failure => return Err(error),
                    // The authority refuses the write for good; so the copies must not keep it.
                    Err(error) => {
                        tracing::warn!(level = %level.name, %error, "a queued write was refused");
                        for copy in self.copies() {
                            copy.marks.add(&mutation);
                        }
                    }
                }
            }
            self.repairs_done.add(1);
            self.repairs.done(&repair);
        }
    }

    async fn repeat(&self, level: &Level, mutation: &Mutation<'_>) -> Result<()> {
        match level.driver.try_mutate(mutation) {
            Some(result) => result.map(drop),
            None => level.ask(Some(Duration::ZERO), level.driver.mutate(mutation)).await.map(drop),
        }
    }
}
