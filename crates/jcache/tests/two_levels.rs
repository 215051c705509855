//! Memory in front of a real Redis, all well: what one level alone answers, both together answer too.

use jcache::prelude::*;
use jcache::{Arg, Memory, Redis, Request};
use jcache_testkit::oracle::redis_or_skip;

/// Runs a line and shows the reply.
async fn run(cache: &Cache, line: &str) -> String {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    let request = Request::parse(&args).expect("the test's commands are right");
    format!("{:?}", cache.call(&request).await.map_err(|error| error.to_string()))
}

#[tokio::test]
async fn two_levels_answer_as_one() {
    let Some(redis) = redis_or_skip() else { return };
    let far = || Redis::lazy(&redis.url()).expect("the address is right");
    let alone = Cache::builder().level(far()).build().expect("the settings are right");
    let both = Cache::builder().level(Memory::new()).level(far()).build().expect("the settings are right");
    let session = [
        "SET s 1",
        "HSET h f 1 g 2",
        "RPUSH l a b c",
        "SADD u 1 2 x",
        "ZADD z 1 a 2 b",
        "SET t 1 EX 100",
        "MGET s h x",
        "MGET h",
        "MGET s t",
        "EXISTS s h x s",
        "HGET h f",
        "HGET h none",
        "HGET s f",
        "HGETALL h",
        "HLEN h",
        "HMGET h f none g",
        "LRANGE l 0 -1",
        "LINDEX l 1",
        "LLEN x",
        "SISMEMBER u 2",
        "SCARD u",
        "ZRANGE z 0 -1 WITHSCORES",
        "ZSCORE z b",
        "ZRANK z b",
        "ZRANGEBYSCORE z (1 +inf",
        "GET s",
        "GET h",
        "STRLEN s",
        "GETRANGE s 0 0",
        "TYPE z",
        "TTL s",
        "TTL t",
        "TTL x",
        "DBSIZE",
        "SMISMEMBER u 1 2 y",
        "INCR s",
        "GET s",
        "RENAME s r",
        "GET s",
        "GET r",
        "DEL r h",
        "HGET h f",
        "MGET r t",
    ];
    // Each read twice over both levels: the second time memory may answer what the first one filled.
    for line in session {
        let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
        if let Ok(Request::Mutation(_)) = Request::parse(&args) {
            run(&both, line).await;
            continue;
        }
        let expected = run(&alone, line).await;
        for turn in ["first", "second"] {
            assert_eq!(run(&both, line).await, expected, "{line}, {turn} time");
        }
    }
    let stats = both.stats();
    assert!(stats.levels[0].hits > 10 && stats.levels[0].fills > 3, "memory took part: {stats:?}");
}
