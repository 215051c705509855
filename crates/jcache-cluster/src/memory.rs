//! The distributed memory as users hold it: joining, watching, handing over, leaving.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use jcache_core::{Encoded, Mutation, Reply, Request, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::admin::{self, Overview};
use crate::config::{ClusterConfig, Read};
use crate::engine::{Ack, Admin, CallOptions, Epoch, Fatal, Level, Role, Status, Token, Transaction};
use crate::error::Error;
use crate::host::{Call, Ended, Host, Outcome, Parts, View};
use crate::store::{Changes, LocalReads, MemoryStore};

/// How long leaving may take; the engine gives up order after 10 s.
const LEAVE: Duration = Duration::from_secs(12);

/// Memory that several processes share: each has a full copy, one leads, and what it acknowledges is kept.
///
/// Clones are handles of the same membership. It should end with [`shutdown`](Self::shutdown): a process that just goes,
/// or drops the last handle, is a failure to the others, which takes them a moment to find.
///
/// A command's error of kind [`Refused`](jcache_core::ErrorKind::Refused) says that it was not carried out, unless
/// [`is_uncertain`](jcache_core::Error::is_uncertain) says that it may have been. Nothing is ever carried out twice.
#[derive(Clone)]
pub struct DistributedMemory {
    inner: Arc<Inner>,
    ack: Option<Ack>,
    read: Option<Read>,
}

struct Inner {
    host: Host<MemoryStore>,
    /// What is executed here, for reads beside the engine.
    reads: LocalReads,
    config: ClusterConfig,
    /// The defaults of handles that have none of their own.
    ack: AtomicU64,
    read: AtomicU8,
}

impl fmt::Debug for DistributedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistributedMemory").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

/// The part that a process plays in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it does.
    pub role: Role,
    /// The leadership that it is a part of; 0 for none.
    pub epoch: Epoch,
}

impl Part {
    fn of(view: &View) -> Self {
        Self { role: view.role, epoch: view.epoch }
    }
}

/// Follows the part that a process plays.
#[derive(Debug, Clone)]
pub struct RoleWatch {
    view: watch::Receiver<View>,
    seen: Part,
}

impl RoleWatch {
    fn new(view: watch::Receiver<View>) -> Self {
        let seen = Part::of(&view.borrow());
        Self { view, seen }
    }

    /// The part now.
    pub fn current(&self) -> Part {
        Part::of(&self.view.borrow())
    }

    /// Waits until the part is another one than this watch was last told; `None` when the process takes part no longer.
    /// Parts that were over before anybody asked are left out.
    pub async fn changed(&mut self) -> Option<Part> {
        let seen = self.seen;
        let view = self.view.wait_for(|view| view.ended.is_some() || Part::of(view) != seen).await.ok()?;
        self.seen = Part::of(&view);
        view.ended.is_none().then_some(self.seen)
    }
}

impl DistributedMemory {
    /// Joins a cluster, or founds it: returns when this process has its place and can answer reads.
    ///
    /// Must be called in a tokio runtime, on which the cluster's tasks then run.
    ///
    /// # Errors
    /// Configuration: settings that cannot work, or differ from the cluster's; a node id that another living process
    /// bears. Unavailable: etcd cannot be reached, the address is taken, or there was no place in time.
    pub async fn join(config: ClusterConfig) -> Result<Self> {
        config.check()?;
        let etcd = config.etcd()?;
        let listing = admin::first_contact(&etcd, &config.prefix()).await?;
        admin::agree(&config, &listing)?;
        let address = config.listen_address();
        let cannot = |error| Error::unavailable(format!("cannot listen for peers on {address}: {error}"));
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let identity = config.identity(listener.local_addr().map_err(cannot)?.port());
        let (store, clock) = config.store()?;
        let reads = store.reads();
        let gate = reads.clone();
        let parts = Parts {
            identity,
            etcd,
            prefix: config.prefix(),
            listener,
            security: config.security()?,
            on_notice: config.notices(),
            publish: Box::new(move |now, time_ms, open| {
                clock.set(now.boot_us, time_ms);
                gate.set_open(open);
            }),
        };
        let host = Host::start(config.engine()?, parts, store)?;
        let (ack, read) = (AtomicU64::new(number_of(config.ack)), AtomicU8::new(config.read as u8));
        let memory = Self { inner: Arc::new(Inner { host, reads, config, ack, read }), ack: None, read: None };
        memory.take_place().await?;
        Ok(memory)
    }

    async fn take_place(&self) -> Result<()> {
        let mut view = self.inner.host.view();
        let placed = |view: &View| {
            let stands = matches!(view.role, Role::Leader | Role::Fenced | Role::Follower | Role::Observer);
            view.ended.is_some() || stands && view.placed
        };
        match tokio::time::timeout(self.inner.config.join_timeout, view.wait_for(placed)).await {
            Ok(Ok(view)) => match &view.ended {
                None => Ok(()),
                Some(why) => Err(ended(why)),
            },
            Ok(Err(_)) => Err(ended(&Ended::Left)),
            Err(_) => {
                let status = self.status();
                let isr: Vec<&str> = status.isr.iter().map(|member| member.node.as_str()).collect();
                Err(Error::unavailable(format!(
                    "no place in the cluster in time: this process is {}, epoch {}, in-sync members: {}",
                    status.role,
                    status.promised,
                    if isr.is_empty() { "none".to_owned() } else { isr.join(", ") }
                )))
            }
        }
    }

    /// The same memory with another acknowledgement for writes through this handle.
    #[must_use]
    pub fn with_ack(&self, ack: Ack) -> Self {
        Self { ack: Some(ack), ..self.clone() }
    }

    /// The same memory with other reads through this handle.
    #[must_use]
    pub fn with_read(&self, read: Read) -> Self {
        Self { read: Some(read), ..self.clone() }
    }

    /// Sets when writes are acknowledged, for all handles without a word of their own.
    pub fn set_ack(&self, ack: Ack) {
        self.inner.ack.store(number_of(ack), Ordering::Relaxed);
    }

    /// Sets where reads are answered, for all handles without a word of their own.
    pub fn set_read(&self, read: Read) {
        self.inner.read.store(read as u8, Ordering::Relaxed);
    }

    /// What this process knows and has done.
    pub fn status(&self) -> Status {
        self.inner.host.status()
    }

    /// The name of the cluster.
    pub fn cluster(&self) -> &str {
        self.inner.config.cluster()
    }

    /// The whole cluster: as etcd knows it, and as its members say themselves.
    ///
    /// # Errors
    /// Unavailable when etcd cannot be reached.
    pub async fn overview(&self) -> Result<Overview> {
        Overview::of(&self.inner.config).await
    }

    /// What this process's copy holds, and how much memory that takes.
    pub fn memory_stats(&self) -> jcache_memory::Stats {
        self.inner.reads.stats()
    }

    /// How many keys of this process's copy expire, and when: see [`Memory::deadlines`](jcache_memory::Memory::deadlines).
    pub fn deadlines(&self) -> jcache_memory::Deadlines {
        self.inner.reads.deadlines()
    }

    /// What changes in this process's copy from now on, whoever wrote it: what a process-local memory above this one has
    /// to forget.
    pub fn changes(&self) -> Changes {
        self.inner.host.with_store(|store| store.changes())
    }

    /// Follows this process's part.
    pub fn watch_role(&self) -> RoleWatch {
        RoleWatch::new(self.inner.host.view())
    }

    /// Waits until the process takes part no longer.
    ///
    /// # Errors
    /// Why, when nobody asked for it: as in [`join`](Self::join).
    pub async fn ended(&self) -> Result<()> {
        let mut view = self.inner.host.view();
        match view.wait_for(|view| view.ended.is_some()).await.ok().and_then(|view| view.ended.clone()) {
            Some(why @ Ended::Fatal(_)) => Err(ended(&why)),
            _ => Ok(()),
        }
    }

    /// Gives leadership to `node`, or to the in-sync member that has most: without a failed write, and with a pause of
    /// some milliseconds. Any process may ask for it.
    ///
    /// # Errors
    /// Unavailable: nobody leads, or the leader did not hand over in time. Invalid: the node is not in step.
    pub async fn handover(&self, node: Option<&str>) -> Result<()> {
        admin::hand_over(&self.inner.config, node).await.map(drop)
    }

    /// Leaves the cluster in order: a leader hands over first, then calls that are under way get their answers, and the
    /// process leaves the in-sync set once there are `min_insync` other members in it. So when processes are restarted one
    /// after the other, each waits until the one before it has everything again. Calls after this fail.
    ///
    /// # Errors
    /// Unavailable when it could not leave in order within 10 s; the process takes no part all the same, and to the others
    /// this is a failure.
    pub async fn shutdown(&self) -> Result<()> {
        let mut view = self.inner.host.view();
        self.inner.host.admin(Admin::Shutdown);
        let left = tokio::time::timeout(LEAVE, view.wait_for(|view| view.ended.is_some())).await;
        // Not the view itself: who holds it while others wait for it to change holds up the runtime's threads.
        let left = left.ok().and_then(|view| view.ok().and_then(|view| view.ended.clone()));
        self.inner.host.settled().await;
        match left {
            Some(Ended::Left) => Ok(()),
            _ => Err(Error::unavailable("the process left, but the others could not do without it in time")),
        }
    }

    /// Reads beside the engine, where this handle's reads need no more.
    pub(crate) fn reads(&self) -> Option<&LocalReads> {
        (self.read_default() == Read::Local).then_some(&self.inner.reads)
    }

    pub(crate) fn call_limit(&self) -> Duration {
        self.inner.config.call_limit()
    }

    /// Begins a call with this handle's options.
    pub(crate) fn begin(&self, request: Request<'_>) -> Call<MemoryStore> {
        self.inner.host.call(request, self.options())
    }

    /// Carries a write out with this handle's options if that takes no waiting.
    pub(crate) fn try_write(&self, mutation: &Mutation<'_>) -> Option<Outcome> {
        let options = self.options();
        // Others wait for more than this process.
        if options.ack == Ack::Leader { self.inner.host.try_write(mutation, options) } else { None }
    }

    /// Begins a transaction with this handle's options.
    pub(crate) fn begin_transaction(&self, transaction: Transaction) -> Call<MemoryStore> {
        self.inner.host.transact(transaction, self.options())
    }

    /// From where on a key is watched that somebody begins to watch now.
    pub(crate) fn watch_point(&self) -> Option<Token> {
        self.inner.host.watch_point()
    }

    /// Whether `other` is a handle of the same membership.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    fn options(&self) -> CallOptions {
        let ack = self.ack.unwrap_or_else(|| ack_of(self.inner.ack.load(Ordering::Relaxed)));
        let level = match self.read_default() {
            Read::Local => Level::Local,
            Read::Leader => Level::Leader,
            Read::Linearizable => Level::Linearizable,
        };
        CallOptions { ack, level, timeout_ms: None }
    }

    fn read_default(&self) -> Read {
        self.read.unwrap_or_else(|| match self.inner.read.load(Ordering::Relaxed) {
            it if it == Read::Leader as u8 => Read::Leader,
            it if it == Read::Linearizable as u8 => Read::Linearizable,
            _ => Read::Local,
        })
    }

    /// Puts back what a blocking command took for a caller who had gone.
    pub(crate) fn put_back(&self, command: &Encoded, reply: &Reply) {
        let undo = command.as_mutation().ok().and_then(|mutation| mutation.undo(reply));
        let (Some(undo), Ok(runtime)) = (undo, tokio::runtime::Handle::try_current()) else { return };
        let call = self.begin(Request::Mutation(undo));
        runtime.spawn(async move {
            if let Err(error) = call.await {
                tracing::warn!(%error, "cannot put back what a dropped blocking command took");
            }
        });
    }
}

fn ended(why: &Ended) -> jcache_core::Error {
    match why {
        Ended::Left | Ended::Hastily => Error::unavailable("the process has left the cluster"),
        Ended::Fatal(Fatal::DuplicateNodeId) => {
            Error::configuration("another living process bears this node id; give each its own")
        }
        Ended::Fatal(Fatal::ConfigMismatch) => {
            Error::configuration("the cluster has other settings: min_insync, isr_target or the profile's times")
        }
        Ended::Fatal(Fatal::WrongCluster) => {
            Error::configuration("the cluster of this name is another one than that which this process belongs to")
        }
        Ended::Fatal(Fatal::Wire) => {
            Error::configuration("the cluster speaks another wire version: run a version that speaks it, too")
        }
        Ended::Fatal(Fatal::UnknownRecord) => {
            Error::unavailable("the leader writes what this version cannot read: update this process")
        }
    }
}

/// An acknowledgement in one word.
fn number_of(ack: Ack) -> u64 {
    match ack {
        Ack::Leader => 0,
        Ack::InSync => 1,
        Ack::Replicas(copies) => 2 + u64::from(copies),
    }
}

fn ack_of(number: u64) -> Ack {
    match number {
        0 => Ack::Leader,
        1 => Ack::InSync,
        more => Ack::Replicas(u32::try_from(more - 2).unwrap_or(u32::MAX)),
    }
}
