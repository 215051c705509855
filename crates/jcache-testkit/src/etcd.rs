//! A real `etcd`, one member or several, started for the length of one test on free ports.
//!
//! Its data is in a temporary directory, and it never outlives the test. Members can
//! be stopped, killed and started again with their data, or with older data, which is what elections have to bear.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use crate::process::Missing;
use crate::process::{Place, Process, find_program, free_port, skip};

/// An etcd for a test that can be skipped: `None`, and a line that says so, when `etcd` is not installed.
///
/// # Panics
/// When it is not installed and the environment says `JCACHE_REQUIRE_SERVERS=1`: there a skipped test is a failure.
pub fn etcd_or_skip() -> Option<Etcd> {
    Etcd::start(1).map_err(skip).ok()
}

/// A running etcd cluster.
#[derive(Debug)]
pub struct Etcd {
    program: PathBuf,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    name: String,
    place: Place,
    client: u16,
    peer: u16,
    args: Vec<String>,
    dir: TempDir,
    running: Option<Process>,
}

impl Etcd {
    /// Starts a cluster of `members`, and waits until it answers.
    ///
    /// # Errors
    /// [`Missing`] when `etcd` is not installed.
    ///
    /// # Panics
    /// When it is installed but does not come up; the message holds its log.
    pub fn start(members: usize) -> Result<Self, Missing> {
        Self::start_with(members, &[])
    }

    /// As [`start`](Self::start), with more arguments for every member.
    ///
    /// # Errors
    /// [`Missing`] when `etcd` is not installed.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with(members: usize, args: &[&str]) -> Result<Self, Missing> {
        Self::start_at(&vec![Place::here(); members], args)
    }

    /// As [`start_with`](Self::start_with), one member at each of `places`.
    ///
    /// # Errors
    /// [`Missing`] when `etcd` is not installed.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_at(places: &[Place], args: &[&str]) -> Result<Self, Missing> {
        let program = find_program("etcd", "JCACHE_ETCD")?;
        let ports: Vec<(&Place, u16, u16)> = places.iter().map(|place| (place, free_port(), free_port())).collect();
        let all: Vec<String> = ports
            .iter()
            .enumerate()
            .map(|(i, (place, _, peer))| format!("m{i}=http://{}:{peer}", place.address))
            .collect();
        let members = ports.into_iter().enumerate().map(|(index, (place, client, peer))| {
            let own = ["--initial-cluster", &all.join(","), "--initial-cluster-state", "new"];
            let args = own.iter().chain(args).map(|&arg| arg.to_owned()).collect();
            let dir = tempfile::tempdir().expect("a temporary directory for etcd");
            Member { name: format!("m{index}"), place: place.clone(), client, peer, args, dir, running: None }
        });
        let mut etcd = Self { program, members: members.collect() };
        for member in &mut etcd.members {
            member.spawn(&etcd.program);
        }
        etcd.wait();
        Ok(etcd)
    }

    /// The client addresses, as URLs.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|it| format!("http://{}:{}", it.place.address, it.client)).collect()
    }

    /// The process of member `index`.
    ///
    /// # Panics
    /// When it was killed.
    pub fn pid(&self, index: usize) -> u32 {
        self.process(index).pid()
    }

    /// The member that leads, as far as the members know.
    pub fn leader(&self) -> Option<usize> {
        (0..self.members.len()).find(|&index| {
            let Some(status) = self.post(index, "/v3/maintenance/status", "{}") else { return false };
            let field = |name: &str| {
                let rest = status.split_once(&format!("\"{name}\":\""))?.1;
                rest.split_once('"').map(|(value, _)| value.to_owned())
            };
            field("leader").is_some_and(|leader| Some(leader) == field("member_id"))
        })
    }

    /// Halts member `index`: its connections stay open and nothing answers, until [`cont`](Self::cont).
    pub fn stop(&self, index: usize) {
        self.process(index).signal("-STOP");
    }

    /// Lets a halted member go on.
    pub fn cont(&self, index: usize) {
        self.process(index).signal("-CONT");
    }

    /// Kills member `index`; its data stays for [`restart`](Self::restart).
    pub fn kill(&mut self, index: usize) {
        self.members[index].running = None;
    }

    /// Starts member `index` again, with its data.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self, index: usize) {
        self.kill(index);
        self.members[index].spawn(&self.program);
        self.wait();
    }

    /// Starts all members that were killed, with their data.
    ///
    /// # Panics
    /// When they do not come up.
    pub fn restart_all(&mut self) {
        for member in self.members.iter_mut().filter(|it| it.running.is_none()) {
            member.spawn(&self.program);
        }
        self.wait();
    }

    /// Forgets everything: all members are killed, their data is deleted, and they start as a new cluster.
    ///
    /// # Panics
    /// When they do not come up.
    pub fn wipe(&mut self) {
        for index in 0..self.members.len() {
            self.kill(index);
            self.members[index].dir = tempfile::tempdir().expect("a temporary directory for etcd");
        }
        for member in &mut self.members {
            member.spawn(&self.program);
        }
        self.wait();
    }

    /// Copies the data of the only member, which is halted meanwhile, for [`restore`](Self::restore).
    ///
    /// # Panics
    /// When there are several members, or the data cannot be copied.
    pub fn save(&mut self) -> TempDir {
        assert_eq!(self.members.len(), 1, "a copy of one member is a copy of all");
        let saved = tempfile::tempdir().expect("a temporary directory for etcd");
        self.kill(0);
        copy(self.members[0].dir.path(), saved.path());
        self.restart(0);
        saved
    }

    /// Kills the only member and starts it with the data that was saved: what was written since is forgotten.
    ///
    /// # Panics
    /// When there are several members, or it does not come up.
    pub fn restore(&mut self, saved: &TempDir) {
        assert_eq!(self.members.len(), 1, "a copy of one member is a copy of all");
        self.kill(0);
        self.members[0].dir = tempfile::tempdir().expect("a temporary directory for etcd");
        copy(saved.path(), self.members[0].dir.path());
        self.restart(0);
    }

    /// Sends `json` to a path of member `index`'s JSON gateway, for what the client has no call for; `None` when it
    /// does not answer with success.
    pub fn post(&self, index: usize, path: &str, json: &str) -> Option<String> {
        let address = (self.members[index].place.address, self.members[index].client);
        let mut stream = TcpStream::connect_timeout(&address.into(), Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        // Of version 1.0, so that the answer comes in one piece.
        let head = format!("POST {path} HTTP/1.0\r\nContent-Length: {}", json.len());
        stream.write_all(format!("{head}\r\n\r\n{json}").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.0 200").then(|| body.to_owned())
    }

    fn process(&self, index: usize) -> &Process {
        self.members[index].running.as_ref().expect("the member runs")
    }

    fn wait(&self) {
        let patience = Instant::now() + Duration::from_secs(20);
        for (index, member) in self.members.iter().enumerate() {
            // A linearizable read answers only when there is a leader.
            while member.running.is_some() && self.post(index, "/v3/kv/range", r#"{"key":"YQ=="}"#).is_none() {
                let log = || std::fs::read_to_string(member.dir.path().join("log")).unwrap_or_default();
                assert!(Instant::now() < patience, "etcd {} does not answer; its log:\n{}", member.name, log());
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

impl Member {
    fn spawn(&mut self, program: &Path) {
        let url = |port: u16| format!("http://{}:{port}", self.place.address);
        let (client, peer) = (url(self.client), url(self.peer));
        let mut args: Vec<OsString> = ["--name", &self.name, "--data-dir"].map(OsString::from).into();
        args.push(self.dir.path().join("data").into());
        args.extend(["--listen-client-urls", &client, "--advertise-client-urls", &client].map(OsString::from));
        args.extend(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer].map(OsString::from));
        args.extend(self.args.iter().map(OsString::from));
        self.running = Some(Process::spawn(&self.place, program, args, &self.dir.path().join("log")));
    }
}

/// Copies what is in one folder into another.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.is_ok_and(|it| it.success()), "{} can be copied", from.display());
}
