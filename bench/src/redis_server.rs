//! A redis-server of our own, without persistence, that ends with its handle.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use redis::{Client, Connection, RedisResult};

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts a server with further options; `None` when there is no `redis-server`, or it does not answer.
    pub fn start(options: &[&str]) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let fixed = ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let folder = std::env::temp_dir();
        let mut command = Command::new("redis-server");
        command.args(fixed).args(options).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: command.spawn().ok()?, port };
        (0..100).find_map(|_| {
            thread::sleep(Duration::from_millis(50));
            server.connect().ok()
        })?;
        Some(server)
    }

    /// A connection.
    pub fn connect(&self) -> RedisResult<Connection> {
        Client::open(format!("redis://127.0.0.1:{}/", self.port))?.get_connection()
    }

    /// The version and the allocator, for the tables.
    pub fn version(&self) -> String {
        let info = self.info("all");
        format!("redis-server {} ({})", field(&info, "redis_version"), field(&info, "mem_allocator"))
    }

    /// A section of `INFO`.
    pub fn info(&self, section: &str) -> String {
        let query = |mut connection| redis::cmd("INFO").arg(section).query(&mut connection);
        self.connect().and_then(query).unwrap_or_default()
    }

    /// A number of `INFO memory`.
    pub fn memory(&self, name: &str) -> f64 {
        field(&self.info("memory"), name).parse().unwrap_or(0.0)
    }

    /// What the server itself took for a call of `command` on average since `CONFIG RESETSTAT`, in nanoseconds.
    pub fn per_call(&self, command: &str) -> Option<f64> {
        let info = self.info("commandstats");
        let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")))?;
        let number = |name: &str| line.split(',').find_map(|it| it.strip_prefix(name)?.parse::<f64>().ok());
        Some(number("usec=")? / number("calls=")? * 1000.0)
    }
}

/// A field of `INFO`.
fn field<'a>(info: &'a str, name: &str) -> &'a str {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or("").trim()
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
