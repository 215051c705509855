//! Servers, started for the length of one test.
//!
//! Such a server never outlives the test: a small shell stands between, holds a pipe from this process, and kills the
//! server when the pipe closes, which it does even when this process dies without running destructors.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program that the tests need is not installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing(pub &'static str);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not installed", self.0)
    }
}

impl std::error::Error for Missing {}

/// Says that a test is skipped because of `missing`.
///
/// # Panics
/// When the environment says `JCACHE_REQUIRE_SERVERS=1`.
pub fn skip(missing: Missing) {
    assert!(std::env::var("JCACHE_REQUIRE_SERVERS").as_deref() != Ok("1"), "{missing}, but JCACHE_REQUIRE_SERVERS=1");
    eprintln!("skipped: {missing}");
}

/// Where a server runs: on this machine as it is, or in a network namespace with an address of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address that others reach it by.
    pub address: IpAddr,
    /// The words that stand before its command, such as `ip netns exec NAME`. They must end by becoming the program.
    pub before: Vec<String>,
}

impl Place {
    /// This machine, by its loopback address.
    pub fn here() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), before: Vec::new() }
    }
}

/// A process and the shell that kills it when its pipe closes.
#[derive(Debug)]
pub struct Process {
    shell: Child,
    pid: u32,
}

impl Process {
    /// Runs `program` at a place; what it prints is appended to `log`.
    ///
    /// # Panics
    /// When there is no shell.
    pub fn spawn<S: AsRef<OsStr>>(
        place: &Place,
        program: &Path,
        args: impl IntoIterator<Item = S>,
        log: &Path,
    ) -> Self {
        let mut command = Command::new("sh");
        // The background job does not get the pipe: only the shell reads it, and only its end counts. The shell ends after
        // the job, whose ports are free then.
        command.arg("-c").arg(r#""$@" >>"$LOG" 2>&1 & echo $!; read _; kill -9 $!; wait $!"#).arg("sh");
        command.args(&place.before).arg(program).args(args);
        command.env("LOG", log).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = command.spawn().expect("sh runs");
        let mut line = String::new();
        let said = shell.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        assert!(matches!(said, Some(Ok(_))), "sh says the pid of {}", program.display());
        Self { shell, pid: line.trim().parse().expect("a pid") }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has not ended yet.
    pub fn runs(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // After the name in brackets comes the state: a zombie has ended.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    }

    /// Bytes of memory that it has in use; 0 when it has ended.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().map_or(0, |it| it * 1024)
    }

    /// Sends a signal, such as `-STOP`.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.pid.to_string()).status();
        assert!(sent.is_ok_and(|it| it.success()), "kill {signal} {}", self.pid);
    }

    /// Kills the process and waits until it is gone.
    pub fn end(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The program `name`, from the environment variable `variable` or from the path.
///
/// # Errors
/// [`Missing`].
pub fn find_program(name: &'static str, variable: &str) -> Result<PathBuf, Missing> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file()).ok_or(Missing(name))
}

/// A loopback port that is free now.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
    listener.local_addr().expect("a bound socket has an address").port()
}
