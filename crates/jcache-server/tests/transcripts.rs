//! Sessions of several connections against redis-server: the same bytes on each connection.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{Node, show};
use jcache_testkit::oracle::redis_or_skip;

/// Sessions are apart by lines with dashes; a line names its connection and what it sends.
const SESSIONS: &str = include_str!("transcripts.txt");

/// How long the first byte of a reply may take. Should it come later, it counts for the next line: what is compared is
/// all that a connection was sent.
const FIRST: Duration = Duration::from_millis(150);
/// How long no more bytes must come for a reply to be whole.
const QUIET: Duration = Duration::from_millis(3);

struct Talk {
    port: u16,
    connections: BTreeMap<String, (TcpStream, Vec<u8>)>,
}

impl Talk {
    fn new(port: u16) -> Self {
        Self { port, connections: BTreeMap::new() }
    }

    fn say(&mut self, name: &str, line: &str) {
        let port = self.port;
        let (stream, _) = self.connections.entry(name.to_owned()).or_insert_with(|| {
            let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_nodelay(true).unwrap();
            (stream, Vec::new())
        });
        let mut bytes = unescape(line);
        bytes.extend_from_slice(b"\r\n");
        // The other side may have closed it: then there is no reply either.
        let _ = stream.write_all(&bytes);
        self.listen(name, FIRST);
    }

    /// What comes on a connection within `first`, and shortly after it.
    fn listen(&mut self, name: &str, first: Duration) {
        let (stream, heard) = self.connections.get_mut(name).unwrap();
        let mut patience = first;
        let mut bytes = [0; 4096];
        loop {
            stream.set_read_timeout(Some(patience)).unwrap();
            match stream.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => heard.extend_from_slice(&bytes[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("{error}"),
            }
            patience = QUIET;
        }
    }

    /// Everything that connections were sent.
    fn end(mut self) -> BTreeMap<String, Vec<u8>> {
        let names: Vec<String> = self.connections.keys().cloned().collect();
        for name in names {
            self.listen(&name, FIRST);
        }
        self.connections.into_iter().map(|(name, (_, heard))| (name, heard)).collect()
    }
}

/// `\r`, `\n` and `\xff` in a line stand for bytes.
fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (byte, len) = match rest.as_bytes().get(at + 1) {
            Some(b'r') => (b'\r', 2),
            Some(b'n') => (b'\n', 2),
            Some(b'x') => (u8::from_str_radix(&rest[at + 2..at + 4], 16).unwrap(), 4),
            _ => (b'\\', 1),
        };
        bytes.push(byte);
        rest = &rest[at + len..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[test]
fn every_connection_is_sent_what_redis_sends() {
    let Some(redis) = redis_or_skip() else { return };
    let mut wrong = Vec::new();
    for (number, session) in SESSIONS.split("----\n").enumerate() {
        let node = Node::new();
        redis.client().line("FLUSHALL").unwrap();
        let (mut theirs, mut ours) = (Talk::new(redis.port()), Talk::new(node.port));
        let lines = session.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            let (name, command) = line.split_once("> ").unwrap_or_else(|| panic!("no connection in {line:?}"));
            theirs.say(name, command);
            ours.say(name, command);
        }
        let (theirs, ours) = (theirs.end(), ours.end());
        for (name, expected) in theirs {
            let (found, expected) = (show(&ours[&name]), show(&expected));
            let same = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
            let from = same.saturating_sub(120);
            if found != expected {
                wrong.push(format!(
                    "session {number}, connection {name}:\n  ours  …{}\n  redis …{}",
                    found.get(from..).unwrap_or_default(),
                    expected.get(from..).unwrap_or_default()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
