//! `heap_size` against an allocator that counts: a memory bound is only as good as this figure.
//!
//! The allocator tells requested bytes and blocks, `heap_size` speaks of blocks as they are handed out: eight bytes of
//! bookkeeping each, in classes of 16. Nearly all blocks are requested in sizes that fill their class, so the figure is
//! the requested bytes and eight for every block, but for the rounding of a few.

use std::alloc::System;

use jcache_core::collection::{Hash, List, Set, SortedSet};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Requested bytes and blocks that are in use.
fn in_use() -> (usize, usize) {
    let stats = ALLOCATOR.stats();
    (stats.bytes_allocated - stats.bytes_deallocated, stats.allocations - stats.deallocations)
}

/// A collection under test: what was in use before it, and the largest it became.
struct Check {
    name: &'static str,
    before: (usize, usize),
    largest: usize,
}

impl Check {
    fn new(name: &'static str) -> Self {
        Check { name, before: in_use(), largest: 0 }
    }

    /// Compares the figure of the collection, which is all that was allocated since [`Check::new`].
    fn compare(&mut self, told: usize) {
        let (bytes, blocks) = in_use();
        let (bytes, blocks) = (bytes - self.before.0, blocks - self.before.1);
        let least = bytes + 8 * blocks;
        let most = least + least / 100 + 64;
        assert!((least..=most).contains(&told), "{}: told {told}, {bytes} in {blocks} blocks", self.name);
        self.largest = self.largest.max(told);
    }

    /// The collection is gone: so must its memory be.
    fn finish(self, size: usize) {
        assert_eq!(in_use(), self.before, "{} left memory behind", self.name);
        assert!(self.largest > size, "{} only came to {} bytes", self.name, self.largest);
    }
}

/// A fixed sequence of numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }

    /// Something in `buffer` of a length below `limit` that depends on nothing but `number`.
    fn bytes<'a>(&self, buffer: &'a mut [u8; 20_000], number: u64, limit: u64) -> &'a [u8] {
        let len = 8 + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) % limit;
        buffer[..8].copy_from_slice(&number.to_le_bytes());
        &buffer[..len as usize]
    }
}

/// Growing to thousands of elements, and shrinking to none.
fn phases() -> impl Iterator<Item = (u64, u64)> {
    // Out of ten steps so many add, over so many steps.
    [(9, 300), (2, 300), (9, 12_000), (5, 5_000), (2, 20_000)].into_iter()
}

fn hash(numbers: &mut Numbers) {
    let (mut field, mut value) = ([0; 20_000], [0; 20_000]);
    let mut check = Check::new("hash");
    let mut hash = Hash::new();
    check.compare(hash.heap_size());
    for (adds, steps) in phases() {
        for _ in 0..steps {
            let number = numbers.below(8000);
            let field = numbers.bytes(&mut field, number, 40);
            if numbers.below(10) < adds {
                let limit = if numbers.below(200) == 0 { 9000 } else { 60 };
                let number = numbers.below(1000);
                hash.insert(field, numbers.bytes(&mut value, number, limit));
            } else {
                let len = hash.len() as u64;
                if let Some((field, _)) = (len > 0).then(|| hash.nth(numbers.below(len) as usize)).flatten() {
                    hash.remove(&field);
                }
            }
            check.compare(hash.heap_size());
        }
    }
    drop(hash);
    check.finish(100_000);
}

fn set(numbers: &mut Numbers) {
    let mut member = [0; 20_000];
    let mut check = Check::new("set");
    let mut set = Set::new();
    check.compare(set.heap_size());
    for (adds, steps) in phases() {
        for step in 0..steps {
            if numbers.below(10) < adds {
                let number = numbers.below(8000);
                if step < 100 {
                    set.insert(number.to_string().as_bytes());
                } else {
                    let limit = if number == 77 { 9000 } else { 60 };
                    set.insert(numbers.bytes(&mut member, number, limit));
                }
            } else if !set.is_empty() {
                set.pop_nth(numbers.below(set.len() as u64) as usize);
            }
            check.compare(set.heap_size());
        }
    }
    drop(set);
    check.finish(100_000);
}

fn integers(numbers: &mut Numbers) {
    let mut check = Check::new("set of integers");
    let mut set = Set::new();
    for adds in [9, 2] {
        for _ in 0..800 {
            if numbers.below(10) < adds {
                if set.len() < Set::MAX_INTSET_ENTRIES {
                    set.insert(numbers.below(1_000_000).to_string().as_bytes());
                }
            } else if !set.is_empty() {
                set.pop_nth(numbers.below(set.len() as u64) as usize);
            }
            check.compare(set.heap_size());
        }
    }
    assert!(set.is_intset());
    drop(set);
    check.finish(4000);
}

/// `long` elements are a block each, which copies share; the others share chunks.
fn list(numbers: &mut Numbers, long: bool) {
    let mut buffer = [0; 20_000];
    let mut check = Check::new("list");
    let mut list = List::new();
    check.compare(list.heap_size());
    for (adds, steps) in phases() {
        let steps = if long { steps / 10 } else { steps };
        for _ in 0..steps {
            let limit = if long && numbers.below(4) == 0 { 9000 } else { 60 };
            let number = numbers.below(10_000);
            let element = numbers.bytes(&mut buffer, number, limit);
            let add = numbers.below(10) < adds;
            let index = numbers.below(list.len() as u64 + 1) as usize;
            match (add, numbers.below(6)) {
                (true, 0 | 1) => list.push_front(element),
                (true, 2 | 3) => list.push_back(element),
                (true, 4) => _ = list.insert(index, element),
                (true, _) => _ = list.set(index, element),
                (false, 0) => list.retain_range(2, list.len() - 2.min(list.len())),
                (false, 1) => _ = list.remove_matching(element, 0),
                (false, 2 | 3) => _ = list.remove(index),
                (false, 4) => _ = list.pop_front(),
                (false, _) => _ = list.pop_back(),
            }
            check.compare(list.heap_size());
        }
    }
    let mut check_copy = Check::new("copy of a list");
    let copy = list.clone();
    if !long {
        check_copy.compare(copy.heap_size());
    }
    assert_eq!(copy, list);
    drop(copy);
    drop(list);
    check.finish(100_000);
}

fn sorted_set(numbers: &mut Numbers) {
    let mut member = [0; 20_000];
    let mut check = Check::new("sorted set");
    let mut set = SortedSet::new();
    check.compare(set.heap_size());
    for (adds, steps) in phases() {
        for _ in 0..steps {
            if numbers.below(10) < adds {
                let number = numbers.below(8000);
                set.insert(numbers.bytes(&mut member, number, 60), numbers.below(1000) as f64);
            } else {
                set.pop_min();
            }
            check.compare(set.heap_size());
        }
    }
    drop(set);
    check.finish(100_000);
}

/// Runs without the test harness, whose own threads the allocator would count too.
fn main() {
    let mut numbers = Numbers(42);
    // What is made once per process is made now.
    let mut warm = Hash::new();
    warm.insert(&[0; 100], b"");
    drop(warm);
    hash(&mut numbers);
    set(&mut numbers);
    integers(&mut numbers);
    list(&mut numbers, false);
    list(&mut numbers, true);
    sorted_set(&mut numbers);
}
