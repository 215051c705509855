//! `jcache shell ADDR` and `jcache bench ADDR`, against a node and against redis-server.

use crate::common::{JCACHE, run, text};
use crate::harness::{Node, redis_cli_or_skip};
use jcache_testkit::oracle::{RedisServer, redis_or_skip};

const SESSIONS: &[&str] = &[
    "set a 1\nget a\nget b\nincr a\nnosuch\nget\nget \"a\n3 incr a\n0 ping\nlpush a x",
    "rpush l a b c\nlrange l 0 -1\nzadd z 1 a 2.5 b\nzrange z 0 -1 withscores\nhset h f v\nhgetall h\nsadd s m\nsmembers s",
    "multi\nset a 1\nincr a\nget a\nexec\nmulti\nnosuch\nexec\nwatch a\nmulti\nset a 5\ndiscard\nexec",
    "ping\nping hello\necho x\nblpop q 0.01\nclient setname me\nclient getname\nselect 0\nsetex",
    "set a \"\\x00\\xff\"\nget a\nmget a nosuch\nobject encoding a\ntype a",
];

fn outputs(port: u16, format: &str, session: &str) -> [String; 2] {
    let port = port.to_string();
    let theirs = text(&run("redis-cli", &["-p", &port, format], session.as_bytes()));
    assert!(run("redis-cli", &["-p", &port, "flushall"], b"").status.success());
    let ours = text(&run(JCACHE, &["shell", &port, format], session.as_bytes()));
    assert!(run("redis-cli", &["-p", &port, "flushall"], b"").status.success());
    [theirs.replace("Invalid redis-cli repeat command option value.", "Invalid repeat count"), ours]
}

#[test]
fn the_shell_prints_what_redis_cli_prints() {
    let Some(redis) = redis_or_skip() else { return };
    let node = Node::start(&[]);
    for session in SESSIONS {
        for format in ["--raw", "--no-raw"] {
            for port in [redis.port(), node.port] {
                let [theirs, ours] = outputs(port, format, session);
                assert_eq!(ours, theirs, "{format}\n{session}");
            }
        }
    }
}

#[test]
fn types_of_resp3_are_printed_as_redis_cli_prints_them() {
    let Some(redis) = redis_or_skip() else { return };
    let node = Node::start(&[]);
    let session = "hset h f v\nhgetall h\nhgetall x\nsadd s m\nsmembers s\nzadd z 1.5 a\nzrange z 0 -1 withscores\nzscore z a\nget x\n\
                   rpush l a b\nlrange l 0 -1\nzscore z x\nnosuch";
    for port in [redis.port(), node.port].map(|port| port.to_string()) {
        let theirs = text(&run("redis-cli", &["-p", &port, "-3", "--no-raw"], session.as_bytes()));
        assert!(run("redis-cli", &["-p", &port, "flushall"], b"").status.success());
        let ours = text(&run(JCACHE, &["shell", &port, "-3", "--no-raw"], session.as_bytes()));
        assert_eq!(ours, theirs);
    }
}

#[test]
fn texts_for_people_are_printed_as_they_are() {
    let Some(redis) = redis_or_skip() else { return };
    let node = Node::start(&[]);
    for port in [redis.port(), node.port].map(|port| port.to_string()) {
        for format in ["--raw", "--no-raw"] {
            for command in ["info clients\n", "client info\n"] {
                let theirs = text(&run("redis-cli", &["-p", &port, format], command.as_bytes()));
                let ours = text(&run(JCACHE, &["shell", &port, format], command.as_bytes()));
                let shape = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).take(20).collect::<String>();
                assert_eq!(shape(&ours), shape(&theirs));
                assert_eq!(ours.ends_with('\n'), theirs.ends_with('\n'));
                assert_eq!(ours.lines().count(), theirs.lines().count(), "{ours}\n{theirs}");
            }
        }
    }
}

#[test]
fn the_shell_logs_in() {
    if !redis_cli_or_skip() {
        return;
    }
    let Ok(redis) = RedisServer::options().args(["--requirepass", "sesame"]).start() else { return };
    let node = Node::start(&["--requirepass", "sesame", "--user", "ada:lovelace"]);
    for port in [redis.port(), node.port] {
        let address = format!("127.0.0.1:{port}");
        for (args, expected) in [
            (&["shell", &address, "--pass", "sesame"][..], "PONG\n"),
            (&["shell", &format!("redis://:sesame@{address}")], "PONG\n"),
            (&["shell", &address], "NOAUTH Authentication required.\n\n"),
        ] {
            assert_eq!(text(&run(JCACHE, args, b"ping\n")), expected, "{args:?}");
        }
        let output = run(JCACHE, &["shell", &address, "--pass", "wrong"], b"ping\n");
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("WRONGPASS"), "{output:?}");
    }
    let address = format!("127.0.0.1:{}", node.port);
    let output = run(JCACHE, &["shell", &address, "--user", "ada", "--pass", "lovelace"], b"ping\n");
    assert_eq!(text(&output), "PONG\n");
}

#[test]
fn the_shell_prints_messages() {
    if !redis_cli_or_skip() {
        return;
    }
    let node = Node::start(&[]);
    let port = node.port.to_string();
    let subscriber = std::thread::spawn({
        let port = port.clone();
        move || text(&run(JCACHE, &["shell", &port], b"subscribe news\n"))
    });
    crate::harness::eventually("somebody is subscribed", || {
        (node.cli(&["publish", "news", "hello"]) == "1").then_some(())
    });
    node.signal("-TERM");
    let (code, log) = node.ends();
    assert_eq!(code, Some(0), "{log}");
    let shown = subscriber.join().unwrap();
    assert!(shown.starts_with("subscribe\nnews\n1\nReading messages"), "{shown}");
    assert!(shown.contains("message\nnews\nhello\n") && shown.contains("Error: "), "{shown}");
}

#[test]
fn no_server_no_shell() {
    for mode in ["shell", "bench"] {
        let output = run(JCACHE, &[mode, "127.0.0.1:1"], b"");
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("127.0.0.1:1: Connection refused"), "{output:?}");
        assert_eq!(run(JCACHE, &[mode, "nowhere"], b"").status.code(), Some(2));
    }
}

#[test]
fn a_load_is_bounded_and_tells_what_it_did() {
    let Some(redis) = redis_or_skip() else { return };
    let node = Node::start(&[]);
    for port in [redis.port(), node.port].map(|port| port.to_string()) {
        let common = ["bench", &port, "--clients", "4", "--pipeline", "8", "--keys", "50", "--fill"];
        let output =
            run(JCACHE, &[&common[..], &["--requests", "1000", "--ratio", "1:1", "--zipf", "0.99"]].concat(), b"");
        let shown = text(&output);
        assert!(shown.contains(": 1000 in ") && shown.contains(", 0 errors\n"), "{shown}");
        assert!(shown.contains("100.0 % of them found their key") && shown.contains(", 99.9 % "), "{shown}");
        assert_eq!(output.status.code(), Some(0));
        let shown = text(&run(JCACHE, &[&common[..], &["--seconds", "1", "--rate", "1000", "--json"]].concat(), b""));
        let count: f64 = shown.split_once("\"commands\":").unwrap().1.split(',').next().unwrap().parse().unwrap();
        assert!((100.0..=1100.0).contains(&count), "{shown}");
    }
}

#[test]
fn a_load_of_errors_says_so() {
    let node = Node::start(&["--requirepass", "sesame"]);
    let output = run(JCACHE, &["bench", &node.port.to_string(), "--requests", "100"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("100 errors\n") && text(&output).contains("first error: NOAUTH"), "{output:?}");
}
