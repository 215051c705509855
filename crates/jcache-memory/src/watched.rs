//! Watched keys: what a transaction compares before it runs.
//!
//! A shard knows which of its keys somebody watches, by their hashes; whatever changes an entry asks there, and raises the
//! flag of each watch. While nobody watches a key of the shard that is one branch. Hashes are 64 bits and seeded: should
//! two keys have the same, a transaction is refused that could have run, and is tried again.
//!
//! A key that is due is not there, so its removal is news only to those who began to watch while it was still alive; for
//! them the passing of the deadline alone is a change, also when nobody has noticed it yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jcache_core::{Context, Key, Mutation, Object, Reply, Result, Value};
use smallvec::SmallVec;

use crate::engine::Engine;
use crate::hash::Seed;
use crate::shard::{Shard, is_due};
use crate::view::View;

/// The watched keys of one shard.
#[derive(Debug)]
pub(crate) struct Watched {
    seed: Seed,
    by_hash: HashMap<u64, SmallVec<[Watcher; 1]>>,
}

/// One key of one watch.
#[derive(Debug)]
struct Watcher {
    key: Value,
    changed: Arc<AtomicBool>,
    /// Whether the key was alive when the watching began.
    was_there: bool,
}

impl Watched {
    pub(crate) fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The entry of `hash` was written.
    #[cold]
    pub(crate) fn changed(&self, hash: u64) {
        for watcher in self.by_hash.get(&hash).into_iter().flatten() {
            watcher.changed.store(true, Ordering::Relaxed);
        }
    }

    /// Everything may be another now.
    #[cold]
    pub(crate) fn all_changed(&self) {
        self.by_hash.keys().for_each(|hash| self.changed(*hash));
    }

    /// The entry of `hash` was removed. Who found none when he began has been told if there came one since.
    #[cold]
    pub(crate) fn gone(&self, hash: u64) {
        for watcher in self.by_hash.get(&hash).into_iter().flatten().filter(|it| it.was_there) {
            watcher.changed.store(true, Ordering::Relaxed);
        }
    }
}

/// What a shard does for those who watch.
impl Shard {
    /// Says that the entry of `hash` was written.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) {
        if let Some(watched) = &self.watched {
            watched.changed(hash);
        }
    }

    /// Says that the entry of `hash` was removed.
    #[inline]
    pub(crate) fn gone(&self, hash: u64) {
        if let Some(watched) = &self.watched {
            watched.gone(hash);
        }
    }

    #[inline]
    pub(crate) fn is_watched(&self, hash: u64) -> bool {
        self.watched.as_ref().is_some_and(|watched| watched.by_hash.contains_key(&hash))
    }

    /// Says that all entries are about to be removed.
    pub(crate) fn touch_all(&self) {
        let Some(watched) = &self.watched else { return };
        for (hash, watchers) in &watched.by_hash {
            if watchers.iter().any(|it| it.was_there && self.table.find(*hash, &it.key).is_some()) {
                watched.gone(*hash);
            }
        }
    }

    /// Adds `key` to a watch; false when it is in it already.
    fn watch(&mut self, seed: &Seed, hash: u64, key: &[u8], changed: &Arc<AtomicBool>, now: u64) -> bool {
        let was_there = self.table.find(hash, key).is_some_and(|item| !is_due(item, || now));
        let none = || Box::new(Watched { seed: seed.clone(), by_hash: HashMap::new() });
        let watchers = self.watched.get_or_insert_with(none).by_hash.entry(hash).or_default();
        if watchers.iter().any(|it| Arc::ptr_eq(&it.changed, changed) && it.key == key) {
            return false;
        }
        watchers.push(Watcher { key: Value::new(key), changed: changed.clone(), was_there });
        true
    }

    fn unwatch(&mut self, hash: u64, changed: &Arc<AtomicBool>) {
        let Some(watched) = &mut self.watched else { return };
        if let Some(watchers) = watched.by_hash.get_mut(&hash) {
            watchers.retain(|it| !Arc::ptr_eq(&it.changed, changed));
            if watchers.is_empty() {
                watched.by_hash.remove(&hash);
            }
        }
        if watched.by_hash.is_empty() {
            self.watched = None;
        }
    }

    /// Whether the deadline of a key has come that was alive when the watch began.
    fn has_lapsed(&self, hash: u64, changed: &Arc<AtomicBool>, now: u64) -> bool {
        let Some(watchers) = self.watched.as_ref().and_then(|watched| watched.by_hash.get(&hash)) else { return false };
        let own = watchers.iter().filter(|it| it.was_there && Arc::ptr_eq(&it.changed, changed));
        own.into_iter().any(|it| self.table.find(hash, &it.key).is_none_or(|item| is_due(item, || now)))
    }
}

/// What this driver keeps in a [`Watch`](jcache_core::Watch): dropping it ends the watching.
#[derive(Debug)]
pub(crate) struct Watching {
    engine: Arc<Engine>,
    changed: Arc<AtomicBool>,
    keys: Vec<(Value, u64)>,
}

impl Watching {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine, changed: Arc::default(), keys: Vec::new() }
    }

    pub(crate) fn is_of(&self, engine: &Arc<Engine>) -> bool {
        Arc::ptr_eq(&self.engine, engine)
    }

    /// Begins to watch `keys`; returns how many are watched now.
    pub(crate) fn add(&mut self, keys: &[Key<'_>]) -> usize {
        let now = self.engine.clock.now().as_millis();
        for key in keys {
            let hash = self.engine.seed.hash(key);
            let mut shard = self.engine.lock(self.engine.index(hash));
            if shard.watch(&self.engine.seed, hash, key, &self.changed, now) {
                self.keys.push((key.0.to_value(), hash));
            }
        }
        self.keys.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        self.keys.iter().map(|(key, _)| Key::from(key))
    }

    /// Whether a key has changed; under the locks of all of them.
    pub(crate) fn has_changed(&self, view: &View<'_>) -> bool {
        let lapsed = |hash: u64| view.shard_of(hash).has_lapsed(hash, &self.changed, view.now().as_millis());
        self.changed.load(Ordering::Relaxed) || self.keys.iter().any(|(_, hash)| lapsed(*hash))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        for (_, hash) in &self.keys {
            self.engine.lock(self.engine.index(*hash)).unwatch(*hash, &self.changed);
        }
    }
}

/// Watched collections that a command under way has worked on, and perhaps not changed.
#[derive(Debug, Default)]
pub(crate) struct Edits(SmallVec<[u64; 2]>);

/// How a view tells whether a collection that somebody watches was changed.
impl View<'_> {
    /// Carries out `mutation`, so that those who watch hear of a change only if there is one.
    #[inline]
    pub(crate) fn carry_out(&mut self, mutation: &Mutation<'_>, context: Context) -> Result<Reply> {
        let reply = mutation.run(self, context);
        self.carried_out(mutation, &reply, context);
        reply
    }

    /// Tells those who watch, after `mutation` was run on this view.
    #[inline]
    pub(crate) fn carried_out(&mut self, mutation: &Mutation<'_>, reply: &Result<Reply>, context: Context) {
        if let Some(edits) = self.edits.take() {
            // Same number of elements before and after: the reply says whether there was a change.
            let idle = |reply| mutation.effect(reply, context).is_ok_and(|effect| effect.change.is_none());
            if reply.as_ref().is_ok_and(|reply| !idle(reply)) {
                edits.0.iter().for_each(|hash| self.shard_of(*hash).touch(*hash));
            }
        }
    }

    /// The last edit of `key` has not changed it.
    #[cold]
    pub(crate) fn forget_edit(&mut self, key: &[u8]) {
        let hash = self.engine.seed.hash(key);
        if let Some(edits) = &mut self.edits {
            edits.0.retain(|edited| *edited != hash);
        }
    }

    /// Lets `change` work on a collection, and then knows, or keeps in mind that it does not know, whether it was changed.
    #[cold]
    pub(crate) fn edit_watched<R>(
        &mut self,
        hash: u64,
        key: &[u8],
        change: impl FnOnce(&mut Object) -> R,
    ) -> Option<R> {
        let (shard, _) = self.shard_mut(hash);
        let place = shard.table.place(hash, key)?;
        let (mut resized, mut is_set) = (true, false);
        let result = shard.edit(hash, place, |object| {
            let before = object.as_ref().elements();
            let result = change(object);
            resized = object.as_ref().elements() != before;
            is_set = matches!(object, Object::Set(_));
            result
        });
        if resized {
            shard.touch(hash);
        } else if !is_set {
            // A set of as many members has the same ones: no command both adds and removes.
            self.edits.get_or_insert_default().0.push(hash);
        }
        Some(result)
    }
}
