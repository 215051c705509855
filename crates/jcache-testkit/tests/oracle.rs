//! The harness around `redis-server`: it comes, it can be hurt, and it goes.

use std::process::Command;
use std::time::{Duration, Instant};

use jcache_core::{Reply, Value};
use jcache_testkit::args;
use jcache_testkit::oracle::{RawClient, RedisServer, redis_or_skip};

fn bulk(text: &str) -> Reply {
    Reply::Bulk(Value::from(text))
}

fn runs(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !state.is_empty() && !state.contains(") Z ")
}

#[test]
fn replies_in_both_protocols() {
    let Some(server) = redis_or_skip() else { return };
    let (mut two, mut three) = (server.client(), server.client());
    three.resp3();
    two.line("ZADD z 1.5 a -inf b").unwrap();
    two.line("HSET h f 1").unwrap();
    assert_eq!(two.line("HGETALL h"), Ok(Reply::Array(vec![bulk("f"), bulk("1")])));
    assert_eq!(three.line("HGETALL h"), Ok(Reply::Map(vec![(bulk("f"), bulk("1"))])));
    assert_eq!(two.line("ZSCORE z a"), Ok(bulk("1.5")));
    assert_eq!(three.line("ZSCORE z a"), Ok(Reply::Double(1.5)));
    assert_eq!(three.line("ZSCORE z b"), Ok(Reply::Double(f64::NEG_INFINITY)));
    for client in [&mut two, &mut three] {
        assert_eq!(client.line("GET absent"), Ok(Reply::Nil));
        assert_eq!(client.line("SET a b"), Ok(Reply::Ok));
        assert_eq!(client.line("TYPE a"), Ok(Reply::Status("string".into())));
        assert_eq!(client.line("LRANGE absent 0 -1"), Ok(Reply::Array(vec![])));
        assert_eq!(client.line("LLEN a").unwrap_err()[..10], *"WRONGTYPE ");
        // An error inside a transaction stands for the whole, and the connection stays in step.
        let batch = [args!["MULTI"], args!["LLEN", "a"], args!["GET", "a"], args!["EXEC"], args!["GET", "a"]];
        let replies = client.call_many(&batch);
        assert!(matches!(&replies[3], Err(text) if text.starts_with("WRONGTYPE")), "{replies:?}");
        assert_eq!(replies[4], Ok(bulk("b")));
    }
    let long = vec![0xff; 100_000];
    assert_eq!(two.call(&args!["SET", "", long.clone()]), Ok(Reply::Ok));
    assert_eq!(two.call(&args!["GET", ""]), Ok(Reply::Bulk(Value::from(long))));
}

#[test]
fn the_server_goes_with_its_guard() {
    let Some(server) = redis_or_skip() else { return };
    let pid = server.pid();
    assert!(runs(pid));
    drop(server);
    let patience = Instant::now() + Duration::from_secs(5);
    while runs(pid) {
        assert!(Instant::now() < patience, "redis-server is still there");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_halted_server_answers_late_and_a_killed_one_never() {
    let Some(mut server) = redis_or_skip() else { return };
    let mut client = server.client();
    assert_eq!(client.line("SET a 1"), Ok(Reply::Ok));
    server.stop();
    client.set_read_timeout(Duration::from_millis(50));
    assert!(client.line("GET a").unwrap_err().starts_with("io: "));
    server.cont();
    client.set_read_timeout(Duration::from_secs(5));
    assert_eq!(client.receive(), Ok(bulk("1")));
    server.kill();
    assert!(client.line("GET a").unwrap_err().starts_with("io: "));
    assert!(RawClient::connect(server.port()).is_err());
    server.restart();
    assert_eq!(server.client().line("GET a"), Ok(Reply::Nil));
    // A halted server is killed like any other.
    server.stop();
    server.restart();
    assert_eq!(server.client().line("PING"), Ok(Reply::Status("PONG".into())));
}

#[test]
fn servers_with_options() {
    let Some(plain) = redis_or_skip() else { return };
    let locked = RedisServer::options().args(["--requirepass", "secret"]).start().unwrap();
    let mut client = locked.client();
    assert!(client.line("GET a").unwrap_err().starts_with("NOAUTH"));
    assert_eq!(client.line("AUTH secret"), Ok(Reply::Ok));

    let cluster = RedisServer::options().args(["--cluster-enabled", "yes"]).start().unwrap();
    assert!(cluster.client().line("GET a").unwrap_err().starts_with("CLUSTERDOWN"));

    let watch = format!("sentinel monitor main 127.0.0.1 {} 1", plain.port());
    let sentinel = RedisServer::options().config(watch).args(["--sentinel"]).start().unwrap();
    let port = plain.port().to_string();
    let address = sentinel.client().line("SENTINEL get-master-addr-by-name main");
    assert_eq!(address, Ok(Reply::Array(vec![bulk("127.0.0.1"), bulk(&port)])));
}

#[test]
fn a_server_with_tls() {
    let Some(_) = redis_or_skip() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (key, cert) = (dir.path().join("key.pem"), dir.path().join("cert.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"])
        .args([key.as_os_str(), "-out".as_ref(), cert.as_os_str()])
        .output();
    if !made.is_ok_and(|it| it.status.success()) {
        eprintln!("skipped: openssl is not installed");
        return;
    }
    let [key, cert] = [key, cert].map(|path| path.display().to_string());
    let server = RedisServer::options()
        .tls()
        .args(["--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &cert])
        .args(["--tls-auth-clients", "no"])
        .start()
        .unwrap();
    assert_eq!(server.url(), format!("rediss://127.0.0.1:{}", server.port()));
    // Whoever speaks no TLS is not served.
    assert!(server.client().line("PING").unwrap_err().starts_with("io: "));
    let hello = Command::new("openssl")
        .args(["s_client", "-brief", "-connect", &format!("127.0.0.1:{}", server.port())])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&hello.stderr).contains("CONNECTION ESTABLISHED"), "{hello:?}");
}
