//! What drives the engine: etcd, peers, callers and time on one side, its actions on the other.
//!
//! The engine and its store sit behind one mutex. Whoever brings an event — a task that read from a stream, a caller's
//! thread, the ticker — takes it, lets the engine take its step, and carries out the actions before letting go, so that
//! they happen in the engine's order. No action waits: a message goes into its stream's queue, a request to etcd into a
//! task of its own, an answer into its caller's slot.

mod call;
mod clock;
mod coordinator;
#[cfg(test)]
mod hostile;
mod operator;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jcache_core::{Mutation, Request};
use jcache_etcd::Client;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::config::OnNotice;
use crate::engine::{
    Action, Admin, Answer, CallId, CallOptions, Config, Engine, Epoch, Event, Failure, Fatal, Identity, Message,
    NodeId, Notice, Now, Outbox, Role, Status, Store, StreamId, StreamKind, Token, Transaction,
};
use crate::error::{Error, Result};
use crate::transport::{Dialler, Outgoing, Security, Streams, serve};
use crate::wire::pb;
pub(crate) use call::Call;
use coordinator::Coordinator;
pub(crate) use coordinator::known;

/// Streams that peers may have open here at a time.
const MAX_STREAMS: usize = 4096;
/// Notices that the user has not taken; further ones are only logged.
const MAX_NOTICES: usize = 64;

/// What a cluster's process is made of, besides its settings.
pub(crate) struct Parts {
    pub(crate) identity: Identity,
    pub(crate) etcd: Client,
    /// Of the cluster's keys, with a slash at the end.
    pub(crate) prefix: String,
    pub(crate) listener: TcpListener,
    pub(crate) security: Security,
    pub(crate) on_notice: Option<OnNotice>,
    pub(crate) publish: Publish,
}

/// Told after every step, before anybody learns what came of it: the time as the host reads it, cluster time in
/// milliseconds, and whether local reads may be answered beside the engine.
pub(crate) type Publish = Box<dyn Fn(Now, u64, bool) + Send + Sync>;

/// What a call ends with.
pub(crate) type Outcome = std::result::Result<Answer, Failure>;

/// A process in a cluster: it takes part until this is dropped.
#[derive(Debug)]
pub(crate) struct Host<S: Store + Send + 'static> {
    shared: Arc<Shared<S>>,
    /// The ticker and the listener; they end with the host.
    _tasks: JoinSet<()>,
}

struct Shared<S> {
    inner: Mutex<Inner<S>>,
    coordinator: OnceLock<Coordinator>,
    dialler: Dialler,
    publish: Publish,
    view: watch::Sender<View>,
}

impl<S> std::fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("view", &*self.view.borrow()).finish_non_exhaustive()
    }
}

/// What the process's part looks like from outside, as it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) role: Role,
    pub(crate) epoch: Epoch,
    /// Whether it has registered under its name, and answers reads.
    pub(crate) placed: bool,
    pub(crate) ended: Option<Ended>,
}

/// Why the process takes part no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    Left,
    /// As asked, but the others could not do without it in time.
    Hastily,
    Fatal(Fatal),
}

struct Inner<S> {
    engine: Engine,
    store: S,
    out: Outbox,
    streams: HashMap<StreamId, Outgoing>,
    /// Dialled, and not answered yet.
    dialling: HashSet<StreamId>,
    next_stream: u64,
    calls: HashMap<CallId, oneshot::Sender<Outcome>>,
    next_call: CallId,
    /// The call whose caller waits for the step itself, and its answer.
    at_once: Option<(CallId, Option<Outcome>)>,
    notices: Option<mpsc::Sender<Notice>>,
    ended: Option<Ended>,
}

impl<S: Store + Send + 'static> Drop for Host<S> {
    /// What is left of the streams' tasks may live on for a moment: they find nobody any more.
    fn drop(&mut self) {
        let mut inner = self.shared.inner.lock();
        if inner.ended.is_none() {
            self.shared.end(&mut inner, Ended::Left);
        }
    }
}

impl<S: Store + Send + 'static> Host<S> {
    /// Starts to take part. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// Configuration.
    pub(crate) fn start(config: Config, parts: Parts, store: S) -> Result<Self> {
        let Parts { identity, etcd, prefix, listener, security, on_notice, publish } = parts;
        // What the listener would find wrong only later.
        security.server_tls()?;
        let runtime = Handle::try_current().map_err(|_| Error::configuration("a cluster needs a tokio runtime"))?;
        let lease_ms = config.session_lease_ms;
        let dial_timeout = Duration::from_millis(config.timing.evict_ms);
        let engine =
            Engine::new(config, identity, clock::now()).map_err(|error| Error::configuration(error.to_string()))?;
        let inner = Inner {
            engine,
            store,
            out: Outbox::default(),
            streams: HashMap::new(),
            dialling: HashSet::new(),
            next_stream: 0,
            calls: HashMap::new(),
            next_call: 0,
            at_once: None,
            notices: None,
            ended: None,
        };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
            coordinator: OnceLock::new(),
            dialler: Dialler::new(security.clone(), dial_timeout, runtime.clone()),
            publish,
            view: watch::Sender::new(View { role: Role::Joining, epoch: 0, placed: false, ended: None }),
        });
        let weak = Arc::downgrade(&shared);
        let deliver = Arc::new(move |event| {
            if let Some(shared) = weak.upgrade() {
                shared.step(Event::Coord(event));
            }
        });
        let coordinator = Coordinator::new(etcd, prefix, lease_ms, runtime, deliver);
        shared.coordinator.set(coordinator).expect("the coordinator is set once");
        let mut tasks = JoinSet::new();
        if let Some(told) = on_notice {
            let (sender, mut notices) = mpsc::channel(MAX_NOTICES);
            shared.inner.lock().notices = Some(sender);
            // Not under the engine's lock: the user may well call back.
            tasks.spawn(async move {
                while let Some(notice) = notices.recv().await {
                    told(&notice);
                }
            });
        }
        let ticking = shared.clone();
        tasks.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(Engine::TICK_MS));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                ticking.step(Event::Tick);
                ticking.show();
            }
        });
        let serving = shared.clone();
        tasks.spawn(async move {
            if let Err(error) = serve(listener, security, serving).await {
                tracing::error!(%error, "peers are served no longer");
            }
        });
        Ok(Self { shared, _tasks: tasks })
    }

    /// Begins to carry a command out as `options` say. Dropping the call tells the engine that the caller has gone.
    pub(crate) fn call(&self, request: Request<'_>, options: CallOptions) -> Call<S> {
        self.begin(|call| Event::Call { call, request, options })
    }

    /// Carries a write out if it is answered in the very step that brings it; else nothing has happened.
    pub(crate) fn try_write(&self, mutation: &Mutation<'_>, options: CallOptions) -> Option<Outcome> {
        self.shared.with(|inner, shared| {
            if inner.ended.is_some() || !inner.engine.answers_at_once(mutation, &options) {
                return None;
            }
            let call = inner.next_call;
            inner.next_call += 1;
            inner.at_once = Some((call, None));
            let request = Request::Mutation(mutation.clone());
            shared.step_in(inner, Event::Call { call, request, options });
            let (_, outcome) = inner.at_once.take()?;
            debug_assert!(outcome.is_some(), "the engine said that it answers at once");
            Some(outcome.unwrap_or(Err(Failure::Unknown)))
        })
    }

    /// Begins a transaction, as [`call`](Self::call) does a command.
    pub(crate) fn transact(&self, transaction: Transaction, options: CallOptions) -> Call<S> {
        self.begin(|call| Event::Transact { call, transaction, options })
    }

    /// From where on a key is watched that somebody begins to watch now; `None` while nothing is to be read here.
    pub(crate) fn watch_point(&self) -> Option<Token> {
        self.shared.inner.lock().engine.watch_point()
    }

    fn begin<'a>(&self, event: impl FnOnce(CallId) -> Event<'a>) -> Call<S> {
        let (slot, answer) = oneshot::channel();
        let call = self.shared.with(|inner, shared| {
            let call = inner.next_call;
            inner.next_call += 1;
            if inner.ended.is_some() {
                // Nobody waits longer than for this.
                let _ = slot.send(Err(Failure::ShuttingDown));
                return call;
            }
            inner.calls.insert(call, slot);
            shared.step_in(inner, event(call));
            call
        });
        Call::new(self.shared.clone(), call, answer)
    }

    /// Asks what an operator asks.
    pub(crate) fn admin(&self, admin: Admin) {
        self.shared.step(Event::Admin(admin));
    }

    /// What the engine shows of itself.
    pub(crate) fn status(&self) -> Status {
        self.shared.inner.lock().engine.status(clock::now())
    }

    /// The process's part as it changes.
    pub(crate) fn view(&self) -> watch::Receiver<View> {
        self.shared.view.subscribe()
    }

    /// Works with the store, while the engine waits.
    pub(crate) fn with_store<R>(&self, work: impl FnOnce(&mut S) -> R) -> R {
        work(&mut self.shared.inner.lock().store)
    }

    /// Waits until etcd has answered all that it was asked: what a process that leaves still has to say there.
    pub(crate) async fn settled(&self) {
        if let Some(coordinator) = self.shared.coordinator.get() {
            coordinator.settled().await;
        }
    }
}

impl<S: Store + Send + 'static> Shared<S> {
    fn step(self: &Arc<Self>, event: Event<'_>) {
        self.with(|inner, shared| shared.step_in(inner, event));
    }

    fn with<R>(self: &Arc<Self>, work: impl FnOnce(&mut Inner<S>, &Arc<Self>) -> R) -> R {
        work(&mut self.inner.lock(), self)
    }

    /// Opens or closes the way of local reads beside the engine.
    fn publish(&self, inner: &Inner<S>, now: Now) {
        let open = inner.ended.is_none() && inner.engine.answers_locally();
        (self.publish)(now, inner.engine.time_ms(now), open);
    }

    /// Tells who watches the process's part.
    fn show(&self) {
        let inner = self.inner.lock();
        let status = inner.engine.status(clock::now());
        let placed = status.registered && status.readable;
        let view = View { role: status.role, epoch: status.epoch, placed, ended: inner.ended.clone() };
        drop(inner);
        self.view.send_if_modified(|known| {
            let changed = *known != view;
            *known = view;
            changed
        });
    }

    /// One step of the engine, and all that it wants done.
    fn step_in(self: &Arc<Self>, inner: &mut Inner<S>, event: Event<'_>) {
        if inner.ended.is_some() {
            return;
        }
        let now = clock::now();
        let Inner { engine, store, out, .. } = inner;
        engine.step(now, event, store, out);
        self.publish(inner, now);
        let mut broken = Vec::new();
        loop {
            let mut actions = std::mem::take(&mut inner.out.actions);
            for action in actions.drain(..) {
                self.carry_out(inner, action, &mut broken);
            }
            inner.out.actions = actions; // and with it its room
            let Some(stream) = broken.pop() else { return };
            let now = clock::now();
            let Inner { engine, store, out, .. } = inner;
            engine.step(now, Event::Broken { stream }, store, out);
            self.publish(inner, now);
        }
    }

    fn carry_out(self: &Arc<Self>, inner: &mut Inner<S>, action: Action, broken: &mut Vec<StreamId>) {
        match action {
            Action::Coord(id, request) => {
                self.coordinator.get().expect("the coordinator is set at the start").ask(id, request);
            }
            Action::Connect { stream, kind, addr, .. } => {
                inner.dialling.insert(stream);
                self.dialler.dial(self.clone(), stream, kind, addr);
            }
            Action::Send { stream, message } => {
                let taken = inner.streams.get(&stream).is_none_or(|outgoing| outgoing.send(message));
                if !taken {
                    tracing::warn!(?stream, "a peer takes too little of what it is sent");
                    inner.streams.remove(&stream);
                    broken.push(stream);
                }
            }
            Action::Close { stream } => {
                inner.streams.remove(&stream);
                inner.dialling.remove(&stream);
            }
            Action::Answer { call, result } => {
                if let Some((_, answer)) = inner.at_once.as_mut().filter(|(waiting, _)| *waiting == call) {
                    *answer = Some(result);
                } else if let Some(slot) = inner.calls.remove(&call) {
                    // A caller that has gone needs no answer.
                    let _ = slot.send(result);
                }
            }
            Action::Notify(notice) => {
                tracing::warn!(?notice, "cluster");
                if let Some(notices) = &inner.notices {
                    // One who does not take them misses some; the log has them all.
                    let _ = notices.try_send(notice);
                }
            }
            Action::Left { in_order } => self.end(inner, if in_order { Ended::Left } else { Ended::Hastily }),
            Action::Fatal(fatal) => {
                tracing::error!(?fatal, "the process takes part in the cluster no longer");
                self.end(inner, Ended::Fatal(fatal));
            }
        }
    }

    fn end(self: &Arc<Self>, inner: &mut Inner<S>, why: Ended) {
        inner.ended = Some(why);
        self.publish(inner, clock::now());
        inner.streams.clear();
        inner.dialling.clear();
        // The engine has answered what it knows the outcome of.
        for (_, slot) in inner.calls.drain() {
            let _ = slot.send(Err(Failure::Unknown));
        }
    }
}

impl<S: Store + Send + 'static> Streams for Shared<S> {
    fn accepted(self: &Arc<Self>, kind: StreamKind, outgoing: Outgoing) -> Option<StreamId> {
        self.with(|inner, shared| {
            if inner.streams.len() >= MAX_STREAMS || inner.ended.is_some() {
                return None;
            }
            let stream = StreamId::In(inner.next_stream);
            inner.next_stream += 1;
            inner.streams.insert(stream, outgoing);
            shared.step_in(inner, Event::Accepted { stream, kind });
            Some(stream)
        })
    }

    fn opened(self: &Arc<Self>, stream: StreamId, outgoing: Outgoing) -> bool {
        self.with(|inner, shared| {
            if !inner.dialling.remove(&stream) {
                return false;
            }
            inner.streams.insert(stream, outgoing);
            shared.step_in(inner, Event::Opened { stream });
            true
        })
    }

    fn message(self: &Arc<Self>, stream: StreamId, message: Message) -> bool {
        self.with(|inner, shared| {
            if !inner.streams.contains_key(&stream) {
                return false;
            }
            shared.step_in(inner, Event::Message { stream, message });
            true
        })
    }

    fn broken(self: &Arc<Self>, stream: StreamId) {
        self.with(|inner, shared| {
            let known = inner.streams.remove(&stream).is_some() | inner.dialling.remove(&stream);
            if known {
                shared.step_in(inner, Event::Broken { stream });
            }
        });
    }

    fn report(&self) -> pb::Report {
        self.figures()
    }

    async fn hand_over(self: Arc<Self>, node: Option<NodeId>) -> std::result::Result<(), String> {
        self.give_away(node).await
    }
}
