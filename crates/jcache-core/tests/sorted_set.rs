//! Sorted sets against a model made of std's ordered collections.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use jcache_core::collection::SortedSet;
use proptest::prelude::*;

/// A score in an order for all floats in which the zeros are one.
#[derive(Clone, Copy, Debug)]
struct Score(f64);

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Score {}
impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.partial_cmp(&other.0).expect("no NaN")
    }
}

/// The obvious sorted set: score by member, and members in order.
#[derive(Clone, Debug, Default)]
struct Model {
    scores: HashMap<Vec<u8>, f64>,
    order: BTreeMap<(Score, Vec<u8>), ()>,
}

impl Model {
    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.scores.get(member).copied();
        if old != Some(score) {
            self.remove(member);
            self.scores.insert(member.to_vec(), score);
            self.order.insert((Score(score), member.to_vec()), ());
        }
        old
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.order.remove(&(Score(score), member.to_vec()));
        Some(score)
    }

    fn list(&self) -> Vec<(Vec<u8>, f64)> {
        self.order.keys().map(|(score, member)| (member.clone(), score.0)).collect()
    }

    fn remove_range(&mut self, start: usize, len: usize) -> usize {
        let gone: Vec<_> = self.list().into_iter().skip(start).take(len).collect();
        gone.iter().for_each(|(member, _)| assert!(self.remove(member).is_some()));
        gone.len()
    }
}

/// Members and the bits of their scores: a zero keeps its sign.
fn bits<M: AsRef<[u8]>>(entries: impl IntoIterator<Item = (M, f64)>) -> Vec<(Vec<u8>, u64)> {
    entries.into_iter().map(|(member, score)| (member.as_ref().to_vec(), score.to_bits())).collect()
}

fn owned(popped: Option<(jcache_core::Value, f64)>) -> Option<(Vec<u8>, f64)> {
    popped.map(|(member, score)| (member.as_bytes().to_vec(), score))
}

/// All that can be read agrees.
fn compare(set: &SortedSet, model: &Model) {
    let list = model.list();
    assert_eq!(set.len(), list.len());
    assert_eq!(set.is_empty(), list.is_empty());
    assert_eq!(bits(set.iter()), bits(list.clone()));
    assert_eq!(bits(set.iter().rev()), bits(list.iter().cloned().rev()));
    for (rank, (member, score)) in list.iter().enumerate() {
        assert_eq!(set.rank(member), Some(rank));
        assert_eq!(set.score(member).map(f64::to_bits), Some(score.to_bits()));
        let below = list.iter().filter(|(_, other)| other < score).count();
        let up_to = list.iter().filter(|(_, other)| other <= score).count();
        assert_eq!((set.rank_of_score(*score, false), set.rank_of_score(*score, true)), (below, up_to));
    }
    assert_eq!(owned(set.nth(list.len())), None);
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u16, usize, f64),
    Remove(u16),
    Nth(usize),
    Range(usize, usize),
    RemoveRange(usize, usize),
    PopMin,
    PopMax,
    Absent(Vec<u8>),
    ByScore(f64),
    ByMember(Vec<u8>),
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-5i8..5).prop_map(f64::from),
        3 => any::<f64>().prop_filter("a number", |score| !score.is_nan()),
        1 => Just(0.0),
        1 => Just(-0.0),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
    ]
}

/// A member of some identity; lengths around the packed limit when `long`.
fn member(id: u16, pad: usize) -> Vec<u8> {
    let mut bytes = id.to_string().into_bytes();
    bytes.resize(bytes.len().max(pad), b'.');
    bytes
}

fn op(members: u16, pad: usize) -> impl Strategy<Value = Op> {
    let index = 0..usize::from(members) + 10;
    prop_oneof![
        40 => (0..members, 0..=pad, score()).prop_map(|(id, pad, score)| Op::Insert(id, pad, score)),
        10 => (0..members).prop_map(Op::Remove),
        4 => index.clone().prop_map(Op::Nth),
        4 => (index.clone(), index.clone()).prop_map(|(start, len)| Op::Range(start, len)),
        1 => (index, 0..40usize).prop_map(|(start, len)| Op::RemoveRange(start, len)),
        2 => Just(Op::PopMin),
        2 => Just(Op::PopMax),
        2 => prop::collection::vec(any::<u8>(), 0..4).prop_map(Op::Absent),
        4 => score().prop_map(Op::ByScore),
        2 => prop::collection::vec(any::<u8>(), 0..3).prop_map(Op::ByMember),
    ]
}

fn apply(set: &mut SortedSet, model: &mut Model, op: &Op) {
    let list = model.list();
    match op {
        Op::Insert(id, pad, score) => {
            let member = member(*id, *pad);
            assert_eq!(set.insert(&member, *score), model.insert(&member, *score));
        }
        Op::Remove(id) => {
            let member = member(*id, 0);
            assert_eq!(set.remove(&member), model.remove(&member));
        }
        Op::Nth(rank) => assert_eq!(owned(set.nth(*rank)), list.get(*rank).cloned()),
        Op::Range(start, len) => {
            let expected: Vec<_> = list.into_iter().skip(*start).take(*len).collect();
            let range = set.range(*start, *len);
            assert_eq!(range.len(), expected.len());
            assert_eq!(bits(range.clone()), bits(expected.clone()));
            assert_eq!(bits(range.rev()), bits(expected.into_iter().rev()));
        }
        Op::RemoveRange(start, len) => assert_eq!(set.remove_range(*start, *len), model.remove_range(*start, *len)),
        Op::PopMin => {
            assert_eq!(owned(set.pop_min()), list.first().cloned());
            model.remove_range(0, 1);
        }
        Op::PopMax => {
            assert_eq!(owned(set.pop_max()), list.last().cloned());
            model.remove_range(list.len().saturating_sub(1), 1);
        }
        Op::Absent(member) => {
            let there = model.scores.contains_key(member);
            assert_eq!((set.score(member).is_some(), set.rank(member).is_some()), (there, there));
        }
        Op::ByScore(score) => {
            assert_eq!(set.rank_of_score(*score, false), list.iter().filter(|(_, other)| other < score).count());
            assert_eq!(set.rank_of_score(*score, true), list.iter().filter(|(_, other)| other <= score).count());
        }
        Op::ByMember(member) => {
            assert!(set.rank_of_member_bytes(member, false) <= list.len());
            assert!(set.rank_of_member_bytes(member, true) <= list.len());
        }
    }
}

fn run(ops: &[Op]) -> SortedSet {
    let (mut set, mut model) = (SortedSet::new(), Model::default());
    let mut was_packed = true;
    for op in ops {
        apply(&mut set, &mut model, op);
        let list = model.list();
        assert_eq!(bits(set.iter()), bits(list));
        let must_index = set.len() > SortedSet::PACKED_LEN
            || model.scores.keys().any(|member| member.len() > SortedSet::PACKED_MEMBER);
        assert!(!(set.is_packed() && must_index), "too much to be packed");
        assert!(was_packed || !set.is_packed(), "never packed again");
        was_packed = set.is_packed();
    }
    compare(&set, &model);
    let mut copy = set.clone();
    assert_eq!(copy, set);
    copy.remove_range(0, usize::MAX);
    assert!(copy.is_empty() && copy.iter().next().is_none());
    compare(&set, &model);
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A handful of members: packed throughout.
    #[test]
    fn few_members(ops in prop::collection::vec(op(40, 0), 0..200)) {
        prop_assert!(run(&ops).is_packed());
    }

    /// Around the number at which a set is indexed, and some leaves beyond.
    #[test]
    fn members_around_the_packed_limit(ops in prop::collection::vec(op(400, 0), 0..600)) {
        run(&ops);
    }

    /// Around the length at which a set is indexed.
    #[test]
    fn members_of_any_length(ops in prop::collection::vec(op(40, 66), 0..120)) {
        run(&ops);
    }

    /// One score: order is of bytes, and ranks by bytes are exact.
    #[test]
    fn ranks_by_member(ids in prop::collection::btree_set(prop::collection::vec(any::<u8>(), 0..4), 0..400),
                       probes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 0..50)) {
        let set: SortedSet = ids.iter().map(|id| (id, 1.0)).collect();
        for probe in probes.iter().chain(&ids) {
            prop_assert_eq!(set.rank_of_member_bytes(probe, false), ids.iter().filter(|id| *id < probe).count());
            prop_assert_eq!(set.rank_of_member_bytes(probe, true), ids.iter().filter(|id| *id <= probe).count());
        }
    }

    /// Whatever happens between its steps, a scan meets every member that stays.
    #[test]
    fn scans_meet_what_stays(before in prop::collection::vec(op(600, 0), 0..900), count in 1..40usize,
                             steps in prop::collection::vec(prop::collection::vec(op(600, 0), 0..60), 1..30)) {
        let (mut set, mut model) = (SortedSet::new(), Model::default());
        before.iter().for_each(|op| apply(&mut set, &mut model, op));
        let mut stayed: HashSet<Vec<u8>> = model.scores.keys().cloned().collect();
        let mut seen = HashSet::new();
        let (mut cursor, mut steps) = (0, steps.iter());
        loop {
            cursor = set.scan(cursor, count, &mut |member, score| {
                assert_eq!(model.scores.get(member), Some(&score));
                seen.insert(member.to_vec());
            });
            if cursor == 0 {
                break;
            }
            for op in steps.next().into_iter().flatten() {
                apply(&mut set, &mut model, op);
                stayed.retain(|member| model.scores.contains_key(member));
            }
        }
        prop_assert!(stayed.is_subset(&seen));
    }
}

/// A number with no pattern, of a multiplier of Knuth's.
fn scatter(i: u64) -> u64 {
    i.wrapping_mul(0x5851_F42D_4C95_7F2D).rotate_left(29).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Three levels and more: 120,000 members of few scores, so that ties span leaves, then taken away in three ways.
#[test]
fn large_set() {
    const N: u64 = 120_000;
    let name = |i: u64| format!("member:{:016x}", scatter(i)).into_bytes();
    let score = |i: u64| (scatter(i) % 50) as f64;
    let mut set = SortedSet::new();
    for i in 0..N {
        assert_eq!(set.insert(&name(i), score(i)), None);
    }
    let mut expected: Vec<_> = (0..N).map(|i| (Score(score(i)), name(i))).collect();
    expected.sort();
    let check = |set: &SortedSet, expected: &[(Score, Vec<u8>)]| {
        assert!(set.iter().map(|(member, score)| (Score(score), member.to_vec())).eq(expected.iter().cloned()));
        for rank in (0..expected.len()).step_by(997) {
            let (score, member) = &expected[rank];
            assert_eq!(set.rank(member), Some(rank));
            assert_eq!(owned(set.nth(rank)), Some((member.clone(), score.0)));
            assert_eq!(set.rank_of_score(score.0, false), expected.partition_point(|(other, _)| other < score));
            assert_eq!(set.rank_of_score(score.0, true), expected.partition_point(|(other, _)| other <= score));
        }
    };
    check(&set, &expected);
    let full = set.heap_size();
    assert_eq!(set.remove_range(20_000, 50_000), 50_000);
    expected.drain(20_000..70_000);
    check(&set, &expected);
    let gone: HashSet<_> = expected.iter().step_by(2).map(|(_, member)| member.clone()).collect();
    for member in &gone {
        assert!(set.remove(member).is_some());
        assert_eq!(set.remove(member), None);
    }
    expected.retain(|(_, member)| !gone.contains(member));
    check(&set, &expected);
    for _ in 0..10_000 {
        let (score, member) = expected.pop().expect("35,000 are left");
        assert_eq!(owned(set.pop_max()), Some((member, score.0)));
    }
    for (score, member) in expected.drain(..10_000) {
        assert_eq!(owned(set.pop_min()), Some((member, score.0)));
    }
    check(&set, &expected);
    assert!(set.heap_size() < full / 4, "{} of {full} bytes for an eighth of the members", set.heap_size());
}

/// Most members go in the middle of a scan, so that the rest is moved together under it.
#[test]
fn a_scan_survives_the_packing_of_slots() {
    for taken in [0, 1, 500, 900, 999] {
        let mut set: SortedSet = (0..1000).map(|i| (i.to_string(), f64::from(i))).collect();
        let mut seen = HashSet::new();
        let mut cursor =
            if taken == 0 { 0 } else { set.scan(0, taken, &mut |member, _| assert!(seen.insert(member.to_vec()))) };
        assert_eq!(seen.len(), taken);
        let before = set.heap_size();
        (0..1000).filter(|i| i % 7 != 3).for_each(|i| assert!(set.remove(i.to_string().as_bytes()).is_some()));
        assert!(set.heap_size() < before / 4, "not packed");
        loop {
            cursor = set.scan(cursor, 10, &mut |member, _| _ = seen.insert(member.to_vec()));
            if cursor == 0 {
                break;
            }
        }
        assert!(set.iter().all(|(member, _)| seen.contains(member.as_bytes())));
    }
}

#[test]
fn zeros_are_equal_and_the_first_one_stays() {
    for filler in [0, 200] {
        let mut set: SortedSet = (0..filler).map(|i| (format!("f{i}"), 1.0)).collect();
        set.insert(b"b", -0.0);
        set.insert(b"a", 0.0);
        assert_eq!((set.rank(b"a"), set.rank(b"b")), (Some(0), Some(1)));
        assert_eq!(set.insert(b"b", 0.0).map(f64::to_bits), Some((-0.0f64).to_bits()));
        assert_eq!(set.score(b"b").map(f64::to_bits), Some((-0.0f64).to_bits()));
        assert_eq!(set.rank_of_score(0.0, false), 0);
        assert_eq!(set.rank_of_score(-0.0, true), 2);
    }
}

#[test]
fn both_forms_of_the_same_members_are_equal() {
    let packed: SortedSet = (0..100).map(|i| (format!("m{i}"), f64::from(i % 7))).collect();
    let mut indexed: SortedSet = (0..300).map(|i| (format!("m{i}"), f64::from(i % 7))).collect();
    for i in 100..300 {
        indexed.remove(format!("m{i}").as_bytes());
    }
    assert!(packed.is_packed() && !indexed.is_packed());
    assert_eq!(packed, indexed);
    indexed.insert(b"m3", 0.5);
    assert_ne!(packed, indexed);
    assert_eq!(format!("{:?}", SortedSet::from_iter([("a\n", 1.5)])), r#"{b"a\n": 1.5}"#);
}

#[test]
fn an_empty_set_takes_no_heap_and_a_full_one_what_redis_takes() {
    assert_eq!(SortedSet::new().heap_size(), 0);
    assert_eq!(size_of::<SortedSet>(), 32);
    let set: SortedSet =
        (0..1000u64).map(|i| (format!("member:{:013}", scatter(i) % 10_u64.pow(13)), scatter(i) as f64)).collect();
    assert!(set.heap_size() / 1000 < 100, "{} bytes a member", set.heap_size() / 1000);
    let packed: SortedSet = (0..100u64).map(|i| (format!("member:{i:013}"), i as f64)).collect();
    assert!(packed.heap_size() / 100 < 36, "{} bytes a member", packed.heap_size() / 100);
}

#[test]
fn a_packed_set_gives_room_back() {
    let mut set: SortedSet = (0..128).map(|i| (format!("member-{i}"), f64::from(i))).collect();
    assert!(set.is_packed());
    let full = set.heap_size();
    set.remove_range(10, 118);
    assert!(set.heap_size() < full / 4);
    assert_eq!(set.insert(b"member-5", 77.0), Some(5.0));
    assert_eq!(set.rank(b"member-5"), Some(9));
}

#[test]
fn a_full_packed_set_takes_new_scores_but_no_new_member() {
    let mut set: SortedSet = (0..128).map(|i| (i.to_string(), f64::from(i))).collect();
    assert_eq!(set.insert(b"0", 500.0), Some(0.0));
    assert!(set.is_packed());
    assert_eq!(set.insert(b"new", 1.0), None);
    assert!(!set.is_packed());
    assert_eq!((set.len(), set.rank(b"new"), set.rank(b"0")), (129, Some(1), Some(128)));
}
