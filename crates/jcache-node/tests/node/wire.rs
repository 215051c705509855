//! The node over the wire, held against redis-server: scripted commands byte for byte, random commands reply by reply,
//! in both protocols.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BufMut;
use jcache_resp::{Output, Protocol, ReplyDecoder};
use jcache_testkit::differential::{self, Generator, ServerSubject};
use jcache_testkit::notation::words;
use jcache_testkit::oracle::{RawClient, redis_or_skip};

use crate::harness::Node;

/// Commands of data, one of each at least.
const DATA: &str = include_str!("../../../jcache-resp/tests/session.txt");
/// Commands of connections, transactions, channels and the server.
const CONNECTION: &str = include_str!("connection.txt");

/// A connection whose replies are looked at as bytes.
struct Raw(TcpStream);

impl Raw {
    fn connect(port: u16, protocol: Protocol) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut raw = Self(stream);
        if protocol == Protocol::Resp3 {
            raw.ask(&[b"HELLO".to_vec(), b"3".to_vec()], 1);
        }
        raw
    }

    /// The bytes of `count` replies that come after a command was sent.
    fn ask(&mut self, args: &[Vec<u8>], mut count: usize) -> String {
        let mut output = Output::new();
        output.command(args);
        self.0.write_all(&output.to_vec()).unwrap();
        let mut decoder = ReplyDecoder::default();
        let mut found = Vec::new();
        loop {
            loop {
                match decoder.next() {
                    Ok(Some(_)) => count = count.saturating_sub(1),
                    Ok(None) => break,
                    Err(error) => return format!("{}, which is no reply: {error}", found.escape_ascii()),
                }
            }
            if count == 0 {
                return found.escape_ascii().to_string();
            }
            let mut bytes = [0; 4096];
            let read = match self.0.read(&mut bytes) {
                Ok(0) => return format!("{}, and is closed", found.escape_ascii()),
                Ok(read) => read,
                Err(error) => return format!("{}, and then {error}", found.escape_ascii()),
            };
            found.extend_from_slice(&bytes[..read]);
            decoder.input().put_slice(&bytes[..read]);
        }
    }
}

/// Plays a session on two servers, and tells where the bytes differ.
fn check(session: &str, [node, redis]: [u16; 2], protocol: Protocol) {
    let connect = |port| [Raw::connect(port, protocol), Raw::connect(port, protocol)];
    let (mut node, mut redis) = (connect(node), connect(redis));
    let mut differences = Vec::new();
    for line in session.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (place, command) = line.strip_prefix("@2 ").map_or((0, line), |rest| (1, rest));
        let (count, command) = match command.split_once(' ') {
            Some((count, rest)) if count.parse::<usize>().is_ok() => (count.parse().unwrap(), rest),
            _ => (1, command),
        };
        let args = words(command);
        let (expected, found) = (redis[place].ask(&args, count), node[place].ask(&args, count));
        if found != expected {
            differences.push(format!("{line}\n  redis: {expected}\n  node:  {found}"));
        }
    }
    assert!(differences.is_empty(), "{} differ in {protocol:?}:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn every_command_answers_redis_s_bytes() {
    let Some(redis) = redis_or_skip() else { return };
    let node = Node::start(&[]);
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        check(DATA, [node.port, redis.port()], protocol);
    }
}

#[test]
fn connections_transactions_and_channels_answer_redis_s_bytes() {
    let Some(redis) = redis_or_skip() else { return };
    let node = Node::start(&[]);
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        check(CONNECTION, [node.port, redis.port()], protocol);
    }
}

/// Random commands: `JCACHE_DIFF` sets their number, `JCACHE_SEED` repeats a run.
fn random(family: &str, generators: &[Generator]) {
    let seed = differential::seed();
    let node = Node::start(&[]);
    let mut client = RawClient::connect(node.port).unwrap();
    // The oracle speaks RESP3 for odd seeds, so both see both.
    if seed & 2 == 2 {
        client.resp3();
    }
    let invocations = differential::invocations(4_000);
    differential::run(&mut ServerSubject::new(client), family, generators, invocations, seed);
}

#[test]
fn random_strings_and_keys() {
    random("strings and keys", &[differential::string::command, differential::key::command]);
}

#[test]
fn random_collections() {
    random(
        "collections",
        &[
            differential::hash::command,
            differential::list::command,
            differential::set::command,
            differential::sorted_set::command,
        ],
    );
}
