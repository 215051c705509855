//! The first steps: strings, numbers, times to live, hashes, lists, sets and sorted sets, on the cache in memory.
//!
//! `cargo run --example quickstart`
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::time::Duration;

use jcache::prelude::*;

#[tokio::main(flavor = "current_thread")]
async fn main() -> jcache::Result<()> {
    let cache = Cache::new();

    cache.set("hello", "world").ttl(Duration::from_secs(60)).await?;
    let hello: Option<String> = cache.get("hello").await?;
    println!("hello is {hello:?}, and lives for {:?}", cache.ttl("hello").await?);
    assert_eq!(hello.as_deref(), Some("world"));

    let mine = cache.set("lock", "me").nx().ttl(Duration::from_secs(10)).await?;
    let yours = cache.set("lock", "you").nx().await?;
    println!("the lock: mine {mine}, yours {yours}");
    assert!(mine && !yours);

    for _ in 0..3 {
        cache.incr("visits").await?;
    }
    let visits: Option<u64> = cache.get("visits").await?;
    println!("visits: {visits:?}");
    assert_eq!(visits, Some(3));

    cache.hset("stock", [("tea", 3), ("milk", 1)]).await?;
    cache.hincrby("stock", "tea", -1).await?;
    let stock: Option<BTreeMap<String, u32>> = cache.hgetall("stock").await?;
    println!("stock: {stock:?}");
    assert_eq!(stock, Some(BTreeMap::from([("milk".into(), 1), ("tea".into(), 2)])));

    cache.rpush("log", ["start", "work", "stop"]).await?;
    let log: Vec<String> = cache.lrange("log", 0, -1).await?;
    println!("log: {log:?}");
    assert_eq!(log, ["start", "work", "stop"]);

    cache.sadd("seen", ["ada", "bob", "ada"]).await?;
    println!("seen: {} people, eve {}", cache.scard("seen").await?, cache.sismember("seen", "eve").await?);
    assert_eq!(cache.scard("seen").await?, 2);

    cache.zadd("board", [("ada", 90), ("bob", 75)]).await?;
    let best: Vec<(String, f64)> = cache.zrevrange("board", 0, 0).with_scores().await?;
    println!("best: {best:?}");
    assert_eq!(best, [("ada".to_owned(), 90.0)]);

    let error = cache.get::<String>("board").await.expect_err("it is no string");
    println!("an error tells its kind: {:?}, {error}", error.kind());
    assert_eq!(error.kind(), ErrorKind::WrongType);

    println!("removed {} keys", cache.del(["hello", "lock", "visits"]).await?);
    Ok(())
}

#[test]
fn it_runs() -> jcache::Result<()> {
    main()
}
