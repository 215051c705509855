//! Where clients come from: a TCP port, with or without TLS, or a Unix socket.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use jcache_core::Result;
use tokio::net::{TcpListener, UnixListener};

use crate::stream::Raw;
use crate::tls::{Acceptor, Tls};

/// Accepts connections.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    pub(crate) tls: Option<Acceptor>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens on a TCP address such as `127.0.0.1:6399`; port 0 picks a free one.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub async fn tcp(address: &str) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self::from)
    }

    /// Listens on a Unix socket with these permissions (such as `0o700`), in place of a socket that nobody serves.
    ///
    /// # Errors
    /// When somebody serves it, or the path cannot be used.
    pub fn unix(path: impl AsRef<Path>, permissions: Option<u32>) -> io::Result<Self> {
        let path = path.as_ref();
        let is_socket = std::fs::metadata(path).is_ok_and(|it| it.file_type().is_socket());
        if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        if let Some(mode) = permissions {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        }
        Ok(listener.into())
    }

    /// Secures the connections by TLS.
    ///
    /// # Errors
    /// Configuration, naming the file that cannot be used.
    pub fn tls(mut self, tls: Tls) -> Result<Self> {
        self.tls = Some(tls.acceptor()?);
        Ok(self)
    }

    /// The address as clients write it: `127.0.0.1:6399`, or the path of a Unix socket.
    pub fn address(&self) -> String {
        match &self.kind {
            Kind::Tcp(it) => it.local_addr().map(|it| it.to_string()).unwrap_or_default(),
            Kind::Unix(it) => {
                let address = it.local_addr().ok();
                address.and_then(|it| it.as_pathname().map(|it| it.display().to_string())).unwrap_or_default()
            }
        }
    }

    /// The TCP address, if it is one.
    pub(crate) fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Tcp(it) => it.local_addr().ok(),
            Kind::Unix(_) => None,
        }
    }

    /// The next connection, and whether its client is on this machine.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.kind {
            Kind::Tcp(it) => {
                let (stream, peer) = it.accept().await?;
                let local = stream.local_addr().map(|it| it.to_string()).unwrap_or_default();
                let near = peer.ip().to_canonical().is_loopback();
                Ok(Accepted { raw: Raw::Tcp(stream.into_std()?), peer: peer.to_string(), local, near })
            }
            Kind::Unix(it) => {
                let (stream, _) = it.accept().await?;
                let address = format!("{}:0", self.address());
                Ok(Accepted { raw: Raw::Unix(stream.into_std()?), peer: address.clone(), local: address, near: true })
            }
        }
    }
}

/// A connection that was accepted, not yet part of an event loop.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) raw: Raw,
    pub(crate) peer: String,
    pub(crate) local: String,
    /// Whether the client is on this machine.
    pub(crate) near: bool,
}

impl From<TcpListener> for Listener {
    fn from(it: TcpListener) -> Self {
        Self { kind: Kind::Tcp(it), tls: None }
    }
}

impl From<UnixListener> for Listener {
    fn from(it: UnixListener) -> Self {
        Self { kind: Kind::Unix(it), tls: None }
    }
}
