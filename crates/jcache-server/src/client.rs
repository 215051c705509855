//! What others see of a connection, and how they reach it: the only state that its task shares.
//!
//! The task writes what is told of it (`CLIENT LIST`, `INFO`) without locks; others leave signals and messages and wake
//! it. Nothing here is touched by an ordinary command: the task looks at one word of signals each time it runs, and
//! writes its figures once a batch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use jcache_resp::Protocol;
use parking_lot::Mutex;

use crate::buffers::Buffers;
use crate::settings::OutputLimit;

/// What others ask of a connection; bits of one word.
pub(crate) mod signal {
    /// Close at once; the reason is in the facts.
    pub(crate) const CLOSE: usize = 1;
    /// Carry out what has been read, write the replies, close.
    pub(crate) const STOP: usize = 2;
    /// There are messages.
    pub(crate) const MAIL: usize = 4;
    /// Stop waiting in the blocking command as if its time were over.
    pub(crate) const UNBLOCK: usize = 8;
    /// The same, with an error.
    pub(crate) const UNBLOCK_ERROR: usize = 16;
    /// Nothing has happened for a while: give buffers back.
    pub(crate) const REST: usize = 32;
}

/// Why a connection is closed from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// `CLIENT KILL`.
    Killed,
    /// Idle for longer than the limit.
    Idle,
    /// More output waits than the limit allows.
    Output,
    /// Output waits and is not read.
    Stalled,
    /// The server stops, and its patience is over.
    Stopped,
}

/// A connection, as others see it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) peer: String,
    pub(crate) local: String,
    pub(crate) kind: &'static str,
    /// The second of the server's life in which it came.
    pub(crate) born: u64,
    pub(crate) figures: Figures,
    pub(crate) facts: Mutex<Facts>,
    signals: AtomicUsize,
    waker: AtomicWaker,
    mailbox: Mutex<Mailbox>,
    blocked: AtomicBool,
    /// Whether it speaks RESP3: how messages are written for it.
    three: AtomicBool,
}

/// Numbers that the task writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) commands: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    /// Bytes that wait to be read by the client.
    pub(crate) output: AtomicUsize,
    /// The second of the server's life in which it last sent or was sent something.
    pub(crate) active: AtomicU64,
    /// The second in which output was last taken by the client.
    pub(crate) progress: AtomicU64,
    /// The second in which the soft limit of output was first exceeded; zero when it is not.
    pub(crate) over_since: AtomicU64,
    /// What it did last, as a place in the table of commands.
    pub(crate) last_command: AtomicUsize,
    /// Subscriptions to channels, patterns and shard channels.
    pub(crate) subscriptions: [AtomicUsize; 3],
    pub(crate) buffers: Buffers,
}

/// Adds to a number that only the caller writes: no locked instruction.
#[inline]
pub(crate) fn add(number: &AtomicU64, more: u64) {
    number.store(number.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// What changes seldom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) name: String,
    pub(crate) library: String,
    pub(crate) library_version: String,
    pub(crate) user: Option<Arc<str>>,
    /// Commands that are queued since `MULTI`.
    pub(crate) queued: Option<usize>,
    /// Bytes that they take.
    pub(crate) queued_bytes: usize,
    pub(crate) watched: usize,
    pub(crate) no_evict: bool,
    pub(crate) no_touch: bool,
    pub(crate) reason: Option<Reason>,
}

/// Messages that the connection has not taken yet.
#[derive(Debug, Default)]
struct Mailbox {
    messages: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
}

impl Client {
    pub(crate) fn new(id: u64, kind: &'static str, peer: String, local: String, born: u64) -> Self {
        let figures = Figures::default();
        figures.active.store(born, Ordering::Relaxed);
        figures.progress.store(born, Ordering::Relaxed);
        Self {
            id,
            peer,
            local,
            kind,
            born,
            figures,
            facts: Mutex::default(),
            signals: AtomicUsize::new(0),
            waker: AtomicWaker::new(),
            mailbox: Mutex::default(),
            blocked: AtomicBool::new(false),
            three: AtomicBool::new(false),
        }
    }

    /// Lets the connection know.
    pub(crate) fn signal(&self, signal: usize) {
        self.signals.fetch_or(signal, Ordering::AcqRel);
        self.waker.wake();
    }

    /// Closes the connection.
    pub(crate) fn close(&self, reason: Reason) {
        self.facts.lock().reason.get_or_insert(reason);
        self.signal(signal::CLOSE);
    }

    /// What has been signalled; the task asks, after it said whom to wake.
    #[inline]
    pub(crate) fn listen(&self, waker: &std::task::Waker) -> usize {
        self.waker.register(waker);
        self.signals.load(Ordering::Acquire)
    }

    /// What has been signalled.
    #[inline]
    pub(crate) fn signals(&self) -> usize {
        self.signals.load(Ordering::Acquire)
    }

    /// Takes signals away that have been seen to.
    pub(crate) fn seen(&self, signals: usize) {
        self.signals.fetch_and(!signals, Ordering::AcqRel);
    }

    /// The connection waits in a blocking command from here on, or no more.
    pub(crate) fn set_blocked(&self, blocked: bool) {
        let _facts = self.facts.lock();
        self.blocked.store(blocked, Ordering::Relaxed);
        self.seen(signal::UNBLOCK | signal::UNBLOCK_ERROR);
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Ends the waiting of a blocking command; false when there is none, or it was ended already.
    pub(crate) fn unblock(&self, with_error: bool) -> bool {
        let _facts = self.facts.lock();
        if !self.is_blocked() || self.signals() & (signal::UNBLOCK | signal::UNBLOCK_ERROR) != 0 {
            return false;
        }
        self.signal(if with_error { signal::UNBLOCK_ERROR } else { signal::UNBLOCK });
        true
    }

    pub(crate) fn protocol(&self) -> Protocol {
        if self.three.load(Ordering::Relaxed) { Protocol::Resp3 } else { Protocol::Resp2 }
    }

    pub(crate) fn set_protocol(&self, protocol: Protocol) {
        self.three.store(protocol == Protocol::Resp3, Ordering::Relaxed);
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.figures.subscriptions.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    /// Leaves a message. When more would wait than `limit` allows, the connection is closed instead.
    pub(crate) fn post(&self, message: Bytes, limit: OutputLimit) {
        let mut mailbox = self.mailbox.lock();
        if mailbox.closed {
            return;
        }
        mailbox.bytes += message.len();
        let waiting = mailbox.bytes + self.figures.output.load(Ordering::Relaxed);
        if limit.hard > 0 && waiting > limit.hard {
            mailbox.close();
            drop(mailbox);
            return self.close(Reason::Output);
        }
        mailbox.messages.push_back(message);
        drop(mailbox);
        if self.signals() & signal::MAIL == 0 {
            self.signal(signal::MAIL);
        }
    }

    /// The messages that have come.
    pub(crate) fn take_mail(&self) -> VecDeque<Bytes> {
        self.seen(signal::MAIL);
        let mut mailbox = self.mailbox.lock();
        mailbox.bytes = 0;
        std::mem::take(&mut mailbox.messages)
    }

    /// Bytes that wait for the client, messages included.
    pub(crate) fn output(&self) -> usize {
        self.mailbox.lock().bytes + self.figures.output.load(Ordering::Relaxed)
    }

    /// Bytes of messages that wait, and how many there are.
    pub(crate) fn mail(&self) -> (usize, usize) {
        let mailbox = self.mailbox.lock();
        (mailbox.bytes, mailbox.messages.len())
    }

    /// Bytes that the connection takes, as far as they are known: the buffers, what is queued, and itself.
    pub(crate) fn memory(&self) -> usize {
        let queued = self.facts.lock().queued_bytes;
        size_of::<Self>() + self.figures.buffers.held().total + self.mail().0 + queued
    }

    /// No messages are taken any more.
    pub(crate) fn close_mailbox(&self) {
        self.mailbox.lock().close();
    }
}

impl Mailbox {
    fn close(&mut self) {
        (self.closed, self.bytes) = (true, 0);
        self.messages = VecDeque::new();
    }
}
