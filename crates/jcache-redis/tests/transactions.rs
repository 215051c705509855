//! Transactions on a real server: as one, and only while watched keys are as they were.

mod common;

use jcache_core::{Arg, Driver, ErrorKind, Key, Reply, Request, Result, Watch};
use jcache_redis::Redis;
use jcache_testkit::differential;
use jcache_testkit::oracle;

async fn transact(redis: &Redis, lines: &[&str], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
    let args: Vec<Vec<Arg<'_>>> = lines.iter().map(|line| line.split(' ').map(Arg::from).collect()).collect();
    let requests: Vec<Request<'_>> = args.iter().map(|args| Request::parse(args).expect("a command")).collect();
    redis.transact(&requests, watch).await
}

async fn watch(redis: &Redis, keys: &[&str]) -> Watch {
    let mut watch = Watch::new();
    let keys: Vec<Key<'_>> = keys.iter().map(|key| Key::from(*key)).collect();
    redis.watch(&keys, &mut watch).await.expect("watched");
    watch
}

#[tokio::test]
async fn a_transaction_runs_whole_and_each_request_has_its_result() {
    let Some(server) = oracle::redis_or_skip() else { return };
    let redis = Redis::connect(&server.url()).await.expect("connects");
    let lines = ["SET k v", "INCR k", "GET k", "HSET h f 1", "HGETALL h", "BLPOP q 0"];
    let replies = transact(&redis, &lines, Watch::new()).await.expect("run").expect("nothing is watched");
    assert_eq!(replies[0], Ok(Reply::Ok));
    assert_eq!(replies[1].as_ref().expect_err("no number").message(), "ERR value is not an integer or out of range");
    assert_eq!(replies[2], Ok(Reply::Bulk("v".into())));
    assert_eq!(replies[4], Ok(Reply::Map(vec![(Reply::Bulk("f".into()), Reply::Bulk("1".into()))])));
    assert!(replies[5].as_ref().is_ok_and(Reply::is_nil), "it does not wait: {replies:?}");
    assert_eq!(transact(&redis, &[], Watch::new()).await, Ok(Some(vec![])));
}

#[tokio::test]
async fn watched_keys_that_change_keep_a_transaction_from_running() {
    let Some(server) = oracle::redis_or_skip() else { return };
    let redis = Redis::connect(&server.url()).await.expect("connects");
    let mut other = server.client();
    for round in 0..3 {
        let kept = watch(&redis, &["a", "b", "a"]).await;
        assert_eq!(kept.len(), 2);
        let replies = transact(&redis, &["INCR a"], kept).await.expect("reachable");
        assert_eq!(replies, Some(vec![Ok(Reply::Int(round + 1))]));
        let mut lost = watch(&redis, &["a"]).await;
        redis.watch(&["c".into()], &mut lost).await.expect("one more");
        other.line("SET c x").expect("SET");
        assert_eq!(transact(&redis, &["INCR a"], lost).await, Ok(None));
        assert_eq!(transact(&redis, &[], watch(&redis, &["a"]).await).await, Ok(Some(vec![])));
    }
    // Dropped watches give their connections up: there are more of them here than connections may be open.
    let few = Redis::builder().url(&server.url()).max_blocking(2).connect().await.expect("connects");
    for _ in 0..5 {
        drop(watch(&few, &["a"]).await);
    }
    let (one, two) = (watch(&few, &["a"]).await, watch(&few, &["a"]).await);
    let full = few.watch(&["a".into()], &mut Watch::new()).await.expect_err("the third at once");
    assert_eq!(full.kind(), ErrorKind::Unavailable);
    drop((one, two));
}

#[tokio::test]
async fn a_watch_does_not_survive_its_connection() {
    let Some(server) = oracle::redis_or_skip() else { return };
    let redis = Redis::connect(&server.url()).await.expect("connects");
    let kept = watch(&redis, &["a"]).await;
    server.client().line("CLIENT KILL TYPE normal SKIPME yes").expect("KILL");
    let error = loop {
        // The shared connection may be on its way back.
        match transact(&redis, &["INCR a"], Watch::new()).await {
            Ok(_) => break transact(&redis, &["INCR a"], kept).await.expect_err("its connection is gone"),
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert_eq!((error.kind(), error.is_uncertain()), (ErrorKind::Unavailable, false));
}

#[test]
fn the_same_as_redis() {
    let Some(server) = oracle::redis_or_skip() else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let redis = runtime.block_on(Redis::connect(&server.url())).expect("connects");
    let plays = differential::invocations(1_000);
    differential::transactions(&redis, runtime.handle(), &differential::FAMILIES, plays, differential::seed());
}
