//! An etcd and members of one cluster.

use std::time::{Duration, Instant};

use jcache_cluster::{ClusterConfig, DistributedMemory, Etcd, Profile, Role};
use jcache_core::{Arg, Driver, Reply, Request, Result};
use jcache_testkit::etcd::{Etcd as Server, etcd_or_skip};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) etcd: Server,
}

impl World {
    /// `None` when etcd is not installed.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { etcd: etcd_or_skip()? })
    }

    pub(crate) fn config(&self, node: &str) -> ClusterConfig {
        let etcd = Etcd::new(self.etcd.endpoints());
        ClusterConfig::new("test", etcd).node_id(node).profile(Profile::Fast).join_timeout(PATIENCE)
    }

    pub(crate) async fn join(&self, node: &str) -> DistributedMemory {
        DistributedMemory::join(self.config(node)).await.unwrap()
    }

    /// Members `a`, `b` and `c`, in step, of which `a` leads.
    pub(crate) async fn three(&self) -> [DistributedMemory; 3] {
        let members = [self.join("a").await, self.join("b").await, self.join("c").await];
        until("three are in step", || members[0].status().isr.len() == 3).await;
        assert_eq!(members[0].status().role, Role::Leader);
        members
    }
}

pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs a command line as a caller of the driver does.
pub(crate) async fn run(memory: &DistributedMemory, line: &str) -> Result<Reply> {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    match Request::parse(&args)? {
        Request::Query(query) => memory.query(&query).await.map(|answer| answer.reply),
        Request::Mutation(mutation) => memory.mutate(&mutation).await,
    }
}
