//! Commands that a level far away answers: a pipeline of them is under way together, and answers as if it were not.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Bare, Node};
use jcache_core::{Reply, Request, Result, Watch};
use jcache_memory::Memory;
use jcache_server::Backend;
use parking_lot::Mutex;
use tokio::sync::Barrier;

/// Memory that takes a while to answer, but for reads of keys that begin with `n`.
#[derive(Clone)]
struct Far {
    memory: Bare,
    /// Calls that must be under way together before any is carried out.
    together: Arc<Barrier>,
    random: Arc<Mutex<fastrand::Rng>>,
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Far {
    fn new(together: usize, seed: u64) -> Self {
        Self {
            memory: Bare(Memory::new()),
            together: Arc::new(Barrier::new(together)),
            random: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))),
            now: Arc::default(),
            most: Arc::default(),
        }
    }
}

impl Backend for Far {
    fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>> {
        let Request::Query(query) = request else { return None };
        let is_near = query.first_key().is_some_and(|key| key.as_bytes().starts_with(b"n"));
        if is_near { self.memory.try_call(request) } else { None }
    }

    async fn call(&self, request: &Request<'_>) -> Result<Reply> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.together.wait().await;
        let pauses = self.random.lock().u32(0..8);
        for _ in 0..pauses {
            tokio::task::yield_now().await;
        }
        let result = self.memory.call(request).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        result
    }

    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        self.memory.transact(requests, watch).await
    }
}

#[test]
fn what_does_not_depend_on_each_other_is_under_way_together() {
    // If one of these waited for another, nothing would be carried out.
    let node = Node::over(Far::new(4, 0));
    let mut client = node.client();
    client.stream.write_all(b"SET a 1\r\nSET b 2\r\nGET n\r\nGET c\r\nSTRLEN c\r\n").unwrap();
    client.expect("+OK\r\n+OK\r\n$-1\r\n$-1\r\n:0\r\n");
    client.stream.write_all(b"GET a\r\nGET a\r\nEXISTS b\r\nMGET a b\r\n").unwrap();
    client.expect("$1\r\n1\r\n$1\r\n1\r\n:1\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}

#[test]
fn a_client_has_a_bounded_number_under_way() {
    let backend = Far::new(1, 0);
    let most = backend.most.clone();
    let node = Node::over(backend);
    let mut client = node.client();
    let sent: String = (0..1000).map(|i| format!("SET k{i} {i}\r\n")).collect();
    client.stream.write_all(sent.as_bytes()).unwrap();
    client.expect(&"+OK\r\n".repeat(1000));
    let most = most.load(Ordering::SeqCst);
    assert!((2..=64).contains(&most), "{most} at once");
}

#[test]
fn a_pipeline_answers_as_commands_one_by_one() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sent = String::new();
        for _ in 0..200 {
            let mut key = || ["n1", "n2", "f1", "f2", "f3"][random.usize(0..5)];
            let (one, two) = (key(), key());
            let number = random.u32(0..100);
            sent += &match random.u32(0..16) {
                0..=2 => format!("SET {one} {number}\r\n"),
                3..=6 => format!("GET {one}\r\n"),
                7 => format!("INCR {one}\r\n"),
                8 => format!("DEL {one} {two}\r\n"),
                9 => format!("MGET {one} {two}\r\n"),
                10 => format!("APPEND {one} {number}\r\n"),
                11 => "DBSIZE\r\n".to_owned(),
                12 => "PING\r\n".to_owned(),
                13 => format!("MULTI\r\nINCR {one}\r\nGET {two}\r\nEXEC\r\n"),
                14 => format!("BLPOP {one} 0.001\r\n"),
                _ => format!("CLIENT REPLY SKIP\r\nSET {one} x\r\nRPUSH {two} {number}\r\nGET\r\n"),
            };
        }
        sent += "QUIT\r\n";
        let expected = replies(&Node::new(), &sent);
        let found = replies(&Node::over(Far::new(1, seed)), &sent);
        assert!(found == expected, "seed {seed}:\n{sent}\n{found}\nis not\n{expected}");
    }
}

/// All that a server says to what was sent.
fn replies(node: &Node, sent: &str) -> String {
    let mut client = node.client();
    client.stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.stream.write_all(sent.as_bytes()).unwrap();
    let mut all = String::new();
    client.stream.read_to_string(&mut all).unwrap();
    all
}
