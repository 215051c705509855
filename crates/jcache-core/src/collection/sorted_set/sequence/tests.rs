//! Checks of a sequence against a `Vec`, with nodes small enough for many levels.

use super::leaf::Leaf;
use super::node::Node;
use super::{Entry, Sequence};

type Small = Sequence<4, 4>;

/// A step of a fixed pseudo-random walk (xorshift).
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize
}

fn entry(id: usize) -> Entry {
    Entry { score: id as f64, id: id as u32 }
}

/// Depth and heap of a subtree whose counts, first entries and fill were found right.
fn check<const L: usize, const F: usize>(node: &Node<L, F>, root: bool, right_edge: bool) -> (usize, usize) {
    assert!(root || right_edge || !node.is_underfull(), "underfull: {node:?}");
    let Node::Inner(inner) = node else {
        assert!(root || node.count() > 0);
        return (1, node.heap());
    };
    let children: Vec<_> = inner.parts().collect();
    assert!((2..=F).contains(&children.len()));
    let mut depth = None;
    let mut heap = node.heap();
    for (i, (first, count, child)) in children.iter().enumerate() {
        let (below, size) = check(child, false, right_edge && i + 1 == children.len());
        assert_eq!(*depth.get_or_insert(below), below, "leaves at one depth");
        assert_eq!((*first, *count), (child.first(), child.count()));
        heap += size;
    }
    (depth.expect("children") + 1, heap)
}

fn compare<const L: usize, const F: usize>(sequence: &Sequence<L, F>, model: &[Entry]) {
    let (_, heap) = check(&sequence.root, true, true);
    assert_eq!(sequence.heap_size(), heap);
    assert_eq!(sequence.len(), model.len());
    assert_eq!(sequence.root.count() as usize, model.len());
    assert!(sequence.range(0, model.len()).eq(model.iter().copied()));
    assert!(sequence.range(0, model.len()).rev().eq(model.iter().rev().copied()));
}

fn depth<const L: usize, const F: usize>(sequence: &Sequence<L, F>) -> usize {
    check(&sequence.root, true, true).0
}

#[test]
fn random_inserts_and_removes_follow_a_vec() {
    let (mut sequence, mut model) = (Small::new(), Vec::new());
    let mut state = 0x9E37_79B9_7F4A_7C15;
    let mut deepest = 0;
    for round in 0..6000 {
        // Grows for 1500 rounds, shrinks for 1500, twice.
        let grow = (round / 1500) % 2 == 0;
        if model.is_empty() || next(&mut state).is_multiple_of(4) != grow {
            let rank = next(&mut state) % (model.len() + 1);
            sequence.insert(rank, entry(round));
            model.insert(rank, entry(round));
        } else {
            let rank = next(&mut state) % model.len();
            let len = if next(&mut state).is_multiple_of(50) { next(&mut state) % 40 } else { 1 };
            let end = model.len().min(rank + len);
            let mut gone = Vec::new();
            sequence.remove(rank, len, |entry| gone.push(entry));
            assert_eq!(gone, model.drain(rank..end).collect::<Vec<_>>());
        }
        if !model.is_empty() {
            let rank = next(&mut state) % model.len();
            model[rank] = entry(round + 10_000);
            sequence.replace(rank, model[rank]);
            assert!(sequence.range(rank, rank + 1).eq([model[rank]]));
        }
        deepest = deepest.max(depth(&sequence));
        compare(&sequence, &model);
    }
    assert!(deepest >= 4, "only {deepest} levels");
    let copy = sequence.clone();
    sequence.remove(0, usize::MAX, |_| {});
    compare(&sequence, &[]);
    compare(&copy, &model);
}

#[test]
fn draining_from_either_end_keeps_the_tree_sound() {
    for back in [false, true] {
        let mut sequence: Small = (0..700).map(entry).collect();
        let mut model: Vec<_> = (0..700).map(entry).collect();
        assert!(depth(&sequence) >= 4);
        while !model.is_empty() {
            let rank = if back { model.len() - 1 } else { 0 };
            sequence.remove(rank, 1, |_| {});
            model.remove(rank);
            compare(&sequence, &model);
        }
        assert_eq!(depth(&sequence), 1);
    }
}

#[test]
fn partition_points_are_exact_and_ranges_meet_in_the_middle() {
    let sequence: Small = (0..500).map(|i| entry(i * 2)).collect();
    for limit in 0..1001 {
        assert_eq!(sequence.partition_point(|entry| (entry.id as usize) < limit), limit.div_ceil(2));
    }
    for (start, end) in [(0, 0), (0, 500), (3, 4), (17, 333), (499, 500), (500, 500)] {
        let mut range = sequence.range(start, end);
        let (mut front, mut back) = (Vec::new(), Vec::new());
        assert_eq!(range.size_hint(), (end - start, Some(end - start)));
        while let Some(entry) = range.next() {
            front.push(entry);
            back.extend(range.next_back());
        }
        assert_eq!(range.next_back(), None);
        front.extend(back.into_iter().rev());
        assert_eq!(front, (start..end).map(|i| entry(i * 2)).collect::<Vec<_>>());
    }
}

#[test]
fn a_predicate_that_holds_for_no_prefix_still_ends_in_range() {
    let sequence: Small = (0..500).map(entry).collect();
    for odd in [0, 1, 2] {
        assert!(sequence.partition_point(|entry| entry.id % 3 == odd) <= 500);
    }
}

#[test]
fn appending_leaves_full_leaves_behind() {
    let sequence: Sequence<64, 32> = (0..100_000).map(entry).collect();
    let full = 100_000usize.div_ceil(64) * Node::<64, 32>::empty().heap();
    assert!(sequence.heap_size() < full + full / 10, "{} bytes, {full} in leaves", sequence.heap_size());
    assert!(size_of::<Leaf<64>>() <= 64 * 12 + 8);
}
