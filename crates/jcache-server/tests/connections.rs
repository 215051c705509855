//! What a connection may do, in order and out of it: pipelines, ends, limits, kills, the slow log.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::time::Duration;

use common::{Node, eventually};
use jcache_server::{OutputLimit, Section};

fn field(sections: &[Section], section: &str, name: &str) -> String {
    let section = sections.iter().find(|it| it.name == section).unwrap();
    section.fields.iter().find(|(field, _)| field == name).unwrap_or_else(|| panic!("no {name}")).1.clone()
}

#[test]
fn a_pipeline_is_answered_in_order_whatever_has_to_wait() {
    let node = Node::new();
    let mut client = node.client();
    let mut sent = String::new();
    let mut expected = String::new();
    for i in 1..=5_000 {
        sent += "INCR n\r\n";
        expected += &format!(":{i}\r\n");
        if i % 500 == 0 {
            sent += "BLPOP nothing 0.001\r\nMULTI\r\nGET n\r\nEXEC\r\nCLIENT REPLY SKIP\r\nPING\r\nECHO x\r\n";
            let digits = i.to_string();
            expected += &format!("*-1\r\n+OK\r\n+QUEUED\r\n*1\r\n${}\r\n{digits}\r\n$1\r\nx\r\n", digits.len());
        }
    }
    client.stream.write_all(sent.as_bytes()).unwrap();
    client.expect(&expected);
}

#[test]
fn commands_that_were_sent_before_the_end_are_carried_out() {
    let node = Node::new();
    let mut client = node.client();
    client.stream.write_all("INCR n\r\n".repeat(3000).as_bytes()).unwrap();
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut all = String::new();
    client.stream.read_to_string(&mut all).unwrap();
    assert!(all.ends_with(":3000\r\n"), "{} bytes", all.len());
}

#[test]
fn large_values_come_back_as_they_went() {
    let node = Node::new();
    let mut client = node.client();
    for len in [0, 1, 16 << 10, (64 << 10) + 1, 5 << 20] {
        let value: String = (0..len).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
        let command = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${len}\r\n{value}\r\n");
        client.stream.write_all(command.as_bytes()).unwrap();
        client.expect("+OK\r\n");
        client.ask("GET k", &format!("${len}\r\n{value}\r\n"));
        client.ask("MGET k none k", &format!("*3\r\n${len}\r\n{value}\r\n$-1\r\n${len}\r\n{value}\r\n"));
    }
}

#[test]
fn one_client_too_many_is_told_so() {
    let node = Node::with(|builder| {
        let mut limits = jcache_server::Limits::default();
        limits.clients = 2;
        builder.limits(limits)
    });
    let (mut a, mut b) = (node.client(), node.client());
    a.ask("PING", "+PONG\r\n");
    b.ask("PING", "+PONG\r\n");
    let mut c = node.client();
    assert_eq!(c.expect_end(), r"-ERR max number of clients reached\r\n");
    a.ask("CONFIG SET maxclients 3", "+OK\r\n");
    node.client().ask("PING", "+PONG\r\n");
    assert_eq!(node.handle.status().rejected_connections, 1);
}

#[test]
fn idle_clients_are_closed_and_those_who_listen_or_wait_are_not() {
    let node = Node::new();
    let (mut idle, mut subscriber, mut waiting, mut admin) =
        (node.client(), node.client(), node.client(), node.client());
    idle.ask("PING", "+PONG\r\n");
    subscriber.ask("SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    waiting.send("BLPOP l 0");
    eventually("waiting", || node.handle.status().blocked_clients == 1);
    admin.ask("CONFIG SET timeout 1", "+OK\r\n");
    assert_eq!(idle.expect_end(), "");
    let mut other = node.client();
    other.ask("PUBLISH a x", ":1\r\n");
    subscriber.expect("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
    other.ask("LPUSH l x", ":1\r\n");
    waiting.expect("*2\r\n$1\r\nl\r\n$1\r\nx\r\n");
}

#[test]
fn a_subscriber_that_does_not_read_is_disconnected_and_others_get_everything() {
    let node = Node::with(|builder| {
        let mut limits = jcache_server::Limits::default();
        limits.subscriber_output = OutputLimit { hard: 1 << 20, soft: 0, soft_for: Duration::ZERO };
        builder.limits(limits)
    });
    let (mut deaf, mut good, mut publisher) = (node.client(), node.client(), node.client());
    for client in [&mut deaf, &mut good] {
        client.ask("SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    }
    let text = "x".repeat(100_000);
    let message = format!("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$100000\r\n{text}\r\n");
    let mut reached = 2;
    let mut rounds = 0;
    while reached == 2 {
        rounds += 1;
        assert!(rounds < 1000, "nobody was disconnected after 100 MB");
        publisher
            .stream
            .write_all(format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$100000\r\n{text}\r\n").as_bytes())
            .unwrap();
        let mut reply = [0; 4];
        publisher.stream.read_exact(&mut reply).unwrap();
        reached = i32::from(reply[1] - b'0');
        good.expect(&message);
    }
    eventually("the count", || node.handle.status().output_limit_disconnections == 1);
    assert!(node.handle.status().output_bytes < 2 << 20);
}

#[test]
fn a_client_that_never_reads_holds_no_more_than_its_share_and_is_closed_in_the_end() {
    let node = Node::with(|builder| {
        let mut limits = jcache_server::Limits::default();
        limits.stall = Some(Duration::from_secs(1));
        builder.limits(limits)
    });
    let mut greedy = node.client();
    greedy.ask(&format!("SET k {}", "x".repeat(10_000)), "+OK\r\n");
    greedy.stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let batch = "GET k\r\n".repeat(1000);
    let mut sent = 0;
    // Until the server stops reading, or has closed the connection.
    while sent < 5_000_000 && greedy.stream.write_all(batch.as_bytes()).is_ok() {
        sent += 1000;
        let waiting = node.handle.status().output_bytes;
        assert!(waiting < 4 << 20, "{waiting} bytes wait after {sent} commands");
    }
    assert!(sent < 5_000_000, "the server took everything");
    node.client().ask("PING", "+PONG\r\n");
    eventually("the end of the greedy", || node.handle.status().output_limit_disconnections == 1);
}

#[test]
fn clients_can_be_killed_unblocked_and_paused() {
    let node = Node::new();
    let (mut a, mut b) = (node.client(), node.client());
    let id: String = a.text("CLIENT ID").trim()[1..].into();
    a.send("BLPOP l 0");
    eventually("waiting", || node.handle.status().blocked_clients == 1);
    b.ask(&format!("CLIENT UNBLOCK {id}"), ":1\r\n");
    a.expect("*-1\r\n");
    b.ask(&format!("CLIENT UNBLOCK {id}"), ":0\r\n");
    a.send("BLPOP l 0");
    eventually("waiting", || node.handle.status().blocked_clients == 1);
    b.ask(&format!("CLIENT UNBLOCK {id} ERROR"), ":1\r\n");
    a.expect("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");

    b.ask("CLIENT PAUSE 60000 WRITE", "+OK\r\n");
    a.ask("GET k", "$-1\r\n");
    a.send("SET k v");
    b.ask("GET k", "$-1\r\n");
    b.ask("CLIENT UNPAUSE", "+OK\r\n");
    a.expect("+OK\r\n");
    b.ask("CLIENT PAUSE 50 ALL", "+OK\r\n");
    a.ask("GET k", "$1\r\nv\r\n");

    a.send("BLPOP l 0");
    eventually("waiting", || node.handle.status().blocked_clients == 1);
    b.ask(&format!("CLIENT KILL ID {id}"), ":1\r\n");
    assert_eq!(a.expect_end(), "");
    b.ask("RPUSH l x", ":1\r\n");
    b.ask("LLEN l", ":1\r\n");
    b.ask("CLIENT KILL TYPE normal SKIPME no", ":1\r\n");
    assert_eq!(b.expect_end(), "");
}

#[test]
fn what_is_told_of_clients_is_so() {
    let node = Node::new();
    let mut a = node.client();
    a.ask("CLIENT SETNAME me", "+OK\r\n");
    a.ask("CLIENT SETINFO LIB-NAME lib", "+OK\r\n");
    a.ask("CLIENT NO-TOUCH on", "+OK\r\n");
    a.ask("WATCH k", "+OK\r\n");
    a.ask("MULTI", "+OK\r\n");
    a.ask("PING", "+QUEUED\r\n");
    let list = node.client().text("CLIENT LIST");
    let line = list.lines().find(|line| line.contains(" name=me ")).unwrap();
    for part in
        ["id=1 ", " flags=xT ", " multi=1 ", " watch=1 ", " cmd=multi ", " user=default ", " resp=2 ", " lib-name=lib "]
    {
        assert!(line.contains(part), "{part:?} in {line:?}");
    }
    a.ask("EXEC", "*1\r\n+PONG\r\n");
    assert!(a.text("CLIENT INFO").contains(" cmd=client|info "));
    eventually("the end of the other", || node.handle.status().clients == 1);
    let info = node.handle.info();
    assert_eq!(field(&info, "Clients", "connected_clients"), "1");
    let exec = field(&info, "Commandstats", "cmdstat_exec");
    assert!(exec.starts_with("calls=1,usec=") && exec.ends_with(",failed_calls=0"), "{exec}");
    let text = a.text("INFO stats");
    assert!(text.starts_with("# Stats\r\ntotal_connections_received:2\r\n"), "{text:?}");
    let status = node.handle.status();
    assert_eq!((status.connections, status.clients, status.failed_commands), (2, 1, 0));
    assert_eq!(status.commands, 10);
    a.ask("SET n x", "+OK\r\n");
    a.ask("INCR n", "-ERR value is not an integer or out of range\r\n");
    a.ask("FOO", "-ERR unknown command 'FOO', with args beginning with: \r\n");
    assert_eq!(node.handle.status().failed_commands, 2);
    a.ask("CONFIG RESETSTAT", "+OK\r\n");
    assert!(node.handle.status().commands <= 1);
}

#[test]
fn slow_commands_are_remembered() {
    let node = Node::new();
    let mut client = node.client();
    client.ask("CONFIG SET slowlog-log-slower-than 0 latency-monitor-threshold 1", "+OK\r\n");
    client.ask("CLIENT SETNAME me", "+OK\r\n");
    client.ask(&format!("SET k {}", "x".repeat(200)), "+OK\r\n");
    client.ask("CONFIG SET slowlog-log-slower-than -1", "+OK\r\n");
    client.ask("GET k", &format!("$200\r\n{}\r\n", "x".repeat(200)));
    let log = node.handle.slow_log();
    let set = log.iter().find(|slow| slow.args[0] == b"SET").unwrap();
    assert_eq!(set.args[2], format!("{}... (72 more bytes)", "x".repeat(128)).into_bytes());
    assert_eq!(set.client_name, "me");
    assert!(log.iter().all(|slow| slow.args[0] != b"GET"));
    client.ask("SLOWLOG RESET", "+OK\r\n");
    client.ask("SLOWLOG LEN", ":0\r\n");
}

#[test]
fn a_server_that_stops_answers_what_it_has_read() {
    let mut node = Node::new();
    let (mut busy, mut waiting, mut idle, mut admin) = (node.client(), node.client(), node.client(), node.client());
    idle.ask("PING", "+PONG\r\n");
    waiting.send("BLPOP l 0");
    eventually("waiting", || node.handle.status().blocked_clients == 1);
    busy.stream.write_all("INCR n\r\n".repeat(2000).as_bytes()).unwrap();
    busy.expect(":1\r\n");
    admin.send("SHUTDOWN NOSAVE");
    assert_eq!(admin.expect_end(), "");
    assert_eq!(idle.expect_end(), "");
    assert_eq!(waiting.expect_end(), "");
    let answered = busy.expect_end();
    assert!(answered.is_empty() || answered.ends_with(r"\r\n"), "half a reply: {answered:?}");
    assert!(node.stopped() < Duration::from_secs(4), "the drain was waited for in vain");
    assert!(std::net::TcpStream::connect(("127.0.0.1", node.port)).is_err(), "it still listens");
}

#[test]
fn a_client_that_does_not_read_does_not_keep_the_server_from_stopping() {
    let mut node = Node::with(|builder| {
        let mut limits = jcache_server::Limits::default();
        limits.drain = Duration::from_millis(200);
        builder.limits(limits)
    });
    let mut deaf = node.client();
    deaf.ask(&format!("SET k {}", "x".repeat(10_000)), "+OK\r\n");
    deaf.stream.write_all("GET k\r\n".repeat(1000).as_bytes()).unwrap();
    eventually("output", || node.handle.status().output_bytes > 0);
    node.handle.stop();
    assert!(node.stopped() < Duration::from_secs(5));
}
