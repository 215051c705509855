//! The driver on one server: replies and errors in both protocols, login, databases, batches, whole keys.

mod common;

use std::time::{Duration, SystemTime};

use common::{bulk, quick, run, run_words};
use jcache_core::snapshot::FillLimit;
use jcache_core::{Answer, Driver, ErrorKind, Key, Object, Query, Reply, Scope, Snapshot, Timestamp, Value};
use jcache_redis::{Protocol, Redis};
use jcache_testkit::oracle::{RedisServer, redis_or_skip, skip};

const PROTOCOLS: [Protocol; 3] = [Protocol::Resp2, Protocol::Resp3, Protocol::Auto];

fn get(key: &str) -> Query<'_> {
    jcache_core::command::string::Get { key: Key::from(key) }.into()
}

#[tokio::test]
async fn replies_are_the_same_in_both_protocols() {
    let Some(server) = redis_or_skip() else { return };
    for protocol in PROTOCOLS {
        let redis = quick().url(&server.url()).protocol(protocol).connect().await.unwrap();
        let cases = [
            ("FLUSHALL", Reply::Ok),
            ("SET a 1", Reply::Ok),
            ("SET a 2 NX", Reply::Nil),
            ("SET a 2 GET", bulk("1")),
            ("GET a", bulk("2")),
            ("GET none", Reply::Nil),
            ("STRLEN a", Reply::Int(1)),
            ("EXISTS a none a", Reply::Int(2)),
            ("HSET h f v", Reply::Int(1)),
            ("HGET h f", bulk("v")),
            ("HGETALL h", Reply::Map(vec![(bulk("f"), bulk("v"))])),
            ("RPUSH l x y", Reply::Int(2)),
            ("LRANGE l 0 -1", Reply::Array(vec![bulk("x"), bulk("y")])),
            ("SADD s m", Reply::Int(1)),
            ("ZADD z 1.5 m", Reply::Int(1)),
            ("DEL a h l s z", Reply::Int(5)),
        ];
        for (line, expected) in cases {
            assert_eq!(run(&redis, line).await, Ok(expected), "{line} in {protocol:?}");
        }
        assert_eq!(redis.scope(), Scope::Shared);
        assert_eq!(redis.probe().await, Ok(()));
    }
}

#[tokio::test]
async fn errors_keep_their_kind_and_text() {
    let Some(server) = redis_or_skip() else { return };
    for protocol in PROTOCOLS {
        let redis = quick().url(&server.url()).protocol(protocol).connect().await.unwrap();
        run(&redis, "RPUSH list x").await.unwrap();
        let error = run(&redis, "GET list").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType);
        assert_eq!(error.message(), "WRONGTYPE Operation against a key holding the wrong kind of value");
        server.client().line("CONFIG SET maxmemory 1").unwrap();
        let error = run(&redis, "SET a 1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        assert_eq!(error.message(), "OOM command not allowed when used memory > 'maxmemory'.");
        server.client().line("CONFIG SET maxmemory 0").unwrap();
        assert_eq!(run(&redis, "SET a 1").await, Ok(Reply::Ok));
    }
}

#[tokio::test]
async fn a_wrong_login_is_an_authentication_error() {
    let server = match RedisServer::options().args(["--requirepass", "secret"]).start() {
        Ok(server) => server,
        Err(missing) => return skip(missing),
    };
    for protocol in PROTOCOLS {
        let with = |login: &str| quick().url(&format!("redis://{login}127.0.0.1:{}", server.port())).protocol(protocol);
        let error = with(":wrong@").connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert_eq!(error.message(), "WRONGPASS invalid username-password pair or user is disabled.");
        let error = with("").connect().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.message().starts_with("NOAUTH "), "{error}");
        let redis = with(":secret@").connect().await.unwrap();
        assert_eq!(run(&redis, "SET a 1").await, Ok(Reply::Ok));
        let redis = with("default:secret@").connect().await.unwrap();
        assert_eq!(run(&redis, "GET a").await, Ok(bulk("1")));
    }
    // A user with few rights: neither CLIENT INFO nor other keys.
    let mut admin = server.client();
    admin.line("AUTH secret").unwrap();
    admin.line("ACL SETUSER bob on >pw ~own* +get +set").unwrap();
    let redis = quick().server("127.0.0.1", server.port()).username("bob").password("pw").connect().await.unwrap();
    assert_eq!(run(&redis, "SET own 1").await, Ok(Reply::Ok));
    let error = run(&redis, "GET other").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.message().starts_with("NOPERM "), "{error}");
    // Not allowed to read a deadline: the answer alone.
    let fetched = redis.fetch(&get("own"), FillLimit::default()).await.unwrap();
    assert_eq!((fetched.answer, fetched.snapshot), (Answer::hit(bulk("1")), None));
}

#[tokio::test]
async fn databases_are_apart() {
    let Some(server) = redis_or_skip() else { return };
    let zero = Redis::connect(&server.url()).await.unwrap();
    let three = Redis::connect(&format!("{}/3", server.url())).await.unwrap();
    run(&three, "SET a three").await.unwrap();
    assert_eq!(run(&zero, "GET a").await, Ok(Reply::Nil));
    let again = quick().url(&server.url()).database(3).connect().await.unwrap();
    assert_eq!(run(&again, "GET a").await, Ok(bulk("three")));
    let error = Redis::connect(&format!("{}/99", server.url())).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, "ERR DB index is out of range"));
}

#[tokio::test]
async fn a_batch_has_an_outcome_for_each_query() {
    let Some(server) = redis_or_skip() else { return };
    let redis = Redis::connect(&server.url()).await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    run(&redis, "RPUSH l x").await.unwrap();
    let answers = redis.query_many(&[get("a"), get("l"), get("none"), get("a")]).await;
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0], Ok(Answer::hit(bulk("1"))));
    assert_eq!(answers[1].as_ref().unwrap_err().kind(), ErrorKind::WrongType);
    assert_eq!(answers[2], Ok(Answer::miss(Reply::Nil)));
    assert_eq!(answers[3], Ok(Answer::hit(bulk("1"))));
    assert!(redis.query_many(&[]).await.is_empty());
}

#[tokio::test]
async fn a_fetch_gives_the_whole_key_and_its_deadline() {
    let Some(server) = redis_or_skip() else { return };
    for protocol in PROTOCOLS {
        let redis = quick().url(&server.url()).protocol(protocol).connect().await.unwrap();
        let at = Timestamp::from_system(SystemTime::now()).plus(Duration::from_secs(60));
        for object in objects() {
            let snapshot = Snapshot { key: Value::from("k"), object, deadline: Some(at) };
            redis.install(&snapshot).await.unwrap();
            let exists = snapshot.object.as_ref().kind().name();
            let line = match exists {
                "string" => "GET k",
                "hash" => "HGET k f",
                "list" => "LRANGE k 0 0",
                "set" => "SCARD k",
                _ => "ZCARD k",
            };
            let words: Vec<_> = line.split(' ').map(jcache_core::Arg::from).collect();
            let query = Query::parse(&words).unwrap();
            let fetched = redis.fetch(&query, FillLimit::default()).await.unwrap();
            assert_eq!(fetched.snapshot, Some(snapshot), "{exists} in {protocol:?}");
            assert!(fetched.answer.hit);
            // Above the limit: the answer alone.
            let fetched = redis.fetch(&query, FillLimit { elements: 0, bytes: 0 }).await.unwrap();
            assert_eq!(fetched.snapshot, None);
            assert!(fetched.answer.hit);
        }
        run(&redis, "DEL k").await.unwrap();
        let fetched = redis.fetch(&get("k"), FillLimit::default()).await.unwrap();
        assert_eq!((fetched.answer, fetched.snapshot), (Answer::miss(Reply::Nil), None));
        run(&redis, "RPUSH k x").await.unwrap();
        let error = redis.fetch(&get("k"), FillLimit::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType);
    }
}

fn objects() -> Vec<Object> {
    use jcache_core::collection::{Hash, List, Set, SortedSet};
    let (mut hash, mut list, mut set, mut sorted) = <(Hash, List, Set, SortedSet)>::default();
    hash.insert(b"f", b"v");
    list.push_back(b"x");
    list.push_back(b"\0\xff");
    set.insert(b"m");
    sorted.insert(b"m", f64::NEG_INFINITY);
    vec![
        Object::String(Value::from("text")),
        Object::Hash(hash),
        Object::List(list),
        Object::Set(set),
        Object::SortedSet(sorted),
    ]
}

#[tokio::test]
async fn values_of_every_byte_and_of_megabytes() {
    let Some(server) = redis_or_skip() else { return };
    let redis = Redis::connect(&server.url()).await.unwrap();
    let every: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..4 << 20).map(|n| (n * 7 % 251) as u8).collect();
    for value in [&every, &large] {
        run_words(&redis, &["SET".into(), (&every).into(), value.into()]).await.unwrap();
        let reply = run_words(&redis, &["GET".into(), (&every).into()]).await.unwrap();
        assert!(reply == Reply::Bulk(Value::new(value)), "{} bytes come back", value.len());
    }
    assert_eq!(run_words(&redis, &["GET".into(), "".into()]).await, Ok(Reply::Nil));
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_sent() {
    let Some(server) = redis_or_skip() else { return };
    let redis = Redis::connect(&server.url()).await.unwrap();
    let large = vec![0; Value::MAX + 1];
    let set = jcache_core::command::string::Set::until("a".into(), large.as_slice().into(), None);
    let error = redis.mutate(&set.into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(run(&redis, "EXISTS a").await, Ok(Reply::Int(0)));
}

#[tokio::test]
async fn without_a_server_connect_fails_and_lazy_starts() {
    let refused = "redis://127.0.0.1:1";
    let error = quick().url(refused).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().starts_with("cannot connect to 127.0.0.1:1: "), "{error}");
    let redis = quick().url(refused).lazy().unwrap();
    for _ in 0..3 {
        let start = std::time::Instant::now();
        assert_eq!(run(&redis, "GET a").await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(start.elapsed() < Duration::from_millis(400));
    }
    for wrong in ["", "127.0.0.1", "http://x", "redis://host:port", "redis://h/x", "redis://h?what=1"] {
        assert_eq!(Redis::lazy(wrong).unwrap_err().kind(), ErrorKind::Configuration, "{wrong}");
    }
}

/// What an older server, or one with commands taken away, does not know is done without.
#[tokio::test]
async fn a_server_that_knows_less_is_served() {
    let config = "rename-command HELLO \"\"\nrename-command CLIENT \"\"\nrename-command PEXPIRETIME \"\"\n";
    let server = match RedisServer::options().config(config).args(["--requirepass", "secret"]).start() {
        Ok(server) => server,
        Err(missing) => return skip(missing),
    };
    let builder = || quick().url(&server.url()).password("secret");
    let error = builder().protocol(Protocol::Resp3).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommand);
    assert_eq!(builder().password("wrong").connect().await.unwrap_err().kind(), ErrorKind::Auth);
    let redis = builder().database(2).connect().await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    let fetched = redis.fetch(&get("a"), FillLimit::default()).await.unwrap();
    assert_eq!((fetched.answer, fetched.snapshot), (Answer::hit(bulk("1")), None));
    // Without a way to end the wait, the connection is closed after the command timeout.
    let dropped = tokio::time::timeout(Duration::from_millis(50), run(&redis, "BLPOP q 0")).await;
    assert!(dropped.is_err());
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(run(&redis, "RPUSH q x").await, Ok(Reply::Int(1)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(run(&redis, "LPOP q").await, Ok(bulk("x")));
}
