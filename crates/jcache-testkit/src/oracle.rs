//! A real `redis-server`, started for the length of one test: the oracle that says what a command means.
//!
//! The server listens on a free loopback port, keeps nothing on disk, and never outlives the test.

mod client;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use client::RawClient;
use tempfile::TempDir;

pub use crate::process::{Missing, skip};
use crate::process::{Place, Process, find_program, free_port};

/// A server for a test that can be skipped: `None`, and a line that says so, when `redis-server` is not installed.
///
/// # Panics
/// When it is not installed and the environment says `JCACHE_REQUIRE_SERVERS=1`: there a skipped test is a failure.
pub fn redis_or_skip() -> Option<RedisServer> {
    RedisServer::start().map_err(skip).ok()
}

/// How to start a server: its arguments, its configuration file, TLS or not.
#[derive(Debug, Clone, Default)]
pub struct Options {
    args: Vec<String>,
    config: Option<String>,
    tls: bool,
}

impl Options {
    /// Adds command line arguments, such as `["--requirepass", "secret"]` or `["--cluster-enabled", "yes"]`.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Gives the server a configuration file that it may rewrite; with the argument `--sentinel` this is a Sentinel.
    #[must_use]
    pub fn config(mut self, text: impl Into<String>) -> Self {
        self.config = Some(text.into());
        self
    }

    /// Serves TLS, and only TLS, on the port; certificates come as arguments (`--tls-cert-file` …).
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// [`Missing`] when `redis-server` is not installed.
    ///
    /// # Panics
    /// When it is installed but does not come up; the message holds its log.
    pub fn start(self) -> Result<RedisServer, Missing> {
        let program = find_program("redis-server", "JCACHE_REDIS_SERVER")?;
        let dir = tempfile::tempdir().expect("a temporary directory for redis-server");
        if let Some(text) = &self.config {
            std::fs::write(dir.path().join("redis.conf"), text).expect("the configuration of redis-server");
        }
        // The port is free when it is picked and may be taken a moment later: then another is tried.
        for _ in 0..5 {
            let port = free_port();
            if let Some(process) = self.spawn(&program, &dir, port) {
                return Ok(RedisServer { process, port, program, dir, options: self });
            }
        }
        panic!("redis-server found no free port");
    }

    /// Runs the server until it answers; `None` when the port was taken.
    fn spawn(&self, program: &Path, dir: &TempDir, port: u16) -> Option<Process> {
        let log = dir.path().join("log");
        let mut args: Vec<OsString> = Vec::new();
        if self.config.is_some() {
            args.push(dir.path().join("redis.conf").into());
        }
        let (plain, tls) = if self.tls { (0, port) } else { (port, 0) };
        let plain = plain.to_string();
        args.extend(["--port", &plain, "--bind", "127.0.0.1", "--dir"].map(OsString::from));
        args.push(dir.path().into());
        if self.tls {
            args.extend(["--tls-port".into(), tls.to_string().into()]);
        }
        if !self.args.iter().any(|arg| arg == "--sentinel") {
            args.extend(["--save", "", "--appendonly", "no"].map(OsString::from));
        }
        args.extend(self.args.iter().map(OsString::from));
        // The log of an earlier server on the same port says nothing of this one.
        let _ = std::fs::remove_file(&log);
        let process = Process::spawn(&Place::here(), program, args, &log);
        let text = || std::fs::read_to_string(&log).unwrap_or_default();
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let answers = RawClient::connect(port).is_ok_and(|mut it| self.tls || it.answers());
            if text().contains("Failed listening") {
                return None;
            }
            if answers {
                return Some(process);
            }
            assert!(Instant::now() < patience, "redis-server does not answer on port {port}; its log:\n{}", text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A running `redis-server`, killed on drop.
#[derive(Debug)]
pub struct RedisServer {
    process: Process,
    port: u16,
    program: PathBuf,
    dir: TempDir,
    options: Options,
}

impl RedisServer {
    /// Starts a server without options.
    ///
    /// # Errors
    /// [`Missing`] when `redis-server` is not installed.
    pub fn start() -> Result<Self, Missing> {
        Options::default().start()
    }

    /// Options to start a server with.
    pub fn options() -> Options {
        Options::default()
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// `redis://127.0.0.1:port`, or `rediss://…` with TLS.
    pub fn url(&self) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// A new connection, for a server without TLS.
    ///
    /// # Panics
    /// When the server does not accept it.
    pub fn client(&self) -> RawClient {
        RawClient::connect(self.port).expect("redis-server accepts a connection")
    }

    /// Halts the process: connections stay open and nothing answers, until [`cont`](RedisServer::cont).
    pub fn stop(&self) {
        self.process.signal("-STOP");
    }

    /// Lets a halted process go on.
    pub fn cont(&self) {
        self.process.signal("-CONT");
    }

    /// Kills the process: connections break, and the port refuses until [`restart`](RedisServer::restart).
    pub fn kill(&self) {
        self.process.signal("-KILL");
        let patience = Instant::now() + Duration::from_secs(5);
        while RawClient::connect(self.port).is_ok() {
            assert!(Instant::now() < patience, "redis-server is still there after SIGKILL");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Kills the process and starts another, without data, on the same port.
    ///
    /// # Panics
    /// When the port was taken in between.
    pub fn restart(&mut self) {
        self.process.end();
        let again = self.options.spawn(&self.program, &self.dir, self.port);
        self.process = again.expect("the port of the old server is free");
    }
}
