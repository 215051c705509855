//! The table against a map, its scan while it changes its size, and where it finds what is due.

use std::collections::{HashMap, HashSet};

use jcache_value::Entry;
use proptest::prelude::*;

use super::*;

fn text(key: u32, value: u32, deadline: u64) -> Item {
    Entry::text(&key.to_le_bytes(), &value.to_le_bytes(), deadline)
}

fn key_of(item: &Item) -> u32 {
    u32::from_le_bytes(item.key().try_into().expect("four bytes"))
}

/// A table, and the hash that its users would take.
struct Harness {
    table: Table,
    seed: Seed,
}

impl Harness {
    fn new(seed: u64) -> Self {
        let seed = Seed::fixed(seed, None);
        Self { table: Table::new(seed.clone(), false), seed }
    }

    fn hash(&self, key: u32) -> u64 {
        self.seed.hash(&key.to_le_bytes())
    }

    fn get(&self, key: u32) -> Option<u32> {
        let item = self.table.find(self.hash(key), &key.to_le_bytes())?;
        let value = item.as_text().expect("text");
        Some(u32::from_le_bytes(value.as_bytes().try_into().expect("four bytes")))
    }

    fn set(&mut self, key: u32, value: u32, deadline: u64) {
        let hash = self.hash(key);
        match self.table.place(hash, &key.to_le_bytes()) {
            None => self.table.insert(hash, text(key, value, deadline)),
            Some(place) => {
                let item = self.table.get_mut(hash, place);
                item.set_text(&value.to_le_bytes());
                item.set_deadline(deadline);
                self.table.deadline_changed(hash, place);
            }
        }
    }

    fn remove(&mut self, key: u32) -> bool {
        let hash = self.hash(key);
        let place = self.table.place(hash, &key.to_le_bytes());
        place.map(|place| assert_eq!(key_of(&self.table.remove(hash, place)), key)).is_some()
    }

    fn keys(&self) -> Vec<u32> {
        let (mut keys, mut next) = (Vec::new(), Some(0));
        while let Some(cursor) = next {
            next = self.table.scan(cursor, |item| keys.push(key_of(item)));
        }
        keys
    }
}

#[derive(Debug, Clone)]
enum Op {
    Set(u32, u32),
    Remove(u32),
    Get(u32),
    /// Adds, or takes away, so many neighbours: the table changes its size.
    Fill(u32, u32),
    Drain(u32, u32),
    /// Room for so many is made at once.
    Expect(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..3000u32;
    prop_oneof![
        4 => (key.clone(), any::<u32>()).prop_map(|(key, value)| Op::Set(key, value)),
        4 => key.clone().prop_map(Op::Remove),
        2 => key.clone().prop_map(Op::Get),
        1 => (key.clone(), 1..900u32).prop_map(|(from, count)| Op::Fill(from, count)),
        1 => (key, 1..900u32).prop_map(|(from, count)| Op::Drain(from, count)),
        1 => (0..20_000usize).prop_map(Op::Expect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn is_a_map(seed: u64, ops in prop::collection::vec(op(), 1..120)) {
        let (mut table, mut map) = (Harness::new(seed), HashMap::new());
        for op in ops {
            match op {
                Op::Set(key, value) => { table.set(key, value, 0); map.insert(key, value); }
                Op::Remove(key) => assert_eq!(table.remove(key), map.remove(&key).is_some()),
                Op::Get(key) => assert_eq!(table.get(key), map.get(&key).copied()),
                Op::Fill(from, count) => for key in from..from + count { table.set(key, key, 0); map.insert(key, key); },
                Op::Expect(entries) => table.table.expect(entries),
                Op::Drain(from, count) => for key in from..from + count { assert_eq!(table.remove(key), map.remove(&key).is_some()); },
            }
            assert_eq!(table.table.len(), map.len());
        }
        for key in 0..4000 {
            assert_eq!(table.get(key), map.get(&key).copied());
        }
        let keys = table.keys();
        assert_eq!(keys.len(), map.len(), "a scan of a table at rest sees each entry once");
        assert_eq!(keys.into_iter().collect::<HashSet<_>>(), map.into_keys().collect());
    }

    #[test]
    fn a_scan_sees_all_that_stays(
        seed: u64, staying in 1..800u32, start in 0..4000u32, expected in 0..20_000usize,
        changes in prop::collection::vec((any::<bool>(), 1..60u32), 1..200),
    ) {
        let mut table = Harness::new(seed);
        (0..staying).for_each(|key| table.set(key, 0, 0));
        let passing = 10_000..10_000 + start;
        passing.clone().for_each(|key| table.set(key, 0, 0));
        let (mut first, mut last) = (passing.start, passing.end);
        let (mut seen, mut next, mut changes) = (HashSet::new(), Some(0), changes.into_iter().cycle());
        while let Some(cursor) = next {
            next = table.table.scan(cursor, |item| { seen.insert(key_of(item)); });
            let (grows, count) = changes.next().expect("a cycle");
            if count == 1 {
                table.table.expect(expected);
            }
            for _ in 0..count {
                if grows && last < 30_000 {
                    table.set(last, 0, 0);
                    last += 1;
                } else if !grows && first < last {
                    assert!(table.remove(first));
                    first += 1;
                }
            }
        }
        assert!((0..staying).all(|key| seen.contains(&key)));
    }

    #[test]
    fn reaps_what_is_due_and_nothing_else(
        seed: u64, deadlines in prop::collection::vec(prop_oneof![Just(0u64), 1..100u64], 1..2000), budget in 1..50usize,
    ) {
        let mut table = Harness::new(seed);
        // Each key is set twice: its first deadline leaves a bound that is too early.
        for (key, deadline) in deadlines.iter().enumerate() {
            table.set(key as u32, 0, 101 - deadline);
            table.set(key as u32, 0, *deadline);
        }
        for now in [0, 10, 11, 50, 99, 100, 101] {
            let mut out = Vec::new();
            while !table.table.reap(now, budget, |item| out.push(item)).0 {}
            assert!(out.iter().all(|item| item.deadline() <= now));
            assert!(table.table.earliest() > now, "bounds were put right");
            for (key, deadline) in deadlines.iter().enumerate() {
                assert_eq!(table.get(key as u32).is_some(), *deadline == 0 || *deadline > now);
            }
        }
        assert_eq!(table.table.earliest(), NEVER);
        assert_eq!(table.table.len(), deadlines.iter().filter(|deadline| **deadline == 0).count());
    }
}

#[test]
fn gives_memory_back_when_sparse() {
    let mut table = Harness::new(1);
    (0..110_000).for_each(|key| table.set(key, 0, 0));
    let full = table.table.heap_size();
    assert!((800_000..2_400_000).contains(&full), "7 to 22 bytes an entry, not {full}");
    (0..110_000).for_each(|key| assert!(table.remove(key)));
    assert!(table.table.heap_size() < 1024, "{} bytes for nothing", table.table.heap_size());
}

#[test]
fn no_single_step_moves_much() {
    let mut table = Harness::new(2);
    let mut most = 0;
    for key in 0..200_000 {
        let done = |table: &Table| table.moving.as_ref().map_or(0, |moving| moving.done);
        let before = done(&table.table);
        table.set(key, 0, 0);
        most = most.max(done(&table.table).saturating_sub(before));
    }
    assert_eq!(most, 2, "two homes of a few entries each");
}

/// What is due is taken out from the front, so the last homes of a table that gets smaller are full still.
#[test]
fn reaping_moves_no_more_than_it_takes() {
    let mut table = Harness::new(5);
    (0..20_000).for_each(|key| table.set(key, 0, 10));
    let waiting = |table: &Table| {
        let Some(moving) = &table.moving else { return 0 };
        let mut entries = 0_usize;
        (moving.done..moving.from.homes())
            .for_each(|home| moving.from.visit_home(home, |key| table.seed.hash(key), |_, _| entries += 1));
        entries
    };
    let (mut done, mut most) = (false, 0);
    while !done {
        let (before, mut taken) = (waiting(&table.table), 0_usize);
        done = table.table.reap(10, 16, |_| taken += 1).0;
        most = most.max(before.saturating_sub(waiting(&table.table) + taken));
        if let Some(bits) = table.table.smaller() {
            table.table.move_to(Table::spare(bits));
        }
    }
    assert!((1..200).contains(&most), "{most} entries in one go, of a hundred that were taken");
    assert_eq!(table.table.len(), 0);
}

#[test]
fn who_is_expected_is_moved_once() {
    let mut table = Harness::new(4);
    (0..1_000).for_each(|key| table.set(key, key, 0));
    while table.table.moving.is_some() {
        table.table.move_homes();
    }
    table.table.expect(100_000);
    let expected = table.table.current.bits();
    for key in 1_000..100_000 {
        table.set(key, key, 0);
    }
    assert_eq!(table.table.current.bits(), expected, "no growth on the way");
    assert!(table.table.moving.is_none());
    assert!((0..100_000).all(|key| table.get(key) == Some(key)));
    table.table.expect(1_000);
    assert_eq!(table.table.current.bits(), expected, "it does not shrink for fewer");
}

#[test]
fn samples_are_fair() {
    let mut table = Harness::new(3);
    (0..1000).for_each(|key| table.set(key, 0, 0));
    let mut counts = vec![0u32; 1000];
    let mut drawn = 0;
    for seed in 0..2_000_000u64 {
        if let Some(item) = table.table.sample(crate::clock::mix(seed)) {
            counts[key_of(item) as usize] += 1;
            drawn += 1;
        }
    }
    assert!(drawn > 500_000, "{drawn} of 2,000,000 seeds hit an entry");
    let mean = drawn / 1000;
    assert!(counts.iter().all(|count| (mean / 2..mean * 2).contains(count)), "{counts:?}");
}
