//! `Set` against a `BTreeSet`, through all of its forms, and what `scan` promises.

use std::cell::Cell;
use std::collections::BTreeSet;

use jcache_core::collection::Set;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[derive(Debug, Clone)]
enum Op {
    Insert(Vec<u8>),
    Remove(Vec<u8>),
    Pop(usize),
    Nth(usize),
    Clone,
}

fn integers(range: i64) -> impl Strategy<Value = Vec<u8>> + Clone {
    prop_oneof![
        40 => (-range..range).prop_map(|int| int.to_string().into_bytes()),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 0]).prop_map(|int| int.to_string().into_bytes()),
    ]
}

/// What looks like an integer and is none, because we would spell it otherwise.
fn nearly_integers() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop::sample::select(
        ["", "-", "+1", "-0", "00", "01", "-01", "1 ", " 1", "1.0", "9223372036854775808", "-9223372036854775809"]
            .map(|text| text.as_bytes().to_vec())
            .to_vec(),
    )
}

fn strings(range: u16) -> impl Strategy<Value = Vec<u8>> + Clone {
    prop_oneof![
        60 => (0..range).prop_map(|number| format!("member:{number}").into_bytes()),
        10 => (0..range).prop_map(|number| vec![number as u8; number as usize % 65]),
        3 => nearly_integers(),
    ]
}

fn long() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop::sample::select(vec![64usize, 65, 256, 4097, 9000]).prop_map(|len| (0..=255).cycle().take(len).collect())
}

fn ops(member: impl Strategy<Value = Vec<u8>> + Clone + 'static) -> BoxedStrategy<Vec<Op>> {
    let op = prop_oneof![
        40 => member.clone().prop_map(Op::Insert),
        8 => member.prop_map(Op::Remove),
        2 => any::<usize>().prop_map(Op::Pop),
        2 => any::<usize>().prop_map(Op::Nth),
        1 => Just(Op::Clone),
    ];
    prop::collection::vec(op, 1..2500).boxed()
}

fn cases() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![
        ops(integers(20)),
        ops(integers(1000)),
        ops(strings(20)),
        ops(strings(300)),
        ops(prop_oneof![800 => integers(200), 1 => strings(300)]),
        ops(prop_oneof![200 => strings(60), 1 => long()]),
    ]
}

fn is_integer(member: &[u8]) -> bool {
    let int = std::str::from_utf8(member).ok().and_then(|text| text.parse::<i64>().ok());
    int.is_some_and(|int| int.to_string().as_bytes() == member)
}

#[test]
fn behaves_like_a_set() {
    let stayed = [const { Cell::new(0) }; 3];
    let turned = [const { Cell::new(0) }; 3];
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    let result = runner.run(&cases(), |ops| {
        let mut set = Set::new();
        let mut model = BTreeSet::<Vec<u8>>::new();
        for op in ops {
            let (was_intset, was_packed) = (set.is_intset(), set.is_packed());
            match op {
                Op::Insert(member) => {
                    prop_assert_eq!(set.insert(&member), model.insert(member.clone()));
                    prop_assert!(set.contains(&member));
                    let ints = model.iter().all(|member| is_integer(member));
                    if was_intset {
                        prop_assert_eq!(set.is_intset(), ints && model.len() <= Set::MAX_INTSET_ENTRIES);
                    }
                    let small = model.len() <= Set::MAX_PACKED_ENTRIES && member.len() <= Set::MAX_PACKED_VALUE;
                    if was_packed {
                        prop_assert_eq!(set.is_packed(), small);
                    }
                    match (was_intset, was_packed, set.is_intset(), set.is_packed()) {
                        (true, _, false, true) => turned[0].set(turned[0].get() + 1),
                        (true, _, false, false) => turned[1].set(turned[1].get() + 1),
                        (_, true, _, false) => turned[2].set(turned[2].get() + 1),
                        _ => {}
                    }
                }
                Op::Remove(member) => {
                    prop_assert_eq!(set.remove(&member), model.remove(&member));
                    prop_assert!(!set.contains(&member));
                    prop_assert_eq!((set.is_intset(), set.is_packed()), (was_intset, was_packed));
                }
                Op::Pop(index) => {
                    let len = set.len();
                    prop_assert_eq!(set.pop_nth(len), None);
                    if len > 0 {
                        let expected = set.nth(index % len);
                        let member = set.pop_nth(index % len);
                        prop_assert_eq!(&member, &expected);
                        prop_assert!(model.remove(member.unwrap().as_bytes()));
                    }
                }
                Op::Nth(index) => {
                    let len = set.len();
                    prop_assert_eq!(set.nth(len), None);
                    if len > 0 {
                        prop_assert!(model.contains(set.nth(index % len).unwrap().as_bytes()));
                    }
                }
                Op::Clone => {
                    let copy = set.clone();
                    prop_assert_eq!(&copy, &set);
                    set.insert(b"only here");
                    prop_assert_ne!(&copy, &set);
                    set = copy;
                }
            }
            prop_assert_eq!(set.len(), model.len());
        }
        let mut seen = Vec::new();
        set.for_each(|member| seen.push(member.to_vec()));
        prop_assert_eq!(&set.iter().map(|member| member.to_vec()).collect::<Vec<_>>(), &seen);
        for (index, member) in seen.iter().enumerate() {
            prop_assert_eq!(&set.nth(index).map(|it| it.to_vec()), &Some(member.clone()));
        }
        seen.sort();
        prop_assert!(seen.iter().eq(&model));
        let form = if set.is_intset() { 0 } else { 1 + usize::from(!set.is_packed()) };
        stayed[form].set(stayed[form].get() + 1);
        Ok(())
    });
    result.unwrap();
    assert!(stayed.iter().all(|count| count.get() > 5), "sets per form: {stayed:?}");
    assert!(turned.iter().all(|count| count.get() > 5), "sets per conversion: {turned:?}");
}

#[test]
fn equality_ignores_the_form() {
    let (mut small, mut large) = (Set::new(), Set::new());
    large.insert(&[b'x'; 100]);
    for int in 0..50 {
        small.insert(int.to_string().as_bytes());
        large.insert(int.to_string().as_bytes());
    }
    large.remove(&[b'x'; 100]);
    assert!(small.is_intset() && !large.is_intset() && !large.is_packed());
    assert_eq!(small, large);
    large.remove(b"7");
    large.insert(b"seven");
    assert_ne!(small, large);
}

#[test]
fn integers_come_in_order() {
    let mut set = Set::new();
    for int in [5, -3, 0, i64::MIN, 12, i64::MAX, -3] {
        set.insert(int.to_string().as_bytes());
    }
    let ints: Vec<i64> = set.iter().map(|it| std::str::from_utf8(&it).unwrap().parse().unwrap()).collect();
    assert_eq!(ints, [i64::MIN, -3, 0, 5, 12, i64::MAX]);
}

#[test]
fn scan_misses_nothing_that_stays() {
    let (one_call, many_calls) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
    let changes = prop::collection::vec((0..3u8, 0..2000u16), 0..2000);
    let size = prop_oneof![1..20usize, 120..140usize, 140..1000usize];
    let result = runner.run(&(size, 1..100usize, 1..40usize, changes), |(size, count, per_call, changes)| {
        let mut set = Set::new();
        let mut stayed = BTreeSet::new();
        for number in 0..size {
            let member = format!("m{number}").into_bytes();
            set.insert(&member);
            stayed.insert(member);
        }
        let (mut seen, mut cursor, mut calls) = (BTreeSet::new(), 0, 0);
        let mut changes = changes.into_iter();
        loop {
            cursor = set.scan(cursor, count, &mut |member| {
                seen.insert(member.to_vec());
            });
            calls += 1;
            if cursor == 0 {
                break;
            }
            for (change, number) in changes.by_ref().take(per_call) {
                let member = format!("m{number}").into_bytes();
                match change {
                    0 => _ = set.insert(&member),
                    1 => {
                        set.remove(&member);
                        stayed.remove(&member);
                    }
                    _ if set.is_empty() => {}
                    _ => {
                        let popped = set.pop_nth(usize::from(number) % set.len()).unwrap();
                        stayed.remove(popped.as_bytes());
                    }
                }
            }
            prop_assert!(calls < 10_000, "the scan does not end");
        }
        prop_assert!(stayed.is_subset(&seen), "missed {:?}", stayed.difference(&seen).next());
        let calls = if calls == 1 { &one_call } else { &many_calls };
        calls.set(calls.get() + 1);
        Ok(())
    });
    result.unwrap();
    assert!(one_call.get() > 20 && many_calls.get() > 20);
}

#[test]
fn only_canonical_integers_are_integers() {
    for member in ["0", "7", "-7", "9223372036854775807", "-9223372036854775808"] {
        let mut set = Set::new();
        assert!(set.insert(member.as_bytes()) && set.is_intset(), "{member:?}");
        assert_eq!(set.nth(0).as_deref(), Some(member.as_bytes()));
    }
    let others = ["", "-", "--1", "+1", "-0", "00", "01", "-01", "1 ", " 1", "1.0", "1e3", "0x1"];
    for member in others.into_iter().chain(["9223372036854775808", "-9223372036854775809", "100000000000000000000"]) {
        let mut set = Set::new();
        set.insert(b"0");
        set.insert(b"1");
        assert!(!set.contains(member.as_bytes()) && !set.remove(member.as_bytes()), "{member:?}");
        assert!(set.insert(member.as_bytes()) && !set.is_intset(), "{member:?}");
        assert_eq!(set.len(), 3, "{member:?}");
    }
}
