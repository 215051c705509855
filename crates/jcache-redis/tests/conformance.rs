//! The conformance suite, which every driver passes, over both protocols and a Unix socket.

mod common;

use common::quick;
use jcache_redis::{Protocol, Redis};
use jcache_testkit::conformance;
use jcache_testkit::oracle::{RedisServer, redis_or_skip, skip};

#[tokio::test]
async fn over_resp2() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).protocol(Protocol::Resp2).connect().await.unwrap();
    conformance::everything(&redis).await;
}

#[tokio::test]
async fn over_resp3() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).protocol(Protocol::Resp3).connect().await.unwrap();
    conformance::everything(&redis).await;
}

#[tokio::test]
async fn over_a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("redis.sock").display().to_string();
    let _server = match RedisServer::options().args(["--unixsocket", &path]).start() {
        Ok(server) => server,
        Err(missing) => return skip(missing),
    };
    let redis = Redis::connect(&format!("unix://{path}?db=1")).await.unwrap();
    conformance::everything(&redis).await;
}
