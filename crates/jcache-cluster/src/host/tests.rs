//! Three hosts in one process, with a real etcd and real connections: the engine's ways on a real network.

use std::time::{Duration, Instant};

use jcache_core::{Arg, Reply, Request};
use jcache_etcd::Client;
use jcache_testkit::etcd::{Etcd, etcd_or_skip};
use tokio::net::TcpListener;

use super::{Host, Parts};
use crate::engine::{
    Ack, Admin, CallOptions, Config, Failure, Identity, Level, MemberId, ModelStore, NodeId, Role, Timing,
};
use crate::transport::{Secret, Security};

const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn start(etcd: &Etcd, name: &str, min_insync: usize, secret: Option<Secret>) -> Host<ModelStore> {
    let (listener, _) = listen().await;
    start_on(listener, etcd, name, min_insync, secret)
}

/// A free port, and its address.
pub(super) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    (listener, addr)
}

pub(super) fn start_on(
    listener: TcpListener,
    etcd: &Etcd,
    name: &str,
    min_insync: usize,
    secret: Option<Secret>,
) -> Host<ModelStore> {
    let identity = Identity {
        member: MemberId::new(name, rand()),
        addr: listener.local_addr().unwrap().to_string(),
        zone: String::new(),
        prio: 0,
        voter: true,
        seed: rand(),
    };
    let etcd = Client::new(&jcache_etcd::Config::new(etcd.endpoints())).unwrap();
    let security = Security { secret, tls: None };
    let (prefix, publish) = ("/jcache/test/v1/".into(), Box::new(|_, _, _| {}));
    let parts = Parts { identity, etcd, prefix, listener, security, on_notice: None, publish };
    Host::start(Config::new(min_insync, Timing::FAST), parts, ModelStore::new(16)).unwrap()
}

fn rand() -> u128 {
    (u128::from(fastrand::u64(..)) << 64) | u128::from(fastrand::u64(..))
}

pub(super) async fn run(host: &Host<ModelStore>, line: &str, options: CallOptions) -> Result<Reply, Failure> {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    Ok(host.call(Request::parse(&args).unwrap(), options).await?.reply)
}

/// Repeats a call until it is answered: for what may be repeated.
pub(super) async fn until_done(host: &Host<ModelStore>, line: &str, options: CallOptions) -> Reply {
    let started = Instant::now();
    loop {
        match run(host, line, options).await {
            Ok(reply) => return reply,
            Err(failure) => assert!(started.elapsed() < PATIENCE, "{line}: {failure}\n{:#?}", host.status()),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) async fn until(what: &str, host: &Host<ModelStore>, condition: impl Fn(&Host<ModelStore>) -> bool) {
    let started = Instant::now();
    while !condition(host) {
        assert!(started.elapsed() < PATIENCE, "{what}: not reached\n{:#?}", host.status());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) const LINEARIZABLE: CallOptions =
    CallOptions { ack: Ack::InSync, level: Level::Linearizable, timeout_ms: None };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_elects_replicates_and_outlives_its_leader() {
    let Some(etcd) = etcd_or_skip() else { return };
    let secret = Some(Secret::new("jcache", "secret").unwrap());
    let a = start(&etcd, "a", 1, secret.clone()).await;
    until("a leads", &a, |it| it.status().role == Role::Leader).await;
    let b = start(&etcd, "b", 1, secret.clone()).await;
    let c = start(&etcd, "c", 1, secret).await;
    until("all are in sync", &a, |it| it.status().isr.len() == 3).await;
    // A write anywhere is seen everywhere, and where it was made at once.
    assert_eq!(until_done(&b, "SET key one", CallOptions::default()).await, Reply::Ok);
    assert_eq!(run(&b, "GET key", CallOptions::default()).await.unwrap(), Reply::Bulk("one".into()));
    assert_eq!(until_done(&c, "GET key", LINEARIZABLE).await, Reply::Bulk("one".into()));
    for number in 0..200 {
        let host = [&a, &b, &c][number % 3];
        assert_eq!(until_done(host, "INCR counter", CallOptions::default()).await, Reply::Int(number as i64 + 1));
    }
    // The leader goes without a word.
    let killed = Instant::now();
    drop(a);
    assert_eq!(until_done(&b, "INCR counter", CallOptions::default()).await, Reply::Int(201));
    let took = killed.elapsed();
    assert_eq!(until_done(&c, "GET counter", LINEARIZABLE).await, Reply::Bulk("201".into()));
    println!("writes again after {took:?}");
    // Leadership changes hands, and nobody loses anything.
    let (leader, other) = if b.status().role == Role::Leader { (&b, &c) } else { (&c, &b) };
    until("both are in sync", leader, |it| it.status().isr.len() == 2).await;
    let heir: NodeId = other.status().member.node;
    leader.admin(Admin::Handover(Some(heir)));
    until("the other leads", other, |it| it.status().role == Role::Leader).await;
    assert_eq!(until_done(leader, "INCR counter", CallOptions::default()).await, Reply::Int(202));
    for host in [&b, &c] {
        let status = host.status();
        assert_eq!((status.counters.beyond_divergence, status.counters.digest_mismatches), (0, 0), "{status:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_kept_out() {
    let Some(etcd) = etcd_or_skip() else { return };
    let a = start(&etcd, "a", 1, Some(Secret::new("jcache", "secret").unwrap())).await;
    until("a leads", &a, |it| it.status().role == Role::Leader).await;
    assert_eq!(until_done(&a, "SET key one", CallOptions::default()).await, Reply::Ok);
    let stranger = start(&etcd, "b", 1, Some(Secret::new("jcache", "guess").unwrap())).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stranger.status().leo, 0);
    assert_eq!(a.status().isr.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_go_on_while_etcd_is_away() {
    let Some(mut etcd) = etcd_or_skip() else { return };
    let a = start(&etcd, "a", 2, None).await;
    let b = start(&etcd, "b", 2, None).await;
    assert_eq!(until_done(&b, "SET key one", CallOptions::default()).await, Reply::Ok);
    etcd.kill(0);
    let started = Instant::now();
    let mut writes = 0;
    while started.elapsed() < Duration::from_secs(4) {
        assert_eq!(run(&a, "SET key two", CallOptions::default()).await, Ok(Reply::Ok), "after {writes} writes");
        assert_eq!(run(&b, "GET key", LINEARIZABLE).await, Ok(Reply::Bulk("two".into())));
        writes += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    etcd.restart(0);
    until("etcd is heard again", &a, |it| it.status().coordinated).await;
    assert_eq!(until_done(&b, "GET key", LINEARIZABLE).await, Reply::Bulk("two".into()));
}
