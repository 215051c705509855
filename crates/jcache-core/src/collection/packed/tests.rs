//! `Packed` against a vector of vectors, with elements on both sides of every varint's limit.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

#[derive(Debug, Clone)]
enum Op {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    PopBack,
    PopFront,
    Insert(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
    Retain(usize, usize),
    Split(usize),
    Clone,
}

fn element() -> impl Strategy<Value = Vec<u8>> + Clone {
    let len = prop_oneof![
        30 => 0..30usize,
        3 => prop::sample::select(vec![126usize, 127, 128, 129]),
        1 => prop::sample::select(vec![16_383usize, 16_384, 2_097_151, 2_097_152]),
    ];
    (len, any::<u8>()).prop_map(|(len, byte)| vec![byte; len])
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let index = any::<usize>();
    let op = prop_oneof![
        6 => element().prop_map(Op::PushBack),
        6 => element().prop_map(Op::PushFront),
        3 => Just(Op::PopBack),
        3 => Just(Op::PopFront),
        4 => (index, element()).prop_map(|(at, element)| Op::Insert(at, element)),
        4 => (index, element()).prop_map(|(at, element)| Op::Replace(at, element)),
        2 => (index, 0..4usize).prop_map(|(at, count)| Op::Remove(at, count)),
        1 => (0..3usize, 0..3usize).prop_map(|(front, back)| Op::Retain(front, back)),
        1 => index.prop_map(Op::Split),
        1 => Just(Op::Clone),
    ];
    prop::collection::vec(op, 1..300)
}

#[test]
fn behaves_like_a_vector() {
    let (longest, most) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 128, failure_persistence: None, ..Config::default() });
    let result = runner.run(&ops(), |ops| {
        let mut packed = Packed::default();
        let mut model = Vec::<Vec<u8>>::new();
        for op in ops {
            let len = model.len();
            match op {
                Op::PushBack(element) => {
                    packed.push_back(&element);
                    model.push(element);
                }
                Op::PushFront(element) => {
                    packed.push_front(&element);
                    model.insert(0, element);
                }
                Op::PopBack => prop_assert_eq!(packed.pop_back(<[u8]>::to_vec), model.pop()),
                Op::PopFront => {
                    let expected = (len > 0).then(|| model.remove(0));
                    prop_assert_eq!(packed.pop_front(<[u8]>::to_vec), expected);
                }
                Op::Insert(at, element) => {
                    packed.insert(packed.position(at % (len + 1)), &element);
                    model.insert(at % (len + 1), element);
                }
                Op::Replace(at, element) if len > 0 => {
                    packed.replace(packed.position(at % len), &element);
                    model[at % len] = element;
                }
                Op::Remove(at, count) if len > 0 => {
                    packed.remove(packed.position(at % len), count);
                    model.drain(at % len..len.min(at % len + count));
                }
                Op::Retain(front, back) if front + back <= len => {
                    packed.retain_range(front, len - back);
                    model = model[front..len - back].to_vec();
                }
                Op::Split(at) => {
                    let rest = packed.split_off(at % (len + 1));
                    prop_assert!(rest.iter().eq(&model[at % (len + 1)..]));
                    prop_assert!(packed.iter().eq(&model[..at % (len + 1)]));
                    packed.append(&rest);
                }
                Op::Clone => {
                    let copy = packed.clone();
                    prop_assert_eq!(&copy, &packed);
                    packed = copy;
                }
                Op::Replace(..) | Op::Remove(..) | Op::Retain(..) => {}
            }
            prop_assert_eq!(packed.len(), model.len());
            prop_assert_eq!(packed.is_empty(), model.is_empty());
            prop_assert_eq!(packed.size(), model.iter().map(|it| Packed::cost(it.len())).sum::<usize>());
            prop_assert!(packed.iter().eq(&model));
            prop_assert!(packed.iter().rev().eq(model.iter().rev()));
            prop_assert_eq!(packed.get(model.len()), None);
            let room = packed.block.len();
            prop_assert!(room <= 4 * packed.size() + KEEP + CHUNK, "{} bytes of {room} are in use", packed.size());
            longest.set(longest.get().max(model.iter().map(Vec::len).max().unwrap_or(0)));
            most.set(most.get().max(model.len()));
        }
        for (index, element) in model.iter().enumerate() {
            prop_assert_eq!(packed.get(index), Some(element.as_slice()));
            let first = model.iter().position(|it| it == element).map(|index| packed.position(index));
            prop_assert_eq!(packed.find(element, 1), first);
            if index % 3 == 0 {
                let first = model.iter().step_by(3).position(|it| it == element).map(|at| packed.position(3 * at));
                prop_assert_eq!(packed.find(element, 3), first);
            }
        }
        Ok(())
    });
    result.unwrap();
    assert!(longest.get() >= 2_097_152 && most.get() > 30, "{} {}", longest.get(), most.get());
}

#[test]
fn small_growth_is_tight() {
    let mut packed = Packed::default();
    for number in 0..100 {
        packed.push_back(format!("element {number}").as_bytes());
        assert!(packed.heap_size() <= packed.size() * 5 / 4 + 32, "{} for {}", packed.heap_size(), packed.size());
    }
}
