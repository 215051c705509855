//! The driver: every command of core on the engine, answered at once, since nothing here waits for anything but a lock.

use jcache_core::command::{Mutation, Query};
use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::effect::Reach;
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{Answer, Driver, Effect, Key, Keyspace, Reply, Result, Snapshot, Timestamp};

use crate::Memory;
use crate::view::Restricted;

impl Driver for Memory {
    #[inline]
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        Some(self.0.read(query, |view, context| query.answer(view, context)))
    }

    #[inline]
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        self.0.read(query, |view, context| query.answer(view, context))
    }

    #[inline]
    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        Some(self.0.write(mutation, |view, context| mutation.run(view, context)))
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        self.0.write(mutation, |view, context| mutation.run(view, context))
    }

    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        self.0.read(query, |view, context| Fetched::from_keyspace(query, view, limit, context))
    }

    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        let key = Key::from(&snapshot.key);
        self.0.write(&key, |view, _| view.put(&key, snapshot.object.clone(), snapshot.deadline))
    }

    async fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> Result<()> {
        let Some(change) = &effect.change else { return Ok(()) };
        self.0.write(change, |view, context| {
            let (mut held, mut lacking) = (false, false);
            change.visit_keys(|key| if view.contains(key) { held = true } else { lacking = true });
            let applies = match effect.reach {
                Reach::Whole => true,
                Reach::Within if !held => return Ok(()),
                Reach::Within => !lacking,
                Reach::Replica => false,
            };
            // A change that fails here but did not at the authority shows that the copy differs.
            if !applies || change.run(&mut Restricted::capped(view, cap), context).is_err() {
                change.drop_keys().run(view, context)?;
            }
            Ok(())
        })
    }
}

impl StringDriver for Memory {}
impl HashDriver for Memory {}
impl ListDriver for Memory {}
impl SetDriver for Memory {}
impl SortedSetDriver for Memory {}
