//! A node for the length of a test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::{JCACHE, run, text};

/// How long a test waits for what should come soon.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A running `jcache serve`, killed on drop.
pub(crate) struct Node {
    child: Child,
    /// What it said when it was ready.
    pub(crate) said: String,
    pub(crate) port: u16,
}

impl Node {
    /// Starts a node on a free port, with further arguments.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(&[&["--listen", "127.0.0.1:0"], args].concat(), &[])
    }

    pub(crate) fn start_with(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(JCACHE);
        command.arg("serve").args(args).envs(variables.iter().copied());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Whoever does not get ready ends its output.
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(Ok(line)) = lines.next() {
            let ends = line.starts_with("stop it with");
            said += &(line + "\n");
            if ends {
                break;
            }
        }
        if said.is_empty() {
            let output = child.wait_with_output().unwrap();
            panic!("the node did not start: {output:?}");
        }
        let port = said.split_once("redis-cli -p ").map_or(0, |(_, rest)| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().unwrap()
        });
        Self { child, said, port }
    }

    /// Runs redis-cli against the node and gives what it printed.
    pub(crate) fn cli(&self, args: &[&str]) -> String {
        let port = self.port.to_string();
        text(&run("redis-cli", &[&["-p", &port], args].concat(), b"")).trim_end().to_owned()
    }

    /// Asks the metrics' HTTP server.
    pub(crate) fn http(&self, path: &str) -> String {
        let address = self.said.split_once("http://").unwrap().1.split_once('/').unwrap().0;
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends a signal such as `-TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until the process ends; its exit code and its log.
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut log = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
                return (status.code(), log);
            }
            assert!(Instant::now() < until, "the node does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `jcache serve` that is expected not to start.
pub(crate) fn refused(args: &[&str]) -> Output {
    run(JCACHE, &[&["serve"], args].concat(), b"")
}

/// Asks until the answer is right.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether redis-cli is there; without it a test says so and passes, unless servers are required.
pub(crate) fn redis_cli_or_skip() -> bool {
    let there = Command::new("redis-cli").arg("--version").output().is_ok();
    if !there {
        let required = std::env::var("JCACHE_REQUIRE_SERVERS").as_deref() == Ok("1");
        assert!(!required, "redis-cli is not installed, but JCACHE_REQUIRE_SERVERS=1");
        eprintln!("skipped: redis-cli is not installed");
    }
    there
}
