//! The byte stream to a server: TCP, TLS over TCP, or a Unix socket.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::settings::Settings;

/// A silent connection is asked after this long whether the other machine is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// The pause between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
/// Bytes that the other machine has not acknowledged for so long break the connection.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    /// A host name or an address, and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp(host, port) => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens a stream to `address`.
///
/// # Errors
/// The system's, or TLS's.
#[cfg_attr(not(feature = "tls"), allow(unused_variables))]
pub(crate) async fn open(address: &Address, settings: &Settings) -> io::Result<Box<dyn Stream>> {
    match address {
        Address::Tcp(host, port) => {
            let tcp = TcpStream::connect((host.as_str(), *port)).await?;
            tcp.set_nodelay(true)?;
            watch_over(&tcp)?;
            #[cfg(feature = "tls")]
            if let Some(tls) = &settings.tls {
                return Ok(Box::new(tls.connect(host, tcp).await?));
            }
            Ok(Box::new(tcp))
        }
        #[cfg(unix)]
        Address::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Address::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "no Unix sockets on this system")),
    }
}

/// Lets the system notice a machine that is gone without a word, also while nothing but a blocking command waits.
fn watch_over(tcp: &TcpStream) -> io::Result<()> {
    let socket = socket2::SockRef::from(tcp);
    socket
        .set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}
