//! Writes: the authority decides, its reply is the caller's, and the effect goes to the copies.

use std::sync::Arc;

use jcache_core::effect::Reach;
use jcache_core::{Context, Effect, Error, ErrorKind, Mutation, Reply, Result, Scope};

use super::Levels;
use super::fence::WriteGuard;
use super::level::{Level, Verdict, within};
use super::report::Degraded;
use super::switch::{Mechanism, elsewhere, on};

/// What a write learned besides its reply.
#[derive(Debug, Default)]
pub(crate) struct WriteTrace {
    /// Whether the authority decided.
    pub(crate) decided: bool,
    pub(crate) degraded: Vec<Degraded>,
}

/// The copies' state is not known from before a level is changed until all are: whoever leaves in between, by an error
/// or by dropping the future, leaves the keys marked.
pub(super) struct Unsure<'l> {
    pub(super) levels: &'l Arc<Levels>,
    pub(super) mutation: &'l Mutation<'l>,
    pub(super) armed: bool,
}

impl Drop for Unsure<'_> {
    fn drop(&mut self) {
        if self.armed && on(Mechanism::MarksOnCancel) {
            for copy in self.levels.copies() {
                copy.marks.add(self.mutation);
            }
            self.levels.look_after();
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
        #[cfg(test)]
        if !on(Mechanism::Authority) {
            return super::tests::every_level_decides(self, mutation).await;
        }
        let context = Context { now: self.now(), seed: 0 };
        let guard = self.fences.begin_write(mutation);
        // Declared after the guard: dropped before it, so that the marks are there when the fence falls.
        let mut unsure = Unsure { levels: self, mutation, armed: false };

        match self.decide(mutation, &mut unsure).await {
            Ok(reply) => {
                trace.decided = true;
                let effect = mutation.effect(&reply, context)?;
                elsewhere().await;
                self.to_copies(mutation, &effect, &guard, context, trace).await;
                unsure.armed = false;
                Ok(reply)
            }
            Err(error) if Verdict::of(&error) != Verdict::Failure => {
                unsure.armed = unsure.armed && error.is_uncertain();
                Err(error)
            }
            Err(error) => {
                let uncertain = unsure.armed && error.is_uncertain();
                self.look_after();
                trace.degraded.push(Degraded { level: self.authority().name.clone(), error: error.clone() });
                if let Some((reply, effect)) = mutation.unasked(context) {
                    // Until the write is queued, no copy may keep it.
                    unsure.armed = true;
                    let taken = self.to_copies(mutation, &effect, &guard, context, trace).await;
                    if taken > 0 {
                        self.queue_repair(&mutation.absolute(context), context);
                        self.degraded_writes.add(1);
                        unsure.armed = false;
                        return Ok(reply);
                    }
                }
                // Nobody took the write. If the authority certainly did not either, nothing has changed anywhere.
                unsure.armed = uncertain;
                Err(self.refused(error, uncertain))
            }
        }
    }

    pub(super) fn refused(&self, error: Error, uncertain: bool) -> Error {
        let name = &self.authority().name;
        let text = format!("the write was not accepted ({name}: {error})");
        let kind = if error.kind() == ErrorKind::Timeout { ErrorKind::Timeout } else { ErrorKind::Unavailable };
        let refused = Error::new(kind, text).at_level(name).with_source(error);
        if uncertain { refused.uncertain() } else { refused }
    }

    /// Lets the authority carry the mutation out. `unsure` is armed once it may have.
    async fn decide(self: &Arc<Self>, mutation: &Mutation<'_>, unsure: &mut Unsure<'_>) -> Result<Reply> {
        let level = self.authority();
        self.enter(level).await?;
        let until = level.visit();
        if !self.repairs.is_empty() {
            let mut keys = Vec::new();
            mutation.visit_keys(|key| keys.push(key.as_bytes()));
            if keys.is_empty() {
                self.pay_debts(self.authority, until, None).await?;
            }
            for key in keys {
                self.pay_debts(self.authority, until, Some(key)).await?;
            }
        }
        self.no_fills(mutation).await?;
        elsewhere().await;
        unsure.armed = true;
        // A blocking command may take its own timeout on top of the level's deadline.
        let until = mutation.blocking().map_or(until, |blocking| level.visit_with(blocking.timeout));
        let reply = level.mutate(until, mutation).await?;
        level.counters.writes.add(1);
        Ok(reply)
    }

    /// Waits for fills of the authority: none must land on top of this write.
    pub(super) async fn no_fills(&self, mutation: &Mutation<'_>) -> Result<()> {
        let level = self.authority();
        if level.scope == Scope::Process && level.marks.filling(mutation) {
            let done = within(level.short_visit(), level.marks.fills_done(mutation)).await;
            done.ok_or_else(|| level.unavailable("is being filled"))?;
        }
        Ok(())
    }

    /// Applies the effect to every copy, and returns how many took it.
    pub(super) async fn to_copies(
        self: &Arc<Self>,
        mutation: &Mutation<'_>,
        effect: &Effect<'_>,
        guard: &WriteGuard<'_>,
        context: Context,
        trace: &mut WriteTrace,
    ) -> usize {
        if effect.change.is_none() && on(Mechanism::Effect) {
            return 0;
        }
        let mut taken = 0;
        for copy in self.copies() {
            match self.to_copy(copy, mutation, effect, guard, context).await {
                Ok(()) => taken += 1,
                Err(error) => {
                    if on(Mechanism::MarksOnFailure) {
                        copy.marks.add(mutation);
                    }
                    self.look_after();
                    trace.degraded.push(Degraded { level: copy.name.clone(), error });
                }
            }
        }
        taken
    }

    /// Applies the effect to a copy, or drops the keys there when that is not safe.
    async fn to_copy(
        self: &Arc<Self>,
        copy: &Level,
        mutation: &Mutation<'_>,
        effect: &Effect<'_>,
        guard: &WriteGuard<'_>,
        context: Context,
    ) -> Result<()> {
        self.enter(copy).await?;
        let until = copy.visit();
        if on(Mechanism::FillsOvertaken) && copy.marks.overtake(mutation) {
            self.look_after();
            return Ok(());
        }
        if !copy.marks.is_empty() {
            let mut keys = Vec::new();
            mutation.visit_keys(|key| keys.push(key.as_bytes()));
            for key in keys {
                if !copy.settle(until, Some(key)).await? {
                    return Ok(());
                }
            }
        }
        if !guard.overlapped() {
            elsewhere().await;
            let effect = &tampered(effect, mutation);
            copy.ask(until, copy.driver.apply(effect, copy.cap(context.now))).await?;
            copy.counters.effects.add(1);
            // Another write of the key may have begun since: then nobody knows whose effect came last.
            if !guard.overlapped() {
                return Ok(());
            }
        }
        copy.mutate(until, &mutation.drop_keys()).await?;
        copy.counters.drops.add(1);
        Ok(())
    }

    /// Remembers a blind write for the authority, key by key.
    fn queue_repair(self: &Arc<Self>, mutation: &Mutation<'_>, context: Context) {
        let parts = mutation.parts();
        let single = [mutation.clone()];
        for part in parts.as_deref().unwrap_or(&single) {
            let Some((_, effect)) = part.unasked(context) else { continue };
            for key in self.repairs.push(&effect) {
                for copy in self.copies() {
                    copy.marks.add_key(&key);
                }
            }
        }
        self.look_after();
    }

    /// Voids fills of `key` that are on their way and makes every copy drop it before it answers for it again.
    pub(crate) fn invalidate(self: &Arc<Self>, key: &[u8]) {
        for copy in self.copies() {
            copy.marks.add_key(key);
        }
        // After the marks: a fill that still passes is dropped by them, a later one reads what is there now.
        self.fences.void(key);
        self.look_after();
    }

    /// A factor between `1 - jitter` and `1 + jitter`, another one at each call.
    pub(super) fn jitter_factor(&self) -> f64 {
        1.0 + self.jitter * (fastrand::f64() * 2.0 - 1.0)
    }
}

/// The effect itself, unless a test switched its making off.
fn tampered<'a>(effect: &Effect<'a>, mutation: &Mutation<'a>) -> Effect<'a> {
    let change = if on(Mechanism::Effect) { effect.change.clone() } else { Some(mutation.clone()) };
    let reach = if on(Mechanism::Within) { effect.reach } else { Reach::Whole };
    Effect { change, reach }
}
