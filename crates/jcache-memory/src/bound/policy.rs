//! Which entry of a shard goes next, and what a policy remembers to know that.
//!
//! Entries carry what they need for it themselves: how often they were read lately (two bits), whether they are in the
//! main queue, and whether the last pass over their queue has seen them.

use super::Eviction;
use super::ghost::Ghost;
use super::queue::{Queue, hash_of, name_of};
use crate::clock::mix;
use crate::table::{Item, Place, Table};

/// The entry is in the main queue.
const MAIN: u8 = 0b01;
/// The parity of the last pass that saw the entry.
const SEEN: u8 = 0b10;

/// One in so many bytes is for the small queue. S3-FIFO's authors (Yang and others, SOSP 2023) take 10, W-TinyLFU's
/// (Einziger and others, TOS 2017) 100 for its window. By the traces of `cargo xtask bench memory --only hits` less is more: 50
/// gives half a point over 10, on every trace.
const SMALL: usize = 50;
/// Reads in the small queue that an entry stays for. The queue is so short that a read in it is a sign.
const STAYS: u8 = 1;
/// As many entries as there are, divided by this, are remembered after they were evicted: who was away for longer has
/// no advantage over others. With a third, loops that are somewhat larger than the cache are lost: six points of the reads
/// where a tenth of the keys has room, for 0.4 by Zipf where a hundredth has.
const REMEMBERED: usize = 2;
/// Rounds of the LFU hand in one of which it takes reads: the fewer, the longer fame lasts.
const AGING: u64 = 4;
/// Items that are pushed for each chunk that a pass cleans: fewer than a pass removes when half is stale.
const PUSHES: usize = 16;

#[derive(Debug)]
pub(crate) enum Policy {
    Queues(Box<Queues>),
    Lfu { hand: u64, round: u64 },
    Random { seed: u64 },
    Ttl,
    NoEviction,
}

/// The queues of S3-FIFO; LRU with a second chance has everything in the main one.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    small: Queue,
    main: Queue,
    ghost: Ghost,
    /// What the entries that are not in the main queue weigh.
    small_bytes: usize,
    is_lru: bool,
    pushes: usize,
    /// Where to look for an entry that no queue knows.
    hand: u64,
}

/// The marks of an entry in one of the queues.
fn with_parity(main: bool, parity: bool) -> u8 {
    u8::from(main) | if parity { SEEN } else { 0 }
}

impl Policy {
    pub(crate) fn new(eviction: Eviction, seed: u64) -> Self {
        match eviction {
            Eviction::S3Fifo => Policy::Queues(Box::default()),
            Eviction::Lru => Policy::Queues(Box::new(Queues { is_lru: true, ..Queues::default() })),
            Eviction::Lfu => Policy::Lfu { hand: 0, round: 0 },
            Eviction::Random => Policy::Random { seed },
            Eviction::Ttl => Policy::Ttl,
            Eviction::NoEviction => Policy::NoEviction,
        }
    }

    /// Bytes that the policy itself takes.
    #[inline]
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Policy::Queues(it) => {
                size_of::<Queues>() + it.small.heap_size() + it.main.heap_size() + it.ghost.heap_size()
            }
            _ => 0,
        }
    }

    /// An entry is about to be added: sets its marks and remembers it.
    #[inline]
    pub(crate) fn admit(&mut self, hash: u64, item: &mut Item, weight: usize, table: &mut Table) {
        if let Policy::Queues(queues) = self {
            queues.admit(hash, item, weight, table);
        }
    }

    /// An entry has been there for longer than the policy: sets its marks and remembers it, as one that came to stay.
    pub(crate) fn adopt(&mut self, hash: u64, item: &mut Item) {
        if let Policy::Queues(queues) = self {
            queues.push(true, hash, item);
        }
    }

    /// What an entry with these marks weighs has changed; 0 for an entry that is not there.
    #[inline]
    pub(crate) fn resized(&mut self, marks: u8, before: usize, after: usize) {
        if let Policy::Queues(queues) = self
            && marks & MAIN == 0
        {
            queues.small_bytes = queues.small_bytes + after - before;
        }
    }

    /// The entry to evict next, which is none with a hash in `spared`; `None` when there is none that may go. The entries
    /// of the table weigh `bytes`, each what `weigh` says.
    pub(crate) fn victim(
        &mut self,
        table: &mut Table,
        bytes: usize,
        spared: &[u64],
        weigh: impl Fn(&Item) -> usize,
    ) -> Option<(u64, Place)> {
        if table.len() == 0 {
            return None;
        }
        match self {
            Policy::Queues(queues) => queues.victim(table, bytes, spared, weigh),
            Policy::Lfu { hand, round } => coldest(table, hand, round, spared),
            Policy::Random { seed } => {
                *seed = mix(seed.wrapping_add(1));
                let mut from = *seed;
                any(table, &mut from, spared)
            }
            Policy::Ttl => table.soonest(spared),
            Policy::NoEviction => None,
        }
    }

    /// Everything is gone.
    pub(crate) fn clear(&mut self) {
        if let Policy::Queues(queues) = self {
            **queues = Queues { is_lru: queues.is_lru, ..Queues::default() };
        }
    }
}

impl Queues {
    fn admit(&mut self, hash: u64, item: &mut Item, weight: usize, table: &mut Table) {
        let main = self.is_lru || self.ghost.remove(hash);
        self.push(main, hash, item);
        if !main {
            self.small_bytes += weight;
        }
        self.pushes += 1;
        if self.pushes.is_multiple_of(PUSHES) {
            self.clean(table);
        }
    }

    /// Puts the entry at the end of a queue.
    fn push(&mut self, main: bool, hash: u64, item: &mut Item) {
        let queue = if main { &mut self.main } else { &mut self.small };
        item.set_marks(with_parity(main, queue.parity));
        queue.push(name_of(hash));
    }

    /// Goes on with the passes, or starts them when stale items prevail.
    fn clean(&mut self, table: &mut Table) {
        let stale = self.small.len() + self.main.len() > 2 * table.len() + 2 * PUSHES;
        for (queue, main) in [(&mut self.small, false), (&mut self.main, true)] {
            if stale && !queue.is_being_cleaned() {
                queue.start_pass();
            }
            let (seen, unseen) = (with_parity(main, queue.parity), with_parity(main, !queue.parity));
            queue.clean_chunk(|name| match table.named(hash_of(name), name_of, |_, item| item.marks() == unseen) {
                Some((hash, place)) => {
                    table.get_mut(hash, place).set_marks(seen);
                    true
                }
                None => {
                    // What came since the pass began is seen, and its item is no older than that.
                    false
                }
            });
        }
    }

    fn victim(
        &mut self,
        table: &mut Table,
        bytes: usize,
        spared: &[u64],
        weigh: impl Fn(&Item) -> usize,
    ) -> Option<(u64, Place)> {
        // Each entry in turn loses a read, three at most, or goes.
        let mut steps = 4 * (self.small.len() + self.main.len()) + 4;
        while steps > 0 {
            steps -= 1;
            // Small is the queue by its bytes and by its entries: else one huge entry in the main queue would make it look
            // small whatever it holds, and go for the sake of entries that nobody has read.
            let is_small = self.small_bytes * SMALL < bytes && self.small.len() * SMALL < table.len();
            let main = self.main.len() > 0 && (self.small.len() == 0 || is_small);
            let queue = if main { &mut self.main } else { &mut self.small };
            let Some(name) = queue.pop() else { break };
            // An entry that nobody has read for long is far away: by the time it is its turn it will be here.
            if let Some(next) = queue.peek(0) {
                table.fetch_ahead(hash_of(next));
            }
            if let Some(later) = queue.peek(1) {
                table.fetch_bucket_ahead(hash_of(later));
            }
            let is_here = |_, item: &Item| item.marks() & MAIN == u8::from(main);
            let Some((hash, place)) = table.named(hash_of(name), name_of, is_here) else { continue };
            let item = table.get_mut(hash, place);
            if spared.contains(&hash) {
                self.push(main, hash, item);
            } else if !main && item.frequency() >= STAYS {
                self.small_bytes -= weigh(item);
                (0..item.frequency()).for_each(|_| item.cool());
                self.push(true, hash, item);
            } else if main && item.frequency() > 0 {
                let by = if self.is_lru { item.frequency() } else { 1 };
                (0..by).for_each(|_| item.cool());
                self.push(true, hash, item);
            } else {
                if !self.is_lru && !main {
                    self.ghost.insert(hash, table.len() / REMEMBERED);
                }
                return Some((hash, place));
            }
        }
        any(table, &mut self.hand, spared)
    }
}

/// The next entry without reads. In one round of [`AGING`] the others lose one on the way.
fn coldest(table: &mut Table, hand: &mut u64, round: &mut u64, spared: &[u64]) -> Option<(u64, Place)> {
    // Three rounds of aging leave nobody a read.
    let mut homes = 4 * AGING as usize * table.homes();
    while homes > 0 {
        homes -= 1;
        let mut victim = None;
        let next = table.visit(*hand, |hash, item| {
            if victim.is_some() || spared.contains(&hash) {
                return;
            }
            if item.frequency() == 0 {
                victim = Some(hash);
            } else if round.is_multiple_of(AGING) {
                item.cool();
            }
        });
        if let Some(victim) = victim {
            return table.named(victim, |hash| hash, |hash, _| hash == victim);
        }
        *round += u64::from(next.is_none());
        *hand = next.unwrap_or(0);
    }
    None
}

/// Any entry, the first from `hand` on.
fn any(table: &mut Table, hand: &mut u64, spared: &[u64]) -> Option<(u64, Place)> {
    let mut homes = 2 * table.homes();
    while homes > 0 {
        homes -= 1;
        let mut victim = None;
        let next = table.visit(*hand, |hash, _| {
            if !spared.contains(&hash) {
                victim = Some(hash);
            }
        });
        if let Some(victim) = victim {
            return table.named(victim, |hash| hash, |hash, _| hash == victim);
        }
        *hand = next.unwrap_or(0);
    }
    None
}
