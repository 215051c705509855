//! `List` against a `VecDeque`, in both forms, with elements on both sides of every limit.

use std::cell::Cell;
use std::collections::VecDeque;

use jcache_core::collection::List;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

#[derive(Debug, Clone)]
enum Op {
    PushFront(Vec<u8>),
    PushBack(Vec<u8>),
    PopFront(u8),
    PopBack(u8),
    Set(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(usize),
    Retain(usize, usize),
    RemoveMatching(Vec<u8>, i64),
    Range(usize, usize),
    Clone,
}

fn short() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop_oneof![
        3 => (0..6u8).prop_map(|number| vec![number; number as usize]),
        10 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (120..140usize).prop_map(|len| vec![b'm'; len]),
    ]
}

fn mixed() -> impl Strategy<Value = Vec<u8>> + Clone {
    let long = prop_oneof![500..3000usize, 4090..4100usize, 8180..8200usize, Just(20_000), Just(16_384)];
    prop_oneof![
        8 => short(),
        3 => (long, any::<u8>()).prop_map(|(len, byte)| vec![byte % 3; len]),
    ]
}

/// `growth` is the weight of pushes, `cuts` that of what removes many at once.
fn ops(
    element: impl Strategy<Value = Vec<u8>> + Clone + 'static,
    growth: u32,
    cuts: u32,
    count: usize,
) -> BoxedStrategy<Vec<Op>> {
    let index = any::<usize>();
    let op = prop_oneof![
        growth => element.clone().prop_map(Op::PushFront),
        growth => element.clone().prop_map(Op::PushBack),
        6 => (1..6u8).prop_map(Op::PopFront),
        6 => (1..6u8).prop_map(Op::PopBack),
        6 => (index, element.clone()).prop_map(|(index, element)| Op::Set(index, element)),
        10 => (index, element.clone()).prop_map(|(index, element)| Op::Insert(index, element)),
        8 => index.prop_map(Op::Remove),
        8 => (index, index).prop_map(|(start, len)| Op::Range(start, len)),
        cuts => (index, index).prop_map(|(start, end)| Op::Retain(start, end)),
        cuts => (element, -3..4i64).prop_map(|(element, count)| Op::RemoveMatching(element, count)),
        1 => Just(Op::Clone),
    ];
    prop::collection::vec(op, 1..count).boxed()
}

fn cases() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![ops(short(), 10, 1, 300), ops(short(), 60, 1, 1500), ops(mixed(), 30, 2, 400), ops(mixed(), 12, 1, 400),]
}

/// LREM told plainly.
fn remove_matching(model: &mut VecDeque<Vec<u8>>, element: &[u8], count: i64) -> usize {
    let mut left = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let before = model.len();
    let mut keep = |other: &Vec<u8>| {
        let hit = other == element && left > 0;
        left -= usize::from(hit);
        !hit
    };
    if count < 0 {
        let mut kept: VecDeque<_> = model.drain(..).rev().filter(|it| keep(it)).collect();
        kept.make_contiguous().reverse();
        *model = kept;
    } else {
        model.retain(keep);
    }
    before - model.len()
}

fn check(list: &List, model: &VecDeque<Vec<u8>>) -> Result<(), TestCaseError> {
    prop_assert_eq!(list.iter().len(), model.len());
    prop_assert!(list.iter().eq(model.iter()), "{:?} is not {:?}", list, model);
    prop_assert!(list.iter().rev().eq(model.iter().rev()));
    // From both ends by turns.
    let (mut ours, mut theirs) = (list.iter(), model.iter());
    for step in 0..=model.len() {
        let (our, their) =
            if step % 3 == 0 { (ours.next_back(), theirs.next_back()) } else { (ours.next(), theirs.next()) };
        prop_assert_eq!(our, their.map(Vec::as_slice));
    }
    Ok(())
}

#[test]
fn behaves_like_a_deque() {
    let (grown, shrunk, removed) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
    let result = runner.run(&cases(), |ops| {
        let mut list = List::new();
        let mut model = VecDeque::<Vec<u8>>::new();
        for (step, op) in ops.into_iter().enumerate() {
            let was_packed = list.is_packed();
            // Any index becomes one that is mostly inside, sometimes just beyond the end.
            let within = |index: usize| index % (model.len() + 2);
            match op {
                Op::PushFront(element) => {
                    list.push_front(&element);
                    model.push_front(element);
                }
                Op::PushBack(element) => {
                    list.push_back(&element);
                    model.push_back(element);
                }
                Op::PopFront(times) => {
                    for _ in 0..times {
                        prop_assert_eq!(list.pop_front().map(|it| it.to_vec()), model.pop_front());
                    }
                }
                Op::PopBack(times) => {
                    for _ in 0..times {
                        prop_assert_eq!(list.pop_back().map(|it| it.to_vec()), model.pop_back());
                    }
                }
                Op::Set(index, element) => {
                    let index = within(index);
                    prop_assert_eq!(list.set(index, &element), index < model.len());
                    if let Some(old) = model.get_mut(index) {
                        *old = element;
                    }
                }
                Op::Insert(index, element) => {
                    let index = within(index);
                    prop_assert_eq!(list.insert(index, &element), index <= model.len());
                    if index <= model.len() {
                        model.insert(index, element);
                    }
                }
                Op::Remove(index) => {
                    let index = within(index);
                    prop_assert_eq!(list.remove(index).map(|it| it.to_vec()), model.remove(index));
                }
                Op::Retain(start, end) => {
                    // Mostly a little off each end, seldom nearly everything.
                    let len = model.len();
                    let (start, end) = match start % 5 {
                        0 => (within(start), within(end)),
                        _ => (start % 4, len.saturating_sub(end % 4)),
                    };
                    list.retain_range(start, end);
                    let end = end.min(len);
                    model = model.drain(start.min(end)..end).collect();
                }
                Op::RemoveMatching(element, count) => {
                    let count_removed = remove_matching(&mut model, &element, count);
                    prop_assert_eq!(list.remove_matching(&element, count), count_removed);
                    removed.set(removed.get() + count_removed);
                }
                Op::Range(start, len) => {
                    let start = within(start);
                    let len = len % (model.len() + 2);
                    let expected: Vec<&[u8]> = model.iter().skip(start).take(len).map(Vec::as_slice).collect();
                    let range = list.range(start, len);
                    prop_assert_eq!(range.len(), expected.len());
                    prop_assert_eq!(&range.clone().collect::<Vec<_>>(), &expected);
                    prop_assert!(range.rev().eq(expected.iter().rev().copied()));
                    let mut visited = Vec::new();
                    list.for_each_range(start, len, |element| visited.push(element.to_vec()));
                    prop_assert_eq!(&visited, &expected);
                    prop_assert_eq!(list.get(start).map(|it| it.to_vec()), model.get(start).cloned());
                    prop_assert_eq!(list.peek(start), model.get(start).map(Vec::as_slice));
                    if let Some(element) = model.get(start) {
                        let first = model.iter().position(|it| it == element);
                        prop_assert_eq!(list.position(element), first);
                    }
                }
                Op::Clone => {
                    let copy = list.clone();
                    prop_assert_eq!(&copy, &list);
                    list.push_back(b"only here");
                    prop_assert_ne!(&copy, &list);
                    list = copy;
                }
            }
            prop_assert_eq!(list.len(), model.len());
            prop_assert_eq!(list.is_empty(), model.is_empty());
            if step % 16 == 0 {
                check(&list, &model)?;
            }
            match (was_packed, list.is_packed()) {
                (true, false) => grown.set(grown.get() + 1),
                (false, true) => shrunk.set(shrunk.get() + 1),
                _ => {}
            }
        }
        check(&list, &model)?;
        while let Some(expected) = model.pop_front() {
            prop_assert_eq!(list.pop_front().map(|it| it.to_vec()), Some(expected));
        }
        prop_assert!(list.pop_front().is_none() && list.pop_back().is_none() && list.is_packed());
        Ok(())
    });
    result.unwrap();
    assert!(grown.get() > 20, "too few lists grew: {}", grown.get());
    assert!(shrunk.get() > 20, "too few lists shrank: {}", shrunk.get());
    assert!(removed.get() > 100, "too few elements removed by value: {}", removed.get());
}

/// A queue moves through its block, or its chunks, for ever without taking more memory.
#[test]
fn queues_stay_within_bounds() {
    for (waiting, limit) in [(1, 512), (10, 1024), (300, 20_000), (3000, 110_000)] {
        for reverse in [false, true] {
            let mut list = List::new();
            let mut next = 0u64;
            for round in 0..20_000u64 {
                let element = format!("job number {round:09}"); // 20 bytes
                if reverse {
                    list.push_front(element.as_bytes());
                } else {
                    list.push_back(element.as_bytes());
                }
                if list.len() > waiting {
                    let taken = if reverse { list.pop_back() } else { list.pop_front() };
                    assert_eq!(taken.as_deref(), Some(format!("job number {next:09}").as_bytes()));
                    next += 1;
                }
                assert!(list.heap_size() <= limit, "{waiting} waiting take {} bytes", list.heap_size());
            }
        }
    }
}

/// Inserting at one place again and again must not leave a chunk per insertion.
#[test]
fn insertions_in_the_middle_fill_the_chunks() {
    let mut list = List::new();
    for _ in 0..2000 {
        list.push_back(&[b'x'; 20]);
    }
    for round in 0..20_000 {
        let middle = list.len() / 2;
        list.insert(middle - round % 3, &[b'y'; 20]);
    }
    let per_element = list.heap_size() as f64 / list.len() as f64;
    assert!(per_element < 45.0, "{per_element} bytes an element of 20");
    for _ in 0..21_000 {
        list.remove(list.len() / 2);
    }
    let per_element = list.heap_size() as f64 / list.len() as f64;
    assert!(per_element < 60.0, "{per_element} bytes an element of 20 after most have left");
}

/// Chunks that lose most of their elements join, or a few elements would hold on to a chunk each.
#[test]
fn sparse_chunks_join() {
    let mut by_value = List::new();
    let mut by_index = List::new();
    for number in 0..40_000 {
        let element: &[u8] = if number % 100 == 0 { b"one of those that stay" } else { b"one of those that leave" };
        by_value.push_back(element);
        by_index.push_back(element);
    }
    by_value.remove_matching(b"one of those that leave", 0);
    for index in (0..40_000).rev().filter(|index| index % 100 != 0) {
        by_index.remove(index);
    }
    assert_eq!(by_value, by_index);
    assert_eq!(by_value.len(), 400);
    for list in [by_value, by_index] {
        assert!(list.heap_size() < 400 * 50, "{} bytes for 400 elements of 22", list.heap_size());
    }
}

/// The second chunk of a list does not take a whole block at once.
#[test]
fn a_list_just_over_the_limit_takes_little_more() {
    let mut list = List::new();
    while list.is_packed() {
        list.push_back(&[b'x'; 20]);
    }
    assert!(list.heap_size() < 11_000, "{} bytes", list.heap_size());
}

/// An element that takes the place of one of its size needs no more room, however full the chunk is.
#[test]
fn replacing_does_not_grow_the_list() {
    let mut list = List::new();
    for _ in 0..5000 {
        list.push_back(&[b'x'; 20]);
    }
    let before = list.heap_size();
    for index in 0..list.len() {
        assert!(list.set(index, &[b'y'; 20]));
    }
    assert_eq!(list.heap_size(), before);
}
