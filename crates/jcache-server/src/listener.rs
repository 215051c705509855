//! Where clients come from: a TCP port, with or without TLS, or a Unix socket.

use std::io;
use std::path::Path;

use jcache_core::Result;
use tokio::net::{TcpListener, UnixListener};

use crate::tls::Tls;

/// Accepts connections.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    tls: Option<Tls>,
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
        let _ = permissions;
        UnixListener::bind(path).map(Self::from)
    }

    /// Secures the connections of a TCP port.
    ///
    /// # Errors
    /// Configuration, naming the file that cannot be used.
    pub fn tls(mut self, tls: Tls) -> Result<Self> {
        self.tls = Some(tls);
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
