//! The log in memory: what followers still need, and what those that come back may ask for.
//!
//! Records lie encoded in frozen segments that all streams share. The leader appends to an open tail, which is frozen
//! when somebody reads it, so frames are as large as the time between two reads makes them. A follower keeps the frames
//! as they came.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use super::codec;
use super::epochs::Epochs;
use super::member::{Epoch, Offset};

/// The tail is allocated in blocks of this many bytes.
const BLOCK: usize = 64 << 10;

/// What a segment costs besides its bytes.
const SEGMENT_COST: usize = 96;

#[derive(Debug, Clone)]
struct Segment {
    epoch: Epoch,
    first: Offset,
    count: u32,
    /// Bytes appended to the log before this segment, ever.
    position: u64,
    bytes: Bytes,
}

impl Segment {
    fn last(&self) -> Offset {
        self.first + u64::from(self.count) - 1
    }
}

/// Some records in a row, of one epoch.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) epoch: Epoch,
    pub(crate) first: Offset,
    pub(crate) count: u32,
    pub(crate) bytes: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    segments: VecDeque<Segment>,
    tail: BytesMut,
    tail_epoch: Epoch,
    tail_count: u32,
    tail_position: u64,
    pub(crate) epochs: Epochs,
    leo: Offset,
    /// Of segments and tail, with what the segments cost.
    bytes: usize,
    /// Where the record after this offset begins in its segment: the applier reads on from there.
    mark: (Offset, usize),
}

/// The length of the record at the start of `bytes`, with its own length.
#[inline]
fn record_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let len = usize::try_from(codec::take_varint(&mut rest).ok()?).ok()?;
    (len <= rest.len()).then(|| bytes.len() - rest.len() + len)
}

/// Where the record after the first `count` begins.
fn skip(bytes: &[u8], count: u64) -> usize {
    let mut at = 0;
    for _ in 0..count {
        at += record_len(&bytes[at..]).expect("invariant: the log holds whole records");
    }
    at
}

/// Whether `bytes` are exactly `count` records.
pub(crate) fn is_whole(mut bytes: &[u8], count: u32) -> bool {
    for _ in 0..count {
        let Some(len) = record_len(bytes) else { return false };
        bytes = &bytes[len..];
    }
    bytes.is_empty()
}

/// Takes the next record, without its length, from `bytes`.
#[inline]
pub(crate) fn next_record(bytes: &mut Bytes) -> Option<Bytes> {
    let mut rest: &[u8] = bytes;
    let len = usize::try_from(codec::take_varint(&mut rest).ok()?).ok()?;
    let head = bytes.len() - rest.len();
    if len > rest.len() {
        return None;
    }
    bytes.advance(head);
    Some(bytes.split_to(len))
}

impl Log {
    /// An empty log after `base`: what a full synchronisation starts with.
    pub(crate) fn after(base: Offset, epochs: Epochs) -> Self {
        Self { leo: base, epochs, ..Self::default() }
    }

    /// The last offset.
    #[inline]
    pub(crate) fn leo(&self) -> Offset {
        self.leo
    }

    /// The first offset that is kept; the one after the last when none is.
    pub(crate) fn first(&self) -> Offset {
        self.segments.front().map_or(self.leo + 1 - u64::from(self.tail_count), |segment| segment.first)
    }

    /// What the log takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a record of `epoch`; gives its offset.
    #[inline]
    pub(crate) fn append(&mut self, epoch: Epoch, record: &[u8]) -> Offset {
        let need = record.len() + 10;
        if self.tail_epoch != epoch || self.tail.capacity() - self.tail.len() < need {
            self.freeze();
            self.tail_epoch = epoch;
            if self.tail.capacity() < need {
                self.tail = BytesMut::with_capacity(need.max(BLOCK));
            }
        }
        let before = self.tail.len();
        let mut len = record.len() as u64;
        let (mut head, mut digits) = ([0_u8; 10], 0);
        loop {
            let more = len >= 0x80;
            head[digits] = len as u8 & 0x7f | u8::from(more) << 7;
            digits += 1;
            len >>= 7;
            if !more {
                break;
            }
        }
        self.tail.extend_from_slice(&head[..digits]);
        self.tail.extend_from_slice(record);
        self.bytes += self.tail.len() - before;
        self.leo += 1;
        self.tail_count += 1;
        self.epochs.note(epoch, self.leo);
        self.leo
    }

    /// Appends records as they came; they follow the last one.
    pub(crate) fn extend(&mut self, run: Run) {
        self.freeze();
        debug_assert_eq!(run.first, self.leo + 1, "records follow each other");
        if run.count == 0 {
            return;
        }
        self.epochs.note(run.epoch, run.first);
        self.leo += u64::from(run.count);
        self.bytes += run.bytes.len() + SEGMENT_COST;
        let len = run.bytes.len() as u64;
        let Run { epoch, first, count, bytes } = run;
        self.segments.push_back(Segment { epoch, first, count, position: self.tail_position, bytes });
        self.tail_position += len;
    }

    fn freeze(&mut self) {
        if self.tail_count == 0 {
            return;
        }
        let bytes = self.tail.split().freeze();
        let first = self.leo + 1 - u64::from(self.tail_count);
        let len = bytes.len() as u64;
        let segment =
            Segment { epoch: self.tail_epoch, first, count: self.tail_count, position: self.tail_position, bytes };
        self.segments.push_back(segment);
        self.bytes += SEGMENT_COST;
        self.tail_position += len;
        self.tail_count = 0;
    }

    fn index_of(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.last() < offset)
    }

    /// The records from `from` on, at least one if there is one and as many as fit `most` bytes.
    pub(crate) fn read(&mut self, from: Offset, most: usize) -> Option<Run> {
        if from > self.leo || from < self.first() {
            return None;
        }
        self.freeze();
        let mut index = self.index_of(from);
        let segment = self.segments.get(index)?;
        let mut run = segment.part(from, segment.last());
        if run.bytes.len() > most {
            run.cut(most);
            return Some(run);
        }
        // Small neighbours go together: a copy costs less than a message.
        let mut joined: Option<Vec<u8>> = None;
        loop {
            index += 1;
            let so_far = joined.as_ref().map_or(run.bytes.len(), Vec::len);
            let next = self.segments.get(index).filter(|next| next.epoch == run.epoch);
            let Some(next) = next.filter(|next| so_far + next.bytes.len() <= most) else { break };
            joined.get_or_insert_with(|| run.bytes.to_vec()).extend_from_slice(&next.bytes);
            run.count += next.count;
        }
        if let Some(joined) = joined {
            run.bytes = joined.into();
        }
        Some(run)
    }

    /// The records after `after` and up to `to`, as far as they lie in one segment: for the applier, which goes on where
    /// it was.
    pub(crate) fn piece(&mut self, after: Offset, to: Offset) -> Option<Run> {
        let from = after + 1;
        if from > self.leo || from > to || from < self.first() {
            return None;
        }
        self.freeze();
        let segment = self.segments.get(self.index_of(from))?;
        let start = match self.mark {
            (offset, at) if offset == after && from > segment.first => at,
            _ => skip(&segment.bytes, from - segment.first),
        };
        let last = segment.last().min(to);
        let count = last - after;
        let bytes = segment.bytes.slice(start..);
        let len = if last == segment.last() { bytes.len() } else { skip(&bytes, count) };
        self.mark = (last, start + len);
        Some(Run { epoch: segment.epoch, first: from, count: count as u32, bytes: bytes.slice(..len) })
    }

    /// Drops what follows `offset`.
    pub(crate) fn truncate(&mut self, offset: Offset) {
        self.freeze();
        self.mark = (0, 0);
        while let Some(last) = self.segments.pop_back() {
            self.bytes -= last.bytes.len() + SEGMENT_COST;
            self.tail_position = last.position;
            if last.first > offset {
                continue;
            }
            let kept =
                if last.last() > offset { last.part(last.first, offset) } else { last.part(last.first, last.last()) };
            self.bytes += kept.bytes.len() + SEGMENT_COST;
            self.tail_position += kept.bytes.len() as u64;
            self.segments.push_back(Segment { count: kept.count, bytes: kept.bytes, ..last });
            break;
        }
        self.leo = self.leo.min(offset);
        self.epochs.truncate(offset);
    }

    /// Drops the oldest segments beyond `most` bytes, up to `safe`.
    pub(crate) fn trim(&mut self, most: usize, safe: Offset) {
        while self.bytes > most && self.segments.front().is_some_and(|segment| segment.last() <= safe) {
            if let Some(first) = self.segments.pop_front() {
                self.bytes -= first.bytes.len() + SEGMENT_COST;
            }
        }
    }

    /// About how many bytes of records follow `offset`.
    pub(crate) fn bytes_after(&self, offset: Offset) -> u64 {
        if offset >= self.leo {
            return 0;
        }
        let end = self.tail_position + self.tail.len() as u64;
        let tail_first = self.leo + 1 - u64::from(self.tail_count);
        if offset + 1 >= tail_first {
            return self.tail.len() as u64 * (self.leo - offset) / u64::from(self.tail_count.max(1));
        }
        match self.segments.get(self.index_of(offset + 1)) {
            None => end,
            Some(segment) => {
                let before = (offset + 1).saturating_sub(segment.first);
                end - segment.position - segment.bytes.len() as u64 * before / u64::from(segment.count)
            }
        }
    }
}

impl Segment {
    /// The records from `from` to `to`, both in this segment.
    fn part(&self, from: Offset, to: Offset) -> Run {
        let start = if from == self.first { 0 } else { skip(&self.bytes, from - self.first) };
        let count = to + 1 - from;
        let end = if to == self.last() { self.bytes.len() } else { start + skip(&self.bytes[start..], count) };
        Run { epoch: self.epoch, first: from, count: count as u32, bytes: self.bytes.slice(start..end) }
    }
}

impl Run {
    /// Keeps as many whole records as fit `most` bytes, at least one.
    fn cut(&mut self, most: usize) {
        let (mut at, mut count) = (0, 0);
        while count < self.count {
            let len = record_len(&self.bytes[at..]).expect("invariant: the log holds whole records");
            if count > 0 && at + len > most {
                break;
            }
            at += len;
            count += 1;
        }
        self.count = count;
        self.bytes.truncate(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(records: u64) -> Log {
        let mut log = Log::default();
        for offset in 1..=records {
            assert_eq!(log.append(1 + offset / 100, format!("record {offset}").as_bytes()), offset);
            if offset % 7 == 0 {
                log.freeze();
            }
        }
        log
    }

    fn texts(run: &Run) -> Vec<String> {
        let mut bytes = run.bytes.clone();
        std::iter::from_fn(|| next_record(&mut bytes)).map(|it| String::from_utf8_lossy(&it).into_owned()).collect()
    }

    #[test]
    fn every_record_is_read_from_every_offset() {
        let mut log = filled(250);
        for most in [1, 50, 10_000] {
            for from in 1..=250 {
                let run = log.read(from, most).unwrap();
                let texts = texts(&run);
                assert_eq!((run.first, texts.len() as u32), (from, run.count));
                assert!(texts.iter().enumerate().all(|(at, text)| *text == format!("record {}", from + at as u64)));
                assert!(is_whole(&run.bytes, run.count) && !is_whole(&run.bytes, run.count + 1));
                assert!(run.bytes.len() <= most || run.count == 1);
            }
        }
        assert!(log.read(251, 100).is_none() && log.read(0, 100).is_none());
    }

    #[test]
    fn the_applier_reads_on_where_it_was() {
        let mut log = filled(250);
        let (mut after, mut seen) = (0, Vec::new());
        for to in [1, 2, 9, 10, 13, 14, 100, 101, 250] {
            while let Some(run) = log.piece(after, to) {
                seen.extend(texts(&run));
                after += u64::from(run.count);
            }
            assert_eq!(after, to);
        }
        assert!(seen.iter().enumerate().all(|(at, text)| *text == format!("record {}", at + 1)));
    }

    #[test]
    fn truncation_and_trimming_keep_the_rest() {
        for cut in [0, 1, 6, 7, 8, 99, 100, 249, 250] {
            let mut log = filled(250);
            log.truncate(cut);
            assert_eq!((log.leo(), log.epochs.last()), (cut, if cut == 0 { 0 } else { 1 + cut / 100 }));
            assert_eq!(log.append(9, b"new"), cut + 1);
            assert_eq!(texts(&log.read(cut + 1, 100).unwrap()), ["new"]);
            assert_eq!(log.bytes_after(cut + 1), 0);
        }
        let mut log = filled(250);
        let (all, bytes) = (log.bytes_after(0), log.bytes());
        assert!((all as i64 - bytes as i64 + (35 * SEGMENT_COST) as i64).abs() < 8 * SEGMENT_COST as i64);
        log.trim(0, 20);
        assert_eq!(log.first(), 15, "segments of seven");
        log.trim(0, 1000);
        assert!(log.first() > 200 && log.read(log.leo(), 10).is_some());
    }
}
