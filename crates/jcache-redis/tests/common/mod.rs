//! What the tests of the driver share: settings with short limits, and commands by their words.
#![allow(dead_code)]

use std::time::Duration;

use jcache_core::command::Request;
use jcache_core::{Arg, Driver, Error, Reply, Result};
use jcache_redis::{Builder, Redis};

/// Limits short enough for tests and long enough for a busy machine.
pub(crate) fn quick() -> Builder {
    Redis::builder()
        .connect_timeout(Duration::from_millis(500))
        .command_timeout(Duration::from_millis(500))
        .reconnect(Duration::from_millis(10), Duration::from_millis(100))
}

/// Runs one command given as words separated by blanks.
pub(crate) async fn run(redis: &Redis, line: &str) -> Result<Reply> {
    let words: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    run_words(redis, &words).await
}

/// Runs one command given as arguments of any bytes.
pub(crate) async fn run_words(redis: &Redis, words: &[Arg<'_>]) -> Result<Reply> {
    match Request::parse(words)? {
        Request::Query(query) => redis.query(&query).await.map(|answer| answer.reply),
        Request::Mutation(mutation) => redis.mutate(&mutation).await,
    }
}

/// Tries `check` until it gives something, for `patience` at most.
pub(crate) async fn eventually<T, F>(patience: Duration, mut check: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T>>,
{
    let start = tokio::time::Instant::now();
    loop {
        match check().await {
            Ok(found) => return found,
            Err(error) if start.elapsed() > patience => panic!("not within {patience:?}: {error:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// A string reply.
pub(crate) fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

/// What an error is, for comparison.
pub(crate) fn shape(error: &Error) -> (jcache_core::ErrorKind, &str) {
    (error.kind(), error.message())
}
