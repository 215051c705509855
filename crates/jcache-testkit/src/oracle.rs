//! A real `redis-server`, started for the length of one test: the oracle that says what a command means.
//!
//! The server listens on a free loopback port, keeps nothing on disk, and never outlives the test: a small shell stands
//! between, holds a pipe from this process, and kills the server when the pipe closes, which it does even when this
//! process dies without running destructors.

mod client;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use client::RawClient;
use tempfile::TempDir;

/// `redis-server` is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing;

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("redis-server is not installed")
    }
}

impl std::error::Error for Missing {}

/// A server for a test that can be skipped: `None`, and a line that says so, when `redis-server` is not installed.
///
/// # Panics
/// When it is not installed and the environment says `JCACHE_REQUIRE_SERVERS=1`: there a skipped test is a failure.
pub fn redis_or_skip() -> Option<RedisServer> {
    RedisServer::start().map_err(skip).ok()
}

/// Says that a test is skipped because of `missing`.
///
/// # Panics
/// When the environment says `JCACHE_REQUIRE_SERVERS=1`.
pub fn skip(missing: Missing) {
    assert!(std::env::var("JCACHE_REQUIRE_SERVERS").as_deref() != Ok("1"), "{missing}, but JCACHE_REQUIRE_SERVERS=1");
    eprintln!("skipped: {missing}");
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
        let program = find_program().ok_or(Missing)?;
        let dir = tempfile::tempdir().expect("a temporary directory for redis-server");
        if let Some(text) = &self.config {
            std::fs::write(dir.path().join("redis.conf"), text).expect("the configuration of redis-server");
        }
        // The port is free when it is picked and may be taken a moment later: then another is tried.
        for _ in 0..5 {
            let port = free_port();
            if let Some((guard, pid)) = self.spawn(&program, &dir, port) {
                return Ok(RedisServer { guard, pid, port, program, dir, options: self });
            }
        }
        panic!("redis-server found no free port");
    }

    /// Runs the server until it answers; `None` when the port was taken.
    fn spawn(&self, program: &PathBuf, dir: &TempDir, port: u16) -> Option<(Guard, u32)> {
        let log = dir.path().join("log");
        let mut command = Command::new("sh");
        // The background job does not get the pipe: only the shell reads it, and only its end counts.
        command.arg("-c").arg(r#""$0" "$@" >"$LOG" 2>&1 & echo $!; read _; kill -9 $!"#).arg(program).env("LOG", &log);
        if self.config.is_some() {
            command.arg(dir.path().join("redis.conf"));
        }
        let (plain, tls) = if self.tls { (0, port) } else { (port, 0) };
        command.arg("--port").arg(plain.to_string()).arg("--bind").arg("127.0.0.1").arg("--dir").arg(dir.path());
        if self.tls {
            command.arg("--tls-port").arg(tls.to_string());
        }
        if !self.args.iter().any(|arg| arg == "--sentinel") {
            command.args(["--save", "", "--appendonly", "no"]);
        }
        command.args(&self.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut guard = Guard(command.spawn().expect("sh runs"));
        let mut line = String::new();
        let said = guard.0.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        assert!(matches!(said, Some(Ok(_))), "sh says the pid of redis-server");
        let pid = line.trim().parse().expect("a pid");
        let text = || std::fs::read_to_string(&log).unwrap_or_default();
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let answers = RawClient::connect(port).is_ok_and(|mut it| self.tls || it.answers());
            if text().contains("Failed listening") {
                return None;
            }
            if answers {
                return Some((guard, pid));
            }
            assert!(Instant::now() < patience, "redis-server does not answer on port {port}; its log:\n{}", text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A running `redis-server`, killed on drop.
#[derive(Debug)]
pub struct RedisServer {
    guard: Guard,
    pid: u32,
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
        self.pid
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
        self.signal("-STOP");
    }

    /// Lets a halted process go on.
    pub fn cont(&self) {
        self.signal("-CONT");
    }

    /// Kills the process: connections break, and the port refuses until [`restart`](RedisServer::restart).
    pub fn kill(&self) {
        self.signal("-KILL");
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
        self.guard.end();
        let again = self.options.spawn(&self.program, &self.dir, self.port);
        (self.guard, self.pid) = again.expect("the port of the old server is free");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.pid.to_string()).status();
        assert!(sent.is_ok_and(|it| it.success()), "kill {signal} {}", self.pid);
    }
}

/// The shell that kills the server when its pipe closes.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    fn end(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

fn find_program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("JCACHE_REDIS_SERVER") {
        return Some(path.into());
    }
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join("redis-server")).find(|path| path.is_file())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
    listener.local_addr().expect("a bound socket has an address").port()
}
