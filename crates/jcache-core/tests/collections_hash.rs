//! `Hash` against a `HashMap`, on both sides of every threshold, and what `scan` promises.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use jcache_core::collection::Hash;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[derive(Debug, Clone)]
enum Op {
    Insert(u16, Vec<u8>),
    Remove(u16),
    Nth(usize),
    Clone,
}

/// Fields of every kind: the empty one, every byte, and, where `long`, some beyond the packed limit.
fn field(number: u16, long: bool) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        1 => (0..=255).take(if long { 256 } else { 64 }).collect(),
        2 if long => vec![b'f'; 5000],
        3..=200 => vec![number as u8; number as usize % 8 + 1],
        _ => format!("field:{number}").into_bytes(),
    }
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => prop::collection::vec(any::<u8>(), 0..24),
        2 => prop::collection::vec(any::<u8>(), 60..=64),
    ]
}

fn long_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => value(),
        1 => prop::collection::vec(any::<u8>(), 65..300),
        1 => (4000..10000usize).prop_map(|len| vec![b'v'; len]),
    ]
}

fn ops(fields: u16, long: bool) -> impl Strategy<Value = (bool, Vec<Op>)> {
    let value = if long { long_value().boxed() } else { value().boxed() };
    let op = prop_oneof![
        40 => (0..fields, value).prop_map(|(field, value)| Op::Insert(field, value)),
        8 => (0..fields).prop_map(Op::Remove),
        3 => any::<usize>().prop_map(Op::Nth),
        1 => Just(Op::Clone),
    ];
    (Just(long), prop::collection::vec(op, 1..3000))
}

/// Few fields, around the threshold, and far beyond it.
fn cases() -> impl Strategy<Value = (bool, Vec<Op>)> {
    prop_oneof![ops(30, false), ops(600, false), ops(1500, false), ops(100, true)]
}

#[test]
fn behaves_like_a_map() {
    let (packed, by_count, by_length) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 96, failure_persistence: None, ..Config::default() });
    let result = runner.run(&cases(), |(long, ops)| {
        let mut hash = Hash::new();
        let mut model = BTreeMap::<Vec<u8>, Vec<u8>>::new();
        for op in ops {
            match op {
                Op::Insert(number, value) => {
                    let field = field(number, long);
                    let was_packed = hash.is_packed();
                    prop_assert_eq!(hash.insert(&field, &value), model.insert(field.clone(), value.clone()).is_none());
                    let too_long = field.len().max(value.len()) > Hash::MAX_PACKED_VALUE;
                    let too_many = model.len() > Hash::MAX_PACKED_ENTRIES;
                    prop_assert_eq!(hash.is_packed(), was_packed && !too_long && !too_many);
                    if was_packed && !hash.is_packed() {
                        let count = if too_long { &by_length } else { &by_count };
                        count.set(count.get() + 1);
                    }
                }
                Op::Remove(number) => {
                    let field = field(number, long);
                    prop_assert_eq!(hash.remove(&field), model.remove(&field).is_some());
                    prop_assert_eq!(hash.get(&field), None);
                }
                Op::Nth(index) => {
                    let len = hash.len();
                    prop_assert_eq!(hash.nth(len), None);
                    if len > 0 {
                        let (field, value) = hash.nth(index % len).expect("there are that many");
                        prop_assert_eq!(model.get(field.as_bytes()).map(Vec::as_slice), Some(value.as_bytes()));
                    }
                }
                Op::Clone => {
                    let copy = hash.clone();
                    prop_assert_eq!(&copy, &hash);
                    hash.insert(b"only here", b"");
                    prop_assert_ne!(&copy, &hash);
                    hash.remove(b"only here");
                    hash = copy;
                }
            }
            prop_assert_eq!(hash.len(), model.len());
        }
        for (field, value) in &model {
            prop_assert_eq!(hash.get(field).map(|it| it.to_vec()), Some(value.clone()));
            prop_assert_eq!(hash.peek(field), Some(value.as_slice()));
            prop_assert_eq!(hash.value_len(field), Some(value.len()));
            prop_assert!(hash.contains(field));
        }
        let mut seen = BTreeMap::new();
        hash.for_each(|field, value| {
            assert_eq!(seen.insert(field.to_vec(), value.to_vec()), None, "a field came twice");
        });
        prop_assert_eq!(&seen, &model);
        let entries: BTreeMap<_, _> = hash.entries().into_iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
        prop_assert_eq!(&entries, &model);
        prop_assert_eq!(hash.iter().len(), model.len());
        packed.set(packed.get() + usize::from(hash.is_packed()));
        Ok(())
    });
    result.unwrap();
    assert!(packed.get() > 5, "too few hashes stayed packed: {}", packed.get());
    assert!(by_count.get() > 5, "too few hashes grew out of the packed form: {}", by_count.get());
    assert!(by_length.get() > 5, "too few hashes got a long element: {}", by_length.get());
}

#[test]
fn scan_misses_nothing_that_stays() {
    let (one_call, many_calls, converted) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
    let changes = prop::collection::vec((any::<bool>(), 0..2000u16), 0..2000);
    let size = prop_oneof![1..20usize, 500..520usize, 520..1000usize];
    let result = runner.run(&(size, 1..200usize, 1..40usize, changes), |(size, count, per_call, changes)| {
        let mut hash = Hash::new();
        let mut stayed = BTreeSet::new();
        for number in 0..size {
            let field = format!("{number}").into_bytes();
            hash.insert(&field, &field);
            stayed.insert(field);
        }
        let (mut seen, mut cursor, mut calls) = (BTreeSet::new(), 0, 0);
        let mut changes = changes.into_iter();
        let was_packed = hash.is_packed();
        loop {
            cursor = hash.scan(cursor, count, &mut |field, value| {
                assert_eq!(field, value);
                seen.insert(field.to_vec());
            });
            calls += 1;
            if cursor == 0 {
                break;
            }
            for (insert, number) in changes.by_ref().take(per_call) {
                let field = format!("{number}").into_bytes();
                if insert {
                    hash.insert(&field, &field);
                } else {
                    hash.remove(&field);
                    stayed.remove(&field);
                }
            }
            prop_assert!(calls < 10_000, "the scan does not end");
        }
        prop_assert!(stayed.is_subset(&seen), "missed {:?}", stayed.difference(&seen).next());
        let calls = if calls == 1 { &one_call } else { &many_calls };
        calls.set(calls.get() + 1);
        converted.set(converted.get() + usize::from(!was_packed));
        Ok(())
    });
    result.unwrap();
    assert!(one_call.get() > 20 && many_calls.get() > 20 && converted.get() > 20);
}

#[test]
fn scan_survives_any_cursor() {
    let mut hash = Hash::new();
    for number in 0..1000 {
        hash.insert(format!("{number}").as_bytes(), b"");
    }
    for cursor in [1, 999, 1000, 1001, u64::MAX] {
        let mut visited = 0;
        let next = hash.scan(cursor, 10, &mut |_, _| visited += 1);
        assert!(visited <= 10 && next < 1000, "cursor {cursor} visited {visited} and led to {next}");
    }
    assert_eq!(hash.scan(0, 0, &mut |_, _| {}), 999, "a count of 0 makes progress too");
}

#[test]
fn a_hash_that_is_set_whole_takes_no_room_to_spare() {
    let pairs: Vec<(String, String)> = (0..10).map(|n| (format!("field:{n}"), format!("value:12345:{n}"))).collect();
    let bytes = || pairs.iter().map(|(field, value)| (field.as_bytes(), value.as_bytes()));
    let mut hash = Hash::new();
    hash.prepare(bytes());
    assert!(bytes().all(|(field, value)| hash.insert(field, value)));
    let packed: usize = bytes().map(|(field, value)| field.len() + value.len() + 4).sum();
    assert_eq!(hash.heap_size(), (packed + 8).next_multiple_of(16));
    hash.prepare(bytes());
    assert_eq!(hash.len(), 10, "what is there is not for a change of room");

    let mut long = Hash::new();
    long.prepare([(&b"field"[..], &[0; 100][..]), (b"other", b"")].into_iter());
    assert_eq!(long.heap_size(), 0, "what will not be packed needs no block");
}
