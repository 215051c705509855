//! A cluster of three masters and a replica: routing, splitting, slots that move, and a master that dies.
#![allow(clippy::unwrap_used)] // A helper of a test fails like the test itself.

mod common;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{bulk, eventually, quick, run};
use jcache_core::command::string::Get;
use jcache_core::snapshot::FillLimit;
use jcache_core::{Answer, Driver, ErrorKind, Key, Object, Query, Reply, Snapshot, Value};
use jcache_redis::{Protocol, Redis};
use jcache_testkit::oracle::{RedisServer, skip};

/// The slots of the three masters: first, last.
const RANGES: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// Three masters; the fourth node is a replica of the third master.
struct Nodes(Vec<RedisServer>);

impl Nodes {
    fn start() -> Option<Self> {
        let nodes: Vec<(RedisServer, u16)> = (0..4).map(|_| node()).collect::<Option<_>>()?;
        for (server, bus) in &nodes {
            let meet = format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.port());
            nodes[0].0.client().line(&meet).unwrap();
        }
        let nodes = Self(nodes.into_iter().map(|it| it.0).collect());
        for (server, (first, last)) in nodes.0.iter().zip(RANGES) {
            server.client().line(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")).unwrap();
        }
        nodes.until("all know each other", || nodes.all(|node| nodes.info(node, "cluster_known_nodes:4")));
        let replicate = format!("CLUSTER REPLICATE {}", nodes.id(2));
        nodes.0[3].client().line(&replicate).unwrap();
        nodes.until("all slots are served", || nodes.all(|node| nodes.info(node, "cluster_state:ok")));
        let replicates = |node: usize| {
            let Ok(Reply::Bulk(text)) = nodes.0[node].client().line("INFO replication") else { panic!("INFO") };
            String::from_utf8_lossy(&text).contains("master_link_status:up")
        };
        nodes.until("the replica follows", || replicates(3));
        Some(nodes)
    }

    fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let patience = Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(Instant::now() < patience, "never happened: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn all(&self, check: impl FnMut(usize) -> bool) -> bool {
        (0..self.0.len()).all(check)
    }

    fn info(&self, node: usize, line: &str) -> bool {
        let Ok(Reply::Bulk(text)) = self.0[node].client().line("CLUSTER INFO") else { return false };
        String::from_utf8_lossy(&text).lines().any(|it| it == line)
    }

    fn id(&self, node: usize) -> String {
        let Ok(Reply::Bulk(id)) = self.0[node].client().line("CLUSTER MYID") else { panic!("CLUSTER MYID") };
        String::from_utf8(id.to_vec()).unwrap()
    }

    /// A URL that names the first node only: the others are found.
    fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.0[0].port())
    }
}

fn node() -> Option<(RedisServer, u16)> {
    let bus = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus.to_string()];
    RedisServer::options().args(args).start().map_err(skip).ok().map(|server| (server, bus))
}

fn array(items: &[Reply]) -> Reply {
    Reply::Array(items.to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_find_their_nodes() {
    let Some(nodes) = Nodes::start() else { return };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let redis = quick().url(&nodes.url()).protocol(protocol).connect().await.unwrap();
        keys_are_spread(&redis).await;
        several_slots(&redis).await;
        batches_and_whole_keys(&redis).await;
        assert_eq!(redis.probe().await, Ok(()));
    }
    let error = quick().url(&nodes.url()).database(1).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    // A server that is no cluster says so.
    let Ok(alone) = RedisServer::start() else { return };
    let error = quick().cluster([format!("127.0.0.1:{}", alone.port())]).connect().await.unwrap_err();
    assert_eq!(error.message(), "ERR This instance has cluster support disabled");
}

async fn keys_are_spread(redis: &Redis) {
    run(redis, "FLUSHALL").await.unwrap();
    for n in 0..100 {
        assert_eq!(run(redis, &format!("SET key{n} {n}")).await, Ok(Reply::Ok));
    }
    for n in 0..100 {
        assert_eq!(run(redis, &format!("GET key{n}")).await, Ok(bulk(&n.to_string())));
    }
    assert_eq!(run(redis, "DBSIZE").await, Ok(Reply::Int(100)));
    let Ok(Reply::Array(keys)) = run(redis, "KEYS *").await else { panic!("KEYS") };
    assert_eq!(keys.len(), 100);
    assert!(matches!(run(redis, "RANDOMKEY").await, Ok(Reply::Bulk(_))));
    let error = run(redis, "SCAN 0").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(run(redis, "FLUSHALL").await, Ok(Reply::Ok));
    assert_eq!(run(redis, "DBSIZE").await, Ok(Reply::Int(0)));
    assert_eq!(run(redis, "RANDOMKEY").await, Ok(Reply::Nil));
}

async fn several_slots(redis: &Redis) {
    let cases = [
        // foo: the third master; bar: the first; hello: the first, in another slot.
        ("MSET foo 1 bar 2 hello 3 foo 4", Reply::Ok),
        ("MGET foo none bar foo hello", array(&[bulk("4"), Reply::Nil, bulk("2"), bulk("4"), bulk("3")])),
        ("EXISTS foo bar none foo", Reply::Int(3)),
        ("TOUCH foo bar none", Reply::Int(2)),
        ("DEL foo none", Reply::Int(1)),
        ("UNLINK foo bar hello", Reply::Int(2)),
        ("MSET {t}a 1 {t}b 2", Reply::Ok),
        ("MSETNX {t}b 3 {t}c 3", Reply::Int(0)),
        ("RENAME {t}a {t}z", Reply::Ok),
        ("MGET {t}a {t}z", array(&[Reply::Nil, bulk("1")])),
    ];
    for (line, expected) in cases {
        assert_eq!(run(redis, line).await, Ok(expected), "{line}");
    }
    for line in ["MSETNX foo 1 bar 2", "RENAME foo bar", "BLPOP foo bar 1"] {
        let error = run(redis, line).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CrossSlot, "{line}");
        assert_eq!(error.message(), "CROSSSLOT Keys in request don't hash to the same slot", "{line}");
    }
    // A wrong type in one part is the answer of the whole, or nil, as in Redis.
    run(redis, "RPUSH list x").await.unwrap();
    assert_eq!(run(redis, "MGET list foo").await, Ok(array(&[Reply::Nil, Reply::Nil])));
    run(redis, "RPUSH queue x").await.unwrap();
    assert_eq!(run(redis, "BLPOP queue 1").await, Ok(array(&[bulk("queue"), bulk("x")])));
}

async fn batches_and_whole_keys(redis: &Redis) {
    run(redis, "MSET foo 1 bar 2 hello 3").await.unwrap();
    run(redis, "DEL list").await.unwrap();
    run(redis, "RPUSH list x").await.unwrap();
    let get = |key| -> Query<'static> { Get { key: Key::from(key) }.into() };
    let answers = redis.query_many(&[get("foo"), get("bar"), get("list"), get("none"), get("hello")]).await;
    assert_eq!(answers[0], Ok(Answer::hit(bulk("1"))));
    assert_eq!(answers[1], Ok(Answer::hit(bulk("2"))));
    assert_eq!(answers[2].as_ref().unwrap_err().kind(), ErrorKind::WrongType);
    assert_eq!(answers[3], Ok(Answer::miss(Reply::Nil)));
    assert_eq!(answers[4], Ok(Answer::hit(bulk("3"))));
    for key in ["foo", "bar", "hello"] {
        let snapshot = Snapshot { key: key.into(), object: Object::String(Value::from("whole")), deadline: None };
        redis.install(&snapshot).await.unwrap();
        let fetched = redis.fetch(&get(key), FillLimit::default()).await.unwrap();
        assert_eq!(fetched.snapshot, Some(snapshot));
    }
}

/// While a slot moves from the third master to the first, key by key, `ASK` and `MOVED` are followed and every
/// acknowledged increment counts exactly once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moving_slot_is_followed() {
    let Some(nodes) = Nodes::start() else { return };
    let redis = quick().url(&nodes.url()).connect().await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let counting = tokio::spawn({
        let (redis, over) = (redis.clone(), over.clone());
        async move {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                let reply = run(&redis, "INCR {foo}counter").await.unwrap();
                count += 1;
                assert_eq!(reply, Reply::Int(count));
            }
            count
        }
    });
    run(&redis, "SET {foo}b 1").await.unwrap();
    let (from, to) = (&nodes.0[2], &nodes.0[0]);
    let (from_id, to_id) = (nodes.id(2), nodes.id(0));
    tokio::time::sleep(Duration::from_millis(50)).await;
    to.client().line(&format!("CLUSTER SETSLOT 12182 IMPORTING {from_id}")).unwrap();
    from.client().line(&format!("CLUSTER SETSLOT 12182 MIGRATING {to_id}")).unwrap();
    // A key that is not there yet is asked for at the new node: single, in a batch, as a whole, and blocking.
    assert_eq!(run(&redis, "SET {foo}new 1").await, Ok(Reply::Ok));
    let new: Query<'_> = Get { key: Key::from("{foo}new") }.into();
    assert_eq!(redis.query_many(&[new.clone(), new.clone()]).await, vec![Ok(Answer::hit(bulk("1"))); 2]);
    let fetched = redis.fetch(&new, FillLimit::default()).await.unwrap();
    assert_eq!(fetched.answer, Answer::hit(bulk("1")));
    run(&redis, "RPUSH {foo}queue x").await.unwrap();
    assert_eq!(run(&redis, "BLPOP {foo}queue 1").await, Ok(array(&[bulk("{foo}queue"), bulk("x")])));
    for key in ["{foo}counter", "{foo}b"] {
        from.client().line(&format!("MIGRATE 127.0.0.1 {} {key} 0 5000", to.port())).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    for node in [to, from, &nodes.0[1]] {
        node.client().line(&format!("CLUSTER SETSLOT 12182 NODE {to_id}")).unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    over.store(true, Ordering::Relaxed);
    let count = counting.await.unwrap();
    assert!(count > 100, "only {count} increments");
    assert_eq!(to.client().line("GET {foo}counter"), Ok(bulk(&count.to_string())));
    assert_eq!(run(&redis, "MGET {foo}b {foo}new").await, Ok(array(&[bulk("1"), bulk("1")])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_master_is_replaced_and_the_others_serve_on() {
    let Some(nodes) = Nodes::start() else { return };
    let redis = quick().url(&nodes.url()).connect().await.unwrap();
    let mut alive = BTreeSet::new();
    for n in 0..50 {
        run(&redis, &format!("SET key{n} {n}")).await.unwrap();
    }
    run(&redis, "SET foo 1").await.unwrap();
    nodes.until("the replica has it", || nodes.0[3].client().line("DBSIZE") == nodes.0[2].client().line("DBSIZE"));
    nodes.0[2].kill();
    let start = Instant::now();
    for n in 0..50 {
        match run(&redis, &format!("GET key{n}")).await {
            Ok(reply) => {
                assert_eq!(reply, bulk(&n.to_string()));
                alive.insert(n);
            }
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
    assert!(alive.len() > 15, "{alive:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(redis.probe().await, Ok(()));
    assert_eq!(eventually(Duration::from_secs(15), || run(&redis, "GET foo")).await, bulk("1"));
    println!("the replica took over after {:?}", start.elapsed());
    assert_eq!(run(&redis, "SET foo 2").await, Ok(Reply::Ok));
    assert_eq!(nodes.0[3].client().line("GET foo"), Ok(bulk("2")));
}

#[tokio::test]
async fn without_any_node_the_cluster_is_unavailable() {
    let nodes = ["127.0.0.1:1", "127.0.0.1:2"];
    assert_eq!(quick().cluster(nodes).connect().await.unwrap_err().kind(), ErrorKind::Unavailable);
    let redis = quick().cluster(nodes).lazy().unwrap();
    for line in ["GET a", "SET a 1", "DEL a b", "FLUSHALL", "BLPOP a 1"] {
        assert_eq!(run(&redis, line).await.unwrap_err().kind(), ErrorKind::Unavailable, "{line}");
    }
    assert_eq!(redis.probe().await.unwrap_err().kind(), ErrorKind::Unavailable);
}
