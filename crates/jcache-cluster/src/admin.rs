//! The cluster from outside: what etcd knows of it, what its members say themselves, and giving leadership away.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jcache_core::Result;
use jcache_etcd::{Client, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::ClusterConfig;
use crate::engine::{ConfigRecord, Key, LeaderRecord, MemberId, MemberRecord, StateRecord};
use crate::error::Error;
use crate::host::known;
use crate::transport::Dialler;
use crate::wire::pb;

/// How long etcd may take to be reached at first.
const CONTACT: Duration = Duration::from_secs(10);
/// How long a member may take to answer.
const ANSWER: Duration = Duration::from_secs(1);
/// How long a hand-over may take, and how often it is looked for.
const HANDOVER: (Duration, Duration) = (Duration::from_secs(10), Duration::from_millis(5));

/// What stands at etcd, by key.
pub(crate) type Entries = BTreeMap<Key, String>;

/// A cluster as etcd knows it, and as its members say themselves.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// The cluster's name.
    pub cluster: String,
    /// The id that was drawn when it was founded; `None` when it never was.
    pub cluster_id: Option<String>,
    /// Who leads; `None` when nobody does.
    pub leader: Option<String>,
    /// The last leadership.
    pub epoch: u64,
    /// The members that have every acknowledged write.
    pub in_sync: Vec<String>,
    /// Writes need so many of them.
    pub min_insync: usize,
    /// More than so many are not waited for.
    pub isr_target: usize,
    /// How often somebody led without having everything.
    pub unclean: u64,
    /// The members by name: those that are registered, and in-sync ones that are not.
    pub members: Vec<Peer>,
}

/// A member of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Peer {
    /// Its name.
    pub node: String,
    /// Which of its lives.
    pub incarnation: String,
    /// Where the others reach it; empty when it is not registered.
    pub addr: String,
    /// Whether it may lead.
    pub voter: bool,
    /// Whether it has every acknowledged write.
    pub in_sync: bool,
    /// Whether it answered; then `figures` is there, else `error`.
    pub answered: bool,
    /// Why it did not.
    pub error: Option<String>,
    /// How far it is behind its leader in records, as the leader sees it.
    pub lag: Option<u64>,
    /// The same in bytes.
    pub lag_bytes: Option<u64>,
    /// Milliseconds since it had everything that there was; 0 when it has everything.
    pub lag_ms: Option<u64>,
    /// What it said.
    #[serde(flatten)]
    pub figures: Option<PeerFigures>,
}

/// What a member says of itself. Offsets count records.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PeerFigures {
    /// Its part.
    pub role: String,
    /// The leadership that it is a part of.
    pub epoch: u64,
    /// Up to here every in-sync member has everything.
    pub committed: u64,
    /// The last record that it has.
    pub end: u64,
    /// The last record that it has executed.
    pub applied: u64,
    /// Whether it answers reads.
    pub readable: bool,
    /// Whether it reaches etcd.
    pub etcd: bool,
    /// Bytes of records that it keeps.
    pub log_bytes: u64,
    /// Its version.
    pub version: String,
    /// What it has counted.
    #[serde(flatten)]
    pub counters: BTreeMap<String, u64>,
}

impl Overview {
    /// Asks etcd, and then every member. Of `config` only the cluster, etcd and the security count.
    ///
    /// # Errors
    /// Configuration; unavailable when etcd cannot be reached or there is no such cluster.
    pub async fn of(config: &ClusterConfig) -> Result<Self> {
        let entries = first_contact(&config.etcd()?, &config.prefix()).await?;
        if entries.is_empty() {
            let text = format!("etcd has no cluster '{}' (below {})", config.cluster(), config.prefix());
            return Err(Error::unavailable(text));
        }
        let registered: Vec<MemberRecord> = entries
            .iter()
            .filter(|(key, _)| matches!(key, Key::Member(_)))
            .filter_map(|(_, text)| serde_json::from_str(text).ok())
            .collect();
        let reports = ask_all(config, &registered).await?;
        Ok(Self::put_together(config.cluster(), &entries, registered, reports))
    }

    /// The overview of what etcd has and what the registered members said, in their order.
    fn put_together(
        cluster: &str,
        entries: &Entries,
        registered: Vec<MemberRecord>,
        reports: Vec<Result<pb::Report>>,
    ) -> Self {
        let state: Option<StateRecord> = read(entries, &Key::State);
        let leader: Option<LeaderRecord> = read(entries, &Key::Leader);
        let settings: Option<ConfigRecord> = read(entries, &Key::Config);
        let epoch = state.as_ref().map_or(0, |state| state.epoch);
        let in_sync: Vec<MemberId> = state.as_ref().map(|state| state.isr.clone()).unwrap_or_default();
        let leader = leader.map(|leader| leader.node.as_str().to_owned());
        // Only the leader knows how far the others are behind it.
        let told = reports.iter().flatten().filter(|report| report.epoch == epoch).flat_map(|report| &report.lags);
        let mut lags: BTreeMap<String, pb::Lag> = told.map(|lag| (lag.node.clone(), lag.clone())).collect();
        lags.extend(leader.iter().map(|leader| (leader.clone(), pb::Lag::default())));

        let is_registered = |id: &&MemberId| registered.iter().any(|it| it.node == id.node && it.inc == id.inc);
        let gone: Vec<Peer> = in_sync.iter().filter(|id| !is_registered(id)).map(Peer::gone).collect();
        let there = registered.iter().zip(reports).map(|(record, report)| {
            let id = MemberId { node: record.node.clone(), inc: record.inc };
            Peer::registered(record, in_sync.contains(&id), report, lags.get(record.node.as_str()))
        });
        let mut members: Vec<Peer> = there.chain(gone).collect();
        members.sort_by(|a, b| (&a.node, &a.incarnation).cmp(&(&b.node, &b.incarnation)));
        Self {
            cluster: cluster.to_owned(),
            cluster_id: state.as_ref().map(|state| state.cluster_id.clone()),
            leader,
            epoch,
            in_sync: in_sync.iter().map(|member| member.node.as_str().to_owned()).collect(),
            min_insync: settings.as_ref().map_or(0, |it| it.min_insync),
            isr_target: settings.as_ref().map_or(0, |it| it.isr_target),
            unclean: state.as_ref().map_or(0, |state| state.unclean),
            members,
        }
    }

    /// The same as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("invariant: plain data")
    }
}

impl Peer {
    /// A registered member, and what it said.
    fn registered(record: &MemberRecord, in_sync: bool, report: Result<pb::Report>, lag: Option<&pb::Lag>) -> Self {
        let (figures, error) = match report {
            Ok(report) => (Some(figures(report)), None),
            Err(error) => (None, Some(error.message().to_owned())),
        };
        Self {
            node: record.node.as_str().to_owned(),
            incarnation: record.inc.to_string(),
            addr: record.addr.clone(),
            voter: record.voter,
            in_sync,
            answered: figures.is_some(),
            error,
            lag: lag.map(|lag| lag.records),
            lag_bytes: lag.map(|lag| lag.bytes),
            lag_ms: lag.map(|lag| lag.ms),
            figures,
        }
    }

    /// A member of the in-sync set that is not registered.
    fn gone(id: &MemberId) -> Self {
        Self {
            node: id.node.as_str().to_owned(),
            incarnation: id.inc.to_string(),
            addr: String::new(),
            voter: true,
            in_sync: true,
            answered: false,
            error: Some("not registered at etcd: it is gone, or cut off".to_owned()),
            lag: None,
            lag_bytes: None,
            lag_ms: None,
            figures: None,
        }
    }
}

/// Asks all members at once; their answers in the same order.
async fn ask_all(config: &ClusterConfig, members: &[MemberRecord]) -> Result<Vec<Result<pb::Report>>> {
    let dialler = Dialler::new(config.security()?, ANSWER, tokio::runtime::Handle::current());
    let ask = |member: &MemberRecord| {
        let (dialler, addr) = (dialler.clone(), member.addr.clone());
        tokio::spawn(async move { dialler.inspect(&addr).await })
    };
    let asked: Vec<_> = members.iter().map(ask).collect();
    let mut reports = Vec::with_capacity(asked.len());
    for report in asked {
        reports.push(report.await.unwrap_or_else(|error| Err(Error::unavailable(error.to_string()))));
    }
    Ok(reports)
}

fn figures(report: pb::Report) -> PeerFigures {
    PeerFigures {
        role: report.role,
        epoch: report.epoch,
        committed: report.committed,
        end: report.end,
        applied: report.applied,
        readable: report.readable,
        etcd: report.coordinated,
        log_bytes: report.log_bytes,
        version: report.version,
        counters: report.counters.into_iter().map(|counter| (counter.name, counter.count)).collect(),
    }
}

fn read<T: DeserializeOwned>(entries: &Entries, key: &Key) -> Option<T> {
    serde_json::from_str(entries.get(key)?).ok()
}

/// Lists the cluster's keys; waits a while for an etcd that is just starting.
///
/// # Errors
/// Unavailable; authentication when etcd does not let us in.
pub(crate) async fn first_contact(etcd: &Client, prefix: &str) -> Result<Entries> {
    let started = Instant::now();
    loop {
        match etcd.list(prefix.as_bytes()).await {
            Ok(listing) => {
                let entries = listing.entries.into_iter().filter_map(|entry| known(prefix, entry));
                return Ok(entries.map(|(key, kv)| (key, kv.value)).collect());
            }
            Err(error) if error.kind() == ErrorKind::Denied => {
                return Err(jcache_core::Error::new(jcache_core::ErrorKind::Auth, error.to_string()));
            }
            Err(error) if started.elapsed() > CONTACT => return Err(Error::unavailable(error.to_string())),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Compares the settings that must be the same everywhere with those of the cluster.
///
/// # Errors
/// Configuration: names the first that differs.
pub(crate) fn agree(config: &ClusterConfig, entries: &Entries) -> Result<()> {
    let Some(theirs) = read::<ConfigRecord>(entries, &Key::Config) else { return Ok(()) };
    let own = config.engine()?;
    let timing = [own.timing.heartbeat_ms, own.timing.evict_ms, own.timing.lease_ms, own.timing.grant_ms];
    let differs = |what: &str, theirs: &dyn std::fmt::Debug, own: &dyn std::fmt::Debug| {
        let cluster = config.cluster();
        Err(Error::configuration(format!("the cluster '{cluster}' has {what} {theirs:?}, and this process {own:?}")))
    };
    if theirs.min_insync != own.min_insync {
        return differs("min_insync", &theirs.min_insync, &own.min_insync);
    }
    if theirs.isr_target != own.isr_target {
        return differs("isr_target", &theirs.isr_target, &own.isr_target);
    }
    if theirs.timing != timing {
        return differs("a profile of heartbeat, evict, lease, grant in ms", &theirs.timing, &timing);
    }
    Ok(())
}

/// Asks the leader to give leadership to `node`, or to the best, and waits until etcd says so; gives who leads then.
///
/// # Errors
/// Unavailable: nobody leads, it cannot be reached, or it took too long. Invalid: the node is not in step.
pub async fn hand_over(config: &ClusterConfig, node: Option<&str>) -> Result<String> {
    let (etcd, prefix) = (config.etcd()?, config.prefix());
    let leader_now = async || -> Result<Option<LeaderRecord>> {
        Ok(read::<LeaderRecord>(&first_contact(&etcd, &prefix).await?, &Key::Leader))
    };
    let nobody = || Error::unavailable(format!("nobody leads the cluster '{}'", config.cluster()));
    let before = leader_now().await?.ok_or_else(nobody)?;
    if node == Some(before.node.as_str()) {
        return Ok(before.node.as_str().to_owned());
    }
    let dialler = Dialler::new(config.security()?, HANDOVER.0, tokio::runtime::Handle::current());
    dialler.hand_over(&before.addr, node.unwrap_or_default()).await?;
    let started = Instant::now();
    loop {
        if let Some(leader) = leader_now().await?
            && leader.epoch > before.epoch
            && node.is_none_or(|node| node == leader.node.as_str())
        {
            return Ok(leader.node.as_str().to_owned());
        }
        if started.elapsed() > HANDOVER.0 {
            return Err(Error::unavailable("the leader gave leadership away, and somebody else took it"));
        }
        tokio::time::sleep(HANDOVER.1).await;
    }
}
