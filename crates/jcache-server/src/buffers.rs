//! What a connection holds: the bytes of its buffers, as `CLIENT LIST` and `INFO` tell them.
//!
//! The connection's task writes these where its buffers change anyway, once a batch and without a locked instruction;
//! whoever lists the clients reads them, so what is told is what was so a moment ago.

use std::sync::atomic::{AtomicUsize, Ordering};

use jcache_core::Arg;
use jcache_resp::{Output, RequestDecoder};

/// Bytes, where nothing else is said.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// The task itself.
    task: AtomicUsize,
    /// Received and not understood yet, and the room beside it.
    query: AtomicUsize,
    query_free: AtomicUsize,
    /// The command that is being carried out, or waits.
    arguments: AtomicUsize,
    /// Room for small replies, and the most that ever waited at once since the buffer was given back.
    replies: AtomicUsize,
    replies_peak: AtomicUsize,
    /// Replies that wait to be read: large ones, and how many pieces they are. The rest is small ones.
    large: AtomicUsize,
    pieces: AtomicUsize,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Held {
    pub(crate) query: usize,
    pub(crate) query_free: usize,
    pub(crate) arguments: usize,
    pub(crate) replies: usize,
    pub(crate) replies_peak: usize,
    pub(crate) large: usize,
    pub(crate) pieces: usize,
    /// All of it, and what the task takes for itself.
    pub(crate) total: usize,
}

fn set(number: &AtomicUsize, to: usize) {
    number.store(to, Ordering::Relaxed);
}

impl Buffers {
    /// The connection is there.
    pub(crate) fn begin(&self, task: usize) {
        set(&self.task, task);
    }

    /// Something was read, or understood.
    #[inline]
    pub(crate) fn read(&self, decoder: &RequestDecoder) {
        let (held, free) = decoder.held();
        set(&self.query, held);
        set(&self.query_free, free);
    }

    /// So much is about to be written.
    #[inline]
    pub(crate) fn write(&self, out: &Output) {
        set(&self.replies, out.capacity());
        if out.len() > self.replies_peak.load(Ordering::Relaxed) {
            set(&self.replies_peak, out.len());
        }
    }

    /// So much waits to be read by the client, or nothing any more.
    pub(crate) fn wait(&self, out: &Output) {
        let (large, pieces) = out.pieces();
        set(&self.replies, out.capacity());
        set(&self.large, large);
        set(&self.pieces, pieces);
    }

    /// What held nothing was given back.
    pub(crate) fn rest(&self, decoder: &RequestDecoder, out: &Output) {
        self.read(decoder);
        set(&self.replies, out.capacity());
        set(&self.replies_peak, out.len());
    }

    /// This command is under way.
    pub(crate) fn begin_command(&self, args: &[Arg<'_>]) {
        set(&self.arguments, args.iter().map(|arg| arg.len()).sum());
    }

    /// No command is under way.
    pub(crate) fn end_command(&self) {
        set(&self.arguments, 0);
    }

    /// What is held now.
    pub(crate) fn held(&self) -> Held {
        let get = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        let held = Held {
            query: get(&self.query),
            query_free: get(&self.query_free),
            arguments: get(&self.arguments),
            replies: get(&self.replies),
            replies_peak: get(&self.replies_peak),
            large: get(&self.large),
            pieces: get(&self.pieces),
            total: 0,
        };
        let total = get(&self.task) + held.query + held.query_free + held.arguments + held.replies + held.large;
        Held { total, ..held }
    }
}
