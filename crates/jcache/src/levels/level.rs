//! One level: a driver with its policy, asked within a deadline and skipped while it is down.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jcache_core::snapshot::FillLimit;
use jcache_core::{Error, ErrorKind, Mutation, Result, Scope, Timestamp};

use super::erased::DynDriver;
use super::health::{BackOff, Gate, Health};
use super::marks::{Mark, Marks};
use super::stats::{LevelCounters, LevelStats};

/// A driver at a position in a cache.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) name: Arc<str>,
    pub(crate) driver: Arc<dyn DynDriver>,
    pub(crate) scope: Scope,
    /// How long one call may take; `None` for no limit.
    pub(crate) deadline: Option<Duration>,
    /// How long a copy may live here.
    pub(crate) ttl_cap: Option<Duration>,
    /// Whether reads may fill this level.
    pub(crate) fill: bool,
    pub(crate) limit: FillLimit,
    pub(crate) health: Health,
    pub(crate) marks: Marks,
    pub(crate) counters: LevelCounters,
}

/// What an error of a level means for the levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The level answered: the command is wrong, or wrong for what the key holds.
    Answer,
    /// This level does not do this; ask the next one.
    Skip,
    /// The level is not well.
    Failure,
}

impl Verdict {
    pub(super) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::WrongType
            | ErrorKind::Invalid
            | ErrorKind::Arity
            | ErrorKind::TooLarge
            | ErrorKind::OutOfMemory
            | ErrorKind::CrossSlot
            | ErrorKind::Conversion => Verdict::Answer,
            ErrorKind::Unsupported | ErrorKind::UnknownCommand => Verdict::Skip,
            _ => Verdict::Failure,
        }
    }
}

impl Level {
    /// Whether a hit here needs no look at health or marks: one load each.
    #[inline]
    pub(super) fn is_clear(&self) -> bool {
        self.health.is_up() && self.marks.is_empty()
    }

    /// Waits for `call` within the level's deadline (plus `patience`, for commands that wait themselves; `None` for
    /// ever) and takes note of the outcome.
    pub(super) async fn ask<T>(
        &self,
        patience: Option<Duration>,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let allowed = self.deadline.zip(patience).map(|(deadline, patience)| deadline.saturating_add(patience));
        let result = match allowed {
            None => call.await,
            Some(allowed) => match tokio::time::timeout(allowed, call).await {
                Ok(result) => result,
                Err(_) => {
                    let text = format!("level '{}' did not answer within {allowed:?}", self.name);
                    Err(Error::new(ErrorKind::Timeout, text))
                }
            },
        };
        match result {
            Ok(value) => {
                self.health.succeeded();
                Ok(value)
            }
            Err(error) => {
                if Verdict::of(&error) == Verdict::Failure {
                    self.counters.failures.add(1);
                    if self.health.failed(Instant::now()) {
                        tracing::warn!(level = %self.name, %error, "level is down");
                    }
                } else {
                    self.health.succeeded();
                }
                Err(error.at_level(&self.name))
            }
        }
    }

    /// Refuses while the level is down. When its back-off has passed and no task looks after it, this call probes it.
    ///
    /// # Errors
    /// Unavailable.
    pub(super) async fn enter(&self, looked_after: bool) -> Result<()> {
        if self.health.is_up() {
            return Ok(());
        }
        if !looked_after && self.health.gate(Instant::now()) == Gate::Probe {
            if self.probe().await {
                return Ok(());
            }
        } else if self.health.is_up() {
            return Ok(());
        }
        self.counters.skipped.add(1);
        Err(Error::new(ErrorKind::Unavailable, format!("level '{}' is down", self.name)).at_level(&self.name))
    }

    /// Asks the driver whether it is reachable; the caller holds [`Gate::Probe`].
    pub(super) async fn probe(&self) -> bool {
        /// A probe that is given up half-way counts as failed, or nobody would ever probe again.
        struct Outcome<'l>(&'l Health, bool);
        impl Drop for Outcome<'_> {
            fn drop(&mut self) {
                if self.1 { self.0.probe_succeeded() } else { self.0.probe_failed(Instant::now()) }
            }
        }
        let mut outcome = Outcome(&self.health, false);
        let limit = self.deadline.unwrap_or(Duration::from_secs(1));
        outcome.1 = matches!(tokio::time::timeout(limit, self.driver.probe()).await, Ok(Ok(())));
        if outcome.1 {
            tracing::info!(level = %self.name, "level is back");
        }
        outcome.1
    }

    /// Drops what the mark says, so that the level may answer for `key` (`None`: for everything) again.
    ///
    /// # Errors
    /// The level's, when it could not drop.
    pub(super) async fn settle(&self, key: Option<&[u8]>) -> Result<()> {
        while let Some(mark) = self.marks.find(key) {
            let target = match mark {
                Mark::Key(_) => key,
                Mark::Everything(_) => None,
            };
            let removal = Mutation::removal(target.map(Into::into));
            match self.driver.try_mutate(&removal) {
                Some(result) => result.map(drop)?,
                None => self.ask(Some(Duration::ZERO), self.driver.mutate(&removal)).await.map(drop)?,
            }
            self.counters.drops.add(1);
            self.marks.clear(key.unwrap_or_default(), mark);
        }
        Ok(())
    }

    /// The deadline that a copy of something due at `deadline` gets here.
    pub(super) fn capped(&self, deadline: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        Timestamp::earlier(deadline, self.cap(now))
    }

    /// The latest deadline that anything may have here.
    pub(super) fn cap(&self, now: Timestamp) -> Option<Timestamp> {
        self.ttl_cap.map(|cap| now.plus(cap))
    }

    pub(super) fn stats(&self, authority: bool) -> LevelStats {
        let LevelCounters { hits, misses, failures, skipped, fills, voided_fills, effects, drops, writes } = &self.counters;
        LevelStats {
            name: self.name.to_string(),
            authority,
            health: self.health.state(),
            hits: hits.get(),
            misses: misses.get(),
            failures: failures.get(),
            skipped: skipped.get(),
            fills: fills.get(),
            voided_fills: voided_fills.get(),
            effects: effects.get(),
            drops: drops.get(),
            writes: writes.get(),
            marked: self.marks.len(),
        }
    }
}

/// A level that was never asked.
pub(crate) fn new_level(
    name: String,
    driver: Arc<dyn DynDriver>,
    deadline: Option<Duration>,
    ttl_cap: Option<Duration>,
    fill: bool,
    limit: FillLimit,
) -> Level {
    let back_off = BackOff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };
    Level {
        name: name.into(),
        scope: driver.scope(),
        driver,
        deadline,
        ttl_cap,
        fill,
        limit,
        health: Health::new(back_off),
        marks: Marks::default(),
        counters: LevelCounters::default(),
    }
}
