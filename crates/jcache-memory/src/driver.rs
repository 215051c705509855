//! The driver: every command of core on the engine, answered at once but for those that wait for an element.

use jcache_core::command::{Mutation, Query, Request};
use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::effect::Reach;
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{
    Answer, Driver, Effect, Error, ErrorKind, Key, Keyspace, Reply, ReplySink, Result, Snapshot, Timestamp, Value,
    Watch,
};

use crate::Memory;
use crate::watched::Watching;

impl Memory {
    /// Carries out a mutation that does nothing but to put a string, where there is a short way to do so.
    #[inline]
    fn put_plain(&self, mutation: &Mutation<'_>) -> bool {
        mutation.plain_string().is_some_and(|(key, text)| self.0.set(key, text))
    }

    /// Carries out any mutation, at once.
    #[inline(never)]
    fn try_any(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        let reply = self.0.change(mutation, |view, context| view.carry_out(mutation, context));
        let would_block = reply.as_ref().is_ok_and(Reply::is_nil) && mutation.blocking().is_some();
        (!would_block).then_some(reply)
    }
}

impl Driver for Memory {
    #[inline]
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        Some(self.0.answer(query))
    }

    #[inline]
    fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        Some(self.0.get(key))
    }

    fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        let told = self.0.read(query, |view, _| {
            let told = query.tell(view, out);
            if told == Ok(true) {
                view.count(true);
            }
            told
        });
        match told {
            Ok(told) => told.then_some(Ok(())),
            Err(error) => Some(Err(error)),
        }
    }

    #[inline]
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        self.0.answer(query)
    }

    #[inline]
    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        if self.put_plain(mutation) {
            return Some(Ok(Reply::Ok));
        }
        self.try_any(mutation)
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        if self.put_plain(mutation) {
            return Ok(Reply::Ok);
        }
        let (reply, wait) = self.0.change(mutation, |view, context| {
            let reply = view.carry_out(mutation, context)?;
            let blocking = if reply.is_nil() { mutation.blocking() } else { None };
            Ok((reply, blocking.map(|blocking| (self.0.waiters.join(&self.0, mutation), blocking.timeout))))
        })?;
        match wait {
            None => Ok(reply),
            Some((wait, None)) => wait.await,
            Some((mut wait, Some(timeout))) => match tokio::time::timeout(timeout, &mut wait).await {
                Ok(brought) => brought,
                // What came at the last moment counts; otherwise nil, as at first.
                Err(_) => wait.stop().unwrap_or(Ok(reply)),
            },
        }
    }

    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        self.0.read(query, |view, context| {
            let fetched = Fetched::from_keyspace(query, view, limit, context)?;
            view.count(fetched.answer.hit);
            Ok(fetched)
        })
    }

    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        let key = Key::from(&snapshot.key);
        self.0.change(&key, |view, _| view.put(&key, snapshot.object.clone(), snapshot.deadline))
    }

    async fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> Result<()> {
        let Some(change) = &effect.change else { return Ok(()) };
        let applied = self.0.change(change, |view, context| {
            let (mut held, mut lacking) = (false, false);
            change.visit_keys(|key| if view.contains(key) { held = true } else { lacking = true });
            let applies = match effect.reach {
                Reach::Whole => true,
                Reach::Within if !held => return Ok(()),
                Reach::Within => !lacking,
                Reach::Replica => false,
            };
            // A change that fails here but did not at the authority shows that the copy differs.
            let made = if applies { view.carry_out(change, context).map(drop) } else { Err(Error::wrong_type()) };
            match made {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::OutOfMemory => return Err(error),
                Err(_) => drop(view.carry_out(&change.drop_keys(), context)?),
            }
            if let Some(cap) = cap {
                change.visit_keys(|key| limit(view, key, cap));
            }
            Ok(())
        });
        match applied {
            // A copy that has no room for the change must not keep what was there before.
            Err(error) if error.kind() == ErrorKind::OutOfMemory => {
                let drop_keys = change.drop_keys();
                self.0.change(&drop_keys, |view, context| view.carry_out(&drop_keys, context).map(drop))
            }
            applied => applied,
        }
    }

    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        let is_empty = watch.is_empty();
        let watching = watch.into_state::<Watching>();
        match watching.as_deref() {
            Some(watching) if !watching.is_of(&self.0) => Err(foreign_watch()),
            None if !is_empty => Err(foreign_watch()),
            watching => Ok(self.0.transact(requests, watching)),
        }
    }

    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        let watching = watch.state(|| Watching::new(self.0.clone())).filter(|it| it.is_of(&self.0));
        let len = watching.ok_or_else(foreign_watch)?.add(keys);
        watch.set_len(len);
        Ok(())
    }
}

#[cold]
fn foreign_watch() -> Error {
    Error::invalid("ERR the watched keys belong to another cache")
}

/// Lets `key` live no longer than until `cap`.
fn limit(view: &mut impl Keyspace, key: &[u8], cap: Timestamp) {
    if view.find(key).is_some_and(|found| found.deadline.is_none_or(|deadline| deadline > cap)) {
        view.set_deadline(key, Some(cap));
    }
}

impl StringDriver for Memory {}
impl HashDriver for Memory {}
impl ListDriver for Memory {}
impl SetDriver for Memory {}
impl SortedSetDriver for Memory {}
