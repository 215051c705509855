//! Sentinels: finding the master, and following it when another takes over.
#![allow(clippy::unwrap_used)] // A helper of a test fails like the test itself.

mod common;

use std::time::{Duration, Instant};

use common::{bulk, eventually, quick, run};
use jcache_core::{ErrorKind, Reply};
use jcache_testkit::oracle::{RedisServer, skip};

/// A master, a replica, and a Sentinel that watches over both.
struct Watched {
    servers: [RedisServer; 2],
    sentinel: RedisServer,
}

impl Watched {
    fn start() -> Option<Self> {
        let server = || RedisServer::start().map_err(skip).ok();
        let servers = [server()?, server()?];
        let follow = format!("REPLICAOF 127.0.0.1 {}", servers[0].port());
        servers[1].client().line(&follow).unwrap();
        let config = format!(
            "sentinel monitor mymaster 127.0.0.1 {} 1\nsentinel down-after-milliseconds mymaster 500\n\
             sentinel failover-timeout mymaster 3000\n",
            servers[0].port()
        );
        let sentinel = RedisServer::options().config(config).args(["--sentinel"]).start().map_err(skip).ok()?;
        let watched = Self { servers, sentinel };
        watched.until("the replica follows", || {
            let Ok(Reply::Bulk(text)) = watched.servers[1].client().line("INFO replication") else { panic!("INFO") };
            String::from_utf8_lossy(&text).contains("master_link_status:up")
        });
        watched.until("the Sentinel knows the replica", || {
            let Ok(Reply::Array(found)) = watched.sentinel.client().line("SENTINEL REPLICAS mymaster") else {
                return false;
            };
            // It asks who is there every ten seconds; what matters is that it has seen the link up.
            format!("{found:?}").contains("\"ok\"")
        });
        Some(watched)
    }

    fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let patience = Instant::now() + Duration::from_secs(30);
        while !done() {
            assert!(Instant::now() < patience, "never happened: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A URL with a Sentinel that is not there, and one that is.
    fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/mymaster", self.sentinel.port())
    }

    fn acknowledged_by_replica(&self) {
        let Ok(Reply::Int(replicas)) = self.servers[0].client().line("WAIT 1 2000") else { panic!("WAIT") };
        assert_eq!(replicas, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_master_is_left_for_its_successor() {
    let Some(watched) = Watched::start() else { return };
    let redis = quick().url(&watched.url()).connect().await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    assert_eq!(watched.servers[0].client().line("GET a"), Ok(bulk("1")));
    watched.acknowledged_by_replica();
    watched.servers[0].kill();
    let start = Instant::now();
    assert_eq!(run(&redis, "GET a").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(start.elapsed() < Duration::from_millis(700), "{:?}", start.elapsed());
    eventually(Duration::from_secs(20), || run(&redis, "SET b 2")).await;
    println!("the replica took over after {:?}", start.elapsed());
    assert_eq!(run(&redis, "GET a").await, Ok(bulk("1")));
    assert_eq!(watched.servers[1].client().line("GET b"), Ok(bulk("2")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_halted_master_is_left_for_its_successor() {
    let Some(watched) = Watched::start() else { return };
    let redis = quick().url(&watched.url()).connect().await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    watched.acknowledged_by_replica();
    watched.servers[0].stop();
    eventually(Duration::from_secs(20), || run(&redis, "SET b 2")).await;
    assert_eq!(run(&redis, "GET a").await, Ok(bulk("1")));
    // The old one comes back, believing that it is the master, and is not believed.
    watched.servers[0].cont();
    for n in 0..50 {
        let line = format!("SET c {n}");
        eventually(Duration::from_secs(5), || run(&redis, &line)).await;
        assert_eq!(watched.servers[1].client().line("GET c"), Ok(bulk(&n.to_string())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_steps_down_is_left() {
    let Some(watched) = Watched::start() else { return };
    let redis = quick().url(&watched.url()).connect().await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    watched.acknowledged_by_replica();
    watched.sentinel.client().line("SENTINEL FAILOVER mymaster").unwrap();
    watched.until("the replica is the master", || watched.servers[1].client().line("SET probe 1").is_ok());
    eventually(Duration::from_secs(20), || async {
        run(&redis, "SET b 2").await?;
        match watched.servers[1].client().line("GET b") {
            Ok(Reply::Bulk(_)) => Ok(()),
            _ => Err(jcache_core::Error::new(ErrorKind::Unavailable, "still the old master")),
        }
    })
    .await;
}

/// Sentinels close the clients of a master that they demote. Where nobody does, the refusal of a write is the sign.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_became_read_only_is_left() {
    let Some(watched) = Watched::start() else { return };
    let redis = quick().url(&watched.url()).connect().await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    watched.acknowledged_by_replica();
    let [old, new] = &watched.servers;
    let mut sentinel = watched.sentinel.client();
    sentinel.line("SENTINEL REMOVE mymaster").unwrap();
    new.client().line("REPLICAOF NO ONE").unwrap();
    old.client().line(&format!("REPLICAOF 127.0.0.1 {}", new.port())).unwrap();
    sentinel.line(&format!("SENTINEL MONITOR mymaster 127.0.0.1 {} 1", new.port())).unwrap();
    let error = run(&redis, "SET b 2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "READONLY You can't write against a read only replica.");
    assert_eq!(run(&redis, "SET b 2").await, Ok(Reply::Ok));
    assert_eq!(new.client().line("GET b"), Ok(bulk("2")));
}

#[tokio::test]
async fn what_no_sentinel_knows_is_unavailable() {
    let Some(watched) = Watched::start() else { return };
    let unknown = watched.url().replace("mymaster", "other");
    let error = quick().url(&unknown).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("does not know it"), "{error}");
    let error = quick().url("redis+sentinel://127.0.0.1:1/mymaster").connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
