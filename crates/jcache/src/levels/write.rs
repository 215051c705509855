//! Writes: the authority decides, its reply is the caller's, and the effect goes to the copies.

use std::sync::Arc;
use std::time::Duration;

use jcache_core::{Context, Effect, Error, ErrorKind, Mutation, Reply, Result};

use super::Levels;
use super::fence::WriteGuard;
use super::level::{Level, Verdict};
use super::report::Degraded;

/// What a write learned besides its reply.
#[derive(Debug, Default)]
pub(crate) struct WriteTrace {
    /// Whether the authority decided.
    pub(crate) decided: bool,
    pub(crate) degraded: Vec<Degraded>,
}

/// The copies' state is not known from before the authority is asked until they are done: whoever leaves in between,
/// by an error or by dropping the future, leaves the keys marked.
struct Unsure<'l> {
    levels: &'l Levels,
    mutation: &'l Mutation<'l>,
    armed: bool,
}

impl Drop for Unsure<'_> {
    fn drop(&mut self) {
        if self.armed {
            for copy in self.levels.copies() {
                copy.marks.add(self.mutation);
            }
        }
    }
}

impl Levels {
    /// Carries a mutation out at once when the only level can do that without waiting.
    #[inline]
    pub(crate) fn try_write(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        let [level] = &*self.levels else { return None };
        if self.jitter != 0.0 || !level.health.is_up() {
            return None;
        }
        let result = level.driver.try_mutate(mutation)?;
        level.counters.writes.add(1);
        Some(result)
    }

    /// Writes through the levels.
    pub(crate) async fn write(self: &Arc<Self>, mutation: &Mutation<'_>, trace: &mut WriteTrace) -> Result<Reply> {
        let jittered = if self.jitter == 0.0 { None } else { mutation.scale_ttl(self.jitter_factor()) };
        let mutation = jittered.as_ref().unwrap_or(mutation);
        let context = Context { now: self.now(), seed: 0 };
        let guard = self.fences.begin_write(mutation);
        let mut unsure = Unsure { levels: self, mutation, armed: false };

        match self.decide(mutation, &mut unsure).await {
            Ok(reply) => {
                trace.decided = true;
                let effect = mutation.effect(&reply, context)?;
                self.to_copies(mutation, &effect, &guard, context, trace).await;
                unsure.armed = false;
                Ok(reply)
            }
            Err(error) if Verdict::of(&error) != Verdict::Failure => {
                unsure.armed = false;
                Err(error)
            }
            Err(error) => {
                self.look_after();
                let certain = !error.is_uncertain();
                trace.degraded.push(Degraded { level: self.authority().name.clone(), error: error.clone() });
                if let Some((reply, effect)) = mutation.unasked(context) {
                    let taken = self.to_copies(mutation, &effect, &guard, context, trace).await;
                    if taken > 0 {
                        self.queue_repair(&mutation.absolute(context), context);
                        self.degraded_writes.add(1);
                        unsure.armed = false;
                        return Ok(reply);
                    }
                }
                // Nobody took the write. If the authority certainly did not either, nothing has changed anywhere.
                unsure.armed = unsure.armed && !certain;
                let text = format!("the write was not accepted ({}: {error})", self.authority().name);
                let kind = if error.kind() == ErrorKind::Timeout { ErrorKind::Timeout } else { ErrorKind::Unavailable };
                let refused = Error::new(kind, text).at_level(&self.authority().name).with_source(error);
                Err(if certain { refused } else { refused.uncertain() })
            }
        }
    }

    /// Lets the authority carry the mutation out.
    async fn decide(self: &Arc<Self>, mutation: &Mutation<'_>, unsure: &mut Unsure<'_>) -> Result<Reply> {
        let level = self.authority();
        level.enter(self.looked_after()).await?;
        if !self.repairs.is_empty() || !level.marks.is_empty() {
            let mut keys = Vec::new();
            mutation.visit_keys(|key| keys.push(key.as_bytes()));
            if keys.is_empty() {
                self.pay_debts(self.authority, None).await?;
            }
            for key in keys {
                self.pay_debts(self.authority, Some(key)).await?;
            }
        }
        unsure.armed = true;
        let result = match level.driver.try_mutate(mutation) {
            Some(result) => result,
            None => {
                // A blocking command may take its own timeout on top of the level's deadline.
                let patience = mutation.blocking().map_or(Some(Duration::ZERO), |blocking| blocking.timeout);
                level.ask(patience, level.driver.mutate(mutation)).await
            }
        };
        level.counters.writes.add(1);
        result
    }

    /// Applies the effect to every copy, and returns how many took it.
    async fn to_copies(
        &self,
        mutation: &Mutation<'_>,
        effect: &Effect<'_>,
        guard: &WriteGuard<'_>,
        context: Context,
        trace: &mut WriteTrace,
    ) -> usize {
        if effect.change.is_none() || self.levels.len() == 1 {
            return 0;
        }
        guard.installs_done().await;
        let mut taken = 0;
        for copy in self.copies() {
            let mut result = self.to_copy(copy, mutation, effect, guard.overlapped(), context).await;
            // Another write of the key may have begun since: then nobody knows whose effect came last.
            if result.is_ok() && guard.overlapped() {
                result = self.to_copy(copy, mutation, effect, true, context).await;
            }
            match result {
                Ok(()) => taken += 1,
                Err(error) => {
                    copy.marks.add(mutation);
                    trace.degraded.push(Degraded { level: copy.name.clone(), error });
                }
            }
        }
        taken
    }

    async fn to_copy(
        &self,
        copy: &Level,
        mutation: &Mutation<'_>,
        effect: &Effect<'_>,
        overlapped: bool,
        context: Context,
    ) -> Result<()> {
        copy.enter(self.looked_after()).await?;
        let mut marked = false;
        if !copy.marks.is_empty() {
            mutation.visit_keys(|key| marked = marked || copy.marks.find(Some(key)).is_some());
            marked = marked || mutation.first_key().is_none();
        }
        if overlapped || marked {
            // The marks stay until a read settles them: dropping twice is safe, forgetting one is not.
            let removal = mutation.drop_keys();
            copy.counters.drops.add(1);
            return match copy.driver.try_mutate(&removal) {
                Some(result) => result.map(drop),
                None => copy.ask(Some(Duration::ZERO), copy.driver.mutate(&removal)).await.map(drop),
            };
        }
        copy.ask(Some(Duration::ZERO), copy.driver.apply(effect, copy.cap(context.now))).await?;
        copy.counters.effects.add(1);
        Ok(())
    }

    /// Remembers a blind write for the authority, key by key.
    fn queue_repair(self: &Arc<Self>, mutation: &Mutation<'_>, context: Context) {
        let parts = mutation.parts();
        let single = [mutation.clone()];
        for part in parts.as_deref().unwrap_or(&single) {
            let Some((_, effect)) = part.unasked(context) else { continue };
            let deadline = effect.change.as_ref().and_then(Mutation::deadline);
            for key in self.repairs.push(&effect, deadline) {
                for copy in self.copies() {
                    copy.marks.add_key(&key);
                }
            }
        }
        self.look_after();
    }

    /// Voids fills of `key` that are on their way and makes every copy drop it before it answers for it again.
    pub(crate) fn invalidate(&self, key: &[u8]) {
        for copy in self.copies() {
            copy.marks.add_key(key);
        }
        // After the marks: a fill that still passes is dropped by them, a later one reads what is there now.
        self.fences.void(key);
    }

    /// A factor between `1 - jitter` and `1 + jitter`, another one at each call.
    fn jitter_factor(&self) -> f64 {
        1.0 + self.jitter * (fastrand::f64() * 2.0 - 1.0)
    }
}
