//! Full synchronisation (2.14): shard by shard, on the one stream that carries the records too.
//!
//! The leader cuts shard after shard as they are at the end of its log. Records and pieces take turns, so that neither
//! writes nor the synchronisation can starve the other; a cut may therefore overtake records that it already has. The
//! follower's rules: a record of a shard that has *not begun* is dropped (the cut will have it); of the shard *in
//! progress* kept until its end; and then, as later, applied *if and only if* it is from after the cut. The end is told
//! when all records are sent. Nothing is held back at the leader, and at the follower no more than one shard's worth; the
//! log that it gathers meanwhile is trimmed as any other.

use std::collections::VecDeque;

use bytes::Bytes;
use jcache_core::Error;

use super::apply::apply_effect;
use super::codec::take_bytes;
use super::epochs::Epochs;
use super::event::StreamId;
use super::log::{Log, Run, next_record};
use super::member::Offset;
use super::message::{Snap, SnapPart};
use super::record::{self, Kind};
use super::sessions::Sessions;
use super::store::{Side, Store};
use super::switch::{Rules, Switch};
use super::{Cx, Engine};

/// A full synchronisation at the leader.
#[derive(Debug)]
pub(crate) struct Sending {
    next_shard: usize,
    pieces: VecDeque<Bytes>,
    open: bool,
    done: bool,
    /// Records went last: it is a piece's turn.
    pub(crate) waited: bool,
}

impl Sending {
    pub(crate) fn new() -> Self {
        Self { next_shard: 0, pieces: VecDeque::new(), open: false, done: false, waited: false }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Whether all shards are sent, and only the end is to be told.
    pub(crate) fn is_at_its_end(&self, shards: usize) -> bool {
        !self.done && !self.open && self.next_shard == shards
    }

    /// The next part; `leo` is the end of the log. The end itself is for a follower that was sent all records.
    pub(crate) fn next<S: Store>(
        &mut self,
        store: &mut S,
        leo: Offset,
        chunk: usize,
        sessions: &Sessions,
        epochs: &Epochs,
    ) -> SnapPart {
        self.waited = false;
        if self.open {
            let shard = self.next_shard - 1;
            if let Some(entries) = self.pieces.pop_front() {
                return SnapPart::Chunk { shard, entries };
            }
            self.open = false;
            return SnapPart::End { shard };
        }
        if self.next_shard < store.shards() {
            let shard = self.next_shard;
            self.pieces = store.snapshot(shard, chunk).into();
            self.next_shard += 1;
            self.open = true;
            return SnapPart::Begin { shard, shards: store.shards(), at: leo };
        }
        self.done = true;
        SnapPart::Done { leo, sessions: sessions.encode().into(), epochs: epochs.pairs().to_vec() }
    }
}

/// A full synchronisation at the follower.
#[derive(Debug)]
pub(crate) struct Loading {
    /// The records that came meanwhile.
    pub(crate) log: Log,
    pub(crate) hw: Offset,
    /// Of each shard that has begun, its cut.
    cuts: Vec<Offset>,
    /// The last one has not ended.
    open: bool,
    /// Records that wait for its end: no more than pieces came, with which they take turns.
    kept: Vec<(Offset, Bytes)>,
    /// Bytes of these.
    kept_bytes: usize,
}

/// What a loaded copy comes with.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) sessions: Sessions,
    pub(crate) epochs: Epochs,
}

impl Loading {
    pub(crate) fn new(base: Offset) -> Self {
        let log = Log::after(base, Epochs::default());
        Self { log, hw: 0, cuts: Vec::new(), open: false, kept: Vec::new(), kept_bytes: 0 }
    }

    /// What it keeps, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.log.bytes() + self.kept_bytes
    }

    /// Takes records as they come.
    pub(crate) fn take<S: Store>(&mut self, store: &mut S, run: &Run, rules: Rules) -> Result<(), Error> {
        let mut bytes = run.bytes.clone();
        let mut offset = run.first;
        let done = self.cuts.len() - usize::from(self.open);
        while let Some(record) = next_record(&mut bytes) {
            let cuts = &self.cuts;
            let filter = !rules.off(Switch::SnapNoFilter);
            let shard_done = |shard: usize| {
                if shard < done {
                    return !filter || offset > cuts[shard];
                }
                if shard < cuts.len() { rules.off(Switch::SnapInProgress) } else { rules.off(Switch::SnapNotBegun) }
            };
            repeat(store, &record, &shard_done)?;
            if self.open && !rules.off(Switch::SnapInProgress) {
                self.kept_bytes += record.len();
                self.kept.push((offset, record));
            }
            offset += 1;
        }
        Ok(())
    }

    fn begin(&mut self, shard: usize, at: Offset) -> bool {
        let in_order = shard == self.cuts.len() && !self.open;
        if in_order {
            self.cuts.push(at);
            self.open = true;
        }
        in_order
    }

    /// Whether `shard` is the one in progress.
    fn is_open(&self, shard: usize) -> bool {
        self.open && shard.checked_add(1) == Some(self.cuts.len())
    }

    fn end<S: Store>(&mut self, store: &mut S, shard: usize, rules: Rules) -> Result<bool, Error> {
        if !self.is_open(shard) {
            return Ok(false);
        }
        self.open = false;
        let cut = self.cuts[shard];
        self.kept_bytes = 0;
        for (offset, record) in std::mem::take(&mut self.kept) {
            if offset > cut || rules.off(Switch::SnapNoFilter) {
                repeat(store, &record, &|it| it == shard)?;
            }
        }
        Ok(true)
    }
}

/// Repeats a record in the copy that is being loaded, in the shards that `admits` takes.
fn repeat<S: Store>(store: &mut S, bytes: &[u8], admits: &dyn Fn(usize) -> bool) -> Result<(), Error> {
    let record = record::read(bytes)?;
    match record.kind {
        Kind::Effect => apply_effect(store, record.body, Side::Loading, admits),
        Kind::Batch => {
            let mut body = record.body;
            while !body.is_empty() {
                repeat(store, take_bytes(&mut body)?, admits)?;
            }
            Ok(())
        }
        // Sessions and wire version come with the end.
        _ => Ok(()),
    }
}

impl Engine {
    pub(super) fn on_snap<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, snap: Snap) {
        self.promise(cx, snap.epoch);
        let rules = self.rules;
        let Some(loading) = self.loading(stream, snap.epoch) else { return };
        let fits = match snap.part {
            SnapPart::Begin { shard, shards, at } => {
                shards == cx.store.shards() && shard < shards && loading.begin(shard, at)
            }
            SnapPart::Chunk { shard, entries } => loading.is_open(shard) && cx.store.load(shard, &entries).is_ok(),
            SnapPart::End { shard } => loading.end(cx.store, shard, rules).unwrap_or(false),
            SnapPart::Done { leo, sessions, epochs } => {
                let whole = loading.cuts.len() == cx.store.shards() && !loading.open && loading.log.leo() == leo;
                let epochs = Epochs::from_pairs(epochs);
                let told = epochs.last() <= snap.epoch;
                match Sessions::decode(&sessions) {
                    Ok(sessions) if whole && told => {
                        self.loaded(cx, Done { sessions, epochs });
                        true
                    }
                    _ => false,
                }
            }
        };
        if fits { self.acknowledge(cx, snap.seq) } else { self.rejoin(cx) }
    }
}
