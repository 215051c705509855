//! A backend, and the links over which processes reach it.
//!
//! A link keeps its calls in order, as one connection does: what was sent while it stalled is carried out when it
//! recovers, before anything later, whether or not the caller still waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jcache_core::effect::Reach;
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{
    Answer, Context, Driver, Effect, Encoded, Error, ErrorKind, Keyspace, Model, Mutation, Object, Query, Reply,
    Request, Result, Scope, Snapshot, Timestamp, Watch,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The wall clock of a run: the runtime's, which stands still and is moved on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).plus(self.0.elapsed())
    }
}

/// A backend.
#[derive(Debug)]
pub(super) struct Node {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    model: Model,
    seed: u64,
    /// Everything that each key ever held.
    past: HashMap<Vec<u8>, Vec<Object>>,
}

/// A call, as it goes over the link.
#[derive(Debug, Clone)]
enum Call {
    Queries(Vec<Encoded>),
    Fetch(Encoded, FillLimit),
    Mutate(Encoded),
    Transact(Vec<Encoded>),
    Install(Snapshot),
    Apply(Encoded, Reach, Option<Timestamp>),
    Probe,
}

/// What comes back.
#[derive(Debug)]
enum Back {
    Answers(Vec<Result<Answer>>),
    Fetched(Result<Fetched>),
    Reply(Result<Reply>),
    Replies(Vec<Result<Reply>>),
    Done(Result<()>),
}

impl Node {
    pub(super) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default() })
    }

    fn with<R>(&self, visit: impl FnOnce(&mut State, Context) -> R) -> R {
        let mut state = self.state.lock();
        state.seed = state.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let context = Context { now: self.clock.now(), seed: state.seed };
        state.model.set_now(context.now);
        visit(&mut state, context)
    }

    /// What is at `key` now.
    pub(super) fn at(&self, key: &[u8]) -> Option<(Object, Option<Timestamp>)> {
        self.with(|state, _| state.model.find(key).map(|found| (found.object.to_object(), found.deadline)))
    }

    /// The keys that are there now.
    pub(super) fn keys(&self) -> Vec<Vec<u8>> {
        self.with(|state, _| state.model.iter().map(|(key, _, _)| key.to_vec()).collect())
    }

    /// Whether `key` ever held `object`.
    pub(super) fn ever_held(&self, key: &[u8], object: &Object) -> bool {
        self.with(|state, _| state.past.get(key).is_some_and(|past| past.contains(object)))
    }

    /// The reply to a query asked here directly.
    pub(super) fn ask(&self, query: &Query<'_>) -> Result<Reply> {
        self.with(|state, context| query.run(&state.model, context))
    }

    /// Loses a key, as a cache may.
    pub(super) fn evict(&self, key: &[u8]) {
        self.with(|state, _| state.model.remove(key));
    }

    fn run(&self, call: &Call) -> Back {
        self.with(|state, context| state.run(call, context))
    }
}

impl State {
    fn run(&mut self, call: &Call, context: Context) -> Back {
        const PARSES: &str = "it was encoded from a command";
        match call {
            Call::Queries(queries) => {
                let queries = queries.iter().map(|query| query.as_query().expect(PARSES));
                Back::Answers(queries.map(|query| query.answer(&self.model, context)).collect())
            }
            Call::Fetch(query, limit) => {
                let query = query.as_query().expect(PARSES);
                Back::Fetched(Fetched::from_keyspace(&query, &self.model, *limit, context))
            }
            Call::Mutate(mutation) => Back::Reply(self.mutate(&mutation.as_mutation().expect(PARSES), context)),
            Call::Transact(requests) => {
                let run = |request: &Encoded| match Request::parse(request.args()).expect(PARSES) {
                    Request::Query(query) => query.run(&self.model, context),
                    Request::Mutation(mutation) => self.mutate(&mutation, context),
                };
                Back::Replies(requests.iter().map(run).collect())
            }
            Call::Install(Snapshot { key, object, deadline }) => {
                let done = self.model.put(key, object.clone(), *deadline);
                self.remember(key);
                Back::Done(done)
            }
            Call::Apply(change, reach, cap) => {
                Back::Done(self.apply(&change.as_mutation().expect(PARSES), *reach, *cap, context))
            }
            Call::Probe => Back::Done(Ok(())),
        }
    }

    fn mutate(&mut self, mutation: &Mutation<'_>, context: Context) -> Result<Reply> {
        let reply = mutation.run(&mut self.model, context);
        mutation.visit_keys(|key| self.remember(key));
        reply
    }

    fn remember(&mut self, key: &[u8]) {
        if let Some(found) = self.model.find(key) {
            let object = found.object.to_object();
            let past = self.past.entry(key.to_vec()).or_default();
            if past.last() != Some(&object) {
                past.push(object);
            }
        }
    }

    fn apply(&mut self, change: &Mutation<'_>, reach: Reach, cap: Option<Timestamp>, context: Context) -> Result<()> {
        let (mut held, mut lacking) = (false, false);
        change.visit_keys(|key| if self.model.contains(key) { held = true } else { lacking = true });
        let applies = match reach {
            Reach::Whole => true,
            Reach::Within if !held => return Ok(()),
            Reach::Within => !lacking,
            Reach::Replica => false,
        };
        if !applies || self.mutate(change, context).is_err() {
            return self.mutate(&change.drop_keys(), context).map(drop);
        }
        change.visit_keys(|key| {
            if let (Some(cap), Some(found)) = (cap, self.model.find(key)) {
                let deadline = Timestamp::earlier(found.deadline, Some(cap));
                self.model.set_deadline(key, deadline);
            }
        });
        Ok(())
    }
}

/// What is wrong with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Calls fail and do nothing.
    Fail,
    /// Calls are carried out and fail all the same.
    LoseReply,
    /// Calls wait until the link recovers.
    Stall,
}

/// A process's link to a node. Clones are the same link.
#[derive(Debug, Clone)]
pub(super) struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    node: Arc<Node>,
    scope: Scope,
    /// Answers at once when all is well, as memory does.
    local: bool,
    wire: Mutex<Wire>,
}

#[derive(Debug)]
struct Wire {
    fault: Fault,
    sent: VecDeque<(Call, oneshot::Sender<Back>)>,
    calls: u64,
    probes: u64,
    running: u32,
    rng: fastrand::Rng,
}

impl Link {
    pub(super) fn new(node: Arc<Node>, scope: Scope, local: bool, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        let wire = Mutex::new(Wire { fault: Fault::None, sent: VecDeque::new(), calls: 0, probes: 0, running: 0, rng });
        Self(Arc::new(Shared { node, scope, local, wire }))
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.0.node
    }

    pub(super) fn fault(&self) -> Fault {
        self.0.wire.lock().fault
    }

    /// Calls so far, without probes.
    pub(super) fn calls(&self) -> u64 {
        self.0.wire.lock().calls
    }

    /// Probes that came back.
    pub(super) fn probes(&self) -> u64 {
        self.0.wire.lock().probes
    }

    /// Whether a caller waits for an answer.
    pub(super) fn is_waited_for(&self) -> bool {
        self.0.wire.lock().running > 0
    }

    /// Whether calls are on their way that will still be carried out.
    pub(super) fn is_busy(&self) -> bool {
        !self.0.wire.lock().sent.is_empty()
    }

    /// Makes `fault` be wrong from now on. What stalled is carried out first, in order.
    pub(super) fn set(&self, fault: Fault) {
        let mut wire = self.0.wire.lock();
        wire.fault = fault;
        if fault != Fault::Stall {
            for (call, back) in wire.sent.drain(..) {
                // A caller who is gone does not hear of it, and the call is carried out all the same.
                let _ = back.send(self.0.node.run(&call));
            }
        }
    }

    /// Lets others run between the steps of a call.
    async fn pause(&self) {
        let yields = {
            let rng = &mut self.0.wire.lock().rng;
            // Mostly short, sometimes long enough for a whole command of somebody else.
            if rng.u32(0..8) == 0 { rng.u32(0..30) } else { rng.u32(0..4) }
        };
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
    }

    async fn call(&self, call: Call) -> Result<Back> {
        struct Running<'l>(&'l Link);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.0.wire.lock().running -= 1;
            }
        }
        {
            let mut wire = self.0.wire.lock();
            wire.calls += u64::from(!matches!(call, Call::Probe));
            wire.running += 1;
        }
        let _running = Running(self);
        self.pause().await;
        let fault = self.fault();
        let back = match fault {
            Fault::Fail => return Err(Error::new(ErrorKind::Unavailable, "the link is down")),
            Fault::Stall => {
                let (give, take) = oneshot::channel();
                self.0.wire.lock().sent.push_back((call, give));
                take.await.expect("the link outlives its calls")
            }
            Fault::None | Fault::LoseReply => self.0.node.run(&call),
        };
        self.pause().await;
        if fault == Fault::LoseReply {
            return Err(Error::new(ErrorKind::Unavailable, "the reply was lost").uncertain());
        }
        Ok(back)
    }

    fn at_once(&self) -> bool {
        let mut wire = self.0.wire.lock();
        let at_once = self.0.local && wire.fault == Fault::None;
        wire.calls += u64::from(at_once);
        at_once
    }

    async fn done(&self, call: Call) -> Result<()> {
        match self.call(call).await? {
            Back::Done(done) => done,
            other => unreachable!("{other:?}"),
        }
    }
}

impl Driver for Link {
    fn scope(&self) -> Scope {
        self.0.scope
    }

    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        self.at_once().then(|| self.0.node.with(|state, context| query.answer(&state.model, context)))
    }

    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        match self.call(Call::Queries(vec![Encoded::query(query)])).await? {
            Back::Answers(mut answers) => answers.remove(0),
            other => unreachable!("{other:?}"),
        }
    }

    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        let at_once = mutation.blocking().is_none() && self.at_once();
        at_once.then(|| self.0.node.with(|state, context| state.mutate(mutation, context)))
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        let began = Instant::now();
        loop {
            let reply = match self.call(Call::Mutate(Encoded::mutation(mutation))).await? {
                Back::Reply(reply) => reply?,
                other => unreachable!("{other:?}"),
            };
            let waits = mutation.blocking().filter(|_| reply == Reply::Nil);
            if waits.is_none_or(|it| it.timeout.is_some_and(|timeout| began.elapsed() >= timeout)) {
                return Ok(reply);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn query_many(&self, queries: &[Query<'_>]) -> Vec<Result<Answer>> {
        match self.call(Call::Queries(queries.iter().map(Encoded::query).collect())).await {
            Ok(Back::Answers(answers)) => answers,
            Ok(other) => unreachable!("{other:?}"),
            Err(error) => queries.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        match self.call(Call::Fetch(Encoded::query(query), limit)).await? {
            Back::Fetched(fetched) => fetched,
            other => unreachable!("{other:?}"),
        }
    }

    async fn transact(&self, requests: &[Request<'_>], _: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        let encode = |request: &Request<'_>| match request {
            Request::Query(query) => Encoded::query(query),
            Request::Mutation(mutation) => Encoded::mutation(mutation),
        };
        match self.call(Call::Transact(requests.iter().map(encode).collect())).await? {
            Back::Replies(replies) => Ok(Some(replies)),
            other => unreachable!("{other:?}"),
        }
    }

    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        self.done(Call::Install(snapshot.clone())).await
    }

    async fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> Result<()> {
        let Some(change) = &effect.change else { return Ok(()) };
        self.done(Call::Apply(Encoded::mutation(change), effect.reach, cap)).await
    }

    async fn probe(&self) -> Result<()> {
        let result = self.done(Call::Probe).await;
        self.0.wire.lock().probes += 1;
        result
    }
}
