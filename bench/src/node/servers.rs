//! The servers that are compared, each a process of its own on a free loopback port, ended with its handle.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Redis,
    Node,
}

impl Kind {
    pub(super) const ALL: [Kind; 2] = [Kind::Redis, Kind::Node];

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Redis => "redis-server",
            Kind::Node => "jcache node",
        }
    }
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) port: u16,
}

impl Server {
    /// Starts a server with further arguments, and waits until it answers.
    pub(super) fn start(kind: Kind, binary: &Path, args: &[&str]) -> Result<Self, String> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).map_err(|it| it.to_string())?;
        let port = free.port().to_string();
        let mut command = match kind {
            Kind::Redis => {
                let mut command = Command::new("redis-server");
                command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
                command
            }
            Kind::Node => {
                let mut command = Command::new(binary);
                command.args(["serve", "--loglevel", "warning", "--listen", &format!("127.0.0.1:{port}")]);
                command
            }
        };
        command.args(args).current_dir(std::env::temp_dir()).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().map_err(|error| format!("{}: {error}", kind.name()))?;
        let server = Self { child, port: free.port() };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", server.port)).is_ok() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(format!("{} does not answer", kind.name()))
    }

    /// Both, in the order of [`Kind::ALL`].
    pub(super) fn both(binary: &Path) -> Result<[Self; 2], String> {
        Ok([Self::start(Kind::Redis, binary, &[])?, Self::start(Kind::Node, binary, &[])?])
    }

    /// Processor seconds that the process has taken so far.
    pub(super) fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<f64>().ok());
        ticks.sum::<f64>() / 100.0
    }

    /// Bytes of the process that are in memory.
    pub(super) fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|it| it.trim().strip_suffix(" kB")?.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1024.0
    }

    /// A connection.
    pub(super) fn connect(&self) -> Result<redis::Connection, String> {
        let open = redis::Client::open(format!("redis://127.0.0.1:{}/", self.port)).and_then(|it| it.get_connection());
        open.map_err(|error| error.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program prints.
pub(super) fn output(program: &Path, args: &[&str]) -> Result<String, String> {
    let name = program.display();
    let output = Command::new(program).args(args).output().map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{name} {}: {}: {text}{}", args.join(" "), output.status, String::from_utf8_lossy(&output.stderr)))
}

/// A load by `jcache bench`: its figures by their names.
pub(super) struct Load(String);

impl Load {
    /// Loads the server at a port.
    pub(super) fn run(binary: &Path, port: u16, args: &[&str]) -> Result<Self, String> {
        output(binary, &[&["bench", &port.to_string(), "--json"], args].concat()).map(Self)
    }

    /// A figure.
    pub(super) fn figure(&self, name: &str) -> f64 {
        let after = self.0.split_once(&format!("\"{name}\":")).map_or("", |(_, rest)| rest);
        let number = after.split([',', '}']).next().unwrap_or_default();
        number.parse().unwrap_or(f64::NAN)
    }
}
