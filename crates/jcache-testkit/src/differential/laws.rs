//! What must hold for every command beside its reply, checked on each one that the model runs:
//!
//! - its arguments, written out and read again, are the same command;
//! - an error changes nothing;
//! - its effect makes a replica equal, though the replica runs it later and with another seed;
//! - an effect that says all about its keys makes them equal on an empty copy, and one within a key makes it equal on
//!   a copy that holds nothing else;
//! - in absolute times it is the same command;
//! - one that does not ask for its context does the same whatever it is told;
//! - its parts, one by one, do and answer the same.

use jcache_core::command::{Mutation, Query};
use jcache_core::effect::Reach;
use jcache_core::{Context, Encoded, Keyspace, Model, Object, Reply, Result, Timestamp, Value};

/// A replica that follows the model by effects alone.
#[derive(Debug, Default)]
pub(super) struct Laws {
    replica: Model,
    checked: u64,
}

impl Laws {
    /// Checks a query that gave `reply` on `model`.
    pub(super) fn query(
        &mut self,
        query: &Query<'_>,
        model: &Model,
        context: Context,
        reply: &Result<Reply>,
    ) -> Result<(), String> {
        let encoded = Encoded::query(query);
        if encoded.as_query().as_ref() != Ok(query) {
            return Err(format!("law: {query:?}, written out and read again, is {:?}", encoded.as_query()));
        }
        if !query.asks_context() {
            let again = query.run(model, nonsense(context));
            if again != *reply {
                return Err(format!("law: {query:?} asks for no context, but gives {again:?} instead of {reply:?}"));
            }
        }
        if let (Some(parts), Ok(_)) = (query.parts(), reply) {
            let joined = query.join(parts.iter().map(|part| part.run(model, context)).collect());
            if joined != *reply {
                return Err(format!("law: the parts of {query:?} give {joined:?} instead of {reply:?}"));
            }
        }
        Ok(())
    }

    /// Checks a mutation that gave `reply` and left `model`.
    pub(super) fn mutation(
        &mut self,
        mutation: &Mutation<'_>,
        model: &Model,
        context: Context,
        reply: &Result<Reply>,
    ) -> Result<(), String> {
        let encoded = Encoded::mutation(mutation);
        if encoded.as_mutation().as_ref() != Ok(mutation) {
            return Err(format!("law: {mutation:?}, written out and read again, is {:?}", encoded.as_mutation()));
        }
        self.replica.set_now(context.now);
        if let Ok(reply) = reply {
            let later = Context { now: Timestamp::from_millis(context.now.as_millis() + 1), seed: !context.seed };
            self.same_command(mutation, model, context, later, reply)?;
            self.same_effect(mutation, model, context, later, reply)?;
        }
        let keys = keys_of(mutation);
        self.checked += 1;
        // What a command must not touch is looked at now and then: comparing everything takes long.
        let all = keys.is_empty() || self.checked.is_multiple_of(64);
        if !agree(&self.replica, model, &keys) || all && self.replica != *model {
            return Err(format!(
                "law: after {mutation:?} gave {reply:?}, a replica that applies its effects is not equal"
            ));
        }
        Ok(())
    }

    /// In absolute times, without a context that it does not ask for, and in parts, it is the same command.
    fn same_command(
        &self,
        mutation: &Mutation<'_>,
        model: &Model,
        context: Context,
        later: Context,
        reply: &Reply,
    ) -> Result<(), String> {
        let keys = keys_of(mutation);
        let mut copy = self.before(&keys, context.now);
        let absolute = mutation.absolute(context);
        let again = absolute.run(&mut copy, Context { seed: context.seed, ..later });
        if again.as_ref() != Ok(reply) || !agree(&copy, model, &keys) {
            return Err(format!("law: {mutation:?} gave {reply:?}, but {absolute:?} gives {again:?}, or other data"));
        }
        if !mutation.asks_context() {
            let mut copy = self.before(&keys, context.now);
            let again = mutation.run(&mut copy, nonsense(context));
            if again.as_ref() != Ok(reply) || !agree(&copy, model, &keys) {
                return Err(format!("law: {mutation:?} asks for no context, but gives {again:?} instead of {reply:?}"));
            }
        }
        if let Some(parts) = mutation.parts() {
            let mut copy = self.before(&keys, context.now);
            let joined = mutation.join(parts.iter().map(|part| part.run(&mut copy, context)).collect());
            if joined.as_ref() != Ok(reply) || !agree(&copy, model, &keys) {
                return Err(format!(
                    "law: the parts of {mutation:?} give {joined:?} instead of {reply:?}, or other data"
                ));
            }
        }
        Ok(())
    }

    /// The effect is what happened, for a replica and for a copy.
    fn same_effect(
        &mut self,
        mutation: &Mutation<'_>,
        model: &Model,
        context: Context,
        later: Context,
        reply: &Reply,
    ) -> Result<(), String> {
        let effect = mutation.effect(reply, context).map_err(|error| format!("law: no effect: {error}"))?;
        let Some(change) = &effect.change else { return Ok(()) };
        let keys = keys_of(change);
        let mut copy = match effect.reach {
            Reach::Whole => self.before(&[], context.now),
            Reach::Within => self.before(&keys, context.now),
            Reach::Replica => Model::default(),
        };
        let held = effect.reach == Reach::Whole || keys.iter().all(|key| copy.contains(key));
        if effect.reach != Reach::Replica && held {
            let applied = change.run(&mut copy, later);
            if applied.is_err() || !agree(&copy, model, &keys) {
                return Err(format!(
                    "law: {mutation:?} gave {reply:?}; its effect {effect:?} gives other data on a copy ({applied:?})"
                ));
            }
        }
        change
            .run(&mut self.replica, later)
            .map(drop)
            .map_err(|error| format!("law: the effect {effect:?} gives {error}"))
    }

    /// A keyspace with only `keys`, as they were before the command.
    fn before(&self, keys: &[Value], now: Timestamp) -> Model {
        let mut copy = Model::default();
        copy.set_now(now);
        for key in keys {
            if let Some((object, deadline)) = entry(&self.replica, key) {
                copy.put(key, object, deadline).expect("invariant: a model has room");
            }
        }
        copy
    }
}

/// Another context, which is not true.
fn nonsense(context: Context) -> Context {
    Context { now: Timestamp::ZERO, seed: !context.seed }
}

fn keys_of(mutation: &Mutation<'_>) -> Vec<Value> {
    let mut keys = Vec::new();
    mutation.visit_keys(|key| keys.push(key.0.to_value()));
    keys
}

fn entry(model: &Model, key: &[u8]) -> Option<(Object, Option<Timestamp>)> {
    model.find(key).map(|found| (found.object.to_object(), found.deadline))
}

fn agree(one: &Model, other: &Model, keys: &[Value]) -> bool {
    keys.iter().all(|key| entry(one, key) == entry(other, key))
}
