//! A driver of one's own: two methods, and the marker of each family that it serves.
//!
//! `cargo run --example custom_driver`
#![allow(clippy::print_stdout)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use jcache::command::Family;
use jcache::driver::StringDriver;
use jcache::prelude::*;
use jcache::{Answer, Context, Driver, Memory, Model, Mutation, Query, Reply, Result, Scope, StringCache, Timestamp};

/// Keeps strings in the reference keyspace of the library; a driver for a file or a server would do its I/O here.
#[derive(Debug, Clone, Default)]
struct Shelf(Arc<Mutex<Model>>);

impl Shelf {
    /// The data as it is now: what is due is gone.
    fn now(&self) -> (MutexGuard<'_, Model>, Context) {
        let mut model = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::from_system(SystemTime::now());
        model.set_now(now);
        (model, Context { now, seed: now.as_millis() })
    }
}

/// Whether the command is for strings, or for keys of any type.
fn serve(family: Family, name: &str) -> Result<()> {
    if matches!(family, Family::String | Family::Key) { Ok(()) } else { Err(Error::unsupported(name)) }
}

impl Driver for Shelf {
    // Other caches see it too, so where there are several levels, it is the one that decides.
    fn scope(&self) -> Scope {
        Scope::Shared
    }

    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        serve(query.spec().family, query.spec().name)?;
        let (model, context) = self.now();
        query.answer(&*model, context)
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        serve(mutation.spec().family, mutation.spec().name)?;
        let (mut model, context) = self.now();
        mutation.run(&mut *model, context)
    }
}

impl StringDriver for Shelf {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // It serves strings, so a cache of strings can stand on it: alone, or with others. `Cache::builder().level(shelf)`
    // would not compile.
    let shelf = Shelf::default();
    let cache = StringCache::builder().level(Memory::new()).level(shelf.clone()).build()?;
    cache.set("title", "Notes").await?;
    println!("words read: {}", cache.incrby("words", 120).await?);

    // Another cache over the same shelf finds what is there.
    let other = StringCache::builder().level(shelf).build()?;
    println!("the other cache reads {:?}", other.get::<String>("title").await?);
    assert_eq!(other.mget::<String>(["title", "words"]).await?, [Some("Notes".into()), Some("120".into())]);

    // The library tells whether a driver does what it should; all its data is deleted.
    let checked = Shelf::default();
    jcache_testkit::conformance::strings(&checked).await;
    jcache_testkit::conformance::keys(&checked).await;
    jcache_testkit::conformance::expiry(&checked).await;
    println!("it passes the conformance suites for strings, keys and expiry");
    Ok(())
}

#[test]
fn it_runs() -> Result<()> {
    main()
}
