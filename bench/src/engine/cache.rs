//! Adapter for jcache's cache over memory, as its users call it.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jcache::prelude::*;
use jcache_memory::Memory;

use super::{Engine, Setting, memory};

/// What a future that is ready at once gives: what `.await` costs, without an executor. Always inlined, as an `.await` is a
/// part of the function that it stands in.
#[inline(always)]
pub fn now<F: IntoFuture>(future: F) -> F::Output {
    match pin!(future.into_future()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory answers at once"),
    }
}

/// Two memory levels, the second of which decides.
pub fn two_levels() -> Cache {
    let policy = jcache::LevelPolicy::new().name("authority").authority();
    let near = jcache::LevelPolicy::new().name("near");
    Cache::builder().level_with(Memory::new(), near).level_with(Memory::new(), policy).build().expect("two levels")
}

pub(super) struct OneLevel {
    cache: Cache,
    memory: Memory,
    ttl: Option<Duration>,
}

impl OneLevel {
    pub(super) fn new(setting: &Setting) -> Option<Self> {
        let memory = memory::bounded(setting)?;
        let cache = Cache::builder().level(memory.clone()).build().expect("one level");
        Some(Self { cache, memory, ttl: setting.ttl })
    }
}

impl Engine for OneLevel {
    type Value = Value;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Value> {
        now(self.cache.get::<Value>(key)).expect("a string")
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        let call = self.cache.set(key, value);
        match self.ttl {
            Some(ttl) => now(call.ttl(ttl)),
            None => now(call),
        }
        .expect("memory takes it");
    }

    fn entries(&self) -> usize {
        self.memory.len()
    }
}
