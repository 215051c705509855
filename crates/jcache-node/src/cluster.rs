//! The node's place among others: from the settings to a member, `jcache status`, and `jcache handover`.

mod settings;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use jcache::DistributedMemory;
use jcache::distributed::{Overview, Peer, Role, Status, hand_over as give};
use tokio::runtime::Builder;

use crate::config::kind::{Acknowledge, ReadFrom};
use crate::config::{Config, Loaded};
use crate::{FAILED, USAGE, complain};

/// This node's membership.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    memory: DistributedMemory,
    /// The name of its level.
    level: String,
}

impl Member {
    /// Joins the cluster that the settings name.
    ///
    /// # Errors
    /// Settings that cannot work, and a cluster that cannot be joined.
    pub(crate) async fn join(config: &Config, memory: jcache_memory::Builder, level: &str) -> jcache::Result<Self> {
        let memory = DistributedMemory::join(settings::of(config).memory(memory)).await?;
        let status = memory.status();
        tracing::info!(node = %status.member.node, cluster = memory.cluster(), "joined the cluster");
        let mut parts = memory.watch_role();
        tracing::info!("role {} epoch {}", status.role, status.epoch);
        tokio::spawn(async move {
            while let Some(part) = parts.changed().await {
                tracing::info!("role {} epoch {}", part.role, part.epoch);
            }
        });
        Ok(Self { memory, level: level.to_owned() })
    }

    /// The level.
    pub(crate) fn driver(&self) -> DistributedMemory {
        self.memory.clone()
    }

    /// What it knows and has done.
    pub(crate) fn status(&self) -> Status {
        self.memory.status()
    }

    /// The name of its level.
    pub(crate) fn level(&self) -> &str {
        &self.level
    }

    /// What the node's copy holds.
    pub(crate) fn memory(&self) -> jcache_memory::Stats {
        self.memory.memory_stats()
    }

    /// How many of its keys expire, and when.
    pub(crate) fn deadlines(&self) -> jcache_memory::Deadlines {
        self.memory.deadlines()
    }

    /// The cluster's name.
    pub(crate) fn cluster(&self) -> &str {
        self.memory.cluster()
    }

    /// Takes over settings that may change while the node runs.
    pub(crate) fn set(&self, config: &Config) {
        self.memory.set_ack(config.ack.into());
        self.memory.set_read(config.read.into());
    }

    /// Gives leadership away, if it has it and somebody can take it.
    pub(crate) async fn step_down(&self) {
        let leads = matches!(self.memory.status().role, Role::Leader | Role::Fenced);
        if leads && let Err(error) = self.memory.handover(None).await {
            tracing::info!(%error, "nobody took over");
        }
    }

    /// Leaves the cluster.
    pub(crate) async fn leave(&self) {
        if let Err(error) = self.memory.shutdown().await {
            tracing::warn!(%error, "left the cluster");
        }
    }

    /// Waits until the node takes part no longer.
    ///
    /// # Errors
    /// Why, when nobody asked for it.
    pub(crate) async fn ends(&self) -> jcache::Result<()> {
        self.memory.ended().await
    }
}

/// `jcache status`.
///
/// # Errors
/// When the runtime cannot be started or standard output cannot be written.
pub(crate) fn status(loaded: &Loaded, json: bool) -> io::Result<ExitCode> {
    let Some(runtime) = runtime(loaded)? else { return Ok(USAGE.into()) };
    match runtime.block_on(Overview::of(&settings::of(&loaded.config))) {
        Ok(overview) => {
            let text = if json { overview.to_json() + "\n" } else { show(&overview) };
            io::stdout().write_all(text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Ok(complain(&error, FAILED)),
    }
}

/// `jcache handover`.
///
/// # Errors
/// When the runtime cannot be started or standard output cannot be written.
pub(crate) fn hand_over(loaded: &Loaded, node: &str) -> io::Result<ExitCode> {
    let Some(runtime) = runtime(loaded)? else { return Ok(USAGE.into()) };
    match runtime.block_on(give(&settings::of(&loaded.config), Some(node))) {
        Ok(leader) => {
            writeln!(io::stdout(), "leader: {leader}")?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Ok(complain(&error, FAILED)),
    }
}

fn runtime(loaded: &Loaded) -> io::Result<Option<tokio::runtime::Runtime>> {
    if loaded.config.etcd.is_empty() {
        complain(&"--etcd URL is needed: where etcd is, which keeps the cluster together", USAGE);
        return Ok(None);
    }
    Builder::new_current_thread().enable_all().build().map(Some)
}

/// The overview for people.
fn show(overview: &Overview) -> String {
    let nobody = || "none".to_owned();
    let id = overview.cluster_id.as_ref().map_or_else(|| "not founded yet".to_owned(), |id| format!("id {id}"));
    let in_sync = if overview.in_sync.is_empty() { nobody() } else { overview.in_sync.join(", ") };
    let mut text = format!(
        "cluster: {} ({id})\nleader: {}\nepoch: {}\nin-sync: {in_sync} (at least {}, target {})\n",
        overview.cluster,
        overview.leader.clone().unwrap_or_else(nobody),
        overview.epoch,
        overview.min_insync,
        overview.isr_target,
    );
    if overview.unclean > 0 {
        let _ = writeln!(text, "unclean starts: {}", overview.unclean);
    }
    let width = |of: fn(&Peer) -> &str| overview.members.iter().map(|peer| of(peer).len()).max().unwrap_or(0);
    let (node, addr) = (width(|peer| &peer.node), width(|peer| &peer.addr));
    text.push_str("members:\n");
    for peer in &overview.members {
        let role = peer.figures.as_ref().map_or("no answer", |figures| &figures.role);
        let sync = if peer.in_sync { "in sync" } else { "-" };
        let _ = write!(text, "  {:node$}  {role:9}  {:addr$}  {sync:7}", peer.node, peer.addr);
        if let Some(figures) = &peer.figures {
            let (committed, end, applied) = (figures.committed, figures.end, figures.applied);
            let _ = write!(text, "  committed {committed}  end {end}  applied {applied}");
        }
        if let (Some(lag @ 1..), Some(bytes), Some(ms)) = (peer.lag, peer.lag_bytes, peer.lag_ms) {
            let _ = write!(text, "  lag {lag} ({bytes} bytes, {ms} ms)");
        }
        if let Some(error) = &peer.error {
            let _ = write!(text, "  ({error}; as etcd knows it)");
        }
        text.push('\n');
    }
    text
}

impl From<Acknowledge> for jcache::distributed::Ack {
    fn from(acknowledge: Acknowledge) -> Self {
        match acknowledge {
            Acknowledge::InSync => Self::InSync,
            Acknowledge::Leader => Self::Leader,
            Acknowledge::Copies(copies) => Self::Replicas(copies),
        }
    }
}

impl From<ReadFrom> for jcache::distributed::Read {
    fn from(read: ReadFrom) -> Self {
        match read {
            ReadFrom::Local => Self::Local,
            ReadFrom::Leader => Self::Leader,
            ReadFrom::Linearizable => Self::Linearizable,
        }
    }
}
