//! What changes and what is told while a node runs: the bound, the file, deadlines, many connections.

use std::io::{Read, Write};
use std::net::TcpStream;

use jcache_testkit::oracle::redis_or_skip;

use crate::common::{JCACHE, run, text};
use crate::harness::{Node, eventually, redis_cli_or_skip};

/// A field of a section of `INFO`.
fn info(node: &Node, section: &str, field: &str) -> String {
    let info = node.cli(&["info", section]).replace('\r', "");
    let fields: Vec<&str> = info.lines().filter_map(|line| line.strip_prefix(field)?.strip_prefix(':')).collect();
    assert_eq!(fields.len(), 1, "{field} in {info}");
    fields[0].to_owned()
}

/// Sets so many keys to values of 100 bytes; how many were refused.
fn fill(port: u16, keys: std::ops::Range<usize>) -> usize {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut refused = 0;
    for first in keys.clone().step_by(1_000) {
        let all = first..keys.end.min(first + 1_000);
        let set = |number: usize| format!("SET key:{number} {}\r\n", "x".repeat(100));
        stream.write_all(all.clone().map(set).collect::<String>().as_bytes()).unwrap();
        let mut replies = String::new();
        while replies.matches('\n').count() < all.len() {
            let mut some = [0; 4096];
            let count = stream.read(&mut some).unwrap();
            replies += std::str::from_utf8(&some[..count]).unwrap();
        }
        refused += replies.matches("-OOM").count();
    }
    refused
}

#[test]
fn the_bound_and_the_policy_change_while_it_runs() {
    if !redis_cli_or_skip() {
        return;
    }
    let node = Node::start(&["--level", "memory", "--level", "memory:max=64mb,policy=allkeys-lru,name=own"]);
    let used = || {
        let levels = node.cli(&["info", "levels"]);
        let level = levels.lines().find(|line| line.contains("name=memory,")).unwrap().to_owned();
        let bytes = level.split(",bytes=").nth(1).unwrap().split(',').next().unwrap().parse::<usize>().unwrap();
        (bytes, level.contains(",max_bytes=1048576,"))
    };
    assert_eq!(fill(node.port, 0..20_000), 0);
    assert!(used().0 > 2 << 20);
    assert_eq!(node.cli(&["config", "set", "maxmemory", "1mb"]), "OK");
    assert_eq!(node.cli(&["config", "get", "maxmemory"]), "maxmemory\n1048576");
    eventually("the bound", || (used().0 <= 1 << 20).then_some(()));
    assert!(used().1);
    assert_eq!(fill(node.port, 20_000..30_000), 0);
    assert!(used().0 <= 1 << 20);
    assert_eq!(node.cli(&["config", "set", "maxmemory-policy", "allkeys-lfu", "maxmemory", "2mb"]), "OK");
    assert_eq!(info(&node, "memory", "maxmemory_policy"), "allkeys-lfu");
    assert!(node.cli(&["config", "set", "maxmemory", "much"]).starts_with("ERR CONFIG SET failed"));
    assert!(node.cli(&["config", "set", "maxmemory-policy", "best"]).starts_with("ERR CONFIG SET failed"));
    assert_eq!(node.cli(&["config", "get", "maxmemory"]), "maxmemory\n2097152");
    assert_eq!(node.cli(&["config", "set", "maxmemory", "0"]), "OK");
    assert_eq!(fill(node.port, 0..30_000), 0);
    assert!(used().0 > 2 << 20);

    assert!(info(&node, "stats", "evicted_keys").parse::<u64>().unwrap() > 10_000);
    node.cli(&["get", "nothing"]);
    assert_eq!(node.cli(&["config", "resetstat"]), "OK");
    assert_eq!(["evicted_keys", "keyspace_misses"].map(|field| info(&node, "stats", field)), ["0", "0"]);

    let node = Node::start(&["--level", "memory:max=1mb,policy=noeviction"]);
    assert!(fill(node.port, 0..20_000) > 0);
    for args in [["maxmemory", "5mb"], ["maxmemory-policy", "allkeys-lru"]] {
        let answer = node.cli(&[&["config", "set"], &args[..]].concat());
        assert!(answer.contains("there is no memory level of this node alone without a "), "{answer}");
    }
    assert_eq!(node.cli(&["config", "get", "maxmemory"]), "maxmemory\n0");
}

#[test]
fn changes_are_written_to_the_file() {
    if !redis_cli_or_skip() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jcache.toml");
    std::fs::write(&file, "# Ours.\nmaxclients = 50 # few\nrequirepass = \"sesame\"\n").unwrap();
    let path = file.to_str().unwrap();
    let node = Node::start(&["--config", path]);
    let cli = |args: &[&str]| node.cli(&[&["-a", "sesame", "--no-auth-warning"], args].concat());
    let changes = ["maxclients", "60", "maxmemory", "3mb", "requirepass", "sesame", "loglevel", "warning"];
    assert_eq!(cli(&[&["config", "set"], &changes[..]].concat()), "OK");
    assert_eq!(cli(&["config", "rewrite"]), "OK");
    let expected = "# Ours.\nmaxclients = 60 # few\nrequirepass = \"sesame\"\n\n# Added by CONFIG REWRITE:\n\
                    maxmemory = \"3145728\"\nloglevel = \"warning\"\n";
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    let shown = text(&run(JCACHE, &["serve", "--config", path, "--print-config"], b""));
    assert!(shown.contains("maxmemory = \"3145728\"  # "), "{shown}");
    std::fs::write(&file, "no toml").unwrap();
    assert!(
        cli(&["config", "rewrite"]).starts_with("ERR Rewriting config file: line 1: "),
        "{}",
        cli(&["config", "rewrite"])
    );
    let plain = Node::start(&[]);
    assert_eq!(plain.cli(&["config", "rewrite"]), "ERR The server is running without a config file");
}

#[test]
fn keys_with_a_deadline_are_counted_as_redis_counts_them() {
    let Some(redis) = redis_or_skip() else { return };
    if !redis_cli_or_skip() {
        return;
    }
    let node = Node::start(&[]);
    let keyspace = |port: u16| {
        let cli = |args: &[&str]| text(&run("redis-cli", &[&["-p", &port.to_string()], args].concat(), b""));
        cli(&["flushall"]);
        for key in ["a", "b", "c"] {
            cli(&["set", key, "1", "ex", "100"]);
        }
        cli(&["set", "a", "2"]);
        let told = cli(&["info", "keyspace"]).replace('\r', "");
        let (counts, ttl) = told.trim_end().rsplit_once("avg_ttl=").unwrap();
        (counts.to_owned(), ttl.parse::<u64>().unwrap())
    };
    let (ours, theirs) = (keyspace(node.port), keyspace(redis.port()));
    assert_eq!(ours.0, "# Keyspace\ndb0:keys=3,expires=2,");
    assert_eq!(ours.0, theirs.0);
    // Redis finds out in its own time.
    assert!((80_000..=100_000).contains(&ours.1), "{}", ours.1);
    node.cli(&["flushall"]);
    assert_eq!(node.cli(&["info", "keyspace"]), "# Keyspace");
}

/// Some of what `cargo xtask connections` does with ten times as many.
#[test]
fn idle_connections_take_little_and_stay() {
    if !redis_cli_or_skip() {
        return;
    }
    const IDLE: usize = 600;
    let node = Node::start(&["--maxclients", "1000"]);
    let resident = || info(&node, "memory", "used_memory_rss").parse::<usize>().unwrap();
    let ping = |stream: &mut TcpStream| {
        let mut reply = [0; 7];
        stream.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+PONG\r\n");
    };
    let connect = || TcpStream::connect(("127.0.0.1", node.port)).unwrap();
    ping(&mut connect());
    let before = resident();
    let mut idle: Vec<TcpStream> = (0..IDLE).map(|_| connect()).collect();
    idle.iter_mut().for_each(ping);
    assert!(info(&node, "clients", "connected_clients").parse::<usize>().unwrap() > IDLE);
    // Without a buffer each: those are given back by who does nothing for some seconds.
    eventually("rest", || {
        let list = node.cli(&["client", "list"]);
        let resting = list.lines().filter(|line| line.contains(" qbuf=0 qbuf-free=0 ") && line.contains(" rbs=0 "));
        (resting.count() >= IDLE).then_some(())
    });
    let grown = resident().saturating_sub(before);
    assert!(grown < IDLE * (16 << 10), "{} bytes each", grown / IDLE);
    let port = node.port.to_string();
    let load = ["bench", &port, "--clients", "60", "--requests", "20000", "--keys", "1000"];
    assert!(run(JCACHE, &load, b"").status.success());
    idle.iter_mut().for_each(ping);
}
