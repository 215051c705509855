//! One connection's bytes: the socket, what was read of it and not yet understood, and what waits to be written.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Buf;
use jcache_resp::RequestDecoder;

use crate::accept::Registered;
use crate::client::{Reason, add, signal};
use crate::session::Session;
use crate::stream::Stream;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client is gone.
    Gone,
    /// All was said: `QUIT`, end of input, or the server stops.
    Done,
    /// Somebody wants it closed.
    Closed(Reason),
}

/// How waiting for a command ended.
pub(crate) enum Attended<T> {
    Done(T),
    /// `CLIENT UNBLOCK`.
    Unblocked {
        with_error: bool,
    },
}

pub(crate) struct Wire {
    pub(crate) stream: Stream,
    pub(crate) decoder: RequestDecoder,
    pub(crate) session: Session,
    /// No more is read: the client has said all, or the server stops. What was read is still carried out.
    pub(crate) is_closing: bool,
    /// Nothing more of what was read is carried out.
    pub(crate) is_deaf: bool,
    /// Bytes of one command that a client may send.
    pub(crate) query_limit: usize,
    /// Dropped after everything else: then the client is no more told of.
    pub(crate) _registered: Registered,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.session.forget_subscriptions();
    }
}

impl Wire {
    /// Looks at what others want of this connection.
    #[inline]
    pub(crate) fn heed(&mut self, task: &mut Context<'_>) -> Result<(), End> {
        match self.session.client.listen(task.waker()) {
            0 => Ok(()),
            signals => self.heed_signals(signals),
        }
    }

    #[cold]
    fn heed_signals(&mut self, signals: usize) -> Result<(), End> {
        if signals & signal::CLOSE != 0 {
            let reason = self.session.client.facts.lock().reason.unwrap_or(Reason::Killed);
            return Err(End::Closed(reason));
        }
        if signals & signal::STOP != 0 {
            self.session.client.seen(signal::STOP);
            self.is_closing = true;
        }
        if signals & signal::MAIL != 0 {
            self.session.take_mail();
        }
        if signals & signal::REST != 0 {
            self.session.client.seen(signal::REST);
            self.rest();
        }
        Ok(())
    }

    /// Gives buffers back that hold nothing.
    fn rest(&mut self) {
        self.session.out.release();
        if !self.decoder.is_midway() {
            self.decoder.release();
        }
        self.session.client.figures.buffers.rest(&self.decoder, &self.session.out);
    }

    /// Writes what waits; pending when the client does not take all of it now.
    #[inline]
    pub(crate) fn write(&mut self, task: &mut Context<'_>) -> Result<Poll<()>, End> {
        if self.session.out.is_empty() {
            return Ok(Poll::Ready(()));
        }
        let figures = &self.session.client.figures;
        figures.buffers.write(&self.session.out);
        while !self.session.out.is_empty() {
            let out = &mut self.session.out;
            let written = if out.chunk().len() == out.remaining() {
                self.stream.poll_write(task, out.chunk())
            } else {
                self.stream.poll_write_several(task, out)
            };
            match written {
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.session.out.advance(count);
                    add(&figures.bytes_out, count as u64);
                    figures.progress.store(self.session.shared.second(), Ordering::Relaxed);
                }
                Poll::Ready(_) => return Err(End::Gone),
                Poll::Pending => {
                    if figures.output.load(Ordering::Relaxed) == 0 {
                        figures.progress.store(self.session.shared.second(), Ordering::Relaxed);
                    }
                    figures.output.store(self.session.out.len(), Ordering::Relaxed);
                    figures.buffers.wait(&self.session.out);
                    return Ok(Poll::Pending);
                }
            }
        }
        if figures.output.load(Ordering::Relaxed) > 0 {
            figures.output.store(0, Ordering::Relaxed);
            figures.buffers.wait(&self.session.out);
        }
        match self.stream.poll_flush(task) {
            Poll::Ready(Err(_)) => Err(End::Gone),
            flushed => Ok(flushed.map(|_| ())),
        }
    }

    /// Reads what has come; pending when nothing has. Zero at the end.
    #[inline]
    pub(crate) fn read(&mut self, task: &mut Context<'_>) -> Result<Poll<usize>, End> {
        // No buffer is there for a client that sends nothing.
        let readable = match self.stream.poll_readable(task) {
            Poll::Pending => return Ok(Poll::Pending),
            Poll::Ready(readable) => readable,
        };
        readable.map_err(|_| End::Gone)?;
        match self.stream.poll_read(task, &mut self.decoder.input()) {
            Poll::Pending => Ok(Poll::Pending),
            Poll::Ready(Err(_)) => Err(End::Gone),
            Poll::Ready(Ok(count)) => {
                let figures = &self.session.client.figures;
                add(&figures.bytes_in, count as u64);
                figures.active.store(self.session.shared.second(), Ordering::Relaxed);
                figures.buffers.read(&self.decoder);
                Ok(Poll::Ready(count))
            }
        }
    }

    /// Waits for the outcome of a command, and meanwhile writes, reads ahead, and heeds signals. A command that `blocks`
    /// is given up when the client goes away, or the server stops.
    pub(crate) async fn attend<T>(&mut self, work: impl Future<Output = T>, blocks: bool) -> Result<Attended<T>, End> {
        let mut work = pin!(work);
        let mut ahead = 0;
        let mut is_gone = false;
        std::future::poll_fn(|task| {
            // The client first: what a blocking command brings to nobody is put back.
            self.heed(task)?;
            if blocks && self.is_closing {
                return Poll::Ready(Err(End::Done));
            }
            let signals = self.session.client.signals();
            let unblock = signals & (signal::UNBLOCK | signal::UNBLOCK_ERROR);
            while blocks && ahead < self.query_limit {
                match self.read(task) {
                    Ok(Poll::Ready(0)) | Err(_) => return Poll::Ready(Err(End::Gone)),
                    Ok(Poll::Ready(count)) => ahead += count,
                    Ok(Poll::Pending) => break,
                }
            }
            if let Poll::Ready(outcome) = work.as_mut().poll(task) {
                return Poll::Ready(Ok(Attended::Done(outcome)));
            }
            if unblock != 0 {
                let with_error = unblock & signal::UNBLOCK_ERROR != 0;
                return Poll::Ready(Ok(Attended::Unblocked { with_error }));
            }
            if !is_gone && self.write(task).is_err() {
                // What was read is still carried out: the client may have gone after it was sent.
                (is_gone, self.is_closing) = (true, true);
                self.session.out.clear();
                if blocks {
                    return Poll::Ready(Err(End::Gone));
                }
            }
            Poll::Pending
        })
        .await
    }
}
