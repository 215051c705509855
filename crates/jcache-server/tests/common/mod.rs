//! A server over memory for the length of a test, and plain clients that share no code with it.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use jcache_core::{Driver, Key, Reply, Request, Result, Watch};
use jcache_memory::Memory;
use jcache_server::{Backend, Builder, Handle, Listener, Server};
use tokio::runtime::Runtime;

/// How long anything may take that should happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Memory as it is, without levels.
#[derive(Debug, Clone)]
pub struct Bare(pub Memory);

impl Backend for Bare {
    fn try_call(&self, request: &Request<'_>) -> Option<Result<Reply>> {
        match request {
            Request::Query(query) => Some(self.0.try_query(query)?.map(|answer| answer.reply)),
            Request::Mutation(mutation) => self.0.try_mutate(mutation),
        }
    }

    async fn call(&self, request: &Request<'_>) -> Result<Reply> {
        match request {
            Request::Query(query) => self.0.query(query).await.map(|answer| answer.reply),
            Request::Mutation(mutation) => self.0.mutate(mutation).await,
        }
    }

    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        self.0.transact(requests, watch).await
    }

    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        Driver::watch(&self.0, keys, watch).await
    }
}

/// A server on a free port, stopped on drop.
pub struct Node {
    pub port: u16,
    pub handle: Handle,
    runtime: Option<Runtime>,
    served: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

impl Node {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(settings: impl FnOnce(Builder<Bare>) -> Builder<Bare>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(Listener::tcp("127.0.0.1:0")).unwrap();
        Self::serve(runtime, settings(Server::builder(Bare(Memory::new()))), listener)
    }

    /// Serves a listener that `make` makes within the runtime.
    pub fn on(builder: Builder<Bare>, make: impl FnOnce() -> Listener) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = {
            let _inside = runtime.enter();
            make()
        };
        Self::serve(runtime, builder, listener)
    }

    /// Serves another backend.
    pub fn over(backend: impl Backend) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(Listener::tcp("127.0.0.1:0")).unwrap();
        Self::serve(runtime, Server::builder(backend), listener)
    }

    fn serve<B: Backend>(runtime: Runtime, builder: Builder<B>, listener: Listener) -> Self {
        let port = listener.address().rsplit(':').next().unwrap().parse().unwrap_or(0);
        let server = builder.build().unwrap();
        let handle = server.handle();
        let served = runtime.spawn(async move { server.serve(listener).await });
        Self { port, handle, runtime: Some(runtime), served: Some(served) }
    }

    pub fn client(&self) -> Client {
        Client::connect(self.port)
    }

    /// Waits until the server has stopped, and how long that took.
    pub fn stopped(&mut self) -> Duration {
        let began = Instant::now();
        let served = self.served.take().unwrap();
        let runtime = self.runtime.as_ref().unwrap();
        let served = runtime.block_on(async { tokio::time::timeout(PATIENCE, served).await });
        served.unwrap().unwrap().unwrap();
        began.elapsed()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

/// A connection that sends and receives bytes.
pub struct Client {
    pub stream: TcpStream,
}

impl Client {
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    /// Sends a line, which is an inline command.
    pub fn send(&mut self, line: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// Expects exactly these bytes.
    #[track_caller]
    pub fn expect(&mut self, bytes: &str) {
        let mut found = vec![0; bytes.len()];
        let mut len = 0;
        while len < found.len() {
            match self.stream.read(&mut found[len..]) {
                Ok(0) => break,
                Ok(count) => len += count,
                Err(error) => panic!("{error} after {:?} of {bytes:?}", show(&found[..len])),
            }
        }
        assert_eq!(show(&found[..len]), show(bytes.as_bytes()));
    }

    #[track_caller]
    pub fn ask(&mut self, line: &str, reply: &str) {
        self.send(line);
        self.expect(reply);
    }

    /// A whole bulk reply to a line.
    #[track_caller]
    pub fn text(&mut self, line: &str) -> String {
        self.send(line);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let Some(len) = head.trim_end().strip_prefix('$') else { return head };
        let mut text = vec![0; len.parse::<usize>().unwrap() + 2];
        self.stream.read_exact(&mut text).unwrap();
        text.truncate(text.len() - 2);
        String::from_utf8(text).unwrap()
    }

    /// Expects the end of the connection, and gives what came before it.
    #[track_caller]
    pub fn expect_end(&mut self) -> String {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error} instead of the end, after {:?}", show(&rest)),
        }
        show(&rest)
    }

    /// Leaves without a goodbye: the server gets a reset, as when the machine is gone.
    pub fn abort(self) {
        let socket = socket2_of(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

fn socket2_of(stream: &TcpStream) -> socket2::SockRef<'_> {
    socket2::SockRef::from(stream)
}

pub fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Waits until `so` holds.
#[track_caller]
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < patience, "{what} does not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}
