//! Real clients, as their users use them: each plays its session against the node and against redis-server, and prints
//! the same.
//!
//! `cargo xtask setup` installs the clients that are not Rust's; without them these tests say so and pass, unless
//! servers are required.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;

use jcache_testkit::oracle::redis_or_skip;
use redis::{Commands, ErrorKind, FromRedisValue, RedisResult, Value, cmd};

use crate::common::{run, text};
use crate::harness::{Node, redis_cli_or_skip};

/// Where the sessions are.
const SESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// Plays a session on both servers; `play` gets the port and gives what was printed.
fn same(what: &str, play: impl Fn(u16) -> String) {
    let Some(redis) = redis_or_skip() else { return };
    let node = Node::start(&[]);
    let (expected, found) = (play(redis.port()), play(node.port));
    assert!(expected.lines().count() > 20, "{what} played next to nothing on redis-server:\n{expected}");
    let differences: Vec<String> = expected
        .lines()
        .zip(found.lines())
        .filter(|(expected, found)| expected != found)
        .map(|(expected, found)| format!("  redis: {expected}\n  node:  {found}"))
        .collect();
    assert!(differences.is_empty(), "{what}: {} lines differ:\n{}", differences.len(), differences.join("\n"));
    assert_eq!(found, expected, "{what}: one of them ends earlier");
}

/// Where `cargo xtask setup` puts the clients: in the target folder that this test was built in.
fn installed(part: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let place = std::env::var_os("JCACHE_CLIENTS").map_or(target.join("clients"), PathBuf::from);
    let there = place.join(part);
    if there.exists() {
        return Some(there);
    }
    let missing = format!("{} is not there: run `cargo xtask setup`, which needs a network once", there.display());
    assert!(std::env::var("JCACHE_REQUIRE_SERVERS").as_deref() != Ok("1"), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

/// What a program prints; it must end well, so that a session cannot be cut short in silence.
fn printed(program: &Path, args: &[String]) -> String {
    let output = Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let shown = text(&output);
    assert!(output.status.success(), "{args:?}: {shown}\n{}", String::from_utf8_lossy(&output.stderr));
    shown
}

#[test]
fn redis_py() {
    let Some(python) = installed("python/bin/python") else { return };
    for protocol in ["2", "3"] {
        same(&format!("redis-py, RESP{protocol}"), |port| {
            printed(&python, &[format!("{SESSIONS}/redis_py.py"), port.to_string(), protocol.into()])
        });
    }
}

/// JavaScript finds packages beside the script, so the scripts were copied to where the packages are.
fn javascript(script: &str, args: &[&str]) {
    let Some(folder) = installed("javascript/node_modules").and_then(|it| Some(it.parent()?.to_owned())) else {
        return;
    };
    for name in [script, "session.mjs"] {
        std::fs::copy(Path::new(SESSIONS).join(name), folder.join(name)).unwrap();
    }
    same(&format!("{script} {args:?}"), |port| {
        let mut all = vec![folder.join(script).display().to_string(), port.to_string()];
        all.extend(args.iter().map(ToString::to_string));
        printed(Path::new("node"), &all)
    });
}

#[test]
fn ioredis() {
    javascript("ioredis.mjs", &[]);
}

#[test]
fn node_redis() {
    for protocol in ["2", "3"] {
        javascript("node_redis.mjs", &[protocol]);
    }
}

#[test]
fn redis_cli() {
    if !redis_cli_or_skip() {
        return;
    }
    let session: String = include_str!("../../../jcache-resp/tests/session.txt")
        .lines()
        .chain(include_str!("connection.txt").lines())
        // One connection, and no waiting for messages.
        .filter(|line| !line.starts_with(['@', '#']) && !line.contains("SUBSCRIBE") && !line.contains("AUTH"))
        .map(|line| format!("{line}\n"))
        .collect();
    for options in [&["--raw"][..], &["--no-raw"], &["-3", "--no-raw"], &["--csv"], &["--json"]] {
        same(&format!("redis-cli {options:?}"), |port| {
            let port = port.to_string();
            let shown = text(&run("redis-cli", &[&["-p", &port], options].concat(), session.as_bytes()));
            // On how long a command took that waited, no two runs agree.
            let is_time = |line: &&str| line.starts_with('(') && line.ends_with("s)");
            shown.lines().filter(|line| !is_time(line)).map(|line| format!("{line}\n")).collect()
        });
    }
}

/// Prints what a step of the Rust client gives.
fn say<T: Debug>(log: &mut String, what: &str, result: RedisResult<T>) {
    let shown = match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?}: {error}", error.kind()),
    };
    log.push_str(&format!("{what} => {shown}\n"));
}

#[test]
fn redis_rs() {
    for protocol in ["resp2", "resp3"] {
        same(&format!("redis-rs, {protocol}"), |port| rust_session(port, protocol).unwrap());
    }
}

/// The steps of a Rust program: an expression with a type, printed with what it gives.
fn rust_session(port: u16, protocol: &str) -> RedisResult<String> {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/?protocol={protocol}"))?;
    let mut c = client.get_connection()?;
    let mut other = client.get_connection()?;
    let mut log = String::new();
    macro_rules! steps {
        ($($call:ident ( $($arg:expr),* ) as $Type:ty;)*) => {$(
            say::<$Type>(&mut log, stringify!($call($($arg),*)), c.$call($($arg),*));
        )*};
    }
    cmd("FLUSHALL").exec(&mut c)?;
    steps! {
        ping() as String;
        set("a", 1) as String;
        set_ex("b", "v", 100) as String;
        get("a") as i64;
        get("a") as String;
        get("none") as Option<String>;
        get("none") as String;
        incr("a", 2) as i64;
        incr("b", 2) as i64;
        append("b", "w") as usize;
        mset(&[("x", 1), ("y", 2)]) as String;
        mget(&["x", "none", "y"]) as Vec<Option<i64>>;
        ttl("b") as i64;
        expire("none", 1) as bool;
        exists("a") as bool;
        del(&["x", "none"]) as usize;
        key_type("a") as String;
        hset_multiple("h", &[("f", "1"), ("g", "2")]) as String;
        hgetall("h") as std::collections::BTreeMap<String, i64>;
        hgetall("none") as std::collections::BTreeMap<String, i64>;
        hget("h", "none") as Option<i64>;
        hincr("h", "f", 1.5) as f64;
        rpush("l", &["a", "b", "c"]) as usize;
        lrange("l", 0, -1) as Vec<String>;
        lpop("l", None) as String;
        lpop("l", std::num::NonZeroUsize::new(5)) as Vec<String>;
        lpop("none", std::num::NonZeroUsize::new(5)) as Option<Vec<String>>;
        blpop("none", 0.05) as Option<(String, String)>;
        sadd("s", &["a"]) as usize;
        smembers("s") as std::collections::BTreeSet<String>;
        sismember("s", "a") as bool;
        zadd_multiple("z", &[(1.0, "a"), (2.5, "b"), (f64::INFINITY, "c")]) as usize;
        zrange_withscores("z", 0, -1) as Vec<(String, f64)>;
        zscore("z", "b") as Option<f64>;
        zscore("z", "none") as Option<f64>;
        zrank("z", "b") as Option<usize>;
        zpopmin("z", 1) as Vec<(String, f64)>;
        bzpopmin("z", 1.0) as Option<(String, String, f64)>;
        bzpopmin("none", 0.05) as Option<(String, String, f64)>;
        zrange_withscores("z", 0, -1) as Value;
        get("z") as String;
    }
    let mut found: Vec<String> = c.scan_match("*")?.collect::<RedisResult<_>>()?;
    found.sort();
    log.push_str(&format!("scan => {found:?}\n"));
    say::<Value>(&mut log, "unknown", cmd("NO-SUCH").arg("a").query(&mut c));

    let mut pipe = redis::pipe();
    for number in 0..200 {
        pipe.set("p", number).ignore().get("p");
    }
    say::<Vec<i64>>(&mut log, "pipeline", pipe.query(&mut c));
    let mut atomic = redis::pipe();
    atomic.atomic().set("a", 1).incr("a", 5).zrange_withscores("z", 0, -1).get("none").hgetall("h");
    say::<Vec<Value>>(&mut log, "transaction", atomic.query(&mut c));
    say::<Vec<Value>>(&mut log, "errors in it", redis::pipe().atomic().incr("h", 1).get("a").query(&mut c));
    cmd("WATCH").arg("a").exec(&mut c)?;
    let () = other.set("a", 9)?;
    say::<Option<Vec<Value>>>(&mut log, "overtaken", redis::pipe().atomic().incr("a", 1).query(&mut c));
    let incremented = redis::transaction(&mut c, &["a"], |c, pipe| {
        let old: i64 = c.get("a")?;
        pipe.set("a", old + 1).ignore().get("a").query::<Option<Vec<i64>>>(c)
    });
    say(&mut log, "in time", incremented);

    let mut listener = client.get_connection()?;
    let mut channel = listener.as_pubsub();
    channel.subscribe(&["news"])?;
    channel.psubscribe("w*")?;
    for (name, message) in [("news", "hello"), ("weather", "rain"), ("none", "x")] {
        say::<usize>(&mut log, "publish", other.publish(name, message));
    }
    for _ in 0..2 {
        let message = channel.get_message()?;
        let text = String::from_redis_value(Value::BulkString(message.get_payload_bytes().to_vec()));
        say(
            &mut log,
            message.get_channel_name(),
            Ok((text.map_err(|_| ErrorKind::UnexpectedReturnType), message.from_pattern())),
        );
    }
    drop(channel);

    cmd("FLUSHALL").exec(&mut other)?;
    let waiter = std::thread::spawn(move || c.brpop::<_, Option<(String, String)>>(&["q", "p"], 10.0));
    for _ in 0..1000 {
        let info: redis::InfoDict = cmd("INFO").arg("clients").query(&mut other)?;
        if info.get("blocked_clients") == Some(1) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    say::<usize>(&mut log, "rpush", other.rpush("p", &["1", "2"]));
    say(&mut log, "brpop", waiter.join().unwrap());
    say::<Vec<String>>(&mut log, "left", other.lrange("p", 0, -1));
    Ok(log)
}
