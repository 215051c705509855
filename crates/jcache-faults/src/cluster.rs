//! A cluster of `jcache serve` processes and its etcd, each on a host of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use jcache_testkit::certificates::Certificates;
use jcache_testkit::check::Violation;
use jcache_testkit::etcd::Etcd;
use tempfile::TempDir;

use crate::net::{self, Host};
use crate::node::{CLIENT_PORT, Look, Node};

/// The name of every cluster here.
pub(crate) const NAME: &str = "faults";
/// Where peers connect.
pub(crate) const PEER_PORT: u16 = 7399;
/// How long a cluster may take to come up.
const START: Duration = Duration::from_secs(30);
/// Between two looks at all nodes.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How nodes answer reads, one after the other: what they promise is checked side by side.
pub(crate) const LEVELS: [&str; 3] = ["linearizable", "leader", "local"];
/// Hosts of etcd's members have numbers from here on.
const ETCD_HOSTS: u8 = 101;

/// How a cluster is made.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Nodes that are started at once.
    pub nodes: usize,
    /// Nodes that are started when a scenario does it.
    pub spare: usize,
    /// Members of etcd.
    pub etcd: usize,
    /// Commits need this many members in sync.
    pub min_insync: usize,
    /// The timing profile.
    pub profile: &'static str,
    /// More arguments of every node.
    pub more: Vec<String>,
    /// Whether nodes run with a wall clock that can be set.
    pub clocks: bool,
    /// Whether nodes show each other certificates and a secret.
    pub papers: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let (clocks, papers) = (false, false);
        Self { nodes: 3, spare: 0, etcd: 1, min_insync: 2, profile: "balanced", more: Vec::new(), clocks, papers }
    }
}

/// A cluster that runs.
#[derive(Debug)]
pub struct Cluster {
    /// The nodes, the spare ones at the end.
    pub nodes: Vec<Node>,
    /// The coordinator.
    pub etcd: Etcd,
    etcd_hosts: Vec<Host>,
    pub(crate) program: PathBuf,
    folder: TempDir,
    /// The certificates of a cluster whose nodes show each other theirs, and some that nobody should accept.
    papers: Option<Certificates>,
    settings: Settings,
}

impl Cluster {
    /// Starts a cluster, and waits until it is whole.
    ///
    /// # Errors
    /// It does not come together.
    ///
    /// # Panics
    /// When etcd does not start.
    pub fn start(program: &Path, settings: &Settings) -> Result<Self, Violation> {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let etcd_hosts: Vec<Host> = (0..settings.etcd)
            .map(|i| Host::new(&format!("e{i}"), ETCD_HOSTS + u8::try_from(i).unwrap_or(0)))
            .collect();
        let places: Vec<_> = etcd_hosts.iter().map(|host| host.place().clone()).collect();
        let etcd = Etcd::start_at(&places, &[]).expect("etcd is installed");
        let papers = settings.papers.then(certificates);
        let mut nodes = Vec::new();
        for number in 0..settings.nodes + settings.spare {
            let host = Host::new(&format!("n{number}"), u8::try_from(number).unwrap_or(0) + 1);
            let mut args = args(&host, &etcd, settings);
            args.extend(papers.as_ref().map(papers_args).into_iter().flatten());
            args.extend(["--read", LEVELS[number % LEVELS.len()]].map(str::to_owned));
            let mut node = Node::new(host, program, args, folder.path());
            if settings.clocks {
                for variable in crate::clock::variables(&folder.path().join(format!("n{number}.time"))) {
                    node = node.with_variable(variable);
                }
            }
            nodes.push(node);
        }
        let (program, settings) = (program.to_owned(), settings.clone());
        let mut cluster = Self { nodes, etcd, etcd_hosts, program, folder, papers, settings };
        // One by one: who is first leads, which makes a seed's run more alike.
        for node in 0..cluster.settings.nodes {
            cluster.nodes[node].start();
            cluster.wait(START, "a node serves", |it| it.nodes[node].look().is_some())?;
        }
        cluster.whole(START)?;
        Ok(cluster)
    }

    /// Where logs are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the logs; gives the folder.
    pub fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    /// A file of its certificates, for a cluster that has some.
    pub(crate) fn paper(&self, file: &str) -> String {
        self.papers.as_ref().map(|files| files.argument(file)).unwrap_or_default()
    }

    /// What it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What each node says of itself.
    pub fn looks(&self) -> Vec<Option<Look>> {
        self.nodes.iter().map(Node::look).collect()
    }

    /// The node that leads in the highest epoch.
    pub fn leader(&self) -> Option<usize> {
        let looks = self.looks().into_iter().enumerate();
        let leading = looks.filter_map(|(node, look)| look.filter(Look::leads).map(|look| (look.epoch, node)));
        leading.max().map(|(_, node)| node)
    }

    /// Waits for a leader.
    ///
    /// # Errors
    /// Nobody leads for ten seconds.
    pub fn await_leader(&self) -> Result<usize, Violation> {
        self.wait(Duration::from_secs(10), "somebody leads", |it| it.leader().is_some())?;
        self.leader().ok_or_else(|| Violation::new("C9", "nobody leads"))
    }

    /// The nodes that run and do not lead.
    pub fn followers(&self, leader: usize) -> Vec<usize> {
        (0..self.nodes.len()).filter(|&node| node != leader && self.nodes[node].runs()).collect()
    }

    /// Waits until all nodes that run are in sync, and have what the leader has.
    ///
    /// # Errors
    /// They are not within `patience`.
    pub fn whole(&self, patience: Duration) -> Result<(), Violation> {
        self.wait(patience, "all are in sync", |it| {
            let running: Vec<&Node> = it.nodes.iter().filter(|node| node.runs()).collect();
            let looks: Vec<Look> = running.iter().filter_map(|node| node.look()).collect();
            let Some(leader) = looks.iter().filter(|it| it.leads()).max_by_key(|it| it.epoch) else { return false };
            looks.len() == running.len()
                && leader.in_sync.len() == running.len()
                && looks.iter().all(|it| it.readable && it.epoch == leader.epoch)
        })
    }

    /// Waits until something is so.
    ///
    /// # Errors
    /// C9, when it is not within `patience`.
    pub fn wait(&self, patience: Duration, what: &str, is: impl Fn(&Self) -> bool) -> Result<(), Violation> {
        let until = Instant::now() + patience;
        while !is(self) {
            if Instant::now() > until {
                let looks = self.looks();
                return Err(Violation::new("C9", format!("not within {patience:?}: {what}; the nodes say {looks:?}")));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Cuts a node and all of etcd apart.
    pub fn cut_etcd(&self, node: usize) {
        self.etcd_hosts.iter().for_each(|host| net::cut(host, self.nodes[node].host()));
    }

    /// Cuts two nodes apart.
    pub fn cut(&self, a: usize, b: usize) {
        net::cut(self.nodes[a].host(), self.nodes[b].host());
    }

    /// What `from` sends no longer arrives at `to`.
    pub fn cut_one_way(&self, from: usize, to: usize) {
        self.nodes[to].host().refuse(self.nodes[from].host());
    }

    /// Heals every cut.
    pub fn heal(&self) {
        self.etcd_hosts.iter().chain(self.nodes.iter().map(Node::host)).for_each(Host::heal);
    }

    /// Sets a setting of a running node.
    ///
    /// # Errors
    /// It refuses, or does not answer.
    pub fn set(&self, node: usize, setting: &str, value: &str) -> Result<(), Violation> {
        let wrong = |why: String| Violation::new("C9", format!("n{node}: CONFIG SET {setting} {value}: {why}"));
        let mut client = self.nodes[node].connect(Duration::from_secs(2)).map_err(|error| wrong(error.to_string()))?;
        client.call(&["CONFIG", "SET", setting, value]).map(drop).map_err(wrong)
    }

    /// Hands leadership over by the command that an operator uses.
    ///
    /// # Errors
    /// What it said.
    pub fn hand_over(&self, to: usize) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command.arg("handover").args(etcd_args(&self.etcd)).arg(self.nodes[to].name());
        let output = command.output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    }

    /// The last lines of all logs.
    pub fn logs(&self, lines: usize) -> String {
        self.nodes.iter().map(|node| format!("--- {}\n{}\n", node.name(), node.log(lines))).collect()
    }
}

fn etcd_args(etcd: &Etcd) -> Vec<String> {
    let mut args: Vec<String> = etcd.endpoints().into_iter().flat_map(|url| ["--etcd".to_owned(), url]).collect();
    args.extend(["--cluster", NAME].map(str::to_owned));
    args
}

fn args(host: &Host, etcd: &Etcd, settings: &Settings) -> Vec<String> {
    let address = host.address();
    let mut args = vec!["serve".to_owned()];
    args.extend(etcd_args(etcd));
    for (name, value) in [
        ("--listen", format!("{address}:{CLIENT_PORT}")),
        ("--node-id", host.name().to_owned()),
        ("--peer-listen", format!("{address}:{PEER_PORT}")),
        ("--min-insync", settings.min_insync.to_string()),
        ("--profile", settings.profile.to_owned()),
        ("--protected-mode", "no".to_owned()),
    ] {
        args.extend([name.to_owned(), value]);
    }
    args.extend(settings.more.iter().cloned());
    args
}

/// What members show each other, `good` and `ours`; and what they must not accept from others.
fn certificates() -> Certificates {
    // The hosts of a run that nodes and strangers have.
    let hosts: Vec<String> = (1..100).map(|number| format!("10.0.0.{number}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let files = Certificates::default();
    let ours = files.authority("ours");
    ours.issue("good", &hosts);
    ours.issue_expired("late", &hosts);
    files.authority("theirs").issue("strange", &hosts);
    files
}

fn papers_args(files: &Certificates) -> Vec<String> {
    let paths = [("--peer-ca-file", "ours.pem"), ("--peer-cert-file", "good.pem"), ("--peer-key-file", "good.key")];
    let mut args = vec!["--peer-user".to_owned(), "jcache:secret".to_owned()];
    args.extend(paths.into_iter().flat_map(|(name, file)| [name.to_owned(), files.argument(file)]));
    args
}
