//! A feed of what changes: for copies above, which must drop what is not true any more.
//!
//! The engine never waits for a reader: a feed that is full forgets its keys and says that everything may have changed.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use jcache_core::driver::ChangeFeed;
pub use jcache_core::driver::Changed;
use jcache_core::{Mutation, Value};
use parking_lot::Mutex;

/// Keys that wait in a feed at most.
const KEYS_MAX: usize = 65_536;

/// Bytes of keys that wait in a feed at most.
const BYTES_MAX: usize = 8 << 20;

/// A feed of the keys that change in a [`MemoryStore`](super::MemoryStore), whoever changed them: writes at the leader, what
/// followers repeat, keys that were due or evicted. It is told after the change can be read. Dropping it ends it.
#[derive(Debug)]
pub struct Changes {
    queue: Arc<Mutex<Queue>>,
    feeds: Weak<Feeds>,
}

#[derive(Debug, Default)]
struct Queue {
    keys: Vec<Value>,
    bytes: usize,
    is_everything: bool,
    is_over: bool,
    waker: Option<Waker>,
}

impl Queue {
    fn take(&mut self) -> Option<Changed> {
        let keys = std::mem::take(&mut self.keys);
        self.bytes = 0;
        match std::mem::take(&mut self.is_everything) {
            true => Some(Changed::Everything),
            false => (!keys.is_empty()).then_some(Changed::Keys(keys)),
        }
    }

    fn push(&mut self, key: &[u8]) {
        if self.is_everything {
            return;
        }
        self.bytes += key.len();
        if self.keys.len() >= KEYS_MAX || self.bytes > BYTES_MAX {
            return self.everything();
        }
        self.keys.push(Value::new(key));
    }

    fn everything(&mut self) {
        (self.keys, self.bytes, self.is_everything) = (Vec::new(), 0, true);
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Changes {
    /// What changed since the last time; `None` when nothing did.
    pub fn try_next(&mut self) -> Option<Changed> {
        self.queue.lock().take()
    }

    /// Waits until something changes, and says what; `None` when the store is gone. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Changed> {
        poll_fn(|task| self.poll_next(task)).await
    }
}

impl ChangeFeed for Changes {
    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Option<Changed>> {
        let mut queue = self.queue.lock();
        match queue.take() {
            None if !queue.is_over => {
                queue.waker = Some(task.waker().clone());
                Poll::Pending
            }
            changed => Poll::Ready(changed),
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        if let Some(feeds) = self.feeds.upgrade() {
            feeds.remove(&self.queue);
        }
    }
}

/// The feeds of a store.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    /// How many there are; changed under the lock.
    count: AtomicUsize,
    queues: Mutex<Vec<Arc<Mutex<Queue>>>>,
}

impl Feeds {
    pub(super) fn subscribe(feeds: &Arc<Self>) -> Changes {
        let mut queues = feeds.queues.lock();
        let queue = Arc::<Mutex<Queue>>::default();
        queues.push(queue.clone());
        feeds.count.store(queues.len(), Ordering::Relaxed);
        Changes { queue, feeds: Arc::downgrade(feeds) }
    }

    fn remove(&self, queue: &Arc<Mutex<Queue>>) {
        let mut queues = self.queues.lock();
        queues.retain(|other| !Arc::ptr_eq(other, queue));
        self.count.store(queues.len(), Ordering::Relaxed);
    }

    /// Whether there is any.
    #[inline]
    pub(super) fn is_heard(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Tells the keys of `mutation`, everything when it has none, and those that were `removed`.
    pub(super) fn note<'k>(&self, mutation: Option<&Mutation<'_>>, removed: impl Iterator<Item = &'k Value> + Clone) {
        self.each(|queue| {
            removed.clone().for_each(|key| queue.push(key));
            let Some(mutation) = mutation else { return };
            let mut has_keys = false;
            mutation.visit_keys(|key| {
                has_keys = true;
                queue.push(key);
            });
            if !has_keys {
                queue.everything();
            }
        });
    }

    /// Tells that anything may have changed.
    pub(super) fn everything(&self) {
        self.each(Queue::everything);
    }

    fn each(&self, mut tell: impl FnMut(&mut Queue)) {
        for queue in self.queues.lock().iter() {
            let mut queue = queue.lock();
            tell(&mut queue);
            if queue.is_everything || !queue.keys.is_empty() {
                queue.wake();
            }
        }
    }
}

impl Drop for Feeds {
    fn drop(&mut self) {
        self.each(|queue| {
            queue.is_over = true;
            queue.wake();
        });
    }
}
