//! The reference model as a driver: the shortest one that offers everything, blocking commands and whole keys too.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::effect::Reach;
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{
    Answer, Context, Driver, Effect, Encoded, Error, Keyspace, Model, Mutation, Query, Reply, Request, Result,
    Snapshot, Timestamp, Watch,
};
use tokio::sync::oneshot;

/// A driver that keeps its data in core's [`Model`], in real time. Cheap to read, not to run: one lock, one tree.
///
/// It is what other drivers and the levels are tested with, and an example of a driver.
#[derive(Debug, Default)]
pub struct ModelDriver {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    model: Model,
    waiters: VecDeque<Waiter>,
    seed: u64,
}

/// A blocking command that found nothing, first come, first served.
#[derive(Debug)]
struct Waiter {
    command: Encoded,
    give: oneshot::Sender<Reply>,
}

impl ModelDriver {
    /// Every live key with what it holds, sorted: for comparing two drivers.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let (state, _) = self.lock();
        let entries = state.model.iter();
        entries.map(|(key, object, deadline)| Snapshot { key: key.into(), object: object.clone(), deadline }).collect()
    }

    /// How many blocking commands wait.
    pub fn waiting(&self) -> usize {
        self.lock().0.waiters.iter().filter(|waiter| !waiter.give.is_closed()).count()
    }

    /// The state at the present moment.
    fn lock(&self) -> (MutexGuard<'_, State>, Context) {
        // A panic under the lock is a failed test; what it left is still the best answer to the others.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::from_system(SystemTime::now());
        state.model.set_now(now);
        // Weyl's sequence: different every time, and well spread.
        state.seed = state.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let context = Context { now, seed: state.seed };
        (state, context)
    }
}

impl State {
    /// Runs a mutation and then every waiter that it can serve.
    fn run(&mut self, mutation: &Mutation<'_>, context: Context) -> Result<Reply> {
        let reply = mutation.run(&mut self.model, context)?;
        self.serve(context);
        Ok(reply)
    }

    /// One served waiter may make work for another, so they are asked from the first again until none is served.
    fn serve(&mut self, context: Context) {
        self.waiters.retain(|waiter| !waiter.give.is_closed());
        while let Some((place, reply)) = self.servable(context) {
            let Some(Waiter { command, give }) = self.waiters.remove(place) else { return };
            // The caller has gone between the check and this moment: what was taken goes back.
            if let Err(reply) = give.send(reply) {
                self.undo(&command, &reply, context);
            }
        }
    }

    fn servable(&mut self, context: Context) -> Option<(usize, Reply)> {
        let model = &mut self.model;
        self.waiters.iter().enumerate().find_map(|(place, waiter)| {
            let mutation = waiter.command.as_mutation().expect("invariant: it was encoded from a mutation");
            let reply = mutation.run(model, context).unwrap_or(Reply::Nil);
            (!reply.is_nil()).then_some((place, reply))
        })
    }

    fn undo(&mut self, command: &Encoded, reply: &Reply, context: Context) {
        let mutation = command.as_mutation().expect("invariant: it was encoded from a mutation");
        if let Some(undo) = mutation.undo(reply) {
            undo.run(&mut self.model, context).expect("invariant: putting back what was just taken cannot fail");
        }
    }
}

/// A place in the queue of waiters. Dropped with a reply in it, it puts back what the reply took.
struct Place<'d> {
    driver: &'d ModelDriver,
    command: Encoded,
    take: oneshot::Receiver<Reply>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.take.close();
        if let Ok(reply) = self.take.try_recv() {
            let (mut state, context) = self.driver.lock();
            state.undo(&self.command, &reply, context);
            state.serve(context);
        }
    }
}

impl Driver for ModelDriver {
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        let (state, context) = self.lock();
        Some(query.answer(&state.model, context))
    }

    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        let (state, context) = self.lock();
        query.answer(&state.model, context)
    }

    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        if mutation.blocking().is_some() {
            return None;
        }
        let (mut state, context) = self.lock();
        Some(state.run(mutation, context))
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        let (mut place, nil) = {
            let (mut state, context) = self.lock();
            let reply = state.run(mutation, context)?;
            if mutation.blocking().is_none() || !reply.is_nil() {
                return Ok(reply);
            }
            let (give, take) = oneshot::channel();
            let command = Encoded::mutation(mutation);
            state.waiters.push_back(Waiter { command: command.clone(), give });
            (Place { driver: self, command, take }, reply)
        };
        let timeout = mutation.blocking().and_then(|blocking| blocking.timeout);
        let reply = match timeout {
            None => (&mut place.take).await.ok(),
            Some(timeout) => {
                tokio::time::timeout(timeout, &mut place.take).await.ok().and_then(std::result::Result::ok)
            }
        };
        Ok(reply.unwrap_or(nil))
    }

    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        let (state, context) = self.lock();
        Fetched::from_keyspace(query, &state.model, limit, context)
    }

    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        let (mut state, context) = self.lock();
        state.model.put(&snapshot.key, snapshot.object.clone(), snapshot.deadline)?;
        state.serve(context);
        Ok(())
    }

    /// Keys cannot be watched here.
    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        if !watch.is_empty() {
            return Err(Error::unsupported("WATCH"));
        }
        let (mut state, context) = self.lock();
        let run = |request: &Request<'_>| match request {
            Request::Query(query) => query.run(&state.model, context),
            Request::Mutation(mutation) => mutation.run(&mut state.model, context),
        };
        let replies = requests.iter().map(run).collect();
        state.serve(context);
        Ok(Some(replies))
    }

    async fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> Result<()> {
        let Some(change) = &effect.change else { return Ok(()) };
        let (mut state, context) = self.lock();
        let mut keys = Vec::new();
        change.visit_keys(|key| keys.push(key.0.to_value()));
        let held = keys.iter().all(|key| state.model.contains(key));
        match effect.reach {
            Reach::Within if !held => return Ok(()),
            Reach::Whole | Reach::Within => state.run(change, context)?,
            Reach::Replica => state.run(&change.drop_keys(), context)?,
        };
        for key in keys {
            if let (Some(cap), Some(found)) = (cap, state.model.find(&key)) {
                let deadline = Timestamp::earlier(found.deadline, Some(cap));
                state.model.set_deadline(&key, deadline);
            }
        }
        Ok(())
    }
}

impl StringDriver for ModelDriver {}
impl HashDriver for ModelDriver {}
impl ListDriver for ModelDriver {}
impl SetDriver for ModelDriver {}
impl SortedSetDriver for ModelDriver {}
