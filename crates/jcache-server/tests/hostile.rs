//! Clients that mean no good, or die at the worst moment: memory stays bounded, others are unharmed, and nothing is
//! lost or done twice.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Client, Node, eventually};

/// Bytes that this process keeps in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Somebody who is to be served well whatever others do.
fn is_unharmed(node: &Node) {
    let mut good = node.client();
    good.ask("SET good 1", "+OK\r\n");
    good.ask("GET good", "$1\r\n1\r\n");
    good.ask("DEL good", ":1\r\n");
}

#[test]
fn promises_of_bytes_cost_nothing() {
    let node = Node::new();
    let before = resident();
    // All a client may promise: an argument of 512 MB, and two billion of them.
    let promises =
        ["*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nstart", "*2147483647\r\n$4\r\nMGET\r\n", "*1000000000\r\n"];
    let clients: Vec<Client> = (0..60)
        .map(|i| {
            let mut client = node.client();
            client.stream.write_all(promises[i % promises.len()].as_bytes()).unwrap();
            client
        })
        .collect();
    is_unharmed(&node);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes for {} promises", clients.len());
}

#[test]
fn broken_input_ends_the_connection_and_only_that() {
    let node = Node::new();
    let check = |sent: &[u8], reply: &str| {
        let mut client = node.client();
        client.stream.write_all(sent).unwrap();
        assert_eq!(client.expect_end(), reply, "{:?}", common::show(sent));
    };
    check(b"*1\r\n$4294967296\r\n", r"-ERR Protocol error: invalid bulk length\r\n");
    check(b"*-9223372036854775809\r\n", r"-ERR Protocol error: invalid multibulk length\r\n");
    check(b"*1\r\n\xff\xfe\xfd\r\n", r"-ERR Protocol error: expected \'$\', got \'\xc3\xbf\'\r\n");
    check(b"SET \"unbalanced\r\n", r"-ERR Protocol error: unbalanced quotes in request\r\n");
    check(b"PING\r\n*1\r\n$x\r\n", r"+PONG\r\n-ERR Protocol error: invalid bulk length\r\n");
    assert_eq!(node.handle.status().protocol_errors, 5);
    // A line that never ends.
    let mut client = node.client();
    let _ = client.stream.write_all(&vec![b'a'; 70 << 10]);
    assert_eq!(client.expect_end(), r"-ERR Protocol error: too big inline request\r\n");
    is_unharmed(&node);
}

#[test]
fn who_is_not_let_in_may_not_send_much() {
    let node = Node::with(|builder| builder.password("secret"));
    let check = |sent: &str, reply: &str| {
        let mut client = node.client();
        client.stream.write_all(sent.as_bytes()).unwrap();
        assert_eq!(client.expect_end(), reply);
    };
    check("*11\r\n", r"-ERR Protocol error: unauthenticated multibulk length\r\n");
    check("*2\r\n$4\r\nAUTH\r\n$20000\r\n", r"-ERR Protocol error: unauthenticated bulk length\r\n");
    let mut client = node.client();
    client.ask("AUTH secret", "+OK\r\n");
    let value = "x".repeat(20_000);
    client.stream.write_all(format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000\r\n{value}\r\n").as_bytes()).unwrap();
    client.expect("+OK\r\n");
}

#[test]
fn one_byte_at_a_time_is_a_command_too() {
    let node = Node::new();
    let mut slow: Vec<Client> = (0..50).map(|_| node.client()).collect();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\none\r\nGET k\r\n" {
        for client in &mut slow {
            client.stream.write_all(&[*byte]).unwrap();
        }
    }
    for client in &mut slow {
        client.expect("+OK\r\n$3\r\none\r\n");
    }
}

#[test]
fn who_dies_in_a_transaction_has_done_nothing() {
    let node = Node::new();
    for _ in 0..20 {
        let mut client = node.client();
        client.ask("MULTI", "+OK\r\n");
        client.ask("INCR n", "+QUEUED\r\n");
        client.abort();
    }
    eventually("their end", || node.handle.status().clients == 0);
    node.client().ask("GET n", "$-1\r\n");
}

#[test]
fn who_dies_waiting_takes_nothing() {
    let node = Node::new();
    for round in 0..20 {
        let mut first = node.client();
        let mut second = node.client();
        first.send("BLPOP l 0");
        eventually("the first", || node.handle.status().blocked_clients == 1);
        second.send("BRPOPLPUSH l done 0");
        eventually("the second", || node.handle.status().blocked_clients == 2);
        first.abort();
        eventually("the end of the first", || node.handle.status().blocked_clients == 1);
        let mut pusher = node.client();
        pusher.ask("RPUSH l x", ":1\r\n");
        second.expect("$1\r\nx\r\n");
        pusher.ask("LLEN done", &format!(":{}\r\n", round + 1));
    }
}

#[test]
fn who_dies_waiting_while_others_push_loses_at_most_what_was_on_its_way() {
    let node = Node::new();
    let rounds = 200;
    let mut pusher = node.client();
    for _ in 0..rounds {
        let mut client = node.client();
        client.send("BLPOP l 0");
        eventually("waiting", || node.handle.status().blocked_clients == 1);
        // Both at once: the reply may have been written before the server knows.
        let aborts = std::thread::spawn(move || client.abort());
        pusher.ask("RPUSH l x", ":1\r\n");
        aborts.join().unwrap();
        eventually("its end", || node.handle.status().clients == 1);
        let len = pusher.text("LLEN l");
        assert!(len == ":0\r\n" || len == ":1\r\n", "{len:?}");
        pusher.text("DEL l");
    }
}

/// A process of its own, killed by the system: its kernel closes what it had open.
#[test]
fn a_killed_process_is_a_client_that_is_gone() {
    // Who has the one has the other.
    let Some(_) = jcache_testkit::oracle::redis_or_skip() else { return };
    let node = Node::new();
    let start = |args: &[&str]| {
        let port = node.port.to_string();
        Command::new("redis-cli")
            .args(["-p", &port])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut waiting = start(&["BLPOP", "l", "0"]);
    eventually("waiting", || node.handle.status().blocked_clients == 1);
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    eventually("its end", || node.handle.status().clients == 0);
    let mut client = node.client();
    client.ask("RPUSH l x", ":1\r\n");
    client.ask("LLEN l", ":1\r\n");

    let mut queueing = start(&[]);
    queueing.stdin.as_mut().unwrap().write_all(b"MULTI\nDEL l\nINCR n\n").unwrap();
    eventually("the queue", || node.handle.info().iter().any(|it| it.fields.iter().any(|(f, _)| f == "cmdstat_multi")));
    std::thread::sleep(Duration::from_millis(20));
    queueing.kill().unwrap();
    queueing.wait().unwrap();
    eventually("its end", || node.handle.status().clients == 1);
    client.ask("LLEN l", ":1\r\n");
    client.ask("EXISTS n", ":0\r\n");
}

#[test]
fn who_dies_in_a_pipeline_has_done_a_beginning_of_it() {
    let node = Node::new();
    let mut watcher = node.client();
    for _ in 0..20 {
        let mut client = node.client();
        // From here on the server knows of it, so that it also knows of its end.
        client.ask("PING", "+PONG\r\n");
        let pipeline: String = (1..=2000).map(|i| format!("RPUSH l {i}\r\n")).collect();
        client.stream.write_all(pipeline.as_bytes()).unwrap();
        client.abort();
        eventually("its end", || node.handle.status().clients == 1);
        let done: usize = watcher.text("LLEN l").trim()[1..].parse().unwrap();
        assert!(done <= 2000);
        if done > 0 {
            let digits = done.to_string();
            watcher.ask("LINDEX l -1", &format!("${}\r\n{digits}\r\n", digits.len()));
        }
        watcher.text("DEL l");
    }
}
