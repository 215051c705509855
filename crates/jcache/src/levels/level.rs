//! One level: a driver with its policy, asked within a deadline and skipped while it is down.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jcache_core::snapshot::FillLimit;
use jcache_core::{Error, ErrorKind, Mutation, Reply, Result, Scope, Timestamp};
use tokio::time::Instant;

use super::erased::DynDriver;
use super::health::{BackOff, Health};
use super::marks::{Due, Marks};
use super::stats::{LevelCounters, LevelStats};
use super::switch::{Mechanism, on};

/// How long a level without a deadline may take where somebody has to give up in the end: for a probe, and for a fill
/// of the authority that a write waits for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A driver at a position in a cache.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) name: Arc<str>,
    pub(crate) driver: Box<dyn DynDriver>,
    pub(crate) scope: Scope,
    /// How long one visit may take, whatever is done in it; `None` for no limit.
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
            // Whoever refuses is there; what it answers to others is as good as before.
            | ErrorKind::Refused
            | ErrorKind::Conversion => Verdict::Answer,
            ErrorKind::Unsupported | ErrorKind::UnknownCommand => Verdict::Skip,
            _ => Verdict::Failure,
        }
    }
}

/// When a visit of a level is over; `None` for never.
pub(super) type Until = Option<Instant>;

/// Waits for `call` until the visit is over.
pub(super) async fn within<T>(until: Until, call: impl Future<Output = T>) -> Option<T> {
    match until {
        None => Some(call.await),
        Some(until) => tokio::time::timeout_at(until, call).await.ok(),
    }
}

impl Level {
    /// Whether a hit here needs no look at health or marks: one load each.
    #[inline]
    pub(super) fn is_clear(&self) -> bool {
        self.health.is_up() && self.marks.is_empty()
    }

    /// Begins a visit: everything that one read or write does here in a row shares the level's deadline.
    pub(super) fn visit(&self) -> Until {
        self.visit_with(Some(Duration::ZERO))
    }

    /// As [`visit`](Self::visit), for a command that itself waits for `patience` (`None`: for ever).
    pub(super) fn visit_with(&self, patience: Option<Duration>) -> Until {
        let allowed = self.deadline.zip(patience).map(|(deadline, patience)| deadline.saturating_add(patience));
        allowed.filter(|_| on(Mechanism::Deadline)).and_then(|allowed| Instant::now().checked_add(allowed))
    }

    /// A visit that ends even when the level has no deadline.
    pub(super) fn short_visit(&self) -> Until {
        // Without a runtime there is no timer, so nothing can end it.
        let timer = tokio::runtime::Handle::try_current().is_ok();
        self.visit().or_else(|| timer.then(|| Instant::now() + PATIENCE))
    }

    /// Waits for `call` until the visit is over, and takes note of the outcome.
    pub(super) async fn ask<T>(&self, until: Until, call: impl Future<Output = Result<T>>) -> Result<T> {
        let result = match within(until, call).await {
            Some(result) => result,
            None => Err(self.too_slow()),
        };
        self.note(result)
    }

    /// Takes note of whether the level is well, and puts its name on the error.
    pub(super) fn note<T>(&self, result: Result<T>) -> Result<T> {
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

    pub(super) fn too_slow(&self) -> Error {
        let text = format!("level '{}' did not answer within {:?}", self.name, self.deadline.unwrap_or(PATIENCE));
        Error::new(ErrorKind::Timeout, text)
    }

    pub(super) fn unavailable(&self, why: &str) -> Error {
        Error::new(ErrorKind::Unavailable, format!("level '{}' {why}", self.name)).at_level(&self.name)
    }

    /// Lets the driver carry out `mutation`.
    pub(super) async fn mutate(&self, until: Until, mutation: &Mutation<'_>) -> Result<Reply> {
        match self.driver.try_mutate(mutation) {
            Some(result) => self.note(result),
            None => self.ask(until, self.driver.mutate(mutation)).await,
        }
    }

    /// How long a probe may take.
    pub(super) fn probe_limit(&self) -> Duration {
        self.deadline.unwrap_or(PATIENCE)
    }

    /// Asks the driver whether it is reachable; the caller holds [`Gate::Probe`](super::health::Gate::Probe).
    pub(super) async fn probe(&self) -> bool {
        /// A probe that is given up half-way counts as failed, or nobody would ever probe again.
        struct Outcome<'l>(&'l Health, bool);
        impl Drop for Outcome<'_> {
            fn drop(&mut self) {
                if self.1 { self.0.probe_succeeded() } else { self.0.probe_failed(Instant::now()) }
            }
        }
        let mut outcome = Outcome(&self.health, false);
        outcome.1 = matches!(within(self.short_visit(), self.driver.probe()).await, Some(Ok(())));
        if outcome.1 {
            tracing::info!(level = %self.name, "level is back");
        }
        outcome.1
    }

    /// Drops what is marked, so that the level may answer for `key` (`None`: for everything) again. Says whether it
    /// may: a key that is being filled has to wait.
    ///
    /// # Errors
    /// The level's, when it could not drop.
    pub(super) async fn settle(&self, until: Until, key: Option<&[u8]>) -> Result<bool> {
        while let Some(due) = self.marks.due(key) {
            let removal = match &due {
                Due::Keys(keys) => Mutation::removal(keys.iter().map(|(key, _)| key.into())),
                Due::Everything(_) => Mutation::clearing(),
                Due::Later => return Ok(false),
            };
            self.mutate(until, &removal).await?;
            self.counters.drops.add(1);
            self.marks.clear(&due);
        }
        Ok(true)
    }

    /// The deadline that a copy of something due at `deadline` gets here.
    pub(super) fn capped(&self, deadline: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        Timestamp::earlier(deadline, self.cap(now))
    }

    /// The latest deadline that anything may have here.
    pub(super) fn cap(&self, now: Timestamp) -> Option<Timestamp> {
        self.ttl_cap.filter(|_| on(Mechanism::Cap)).map(|cap| now.plus(cap))
    }

    pub(super) fn stats(&self, authority: bool) -> LevelStats {
        let LevelCounters { hits, misses, failures, skipped, fills, voided_fills, effects, drops, writes } =
            &self.counters;
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
    driver: Box<dyn DynDriver>,
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
