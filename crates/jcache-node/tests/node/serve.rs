//! `jcache serve` as operators use it: with redis-cli, signals, a service manager, Prometheus, and a Redis behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use crate::common::{JCACHE, run, text};
use crate::harness::{Node, eventually, redis_cli_or_skip, refused};
use jcache::Reply;
use jcache_testkit::certificates::Certificates;
use jcache_testkit::oracle::redis_or_skip;

#[test]
fn redis_cli_talks_to_a_node() {
    if !redis_cli_or_skip() {
        return;
    }
    let node = Node::start(&["--maxmemory", "64mb"]);
    for (args, expected) in [
        (&["ping"][..], "PONG"),
        (&["set", "a", "1", "ex", "100"], "OK"),
        (&["incr", "a"], "2"),
        (&["hset", "h", "f", "v"], "1"),
        (&["--no-raw", "hgetall", "h"], "1) \"f\"\n2) \"v\""),
        (&["-3", "--no-raw", "hgetall", "h"], "1# \"f\" => \"v\""),
        (&["dbsize"], "2"),
        (&["nosuch"], "ERR unknown command 'nosuch', with args beginning with:"),
    ] {
        assert_eq!(node.cli(args), expected, "{args:?}");
    }
    assert!(node.said.starts_with(&format!("jcache {} serves memory\n", env!("CARGO_PKG_VERSION"))), "{}", node.said);
}

#[test]
fn config_shows_the_settings_and_changes_some() {
    if !redis_cli_or_skip() {
        return;
    }
    let node = Node::start(&["--maxclients", "77", "--requirepass", "sesame", "--level", "memory:max=1mb"]);
    let cli = |args: &[&str]| node.cli(&[&["-a", "sesame", "--no-auth-warning"], args].concat());
    for (args, expected) in [
        (&["config", "get", "maxclients"][..], "maxclients\n77"),
        (&["config", "get", "level"], "level\nmemory:max=1mb"),
        (&["config", "get", "maxmemory-policy"], "maxmemory-policy\ns3fifo"),
        (&["config", "get", "loglevel"], "loglevel\nnotice"),
        (&["config", "set", "loglevel", "verbose"], "OK"),
        (&["config", "get", "loglevel"], "loglevel\nverbose"),
        (&["config", "set", "maxclients", "78"], "OK"),
        (&["config", "get", "maxclients"], "maxclients\n78"),
        (&["config", "set", "slowlog-log-slower-than", "0"], "OK"),
        (&["config", "get", "slowlog-log-slower-than"], "slowlog-log-slower-than\n0"),
    ] {
        assert_eq!(cli(args), expected, "{args:?}");
    }
    for args in [
        &["config", "set", "loglevel", "loud"][..],
        &["config", "set", "level", "memory"],
        &["config", "set", "nosuch", "1"],
    ] {
        assert!(cli(args).starts_with("ERR "), "{args:?}: {}", cli(args));
    }
    assert!(node.cli(&["get", "a"]).starts_with("NOAUTH "));
}

/// Rows of the manual: names, and whether `CONFIG SET` changes them.
#[test]
fn what_the_manual_calls_live_can_be_changed() {
    if !redis_cli_or_skip() {
        return;
    }
    let node = Node::start(&[]);
    let mut seen = 0;
    for row in include_str!("../../../../docs/configuration.md").lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let (name, live) = (cells[0].trim_matches(['|', ' ', '`']), cells[cells.len() - 2].trim() == "yes");
        let shown = node.cli(&["config", "get", name]);
        let value = shown.split_once('\n').map_or("", |(_, value)| value);
        assert!(shown == name || shown.starts_with(&format!("{name}\n")), "{name}: {shown}");
        let answer = node.cli(&["config", "set", name, value]);
        assert_eq!(answer == "OK", live, "{name}: {answer}");
        seen += 1;
    }
    assert!(seen > 25);
}

#[test]
fn info_tells_of_the_levels() {
    if !redis_cli_or_skip() {
        return;
    }
    let node = Node::start(&["--maxmemory", "64mb"]);
    node.cli(&["set", "a", "1"]);
    node.cli(&["get", "a"]);
    node.cli(&["get", "b"]);
    let info = node.cli(&["info"]).replace('\r', "");
    for part in [
        "# Server\n",
        "# Clients\nconnected_clients:1\n",
        "# Memory\n",
        "maxmemory:67108864\n",
        "keyspace_hits:1\nkeyspace_misses:1\n",
        "# Keyspace\ndb0:keys=1,",
        "# Levels\nlevels:1\nlevel0:name=memory,role=authority,health=up,hits=1,misses=1,",
        "repairs_waiting:0\n",
    ] {
        assert!(info.contains(part), "{part:?} is not in\n{info}");
    }
    let levels = node.cli(&["info", "levels"]);
    assert!(levels.starts_with("# Levels") && !levels.contains("# Server"), "{levels}");
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["-TERM", "-INT"] {
        let node = Node::start(&[]);
        let mut client = TcpStream::connect(("127.0.0.1", node.port)).unwrap();
        client.write_all(b"SET a 1\r\nBLPOP q 0\r\n").unwrap();
        let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "+OK");
        node.signal(signal);
        let (code, log) = node.ends();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("stopping") && log.contains("stopped"), "{log}");
        // Who waited is told or let go, not kept.
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest);
    }
}

#[test]
fn shutdown_ends_it_too() {
    if !redis_cli_or_skip() {
        return;
    }
    let node = Node::start(&[]);
    node.cli(&["shutdown", "nosave"]);
    assert_eq!(node.ends().0, Some(0));
}

#[test]
fn a_service_manager_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    let told = || {
        let mut text = [0; 100];
        let len = socket.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..len]).trim().to_owned()
    };
    let node = Node::start_with(&["--listen", "127.0.0.1:0"], &[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    assert_eq!(told(), "READY=1");
    node.signal("-TERM");
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(node.ends().0, Some(0));
}

#[test]
fn what_does_not_start_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let in_use =
        format!("jcache: cannot listen on {address}: it is in use; another node, or a Redis, may be running there");
    let metrics = format!("jcache: cannot serve metrics on {address}: ");
    for (args, code, part) in [
        (&["--listen", &address][..], 1, &*in_use),
        (&["--listen", "127.0.0.1:0", "--metrics", &address], 1, &metrics),
        (&["--listen", "203.0.113.1:1", "--protected-mode", "no"], 1, "jcache: cannot listen on 203.0.113.1:1: "),
        (&["--unixsocket", "/nowhere/j", "--listen", ""], 1, "jcache: cannot listen on /nowhere/j: "),
        (
            &["--tls-listen", "127.0.0.1:0", "--tls-cert-file", "/nowhere/c", "--tls-key-file", "/nowhere/k"],
            1,
            "jcache: TLS: cannot use /nowhere/",
        ),
        (&["--listen", ""], 2, "jcache: --listen: there is no address, no tls-listen and no unixsocket to listen on"),
        (&["--listen", "0.0.0.0:0"], 2, "other machines could connect to 0.0.0.0:0, and there is no password"),
        (&["--maxmemroy", "1"], 2, "a similar argument exists: '--maxmemory'"),
        (&["--config", "/nowhere/c.toml"], 2, "jcache: /nowhere/c.toml: No such file"),
        (&["--level", "http://h"], 2, "jcache: "),
    ] {
        let output = refused(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(part), "{args:?}: {error}");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn the_effective_configuration_is_printed() {
    let output = run(JCACHE, &["serve", "--timeout", "7", "--print-config"], b"");
    let printed = text(&output);
    assert_eq!(output.status.code(), Some(0));
    assert!(printed.contains("timeout = 7  # --timeout\n") && printed.starts_with("# Network\n"), "{printed}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("printed.toml");
    std::fs::write(&path, &printed).unwrap();
    let again = text(&run(JCACHE, &["serve", "--config", path.to_str().unwrap(), "--print-config"], b""));
    let bare = |text: &str| text.lines().map(|it| it.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(bare(&printed), bare(&again));
}

#[test]
fn metrics_are_served() {
    let node = Node::start(&["--metrics", "127.0.0.1:0", "--maxmemory", "64mb"]);
    let mut client = TcpStream::connect(("127.0.0.1", node.port)).unwrap();
    let mut replies = BufReader::new(client.try_clone().unwrap()).lines();
    for _ in 0..100 {
        client.write_all(b"SET a 1\r\nNOSUCH\r\n").unwrap();
        assert_eq!(replies.next().unwrap().unwrap(), "+OK");
        assert!(replies.next().unwrap().unwrap().starts_with("-ERR"));
    }
    let answer = node.http("/metrics");
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("application/openmetrics-text"), "{head}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    for line in [
        "jcache_clients 1.0\n",
        "jcache_commands_total 200\n",
        "jcache_commands_failed_total 100\n",
        "jcache_level_up{level=\"memory\"} 1",
        "jcache_level_writes_total{level=\"memory\"} 100\n",
        "jcache_memory_keys{level=\"memory\",type=\"string\"} 1",
        "jcache_memory_max_bytes{level=\"memory\"} 67108864",
        "jcache_command_duration_seconds_bucket{le=\"+Inf\"} ",
        "jcache_build_info{version=\"",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    // What the manual promises is there, under its name.
    let manual = include_str!("../../../../docs/operations.md");
    for name in manual.lines().filter_map(|line| line.strip_prefix("| `jcache_")?.split_once('`')).map(|it| it.0) {
        let is_there = match name.starts_with("cluster_") {
            // A node without a cluster knows them and has no values.
            true => text.contains(&format!("# TYPE jcache_{} ", name.strip_suffix("_total").unwrap_or(name))),
            // A level over a network is not there.
            false => name.starts_with("level_call") || text.contains(&format!("\njcache_{name}")),
        };
        assert!(is_there, "{name} is not in\n{text}");
    }
    assert!(node.http("/healthz").ends_with("\r\n\r\nok\n"));
    assert!(node.http("/else").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_near_cache_in_front_of_redis() {
    let Some(redis) = redis_or_skip() else { return };
    let url = redis.url();
    let levels = ["--level", "memory:name=near,max=16mb", "--level", &url, "--near-ttl", "60s"];
    let node = Node::start(&[&levels[..], &["--metrics", "127.0.0.1:0"]].concat());
    assert_eq!(node.cli(&["set", "a", "1"]), "OK");
    assert_eq!(redis.client().call(&["GET", "a"]), Ok(Reply::Bulk("1".into())));
    assert_eq!(redis.client().call(&["SET", "b", "2"]), Ok(Reply::Ok));
    assert_eq!((node.cli(&["get", "b"]), node.cli(&["get", "b"])), ("2".into(), "2".into()));
    assert_eq!(node.cli(&["hset", "h", "f", "v"]), "1");
    assert_eq!(node.cli(&["-3", "--no-raw", "hgetall", "h"]), "1# \"f\" => \"v\"");
    let info = node.cli(&["info", "levels"]);
    assert!(info.contains("level0:name=near,role=copy,health=up,hits=1,"), "{info}");
    assert!(info.contains("level1:name=redis,role=authority,health=up,") && info.contains(",usec_per_call="), "{info}");
    assert!(node.http("/metrics").contains("jcache_level_call_duration_seconds_count{level=\"redis\"} "));

    redis.kill();
    // What is here is served, blind writes wait, and what has to be decided is refused.
    assert_eq!(node.cli(&["get", "b"]), "2");
    let refusal = eventually("a write that Redis has to decide is refused", || {
        Some(node.cli(&["incr", "n"])).filter(|it| it.contains("not accepted"))
    });
    assert!(refusal.contains("redis"), "{refusal}");
    eventually("the level is seen to be down", || {
        node.cli(&["get", "nosuch"]);
        node.cli(&["info", "levels"]).contains("role=authority,health=down").then_some(())
    });
    assert_eq!(node.cli(&["set", "c", "3"]), "OK");
    assert!(node.cli(&["info", "levels"]).contains("repairs_waiting:1"));
    assert!(node.http("/metrics").contains("jcache_level_up{level=\"redis\"} 0"));
    assert!(node.http("/healthz").ends_with("ok\n"));
}

#[test]
fn a_unix_socket_with_permissions() {
    use std::os::unix::fs::PermissionsExt;

    if !redis_cli_or_skip() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j.sock");
    let socket = path.to_str().unwrap();
    let args = ["--listen", "", "--unixsocket", socket, "--unixsocketperm", "700"];
    let node = Node::start_with(&args, &[]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(text(&run("redis-cli", &["-s", socket, "set", "a", "1"], b"")), "OK\n");
    assert_eq!(text(&run(JCACHE, &["shell", socket], b"get a\n")), "1\n");
    node.signal("-KILL");
    drop(node);
    // A socket that nobody serves any more is no obstacle.
    let _again = Node::start_with(&args, &[]);
    assert_eq!(text(&run("redis-cli", &["-s", socket, "get", "a"], b"")), "\n");
}

#[test]
fn tls_with_and_without_certificates_of_clients() {
    let files = Certificates::default();
    files.authority("ca").issue("node", &["127.0.0.1"]);
    files.authority("nobody").issue("stranger", &["127.0.0.1"]);
    let [ca, cert, key] = &["ca.pem", "node.pem", "node.key"].map(|file| files.argument(file));
    let [stranger, its_key] = &["stranger.pem", "stranger.key"].map(|file| files.argument(file));
    let files = ["--listen", "", "--tls-listen", "127.0.0.1:0", "--tls-cert-file", cert, "--tls-key-file", key];
    let node = Node::start_with(&files, &[]);
    let port = node.port.to_string();
    let shell = |port: &str, more: &[&str]| run(JCACHE, &[&["shell", port, "-e"], more].concat(), b"set a 1\nget a\n");
    assert_eq!(text(&shell(&port, &["--tls", "--cacert", ca])), "OK\n1\n");
    for more in [&[][..], &["--tls"]] {
        assert_eq!(shell(&port, more).status.code(), Some(1), "{more:?}");
    }
    if redis_cli_or_skip() {
        let args = ["-p", &port, "--tls", "--cacert", ca, "get", "a"];
        assert_eq!(text(&run("redis-cli", &args, b"")), "1\n");
    }
    let node = Node::start_with(&[&files[..], &["--tls-ca-cert-file", ca, "--tls-auth-clients", "yes"]].concat(), &[]);
    let port = node.port.to_string();
    let mutual = ["--tls", "--cacert", ca, "--cert", cert, "--key", key];
    assert_eq!(text(&shell(&port, &mutual)), "OK\n1\n");
    let secured = format!("rediss://127.0.0.1:{port}");
    assert_eq!(text(&shell(&secured, &mutual[1..])), "OK\n1\n");
    let load = ["bench", &secured, "--requests", "100", "--clients", "2", "--cacert", ca, "--cert", cert, "--key", key];
    assert!(run(JCACHE, &load, b"").status.success());
    // A certificate of one's own is not enough: somebody has to vouch for it.
    for (more, code) in [
        (&mutual[..3], 1),
        (&["--tls", "--cacert", ca, "--cert", stranger, "--key", its_key], 1),
        (&["--tls", "--cacert", ca, "--cert", cert, "--key", ca], 1),
        (&["--tls", "--cacert", ca, "--cert", "/nowhere/cert", "--key", key], 1),
        (&["--tls", "--cacert", ca, "--cert", cert], 2),
        (&mutual[1..], 2),
    ] {
        assert_eq!(shell(&port, more).status.code(), Some(code), "{more:?}");
    }
    if redis_cli_or_skip() {
        let args = ["-p", &port, "--tls", "--cacert", ca, "--cert", cert, "--key", key, "ping"];
        assert_eq!(text(&run("redis-cli", &args, b"")), "PONG\n");
    }
}

#[test]
fn the_log_is_structured() {
    let node = Node::start(&["--log-format", "json", "--loglevel", "verbose"]);
    node.signal("-TERM");
    let (_, log) = node.ends();
    let ready = log.lines().find(|line| line.contains("\"message\":\"ready\"")).unwrap();
    assert!(ready.starts_with('{') && ready.ends_with('}') && ready.contains("\"level\":\"INFO\""), "{ready}");
    assert!(
        ready.contains("\"levels\":\"memory\"") && log.contains("\"name\":\"loglevel\",\"value\":\"verbose\""),
        "{log}"
    );
    let quiet = Node::start(&["--loglevel", "nothing"]);
    quiet.signal("-TERM");
    assert_eq!(quiet.ends(), (Some(0), String::new()));
}

#[test]
fn a_node_starts_fast() {
    // Not a measurement: a node that asked the network or waited for a level would be far beyond this.
    let node = Node::start(&["--level", "memory", "--level", "redis://203.0.113.1:6379"]);
    let mut client = TcpStream::connect(("127.0.0.1", node.port)).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    client.write_all(b"PING\r\n").unwrap();
    let mut reply = [0; 7];
    client.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"+PONG\r\n");
}
