//! Servers that die, halt and come back, and callers who go away: bounded waits, no wrong answer, recovery by itself.

#![allow(clippy::unwrap_used)] // A helper of a test fails like the test itself.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{bulk, eventually, quick, run};
use jcache_core::{Driver, ErrorKind, Reply};
use jcache_redis::{Protocol, Redis};
use jcache_testkit::oracle::{RedisServer, redis_or_skip};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The command timeout of `quick()`.
const LIMIT: Duration = Duration::from_millis(500);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(400);

fn total_connections(server: &RedisServer) -> u64 {
    let Ok(Reply::Bulk(info)) = server.client().line("INFO stats") else { panic!("INFO") };
    let text = String::from_utf8_lossy(&info).into_owned();
    let line = text.lines().find_map(|it| it.strip_prefix("total_connections_received:")).expect("a count");
    line.trim().parse().expect("a number")
}

#[tokio::test]
async fn a_killed_server_fails_at_once_and_a_new_one_is_found() {
    let Some(mut server) = redis_or_skip() else { return };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let redis = quick().url(&server.url()).protocol(protocol).connect().await.unwrap();
        run(&redis, "SET a 1").await.unwrap();
        server.kill();
        for _ in 0..20 {
            let start = Instant::now();
            assert_eq!(run(&redis, "GET a").await.unwrap_err().kind(), ErrorKind::Unavailable);
            assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
        }
        assert_eq!(redis.probe().await.unwrap_err().kind(), ErrorKind::Unavailable);
        server.restart();
        assert_eq!(eventually(Duration::from_secs(2), || run(&redis, "GET a")).await, Reply::Nil);
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closes_is_replaced_before_the_next_command() {
    let Some(server) = redis_or_skip() else { return };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let redis = quick().url(&server.url()).protocol(protocol).connect().await.unwrap();
        for _ in 0..10 {
            run(&redis, "SET a 1").await.unwrap();
            server.client().line("CLIENT KILL TYPE normal").unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(run(&redis, "GET a").await, Ok(bulk("1")));
        }
    }
}

#[tokio::test]
async fn a_halted_server_times_out_then_fails_fast_and_recovers() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).connect().await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    server.stop();
    let start = Instant::now();
    let error = run(&redis, "GET a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(start.elapsed() >= LIMIT && start.elapsed() < LIMIT + SLACK, "{:?}", start.elapsed());
    let mut fast = false;
    for _ in 0..20 {
        let start = Instant::now();
        let error = run(&redis, "GET a").await.unwrap_err();
        assert!(error.is_retryable());
        assert!(start.elapsed() < LIMIT + SLACK, "{:?}", start.elapsed());
        fast = error.kind() == ErrorKind::Unavailable && start.elapsed() < SLACK / 4;
        if fast {
            break;
        }
    }
    assert!(fast, "a server that stays silent is unavailable at once");
    server.cont();
    assert_eq!(eventually(Duration::from_secs(3), || run(&redis, "GET a")).await, bulk("1"));
}

#[tokio::test]
async fn silence_is_noticed_when_callers_do_not_wait_for_the_timeout() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).connect().await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    server.stop();
    let start = Instant::now();
    let told = loop {
        assert!(start.elapsed() < LIMIT * 2 + LIMIT * 2, "still silent");
        if let Ok(result) = tokio::time::timeout(Duration::from_millis(30), run(&redis, "GET a")).await {
            break result.unwrap_err();
        }
    };
    assert_eq!(told.kind(), ErrorKind::Unavailable);
    server.cont();
    assert_eq!(eventually(Duration::from_secs(3), || run(&redis, "GET a")).await, bulk("1"));
}

/// A write that timed out is still on its way, in a network that delivers late. It must not be carried out after a
/// newer write that was answered on the next connection.
#[tokio::test]
async fn a_late_write_never_overtakes_a_newer_one() {
    let Some(server) = redis_or_skip() else { return };
    let network = LateNetwork::to(server.port()).await;
    let redis = quick().server("127.0.0.1", network.port).connect().await.unwrap();
    run(&redis, "SET a first").await.unwrap();
    network.late.send_replace(true);
    // Two timeouts, and the connection is given up.
    for _ in 0..2 {
        assert_eq!(run(&redis, "SET a old").await.unwrap_err().kind(), ErrorKind::Timeout);
    }
    eventually(Duration::from_secs(3), || run(&redis, "SET a new")).await;
    network.late.send_replace(false);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(run(&redis, "GET a").await, Ok(bulk("new")));
}

/// A network between driver and server: while it is late, what was sent on the connections made before does not arrive,
/// but it arrives afterwards, also when the sender has hung up by then.
struct LateNetwork {
    port: u16,
    late: tokio::sync::watch::Sender<bool>,
}

impl LateNetwork {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let late = tokio::sync::watch::Sender::new(false);
        let watch = late.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut from, mut back) = client.into_split();
                let (mut replies, mut to) = TcpStream::connect(("127.0.0.1", server)).await.unwrap().into_split();
                let mut late = watch.subscribe();
                let old = !*late.borrow();
                tokio::spawn(async move {
                    let mut bytes = vec![0; 1 << 16];
                    while let Ok(count @ 1..) = from.read(&mut bytes).await {
                        if old {
                            late.wait_for(|late| !late).await.unwrap();
                        }
                        let _ = to.write_all(&bytes[..count]).await;
                    }
                });
                tokio::spawn(async move { tokio::io::copy(&mut replies, &mut back).await });
            }
        });
        Self { port, late }
    }
}

#[tokio::test]
async fn dropped_futures_leave_the_connection_as_it_is() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).connect().await.unwrap();
    run(&redis, "SET a 1").await.unwrap();
    run(&redis, "SET b 2").await.unwrap();
    let before = total_connections(&server);
    for n in 0..2000_u64 {
        let _ = tokio::time::timeout(Duration::from_micros(n % 100), run(&redis, "GET a")).await;
        if n % 50 == 0 {
            assert_eq!(run(&redis, "GET b").await, Ok(bulk("2")));
        }
    }
    assert_eq!(total_connections(&server), before + 1, "only the client that counts is new");
}

#[tokio::test]
async fn calls_above_the_bound_are_refused() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).max_in_flight(4).connect().await.unwrap();
    server.stop();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let redis = redis.clone();
            tokio::spawn(async move { run(&redis, "GET a").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = run(&redis, "GET a").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "4 calls are already under way"));
    server.cont();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(Reply::Nil));
    }
    assert_eq!(run(&redis, "GET a").await, Ok(Reply::Nil));
}

/// Connections live in a runtime; a driver that outlives it connects again in the next one.
#[test]
fn a_driver_outlives_its_runtime() {
    let Some(server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).lazy().unwrap();
    for round in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            assert_eq!(run(&redis, &format!("RPUSH a {round}")).await, Ok(Reply::Int(1)));
            assert_eq!(run(&redis, "BLPOP a 1").await, Ok(Reply::Array(vec![bulk("a"), bulk(&round.to_string())])));
        });
    }
    // A runtime that ends in the middle of connecting.
    let dead = quick().url("redis://127.0.0.1:1").lazy().unwrap();
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(run(&dead, "GET a")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

/// Sixteen callers, each on a key of its own, while the server is halted, let go, killed and started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_reply_is_mixed_up_and_no_call_hangs() {
    let Some(mut server) = redis_or_skip() else { return };
    let redis = quick().url(&server.url()).connect().await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..16).map(|id| tokio::spawn(caller(redis.clone(), id, over.clone()))).collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.stop();
        tokio::time::sleep(Duration::from_millis(250)).await;
        server.cont();
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.stop();
        tokio::time::sleep(Duration::from_millis(1300)).await;
        server.cont();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.restart();
    }
    let start = Instant::now();
    eventually(Duration::from_secs(2), || run(&redis, "PTTL x")).await;
    println!("recovered after {:?}", start.elapsed());
    tokio::time::sleep(Duration::from_millis(200)).await;
    over.store(true, Ordering::Relaxed);
    let mut answered = 0;
    for caller in callers {
        answered += caller.await.unwrap();
    }
    assert!(answered > 1000, "only {answered} calls were answered");
}

/// Writes ever newer numbers to its key and reads it: what comes back is its own, never older than the last one that
/// was acknowledged (or gone, after a restart without data).
async fn caller(redis: Redis, id: usize, over: Arc<AtomicBool>) -> u64 {
    let mut answered = 0;
    let mut acknowledged = 0;
    for number in 1_u64.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let start = Instant::now();
        match run(&redis, &format!("SET key{id} {id}:{number}")).await {
            Ok(reply) => {
                assert_eq!(reply, Reply::Ok);
                (answered, acknowledged) = (answered + 1, number);
            }
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
        match run(&redis, &format!("GET key{id}")).await {
            Ok(Reply::Nil) => answered += 1,
            Ok(Reply::Bulk(value)) => {
                let text = String::from_utf8(value.to_vec()).unwrap();
                let (owner, found) = text.split_once(':').unwrap();
                assert_eq!(owner, id.to_string(), "a reply of another caller");
                let found: u64 = found.parse().unwrap();
                assert!((acknowledged..=number).contains(&found), "{found} is not in {acknowledged}..={number}");
                answered += 1;
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
        assert!(start.elapsed() < (LIMIT + SLACK) * 2, "a call took {:?}", start.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    answered
}
