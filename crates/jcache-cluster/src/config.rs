//! What a process has to know to take part in a cluster; what cannot work is refused with the reason.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jcache_core::Result;
use jcache_etcd::Config as Etcd;

use crate::engine::{self, Ack, Identity, MemberId, Notice, Timing};
use crate::error::Error;
use crate::store::{ClusterClock, MemoryStore, Placement};
use crate::transport::{Secret, Security, Tls};

/// How long [`DistributedMemory::join`](crate::DistributedMemory::join) waits for its place, unless set otherwise: longer
/// than an unclean start takes.
const JOIN_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest name of a cluster or node, in bytes.
const LONGEST_NAME: usize = 128;

/// How fast a failure is found, against how much delay is borne. All processes of a cluster have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// One rack: a failover in about 0.3 s.
    Fast,
    /// One site: a failover in about 1 s.
    #[default]
    Balanced,
    /// Distant sites: a failover in about 5 s.
    Wan,
}

impl Profile {
    fn timing(self) -> Timing {
        match self {
            Profile::Fast => Timing::FAST,
            Profile::Balanced => Timing::BALANCED,
            Profile::Wan => Timing::WAN,
        }
    }
}

/// Where reads are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Read {
    /// From this process's copy, which has all that this process wrote and was acknowledged; what others wrote may come
    /// a moment later. It never goes back.
    #[default]
    Local,
    /// By the leader, which has a lease: nothing acknowledged before is missing, as long as clocks run alike.
    Leader,
    /// By the leader, proved without clocks: linearizable.
    Linearizable,
}

/// When to lead although all in-sync members seem gone, with what is left: acknowledged writes may then be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unclean {
    /// After 30 s when `min_insync` is 1, never when it is more: who asks for more copies prefers data to availability.
    #[default]
    Auto,
    /// Never.
    Never,
    /// After this long.
    After(Duration),
}

/// Called with what the user should know: an unclean start, a copy that differed, a coordinator that lost its data.
pub(crate) type OnNotice = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Settings of one process of a cluster.
///
/// Those marked *cluster-wide* must be the same in all processes; one with others is refused when it joins.
///
/// ```
/// use jcache_cluster::{ClusterConfig, Etcd, Profile};
///
/// let config = ClusterConfig::new("shop", Etcd::new(["http://127.0.0.1:2379"]))
///     .node_id("a")
///     .listen("127.0.0.1:7001")
///     .min_insync(2)
///     .profile(Profile::Fast);
/// assert!(config.check().is_ok());
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClusterConfig {
    cluster: String,
    root: String,
    etcd: Etcd,
    node: Option<String>,
    zone: String,
    priority: u32,
    observer: bool,
    listen: String,
    advertise: Option<String>,
    secret: Option<(String, String)>,
    tls: Option<Tls>,
    plaintext_secret: bool,
    timing: Timing,
    min_insync: usize,
    isr_target: Option<usize>,
    voters: Option<usize>,
    backlog: usize,
    max_unreplicated: usize,
    memory: jcache_memory::Builder,
    unclean: Unclean,
    pub(crate) ack: Ack,
    pub(crate) read: Read,
    call_timeout: Duration,
    pub(crate) join_timeout: Duration,
    on_notice: Option<OnNotice>,
}

impl fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterConfig")
            .field("cluster", &self.cluster)
            .field("etcd", &self.etcd)
            .field("node", &self.node)
            .field("listen", &self.listen)
            .field("advertise", &self.advertise)
            .field("user", &self.secret.as_ref().map(|(user, _)| user))
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl ClusterConfig {
    /// A process of the cluster named `cluster`, whose elections `etcd` keeps.
    pub fn new(cluster: impl Into<String>, etcd: Etcd) -> Self {
        let defaults = engine::Config::default();
        Self {
            cluster: cluster.into(),
            root: "jcache".into(),
            etcd,
            node: None,
            zone: String::new(),
            priority: 0,
            observer: false,
            listen: "127.0.0.1:0".into(),
            advertise: None,
            secret: None,
            tls: None,
            plaintext_secret: false,
            timing: Timing::BALANCED,
            min_insync: 1,
            isr_target: None,
            voters: None,
            backlog: defaults.backlog_bytes,
            max_unreplicated: defaults.max_unreplicated_bytes,
            memory: jcache_memory::Memory::builder(),
            unclean: Unclean::Auto,
            ack: Ack::InSync,
            read: Read::Local,
            call_timeout: Duration::from_millis(defaults.call_ms),
            join_timeout: JOIN_TIMEOUT,
            on_notice: None,
        }
    }

    /// The first part of the keys at etcd, `/<root>/<cluster>/v1/`; `jcache` unless set.
    pub fn root(mut self, root: impl Into<String>) -> Self {
        self.root = root.into();
        self
    }

    /// The name of this node, which only one living process bears; `<hostname>-<8 hexadecimal digits>` unless set.
    pub fn node_id(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }

    /// The failure domain; the in-sync set is spread over zones.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = zone.into();
        self
    }

    /// Among equals the one with the higher number leads.
    pub fn priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// Has a copy, and never leads nor counts for a commit.
    pub fn observer(mut self) -> Self {
        self.observer = true;
        self
    }

    /// Where other processes of the cluster connect: `HOST:PORT`, port 0 for a free one; `127.0.0.1:0` unless set.
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = address.into();
        self
    }

    /// What the others are told to connect to; the address of [`listen`](Self::listen) unless set.
    pub fn advertise(mut self, address: impl Into<String>) -> Self {
        self.advertise = Some(address.into());
        self
    }

    /// The user and password that all processes of the cluster show each other. Cluster-wide.
    pub fn secret(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.secret = Some((user.into(), password.into()));
        self
    }

    /// Mutual TLS between the processes. Cluster-wide.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sends the secret without TLS: whoever listens on the network then has it. Loopback needs no leave.
    pub fn allow_plaintext_secret(mut self) -> Self {
        self.plaintext_secret = true;
        self
    }

    /// How fast failures are found; [`Profile::Balanced`] unless set. Cluster-wide.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.timing = profile.timing();
        self
    }

    /// Times of one's own in place of a [`profile`](Self::profile). Cluster-wide.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// A write is accepted only while at least so many members have every write; 1 unless set. With 2, a write that was
    /// acknowledged outlives any one member at any time. Cluster-wide.
    pub fn min_insync(mut self, members: usize) -> Self {
        self.min_insync = members;
        self
    }

    /// Members beyond so many only have copies: they are not waited for; 3, or `min_insync` when that is more, unless
    /// set. Cluster-wide.
    pub fn isr_target(mut self, members: usize) -> Self {
        self.isr_target = Some(members);
        self
    }

    /// How many processes are going to run, when that is known: settings that need more are refused.
    pub fn voters(mut self, voters: usize) -> Self {
        self.voters = Some(voters);
        self
    }

    /// Bytes of writes that are kept for processes that come back; 64 MiB unless set.
    pub fn backlog(mut self, bytes: usize) -> Self {
        self.backlog = bytes;
        self
    }

    /// Bytes of writes that may wait for other members; beyond, writes are refused as `OVERLOADED`; 64 MiB unless set.
    pub fn max_unreplicated(mut self, bytes: usize) -> Self {
        self.max_unreplicated = bytes;
        self
    }

    /// The memory that holds the data: its bound, who goes when it is full, quotas. The leader's counts.
    pub fn memory(mut self, memory: jcache_memory::Builder) -> Self {
        self.memory = memory;
        self
    }

    /// When to give up writes for the sake of going on; [`Unclean::Auto`] unless set.
    pub fn unclean_after(mut self, unclean: Unclean) -> Self {
        self.unclean = unclean;
        self
    }

    /// When writes are acknowledged; [`Ack::InSync`] unless set.
    pub fn ack(mut self, ack: Ack) -> Self {
        self.ack = ack;
        self
    }

    /// Where reads are answered; [`Read::Local`] unless set.
    pub fn read(mut self, read: Read) -> Self {
        self.read = read;
        self
    }

    /// How long a call may take, with all retries; 5 s unless set.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// How long joining may take; 60 s unless set.
    pub fn join_timeout(mut self, timeout: Duration) -> Self {
        self.join_timeout = timeout;
        self
    }

    /// Calls `told` with what the user should know, in a task of its own.
    pub fn on_notice(mut self, told: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.on_notice = Some(Arc::new(told));
        self
    }

    /// Finds what cannot work, without connecting anywhere.
    ///
    /// # Errors
    /// Configuration, with the reason.
    pub fn check(&self) -> Result<()> {
        name("the cluster's name", &self.cluster)?;
        self.root.split('/').try_for_each(|part| name("a part of the root", part))?;
        if let Some(node) = &self.node {
            name("the node id", node)?;
        }
        self.engine()?;
        self.security()?;
        address("listen", &self.listen)?;
        let advertised = self.advertise.as_ref().unwrap_or(&self.listen);
        let (host, port) = address("advertise", advertised)?;
        if is_unspecified(host) {
            return Err(Error::configuration(format!(
                "other processes cannot connect to '{advertised}': advertise an address of this machine"
            )));
        }
        if self.advertise.is_some() && port == 0 {
            return Err(Error::configuration(format!("other processes cannot connect to port 0 of '{advertised}'")));
        }
        let open = self.secret.is_some() && self.tls.is_none() && !self.plaintext_secret;
        if open && !(is_loopback(host) && is_loopback(address("listen", &self.listen)?.0)) {
            return Err(Error::configuration(
                "the secret would go over the network in the clear; use TLS, or allow it (allow_plaintext_secret)",
            ));
        }
        jcache_etcd::Client::new(&self.etcd).map_err(|e| Error::configuration(e.to_string()))?;
        Ok(())
    }

    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }

    pub(crate) fn listen_address(&self) -> &str {
        &self.listen
    }

    /// Where the keys are, with a slash at the end.
    pub(crate) fn prefix(&self) -> String {
        format!("/{}/{}/v1/", self.root, self.cluster)
    }

    pub(crate) fn etcd(&self) -> Result<jcache_etcd::Client> {
        jcache_etcd::Client::new(&self.etcd).map_err(|e| Error::configuration(e.to_string()))
    }

    pub(crate) fn security(&self) -> Result<Security> {
        let secret = self.secret.as_ref().map(|(user, password)| Secret::new(user, password)).transpose()?;
        let security = Security { secret, tls: self.tls.clone() };
        security.server_tls()?;
        Ok(security)
    }

    /// The empty memory, and the clock by which it is read.
    pub(crate) fn store(&self) -> Result<(MemoryStore, ClusterClock)> {
        let clock = ClusterClock::new();
        let (user, password) = self.secret.clone().unwrap_or_default();
        let placement = Placement::of(&[self.cluster.as_bytes(), user.as_bytes(), password.as_bytes()]);
        Ok((MemoryStore::new(self.memory.clone(), placement, Arc::new(clock.clone()))?, clock))
    }

    pub(crate) fn notices(&self) -> Option<OnNotice> {
        self.on_notice.clone()
    }

    pub(crate) fn call_limit(&self) -> Duration {
        self.call_timeout
    }

    pub(crate) fn engine(&self) -> Result<engine::Config> {
        let mut config = engine::Config::new(self.min_insync, self.timing);
        config.isr_target = self.isr_target.unwrap_or(config.isr_target);
        config.voters = self.voters;
        config.backlog_bytes = self.backlog;
        config.max_unreplicated_bytes = self.max_unreplicated;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        config.call_ms = millis(self.call_timeout);
        match self.unclean {
            Unclean::Auto => {}
            Unclean::Never => config.unclean_after_ms = None,
            Unclean::After(time) => config.unclean_after_ms = Some(millis(time)),
        }
        config.validate().map_err(|e| Error::configuration(e.to_string()))?;
        Ok(config)
    }

    /// Who this process is, listening at `port`.
    pub(crate) fn identity(&self, port: u16) -> Identity {
        let node = self.node.clone().unwrap_or_else(default_node);
        let addr = self.advertise.clone().unwrap_or_else(|| match self.listen.rsplit_once(':') {
            Some((host, _)) => format!("{host}:{port}"),
            None => self.listen.clone(),
        });
        Identity {
            member: MemberId::new(node.as_str(), fastrand::u128(..)),
            addr,
            zone: self.zone.clone(),
            prio: self.priority,
            voter: !self.observer,
            seed: fastrand::u128(..),
        }
    }
}

fn default_node() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    let host = host.unwrap_or_default();
    let host: String = host.chars().filter(|c| is_name_char(*c)).take(LONGEST_NAME - 9).collect();
    let host = if host.is_empty() { "node".to_owned() } else { host };
    format!("{host}-{:08x}", fastrand::u32(..))
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn name(what: &str, name: &str) -> Result<()> {
    if !name.is_empty() && name.len() <= LONGEST_NAME && name.chars().all(is_name_char) {
        return Ok(());
    }
    Err(Error::configuration(format!(
        "{what} is 1 to {LONGEST_NAME} letters, digits, dots, hyphens and underscores, not '{name}'"
    )))
}

/// Host, without brackets, and port.
fn address<'a>(what: &str, text: &'a str) -> Result<(&'a str, u16)> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match parts {
        Some((host, port)) if !host.is_empty() => Ok((host.trim_matches(['[', ']']), port)),
        _ => Err(Error::configuration(format!("{what}: expected HOST:PORT such as 127.0.0.1:7001, not '{text}'"))),
    }
}

fn is_unspecified(host: &str) -> bool {
    host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ClusterConfig {
        ClusterConfig::new("demo", Etcd::new(["http://127.0.0.1:2379"])).listen("127.0.0.1:7001")
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        let slow = Timing { evict_ms: 700, ..Timing::BALANCED };
        let close = Timing { grant_ms: 710, ..Timing::BALANCED };
        for (config, reason) in [
            (ClusterConfig::new("", Etcd::new(["http://h:1"])), "the cluster's name"),
            (ClusterConfig::new("a/b", Etcd::new(["http://h:1"])), "the cluster's name"),
            (ClusterConfig::new("a", Etcd::new(Vec::<String>::new())), "no endpoint"),
            (config().node_id("a b"), "the node id"),
            (config().root("a//b"), "a part of the root"),
            (config().timing(slow), "is not below the lease"),
            (config().timing(close), "too close to grant"),
            (config().min_insync(0), "min_insync is 0"),
            (config().min_insync(3).isr_target(2), "isr_target 2 is below min_insync 3"),
            (config().min_insync(3).voters(2), "above the number of voters 2"),
            (config().unclean_after(Unclean::After(Duration::from_millis(500))), "unclean_after"),
            (config().call_timeout(Duration::ZERO), "call is 0"),
            (config().max_unreplicated(0), "max_unreplicated is 0"),
            (config().listen("7001"), "listen: expected HOST:PORT"),
            (config().listen("0.0.0.0:7001"), "cannot connect to '0.0.0.0:7001'"),
            (config().listen("[::]:7001"), "cannot connect to '[::]:7001'"),
            (config().advertise("0.0.0.0:7001"), "cannot connect to '0.0.0.0:7001'"),
            (config().advertise("10.0.0.1:0"), "port 0"),
            (config().secret("u", ""), "an empty password"),
            (config().listen("10.0.0.1:7001").secret("u", "p"), "in the clear"),
            (config().advertise("10.0.0.1:7001").secret("u", "p"), "in the clear"),
            (config().tls(Tls::new("/none/ca", "/none/cert", "/none/key")), "cannot use /none/"),
        ] {
            let error = config.check().expect_err(reason);
            assert_eq!(error.kind(), jcache_core::ErrorKind::Configuration, "{reason}");
            assert!(error.message().contains(reason), "{reason}: {error}");
        }
    }

    #[test]
    fn what_can_work_is_not() {
        for config in [
            config(),
            config().secret("u", "p"),
            config().listen("0.0.0.0:0").advertise("10.0.0.1:7001"),
            config().advertise("10.0.0.1:7001").secret("u", "p").allow_plaintext_secret(),
            config().listen("[::1]:0").min_insync(2).voters(3),
            config().unclean_after(Unclean::Never).profile(Profile::Wan),
        ] {
            assert_eq!(config.check(), Ok(()), "{config:?}");
        }
    }

    #[test]
    fn a_node_has_a_name_and_an_address() {
        let identity = config().listen("127.0.0.1:0").identity(4711);
        assert_eq!(identity.addr, "127.0.0.1:4711");
        let (_, digits) = identity.member.node.as_str().rsplit_once('-').unwrap();
        assert!(digits.len() == 8 && u32::from_str_radix(digits, 16).is_ok());
        assert_eq!(config().advertise("h:1").node_id("a").identity(2).addr, "h:1");
    }
}
