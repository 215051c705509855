//! Process-local copies follow a shared level that tells what changes in it, whoever changed it.

use std::future::poll_fn;
use std::sync::{Arc, Weak};

use jcache_core::driver::{ChangeFeed, Changed};
use jcache_core::{Mutation, Scope};

use super::Levels;

impl Levels {
    /// Begins to follow those levels that tell; without a tokio runtime nobody could listen.
    pub(crate) fn follow(self: &Arc<Self>) {
        let near = self.levels.iter().any(|level| level.scope == Scope::Process);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if near {
            for feed in self.levels.iter().filter_map(|level| level.driver.changes()) {
                runtime.spawn(listen(Arc::downgrade(self), feed));
            }
        }
    }

    fn forget(self: &Arc<Self>, changed: &Changed) {
        // A shared copy is written by whoever changed the key, as this process writes what it changes itself.
        let near = || self.copies().filter(|copy| copy.scope == Scope::Process);
        match changed {
            Changed::Keys(keys) => {
                for key in keys {
                    near().for_each(|copy| copy.marks.add_key(key));
                    // After the marks, as in `invalidate`.
                    self.fences.void(key);
                }
            }
            Changed::Everything => {
                let everything = Mutation::clearing();
                near().for_each(|copy| copy.marks.add(&everything));
                drop(self.fences.begin_write(&everything));
            }
        }
        self.look_after();
    }
}

async fn listen(levels: Weak<Levels>, mut feed: Box<dyn ChangeFeed>) {
    while let Some(changed) = poll_fn(|task| feed.poll_next(task)).await {
        let Some(levels) = levels.upgrade() else { return };
        levels.forget(&changed);
    }
}
