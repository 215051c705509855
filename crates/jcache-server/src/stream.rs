//! A connection's bytes, whatever carries them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut};
use tokio::io::AsyncWrite;
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

    /// `tcp` or `unix`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Raw::Tcp(_) => "tcp",
            Raw::Unix(_) => "unix",
        }
    }

    /// Says a few words to a client that is not let in, if it listens.
    pub(crate) fn say(&self, words: &[u8]) {
        use std::io::Write;
        // Its silence does not matter, nor whether it heard all.
        let _ = match self {
            Raw::Tcp(it) => (&*it).write(words),
            Raw::Unix(it) => (&*it).write(words),
        };
    }

    /// Makes it part of the current event loop.
    pub(crate) fn enter(self) -> io::Result<Stream> {
        Ok(match self {
            Raw::Tcp(it) => Stream::Tcp(TcpStream::from_std(it)?),
            Raw::Unix(it) => Stream::Unix(UnixStream::from_std(it)?),
        })
    }
}

/// Pieces that one call writes at most.
const PIECES: usize = 64;

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
    /// Ready when a read may bring something. A layer in between cannot know, and says so always.
    #[inline]
    pub(crate) fn poll_readable(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(it) => it.poll_read_ready(task),
            Stream::Unix(it) => it.poll_read_ready(task),
            Stream::Tls(_) | Stream::TlsOverUnix(_) => Poll::Ready(Ok(())),
        }
    }

    /// Reads into the free room of `buffer`; zero at the end.
    ///
    /// When fewer bytes came than there was room for, the event loop knows that there is no more, and the next read
    /// costs no system call.
    #[inline]
    pub(crate) fn poll_read(&mut self, task: &mut Context<'_>, buffer: &mut impl BufMut) -> Poll<io::Result<usize>> {
        each!(self, it => tokio_util::io::poll_read_buf(Pin::new(it), task, buffer))
    }

    /// Writes some of `bytes`.
    #[inline]
    pub(crate) fn poll_write(&mut self, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, it => Pin::new(it).poll_write(task, bytes))
    }

    /// Writes some of several pieces.
    pub(crate) fn poll_write_several(&mut self, task: &mut Context<'_>, bytes: &impl Buf) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); PIECES];
        let count = bytes.chunks_vectored(&mut slices);
        each!(self, it => Pin::new(it).poll_write_vectored(task, &slices[..count]))
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
