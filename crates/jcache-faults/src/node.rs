//! A server on a host of its own: started, halted, killed, looked at.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jcache_core::Reply;
use jcache_testkit::oracle::RawClient;
use jcache_testkit::process::{Place, Process};

use crate::net::Host;

/// Where clients connect.
pub(crate) const CLIENT_PORT: u16 = 6399;
/// How long a look may take.
const LOOK: Duration = Duration::from_millis(300);

/// A server and the host that it runs on.
#[derive(Debug)]
pub struct Node {
    // Before its host: what is dropped first ends first.
    process: Option<Process>,
    host: Host,
    program: PathBuf,
    args: Vec<String>,
    /// Variables of its environment, as `NAME=value`.
    variables: Vec<String>,
    log: PathBuf,
}

impl Node {
    /// A server that is not started yet; its log goes into the folder.
    pub fn new(host: Host, program: &Path, args: Vec<String>, folder: &Path) -> Self {
        let log = folder.join(format!("{}.log", host.name()));
        Self { host, program: program.to_owned(), args, variables: Vec::new(), log, process: None }
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn with_variable(mut self, variable: String) -> Self {
        self.variables.push(variable);
        self
    }

    /// Leaves out options that `is` tells, and their values.
    #[must_use]
    pub fn without_options(mut self, is: impl Fn(&str) -> bool) -> Self {
        while let Some(place) = self.args.iter().position(|arg| is(arg)) {
            self.args.drain(place..place + 2);
        }
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.host.name()
    }

    /// Its host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        (self.host.address(), CLIENT_PORT).into()
    }

    /// Its own address without a port.
    pub fn ip(&self) -> IpAddr {
        self.host.address()
    }

    /// What it was started with.
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// Starts the process; it may take a while until it serves.
    pub fn start(&mut self) {
        let mut place: Place = self.host.place().clone();
        if !self.variables.is_empty() {
            place.before.push("env".into());
            place.before.extend(self.variables.iter().cloned());
        }
        self.process = Some(Process::spawn(&place, &self.program, &self.args, &self.log));
    }

    /// Kills the process with no chance to say good-bye.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Sends a signal, such as `-STOP`, to a process that runs.
    pub fn signal(&self, signal: &str) {
        if let Some(process) = self.process.as_ref().filter(|it| it.runs()) {
            process.signal(signal);
        }
    }

    /// Whether there is a process.
    pub fn runs(&self) -> bool {
        self.process.as_ref().is_some_and(Process::runs)
    }

    /// Asks the process to end, and waits until it has; false when it takes longer than `patience`.
    pub fn end(&mut self, patience: Duration) -> bool {
        self.signal("-TERM");
        let since = Instant::now();
        while self.runs() && since.elapsed() < patience {
            std::thread::sleep(Duration::from_millis(5));
        }
        let ended = !self.runs();
        self.process = None;
        ended
    }

    /// Bytes of memory in use.
    pub fn memory(&self) -> u64 {
        self.process.as_ref().map_or(0, Process::memory)
    }

    /// The last lines of its log.
    pub fn log(&self, lines: usize) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// A new connection.
    ///
    /// # Errors
    /// When nobody accepts it in time.
    pub fn connect(&self, timeout: Duration) -> io::Result<RawClient> {
        RawClient::connect_to(self.address(), timeout)
    }

    /// What it says of its part in the cluster; `None` when it does not answer at once.
    pub fn look(&self) -> Option<Look> {
        if !self.runs() {
            return None;
        }
        match self.connect(LOOK).ok()?.call(&["INFO", "distributed"]).ok()? {
            Reply::Bulk(text) => Look::read(&String::from_utf8_lossy(&text)),
            _ => None,
        }
    }
}

/// What a node says of its part in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// `leader`, `follower`, …
    pub role: String,
    /// The epoch that it leads or follows in.
    pub epoch: u64,
    /// Who leads, as far as it knows.
    pub leader: String,
    /// The in-sync set as it knows it.
    pub in_sync: Vec<String>,
    /// Commit point.
    pub committed: u64,
    /// The last record of its log.
    pub end: u64,
    /// The last record that it has executed.
    pub applied: u64,
    /// Whether it answers reads by itself.
    pub readable: bool,
    /// Digests that differed from the leader's. Must stay 0.
    pub digest_mismatches: u64,
    /// Joins with more than the cluster has. Must stay 0.
    pub beyond_divergence: u64,
    /// Full synchronisations that it gave.
    pub full_syncs: u64,
    /// Starts that may have lost writes.
    pub unclean_starts: u64,
}

impl Look {
    /// Whether it leads.
    pub fn leads(&self) -> bool {
        matches!(self.role.as_str(), "leader" | "fenced")
    }

    fn read(info: &str) -> Option<Self> {
        let field = |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
        let number = |name: &str| field(name).and_then(|it| it.parse().ok()).unwrap_or(0);
        Some(Self {
            role: field("cluster_role")?.to_owned(),
            epoch: number("cluster_epoch"),
            leader: field("cluster_leader").unwrap_or_default().to_owned(),
            in_sync: field("cluster_in_sync").into_iter().flat_map(|it| it.split(',')).map(str::to_owned).collect(),
            committed: number("cluster_committed"),
            end: number("cluster_end"),
            applied: number("cluster_applied"),
            readable: number("cluster_readable") == 1,
            digest_mismatches: number("cluster_digest_mismatches"),
            beyond_divergence: number("cluster_beyond_divergence"),
            full_syncs: number("cluster_full_syncs"),
            unclean_starts: number("cluster_unclean_starts"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_of_info_is_read() {
        let info = "# Distributed\r\ncluster_role:leader\r\ncluster_epoch:3\r\ncluster_leader:n1\r\n\
                    cluster_in_sync:n1,n2\r\ncluster_end:12\r\ncluster_applied:11\r\ncluster_readable:1\r\n";
        let look = Look::read(info).unwrap();
        assert!(look.leads() && look.readable);
        assert_eq!((look.epoch, look.end, look.applied), (3, 12, 11));
        assert_eq!(look.in_sync, ["n1", "n2"]);
        assert_eq!(Look::read("# Memory\r\n"), None);
    }
}
