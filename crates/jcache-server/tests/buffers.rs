//! What `CLIENT LIST` tells of a connection's buffers is what it holds.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;

use common::{Node, eventually};

/// The number in a field of the line of the client with this name.
fn held(node: &Node, name: &str, field: &str) -> usize {
    let list = node.client().text("CLIENT LIST");
    let line = list.lines().find(|line| line.contains(&format!(" name={name} "))).unwrap();
    number(line, field)
}

fn number(line: &str, field: &str) -> usize {
    let (_, rest) = line.split_once(&format!(" {field}=")).unwrap_or_else(|| panic!("no {field} in {line:?}"));
    rest.split(' ').next().unwrap().trim().parse().unwrap()
}

fn named(node: &Node, name: &str) -> common::Client {
    let mut client = node.client();
    client.ask(&format!("CLIENT SETNAME {name}"), "+OK\r\n");
    client
}

#[test]
fn what_was_sent_and_not_understood_yet_is_held() {
    let node = Node::new();
    let mut half = named(&node, "half");
    for (sent, expected) in [
        ("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n", 20..=20),
        ("$100000\r\nxxxxx", 14..=36),
        (&*"y".repeat(50_000), 50_000..=50_040),
    ] {
        half.stream.write_all(sent.as_bytes()).unwrap();
        eventually("the bytes", || expected.contains(&held(&node, "half", "qbuf")));
    }
    assert!(held(&node, "half", "tot-mem") > 50_000);
    half.stream.write_all(format!("{}\r\n", "z".repeat(49_995)).as_bytes()).unwrap();
    half.expect("+OK\r\n");
    eventually("nothing is left", || held(&node, "half", "qbuf") == 0);
    // A connection that does nothing gives its buffers back.
    eventually("rest", || ["qbuf-free", "rbs", "rbp"].iter().all(|field| held(&node, "half", field) == 0));
    assert!((500..20_000).contains(&held(&node, "half", "tot-mem")));
}

#[test]
fn commands_that_wait_are_held() {
    let node = Node::new();
    let mut waiting = named(&node, "waiting");
    waiting.send("BLPOP some-list 0");
    eventually("waiting", || held(&node, "waiting", "argv-mem") == "BLPOPsome-list0".len());
    node.client().ask("RPUSH some-list x", ":1\r\n");
    waiting.expect("*2\r\n$9\r\nsome-list\r\n$1\r\nx\r\n");
    eventually("done", || held(&node, "waiting", "argv-mem") == 0);

    waiting.ask("MULTI", "+OK\r\n");
    waiting.ask(&format!("SET k {}", "x".repeat(3_000)), "+QUEUED\r\n");
    assert!((3_000..5_000).contains(&held(&node, "waiting", "multi-mem")));
    waiting.ask("DISCARD", "+OK\r\n");
    assert_eq!(held(&node, "waiting", "multi-mem"), 0);

    // As Redis counts: the command itself, and the bytes that brought it.
    let own = waiting.text("CLIENT INFO");
    assert_eq!((number(&own, "argv-mem"), number(&own, "qbuf")), (10, 13));
    assert!(number(&own, "rbs") > 0 && number(&own, "rbp") > 0, "{own}");
}

#[test]
fn replies_that_nobody_reads_are_held() {
    let node = Node::new();
    let mut deaf = named(&node, "deaf");
    deaf.ask(&format!("SET small {}", "x".repeat(1_000)), "+OK\r\n");
    deaf.ask(&format!("SET large {}", "x".repeat(50_000)), "+OK\r\n");
    deaf.stream.write_all("GET large\r\nGET small\r\n".repeat(400).as_bytes()).unwrap();
    // What the sockets hold between the two is not the server's: some megabytes at most.
    eventually("replies that wait", || held(&node, "deaf", "omem") > 1 << 20);
    let list = node.client().text("CLIENT LIST TYPE normal");
    let line = list.lines().find(|line| line.contains(" name=deaf ")).unwrap();
    assert!(number(line, "oll") > 10 && number(line, "tot-mem") > number(line, "omem"), "{line}");
    assert!(line.contains(" events=rw "), "{line}");
    let memory = node.client().text("INFO memory");
    let clients = memory.lines().find_map(|line| line.strip_prefix("mem_clients_normal:")).unwrap();
    assert!(clients.parse::<usize>().unwrap() > 1 << 20, "{memory}");
    let clients = node.client().text("INFO clients");
    let largest = clients.lines().find_map(|line| line.strip_prefix("client_recent_max_output_buffer:")).unwrap();
    assert!(largest.parse::<usize>().unwrap() > 1 << 20, "{clients}");
}

#[test]
fn messages_that_nobody_reads_are_held() {
    let node = Node::new();
    let mut deaf = named(&node, "deaf");
    deaf.ask("SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    let mut publisher = node.client();
    let text = "x".repeat(100_000);
    for _ in 0..100 {
        let command = format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$100000\r\n{text}\r\n");
        publisher.stream.write_all(command.as_bytes()).unwrap();
        publisher.expect(":1\r\n");
    }
    let waiting = || held(&node, "deaf", "omem") + held(&node, "deaf", "obl");
    eventually("messages that wait", || waiting() > 1 << 20);
    assert!(held(&node, "deaf", "tot-mem") >= waiting());
}
