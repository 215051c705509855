//! A client of one server that speaks Redis's protocol: what `jcache shell` and `jcache bench` talk through.
//!
//! The bytes are `jcache-resp`'s; here are the connection, the login, and the wait for a reply.

mod target;
mod tls;

use std::io;
use std::time::Duration;

use jcache::Reply;
use jcache_resp::{Output, ReplyDecoder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use target::Place;
pub(crate) use target::Target;

/// How long connecting and logging in may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait until the server has noticed that we are gone.
const FAREWELL: Duration = Duration::from_secs(1);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection that is logged in.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    decoder: ReplyDecoder,
    output: Output,
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    /// No server there, or it does not let us in.
    pub(crate) async fn open(target: &Target) -> io::Result<Self> {
        match tokio::time::timeout(PATIENCE, Self::connect(target)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {PATIENCE:?}"))),
        }
    }

    async fn connect(target: &Target) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match &target.place {
            Place::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Place::Tcp(address) => {
                let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
                stream.set_nodelay(true)?;
                match &target.tls {
                    Some(trust) => Box::new(tls::secure(stream, &address.host, trust).await?),
                    None => Box::new(stream),
                }
            }
        };
        let mut connection = Self { stream, decoder: ReplyDecoder::default(), output: Output::default() };
        connection.log_in(target).await?;
        Ok(connection)
    }

    async fn log_in(&mut self, target: &Target) -> io::Result<()> {
        let user = target.user.as_deref();
        let login = match (user, target.password.as_deref()) {
            (Some(user), Some(password)) => vec!["AUTH", user, password],
            (None, Some(password)) => vec!["AUTH", password],
            (_, None) => Vec::new(),
        };
        let database = target.database.to_string();
        let select = if target.database == 0 { Vec::new() } else { vec!["SELECT", &*database] };
        for command in [login, select].into_iter().filter(|command| !command.is_empty()) {
            if let Reply::Error(error) = self.call(&command).await? {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, error.message().to_owned()));
            }
        }
        if target.resp3 {
            // A server that refuses goes on in RESP2.
            self.call(&["HELLO", "3"]).await?;
        }
        Ok(())
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// A connection that broke, or a server that does not speak the protocol.
    pub(crate) async fn call<A: AsRef<[u8]>>(&mut self, command: &[A]) -> io::Result<Reply> {
        self.queue(command);
        self.flush().await?;
        self.next().await
    }

    /// Adds a command to what the next [`flush`](Connection::flush) sends.
    pub(crate) fn queue<A: AsRef<[u8]>>(&mut self, command: &[A]) {
        self.output.command(command);
    }

    /// Sends what was queued.
    ///
    /// # Errors
    /// A connection that broke.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all_buf(&mut self.output).await?;
        self.stream.flush().await
    }

    /// The next reply or message.
    ///
    /// # Errors
    /// A connection that broke, or a server that does not speak the protocol.
    pub(crate) async fn next(&mut self) -> io::Result<Reply> {
        loop {
            let reply =
                self.decoder.next().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            if let Some(reply) = reply {
                return Ok(reply);
            }
            if self.stream.read_buf(&mut self.decoder.input()).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Server closed the connection"));
            }
        }
    }

    /// Closes the connection, and waits a moment until the server has noticed: it then carries out nothing more that
    /// was sent here.
    async fn leave(mut self) {
        let farewell = async {
            self.stream.shutdown().await?;
            let mut rest = [0; 1024];
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // Whoever does not answer has at least been told.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

/// A server, and a connection to it while there is one.
pub(crate) struct Client {
    pub(crate) target: Target,
    connection: Option<Connection>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.target)
    }
}

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    /// No server there, or it does not let us in.
    pub(crate) async fn connect(target: Target) -> io::Result<Self> {
        let connection = Some(Connection::open(&target).await?);
        Ok(Self { target, connection })
    }

    /// Sends a command and waits for its reply; connects again first when the connection had broken.
    ///
    /// # Errors
    /// The connection broke, and the command may or may not have been carried out; or the server is away.
    pub(crate) async fn call(&mut self, words: &[Vec<u8>]) -> io::Result<Reply> {
        if self.connection.is_none() {
            self.connection = Some(Connection::open(&self.target).await?);
        }
        let connection = self.connection.as_mut().expect("there is one now");
        let reply = connection.call(words).await;
        if reply.is_err() {
            self.connection = None;
        }
        reply
    }

    /// The next message of a subscription.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) async fn next(&mut self) -> io::Result<Reply> {
        match &mut self.connection {
            Some(connection) => connection.next().await,
            None => Err(io::Error::new(io::ErrorKind::NotConnected, "not connected")),
        }
    }

    /// Ends the connection, and with it what the server still does for it.
    pub(crate) async fn leave(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.leave().await;
        }
    }
}
