//! Callers that wait for an element: blocking commands that found nothing and sleep until somebody brings something.
//!
//! Whoever waits stands in a queue of each key that may serve it. Joining happens under the locks of the command's keys,
//! so nothing can be brought in between unseen. A mutation of a key with a queue holds every shard and, before it lets
//! go, runs the commands of the waiting, the longest waiting first, for as long as they get something; a command that
//! moves an element may so bring it to the next queue. Without anybody waiting, a mutation pays one load for all this.
//!
//! The order of locks: shards, then queues, then a waiter's slot.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, Waker};

use jcache_core::command::{Family, KeyPositions, Mutation};
use jcache_core::{Context, Encoded, Key, Keyspace, Reply, Result, Type, Value};

use crate::engine::{Engine, Keyed};
use crate::sync::{AtomicUsize, Mutex, Ordering};
use crate::view::{Hiding, View};

#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// How many wait; changed under the lock of the queues.
    count: AtomicUsize,
    queues: Mutex<Queues>,
}

#[derive(Debug, Default)]
struct Queues {
    next_ticket: u64,
    /// By key, then in the order in which they came.
    by_key: HashMap<Value, BTreeMap<u64, Arc<Waiter>>>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    command: Encoded,
    family: Family,
    /// The keys that may serve it, in the order of the arguments.
    keys: Vec<Value>,
    slot: Mutex<Slot>,
}

#[derive(Debug)]
enum Slot {
    Waiting(Option<Waker>),
    Served(Result<Reply>),
    /// The reply was taken.
    Done,
}

impl Waiters {
    /// Whether nobody waits. To be asked under the locks of the keys in question: who joined for them before is seen.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Whether somebody waits for a key of `keyed`.
    pub(crate) fn await_any(&self, keyed: &impl Keyed) -> bool {
        let queues = self.queues.lock();
        let mut awaited = false;
        keyed.visit_keys(|key| awaited |= queues.by_key.contains_key(key.as_bytes()));
        awaited
    }

    /// Lets the caller of `mutation` wait. To be called under the locks under which it found nothing.
    pub(crate) fn join(&self, engine: &Arc<Engine>, mutation: &Mutation<'_>) -> Wait {
        let spec = mutation.spec();
        let mut keys: Vec<Value> = Vec::new();
        mutation.visit_keys(|key| {
            if !keys.iter().any(|other| other == key.as_bytes()) {
                keys.push(key.0.to_value());
            }
        });
        // A move waits for its source only.
        if spec.keys == KeyPositions::TWO {
            keys.truncate(1);
        }
        let mut queues = self.queues.lock();
        queues.next_ticket += 1;
        let waiter = Arc::new(Waiter {
            ticket: queues.next_ticket,
            command: Encoded::mutation(mutation),
            family: spec.family,
            keys,
            slot: Mutex::new(Slot::Waiting(None)),
        });
        for key in &waiter.keys {
            queues.by_key.entry(key.clone()).or_default().insert(waiter.ticket, waiter.clone());
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        Wait { engine: engine.clone(), waiter }
    }

    /// Takes `waiter` out of its queues; false when it is in none any more.
    fn leave(&self, queues: &mut Queues, waiter: &Waiter) -> bool {
        let mut left = false;
        for key in &waiter.keys {
            if let Some(queue) = queues.by_key.get_mut(key) {
                left |= queue.remove(&waiter.ticket).is_some();
                if queue.is_empty() {
                    queues.by_key.remove(key);
                }
            }
        }
        if left {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        left
    }

    /// Serves those who wait for the keys of `keyed`, on a view of all shards. Returns whom to wake, once the locks are
    /// released.
    pub(crate) fn serve(&self, view: &mut View<'_>, keyed: &impl Keyed) -> Vec<Waker> {
        let context = view.context();
        let mut queues = self.queues.lock();
        let (mut wakers, mut ready) = (Vec::new(), VecDeque::new());
        keyed.visit_keys(|key| ready.push_back(key.0.to_value()));
        while let Some(key) = ready.pop_front() {
            let mut ticket = 0;
            while let Some(waiter) = queues.first_from(&key, ticket) {
                ticket = waiter.ticket + 1;
                let Some(reply) = waiter.run(view, &key, context, &mut ready) else { continue };
                self.leave(&mut queues, &waiter);
                let slot = std::mem::replace(&mut *waiter.slot.lock(), Slot::Served(reply));
                if let Slot::Waiting(Some(waker)) = slot {
                    wakers.push(waker);
                }
            }
        }
        wakers
    }
}

impl Queues {
    fn first_from(&self, key: &Value, ticket: u64) -> Option<Arc<Waiter>> {
        self.by_key.get(key)?.range(ticket..).next().map(|(_, waiter)| waiter.clone())
    }
}

impl Waiter {
    /// Runs the command now that `key` may have something; `None` when it still waits. Keys that it changes besides are
    /// added to `ready`.
    fn run(
        &self,
        view: &mut View<'_>,
        key: &Value,
        context: Context,
        ready: &mut VecDeque<Value>,
    ) -> Option<Result<Reply>> {
        // A key of another type serves nobody, and is no error for those who wait.
        if view.find(key)?.object.kind() != type_of(self.family) {
            return None;
        }
        let mutation = self.command.as_mutation().expect("invariant: a command reads what it wrote");
        // It is served from this key; what the others hold by now, they hold for somebody else.
        let hidden: Vec<Key<'_>> = self.keys.iter().filter(|other| *other != key).map(Key::from).collect();
        view.oblige(self.keys.iter().map(|key| key.as_bytes()));
        let reply = mutation.run(&mut Hiding { inner: view, hidden: &hidden }, context);
        view.carried_out(&mutation, &reply, context);
        if reply.as_ref().is_ok_and(Reply::is_nil) {
            return None;
        }
        mutation.visit_keys(|changed| {
            if !self.keys.iter().any(|own| own == changed.as_bytes()) {
                ready.push_back(changed.0.to_value());
            }
        });
        Some(reply)
    }
}

fn type_of(family: Family) -> Type {
    match family {
        Family::Key | Family::String => Type::String,
        Family::Hash => Type::Hash,
        Family::List => Type::List,
        Family::Set => Type::Set,
        Family::SortedSet => Type::SortedSet,
    }
}

/// The future of a reply that somebody else has to bring about.
///
/// Dropping it leaves the queues. Should the reply have been there already, what it took is put back, for the next in
/// the queue if there is one.
#[derive(Debug)]
pub(crate) struct Wait {
    engine: Arc<Engine>,
    waiter: Arc<Waiter>,
}

impl Wait {
    /// Stops waiting. `Some` when the reply came before that.
    pub(crate) fn stop(&self) -> Option<Result<Reply>> {
        let waiters = &self.engine.waiters;
        let mut queues = waiters.queues.lock();
        waiters.leave(&mut queues, &self.waiter);
        match std::mem::replace(&mut *self.waiter.slot.lock(), Slot::Done) {
            Slot::Served(reply) => Some(reply),
            Slot::Waiting(_) | Slot::Done => None,
        }
    }
}

impl Future for Wait {
    type Output = Result<Reply>;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let mut slot = self.waiter.slot.lock();
        match &mut *slot {
            Slot::Waiting(Some(waker)) if waker.will_wake(task.waker()) => Poll::Pending,
            Slot::Waiting(waker) => {
                *waker = Some(task.waker().clone());
                Poll::Pending
            }
            Slot::Served(_) | Slot::Done => match std::mem::replace(&mut *slot, Slot::Done) {
                Slot::Served(reply) => Poll::Ready(reply),
                _ => Poll::Pending,
            },
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(Ok(reply)) = self.stop() else { return };
        let mutation = self.waiter.command.as_mutation().expect("invariant: a command reads what it wrote");
        if let Some(undo) = mutation.undo(&reply) {
            // It may only fail for lack of room or because the key is of another type by now; then there is no place
            // to put the element back to.
            let _ = self.engine.change(&undo, |view, context| view.carry_out(&undo, context));
        }
    }
}
