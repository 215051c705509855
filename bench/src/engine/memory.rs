//! Adapters for jcache's memory engine: its own `get`, and the driver that caches stand on.

use std::time::Duration;

use jcache_core::command::string::{Expiry, Get, Set, SetOptions};
use jcache_core::{Driver, Key, Mutation, Query, Reply, Value};
use jcache_memory::Memory;

use super::{Engine, Setting};
use crate::work::{Request, VALUE};

/// A memory engine that holds at most so many bytes; `None` where this version of it cannot be bounded.
fn with_max_memory(bytes: usize) -> Option<Memory> {
    Some(Memory::builder().max_memory(bytes).build())
}

/// A memory engine as the setting asks. The bound is in bytes: as many as an unbounded one takes for as many entries.
pub fn bounded(setting: &Setting) -> Option<Memory> {
    let Some(room) = setting.room else { return Some(Memory::new()) };
    let sample = Memory::new();
    (0..room as u64).for_each(|number| put(&sample, Request::new(number, 0).key(), &VALUE, setting.ttl));
    with_max_memory(sample.memory_used())
}

#[inline]
pub(super) fn put(memory: &Memory, key: &[u8], value: &[u8], ttl: Option<Duration>) {
    let expiry = ttl.map_or(Expiry::Never, |ttl| Expiry::Millis(ttl.as_millis() as i64));
    let set = Set { key: Key::from(key), value: value.into(), options: SetOptions { expiry, ..SetOptions::default() } };
    let reply = memory.try_mutate(&Mutation::from(set));
    assert!(matches!(reply, Some(Ok(Reply::Ok))), "SET: {reply:?}");
}

/// `Memory::get`, and `SET` through the driver.
pub(super) struct Raw {
    memory: Memory,
    ttl: Option<Duration>,
}

impl Raw {
    pub(super) fn new(setting: &Setting) -> Option<Self> {
        Some(Self { memory: bounded(setting)?, ttl: setting.ttl })
    }
}

impl Engine for Raw {
    type Value = Value;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Value> {
        self.memory.get(key).expect("a string")
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        put(&self.memory, key, value, self.ttl);
    }

    fn entries(&self) -> usize {
        self.memory.len()
    }
}

/// `GET` and `SET` as commands, through the driver.
pub(super) struct Driven(Raw);

impl Driven {
    pub(super) fn new(setting: &Setting) -> Option<Self> {
        Raw::new(setting).map(Self)
    }
}

impl Engine for Driven {
    type Value = Value;

    #[inline]
    fn get(&self, key: &[u8]) -> Option<Value> {
        let answer = self.0.memory.try_query(&Query::from(Get { key: Key::from(key) }));
        match answer.expect("memory answers at once").expect("a string").reply {
            Reply::Bulk(value) => Some(value),
            _ => None,
        }
    }

    #[inline]
    fn set(&self, key: &[u8], value: &[u8]) {
        self.0.set(key, value);
    }

    fn entries(&self) -> usize {
        self.0.entries()
    }
}
