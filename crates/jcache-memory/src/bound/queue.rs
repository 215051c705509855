//! A queue of entries: four bytes for each, in chunks.
//!
//! An item names its entry by 32 bits of the hash: the first 24, which give the home in the table, and the tag. Nobody
//! searches a queue when an entry is removed, so items grow stale. A *pass* rids a queue of them chunk by chunk, from the
//! newest to the oldest: of several items of a key that came and went, the newest is the one that counts, and an entry
//! that this pass has seen already, its mark tells. Chunks keep pauses short: nothing is ever moved as a whole.

use std::collections::VecDeque;

/// Items in a chunk. At both ends of a queue half a chunk is room unused.
const CHUNK: usize = 64;

/// What a queue keeps of a hash.
#[inline]
pub(crate) fn name_of(hash: u64) -> u32 {
    ((hash >> 40) as u32) << 8 | u32::from((hash >> 8) as u8)
}

/// The least hash with this name, as far as homes and tags go.
#[inline]
pub(crate) fn hash_of(name: u32) -> u64 {
    u64::from(name >> 8) << 40 | u64::from(name & 0xff) << 8
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    chunks: VecDeque<VecDeque<u32>>,
    len: usize,
    /// Items that there is room for.
    capacity: usize,
    /// The parity that a pass, or the last one, gives to the entries it sees.
    pub(super) parity: bool,
    /// The chunk before which a pass under way goes on.
    pass: Option<usize>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn heap_size(&self) -> usize {
        self.capacity * size_of::<u32>() + self.chunks.capacity() * size_of::<VecDeque<u32>>()
    }

    pub(super) fn push(&mut self, name: u32) {
        if self.chunks.back().is_none_or(|chunk| chunk.len() >= CHUNK) {
            self.chunks.push_back(VecDeque::new());
        }
        let chunk = self.chunks.back_mut().expect("invariant: just seen to");
        self.capacity -= chunk.capacity();
        chunk.push_back(name);
        self.capacity += chunk.capacity();
        self.len += 1;
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        loop {
            let chunk = self.chunks.front_mut()?;
            if let Some(name) = chunk.pop_front() {
                self.len -= 1;
                return Some(name);
            }
            self.capacity -= chunk.capacity();
            self.chunks.pop_front();
            self.pass = self.pass.map(|before| before.saturating_sub(1));
        }
    }

    /// The item that comes after `before` others, where it lies in the same chunk as the first.
    #[inline]
    pub(super) fn peek(&self, before: usize) -> Option<u32> {
        self.chunks.front()?.get(before).copied()
    }

    pub(super) fn is_being_cleaned(&self) -> bool {
        self.pass.is_some()
    }

    /// Starts a pass.
    pub(super) fn start_pass(&mut self) {
        // The newest chunk still gets items: those from now on have the new parity already.
        self.parity = !self.parity;
        self.pass = Some(self.chunks.len());
    }

    /// Takes the items that `keep` does not want out of the next chunk of a pass.
    pub(super) fn clean_chunk(&mut self, mut keep: impl FnMut(u32) -> bool) {
        let Some(before) = self.pass else { return };
        let Some(at) = before.checked_sub(1) else {
            self.pass = None;
            return;
        };
        self.pass = Some(at);
        let chunk = &mut self.chunks[at];
        let (old, capacity) = (chunk.len(), chunk.capacity());
        let mut kept: VecDeque<u32> = VecDeque::with_capacity(old);
        chunk.iter().rev().filter(|name| keep(**name)).for_each(|name| kept.push_front(*name));
        kept.shrink_to_fit();
        self.len -= old - kept.len();
        self.capacity = self.capacity - capacity + kept.capacity();
        *chunk = kept;
        // With the next newer one it may make one.
        if let Some(next) = self.chunks.get(at + 1)
            && self.chunks[at].len() + next.len() <= CHUNK
            && let Some(mut next) = self.chunks.remove(at + 1)
        {
            let chunk = &mut self.chunks[at];
            self.capacity -= chunk.capacity() + next.capacity();
            chunk.append(&mut next);
            self.capacity += chunk.capacity();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out_also_across_passes() {
        let mut queue = Queue::default();
        (0..10_000).for_each(|name| queue.push(name));
        (0..1_000).for_each(|name| {
            assert!(queue.peek(0).is_none_or(|next| next == name) && queue.peek(1).is_none_or(|next| next == name + 1));
            assert_eq!(queue.pop(), Some(name));
        });
        queue.start_pass();
        let (mut next, mut given) = (1_000, 10_000);
        while queue.is_being_cleaned() {
            queue.clean_chunk(|name| name % 10 == 0 || name >= 10_000);
            queue.push(given);
            given += 1;
            if next < 1_020 {
                assert_eq!(queue.pop(), Some(next), "the pass comes here last");
                next += 1;
            }
        }
        let rest: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
        let expected: Vec<u32> = (next..given).filter(|name| name % 10 == 0 || *name >= 10_000).collect();
        assert_eq!(rest, expected);
        assert_eq!((queue.len(), queue.capacity), (0, 0));
    }

    #[test]
    fn a_name_keeps_home_and_tag() {
        let hash = 0x1234_5678_9abc_def0;
        assert_eq!(name_of(hash), 0x1234_56de);
        assert_eq!(name_of(hash_of(name_of(hash))), name_of(hash));
        assert_eq!(hash_of(name_of(hash)) >> 40, hash >> 40);
    }
}
