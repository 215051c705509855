//! What is compared: `jcache serve` processes that are one cluster, with an etcd of their own, and redis-server with
//! replicas; all on free loopback ports, and all ended with their handles.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use jcache_testkit::etcd::Etcd;
use jcache_testkit::oracle::RawClient;
use jcache_testkit::process::{Place, Process, free_port};
use tempfile::TempDir;

/// How long something may take to come about.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The name of every cluster here.
const NAME: &str = "bench";

/// Which cores a process may run on.
#[derive(Debug, Clone)]
pub(super) struct Cores(Option<String>);

impl Cores {
    /// Any.
    pub(super) const fn all() -> Self {
        Self(None)
    }

    /// The last half of the machine's cores, and the others; any where there is one core only.
    pub(super) fn halves() -> (Self, Self) {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        if cores < 2 {
            return (Self(None), Self(None));
        }
        let half = cores / 2;
        (Self(Some(format!("{}-{}", cores - half, cores - 1))), Self(Some(format!("0-{}", cores - half - 1))))
    }

    /// Moves the calling thread there.
    pub(super) fn take(&self) {
        let Some((first, last)) = self.0.as_deref().and_then(|it| it.split_once('-')) else { return };
        let mut set = rustix::thread::CpuSet::new();
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) {
            (first..=last).for_each(|core| set.set(core));
            // A system that does not let us go there runs us where it likes.
            let _ = rustix::thread::sched_setaffinity(None, &set);
        }
    }

    fn place(&self) -> Place {
        let before = self.0.iter().flat_map(|cores| ["taskset".to_owned(), "--cpu-list".to_owned(), cores.clone()]);
        Place { before: before.collect(), ..Place::here() }
    }
}

/// A server: a process of its own, to be started and killed.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) port: u16,
    program: PathBuf,
    args: Vec<String>,
    place: Place,
    log: PathBuf,
    process: Option<Process>,
}

impl Server {
    fn new(name: &str, program: &Path, args: Vec<String>, port: u16, cores: &Cores, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let (name, program, place) = (name.to_owned(), program.to_owned(), cores.place());
        Self { name, port, program, args, place, log, process: None }
    }

    /// Starts the process, which has nothing of what an earlier one had.
    pub(super) fn start(&mut self) {
        self.process = Some(Process::spawn(&self.place, &self.program, &self.args, &self.log));
    }

    /// Kills the process, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        if let Some(process) = self.process.take().filter(Process::runs) {
            process.signal("-KILL");
        }
    }

    /// A connection.
    pub(super) fn connect(&self) -> Result<RawClient, String> {
        RawClient::connect(self.port).map_err(|error| format!("{}: {error}", self.name))
    }

    /// A field of a section of `INFO`; `None` when it does not answer, or has none.
    pub(super) fn field(&self, section: &str, name: &str) -> Option<String> {
        let reply = self.connect().ok()?.call(&["INFO", section]).ok()?;
        let jcache_core::Reply::Bulk(text) = reply else { return None };
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':').map(str::to_owned))
    }

    /// Waits until it answers.
    pub(super) fn answers(&self) -> Result<(), String> {
        wait(&format!("{} answers", self.name), || self.connect().is_ok_and(|mut it| it.line("PING").is_ok()))
            .map(drop)
            .map_err(|error| format!("{error}; its log:\n{}", std::fs::read_to_string(&self.log).unwrap_or_default()))
    }

    fn cluster(&self, name: &str) -> Option<String> {
        self.field("distributed", name)
    }
}

/// Waits until something is so.
pub(super) fn wait(what: &str, is: impl Fn() -> bool) -> Result<Duration, String> {
    let started = Instant::now();
    while !is() {
        if started.elapsed() > PATIENCE {
            return Err(format!("not within {PATIENCE:?}: {what}"));
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(started.elapsed())
}

/// A single node with a memory level, in no cluster.
pub(super) fn standalone(binary: &Path, cores: &Cores, folder: &Path) -> Result<Server, String> {
    let port = free_port();
    let args = ["serve", "--loglevel", "warning", "--listen", &format!("127.0.0.1:{port}")].map(str::to_owned);
    let mut server = Server::new("standalone", binary, args.into(), port, cores, folder);
    server.start();
    server.answers()?;
    Ok(server)
}

/// Nodes that are one cluster, and their etcd.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) nodes: Vec<Server>,
    etcd: Etcd,
    binary: PathBuf,
    folder: TempDir,
}

impl Cluster {
    /// Starts a node for each of `cores`, the first of which leads; etcd is where the first is. Returns when all are in
    /// step.
    pub(super) fn start(binary: &Path, cores: &[Cores], more: &[&str]) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let etcd = Etcd::start_at(&[cores[0].place()], &[]).map_err(|error| error.to_string())?;
        // A program is named from the folder where we are.
        let binary = std::path::absolute(binary).map_err(|error| error.to_string())?;
        let mut cluster = Self { nodes: Vec::new(), etcd, binary, folder };
        for (number, cores) in cores.iter().enumerate() {
            let node = cluster.node(number, cores, more);
            cluster.nodes.push(node);
            if number == 0 {
                cluster.nodes[0].start();
                cluster.nodes[0].answers()?;
            }
        }
        cluster.nodes.iter_mut().skip(1).for_each(Server::start);
        cluster.whole()?;
        Ok(cluster)
    }

    fn node(&self, number: usize, cores: &Cores, more: &[&str]) -> Server {
        let (port, peer, name) = (free_port(), free_port(), format!("n{number}"));
        let (listen, peers) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{peer}"));
        let own = ["--listen", &listen, "--node-id", &name, "--peer-listen", &peers, "--loglevel", "warning"];
        let args = ["serve"].into_iter().chain(own).chain(more.iter().copied()).map(str::to_owned);
        let args = args.chain(self.etcd_args()).collect();
        Server::new(&name, &self.binary, args, port, cores, self.folder.path())
    }

    fn etcd_args(&self) -> impl Iterator<Item = String> {
        let endpoint = self.etcd.endpoints().remove(0);
        ["--etcd".to_owned(), endpoint, "--cluster".to_owned(), NAME.to_owned()].into_iter()
    }

    /// Where further processes of this run may keep their logs.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The node that leads now.
    pub(super) fn leader(&self) -> Result<usize, String> {
        let leads = |node: &Server| node.cluster("cluster_role").is_some_and(|role| role == "leader");
        let found = || self.nodes.iter().position(leads);
        wait("somebody leads", || found().is_some())?;
        found().ok_or_else(|| "nobody leads".to_owned())
    }

    /// Waits until all nodes that run are in step, and have what the leader has.
    pub(super) fn whole(&self) -> Result<Duration, String> {
        let running: Vec<&Server> = self.nodes.iter().filter(|it| it.process.is_some()).collect();
        wait("all nodes are in step", || {
            let leads = |node: &&&Server| node.cluster("cluster_role").is_some_and(|role| role == "leader");
            let Some(leader) = running.iter().find(leads) else { return false };
            let in_sync = leader.cluster("cluster_in_sync").unwrap_or_default();
            in_sync.split(',').count() == running.len()
                && running.iter().all(|node| node.cluster("cluster_readable").is_some_and(|it| it == "1"))
                && self.is_level(leader)
        })
    }

    /// Waits until the followers of `leader` have executed all that it has.
    pub(super) fn level(&self, leader: usize) -> Result<Duration, String> {
        wait("followers have everything", || self.is_level(&self.nodes[leader]))
    }

    fn is_level(&self, leader: &Server) -> bool {
        let end = leader.cluster("cluster_end");
        let running = || self.nodes.iter().filter(|it| it.process.is_some());
        end.is_some() && running().all(|node| node.cluster("cluster_applied") == end)
    }

    /// Hands leadership over as an operator does.
    pub(super) fn hand_over(&self, to: usize) -> Result<(), String> {
        let said = Command::new(&self.binary).arg("handover").args(self.etcd_args()).arg(&self.nodes[to].name).output();
        let said = said.map_err(|error| error.to_string())?;
        if said.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said.stderr).trim().to_owned()) }
    }
}

/// redis-server and its replicas.
#[derive(Debug)]
pub(super) struct Redis {
    /// The primary first.
    pub(super) servers: Vec<Server>,
    _folder: TempDir,
}

impl Redis {
    /// Starts a server for each of `cores`, the first of which is the primary, and waits until all are in step.
    pub(super) fn start(cores: &[Cores]) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut servers: Vec<Server> = Vec::new();
        for (number, cores) in cores.iter().enumerate() {
            let port = free_port();
            let text = port.to_string();
            // Without persistence, and a replica that comes is not kept waiting for others that might come too.
            let mut args: Vec<String> = ["--port", &text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
                .into_iter()
                .chain(["--repl-diskless-sync-delay", "0", "--dir", &folder.path().to_string_lossy()])
                .map(str::to_owned)
                .collect();
            if let Some(primary) = servers.first() {
                args.extend(["--replicaof", "127.0.0.1", &primary.port.to_string()].map(str::to_owned));
            }
            let name = format!("redis-server {number}");
            let mut server = Server::new(&name, Path::new("redis-server"), args, port, cores, folder.path());
            server.start();
            server.answers()?;
            servers.push(server);
        }
        let redis = Self { servers, _folder: folder };
        for replica in 1..redis.servers.len() {
            wait("redis-server's replicas are in step", || redis.is_linked(replica))?;
        }
        Ok(redis)
    }

    /// Whether a replica has everything that the primary had when it came.
    pub(super) fn is_linked(&self, replica: usize) -> bool {
        self.servers[replica].field("replication", "master_link_status").is_some_and(|it| it == "up")
    }

    /// Waits until all replicas have what the primary has.
    pub(super) fn level(&self) -> Result<Duration, String> {
        let offset = |server: &Server| server.field("replication", "master_repl_offset");
        wait("redis-server's replicas have everything", || {
            let end = offset(&self.servers[0]);
            end.is_some() && self.servers.iter().skip(1).all(|it| it.process.is_none() || offset(it) == end)
        })
    }
}
