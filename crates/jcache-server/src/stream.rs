//! A connection's bytes, whatever carries them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// A socket that is not part of an event loop yet.
#[derive(Debug)]
pub(crate) enum Raw {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

impl Raw {
    /// Sends without delay, and asks silent peers after `keepalive` whether they are there still.
    pub(crate) fn tune(&self, keepalive: Option<Duration>) -> io::Result<()> {
        let Raw::Tcp(stream) = self else { return Ok(()) };
        stream.set_nodelay(true)?;
        if let Some(time) = keepalive {
            let interval = (time / 3).max(Duration::from_secs(1));
            let keepalive = socket2::TcpKeepalive::new().with_time(time).with_interval(interval).with_retries(3);
            socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
        }
        Ok(())
    }

    /// Makes it part of the current event loop.
    pub(crate) fn enter(self) -> io::Result<Stream> {
        Ok(match self {
            Raw::Tcp(it) => Stream::Tcp(TcpStream::from_std(it)?),
            Raw::Unix(it) => Stream::Unix(UnixStream::from_std(it)?),
        })
    }
}

/// A connection's bytes, both ways.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
    TlsOverUnix(Box<TlsStream<UnixStream>>),
}

macro_rules! each {
    ($stream:expr, $it:ident => $body:expr) => {
        match $stream {
            Stream::Tcp($it) => $body,
            Stream::Unix($it) => $body,
            Stream::Tls($it) => $body,
            Stream::TlsOverUnix($it) => $body,
        }
    };
}

impl Stream {
    /// Reads into the free room of `buffer`; zero at the end.
    ///
    /// When fewer bytes came than there was room for, the event loop knows that there is no more, and the next read
    /// costs no system call.
    #[inline]
    pub(crate) fn poll_read(&mut self, task: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        each!(self, it => tokio_util::io::poll_read_buf(Pin::new(it), task, buffer))
    }

    /// Writes some of `bytes`.
    #[inline]
    pub(crate) fn poll_write(&mut self, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, it => Pin::new(it).poll_write(task, bytes))
    }

    /// Lets go of what a layer in between holds back.
    #[inline]
    pub(crate) fn poll_flush(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, it => Pin::new(it).poll_flush(task))
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, it => Pin::new(it).poll_shutdown(task))
    }
}
