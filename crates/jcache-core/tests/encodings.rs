//! Collections at random sizes around every threshold of their encodings: what they hold stays, every conversion is
//! met, and none grows by more than it told before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jcache_core::collection::{Hash, List, Set, SortedSet};

/// Random numbers from a seed, which every failure names.
struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    fn new(seed: u64) -> Self {
        Self { seed, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) as usize % limit
    }

    /// A size about a threshold: mostly within three of it.
    fn about(&mut self, threshold: usize) -> usize {
        match self.below(4) {
            0 => self.below(2 * threshold),
            _ => (threshold + self.below(7)).saturating_sub(3),
        }
    }

    /// Bytes that are one of `kinds` different ones, `len` long at least.
    fn bytes(&mut self, kinds: usize, len: usize) -> Vec<u8> {
        let mut bytes = format!("m{:06}", self.below(kinds)).into_bytes();
        bytes.resize(bytes.len().max(len), b'.');
        bytes
    }

    /// How many at a time: mostly few, and fewer than 2^bits.
    fn count(&mut self, bits: usize) -> usize {
        let bits = self.below(bits);
        1 + self.below(1 << bits)
    }

    /// A length that is mostly short, and now and then about `threshold`; rarely, when `long` is not wanted.
    fn len(&mut self, threshold: usize, long: bool) -> usize {
        if long && self.below(60) == 0 { self.about(threshold) } else { self.below(20) }
    }
}

/// How often each conversion was seen.
#[derive(Default)]
struct Coverage(BTreeMap<&'static str, u32>);

impl Coverage {
    fn saw(&mut self, conversion: &'static str, times: u32) {
        *self.0.entry(conversion).or_default() += times;
    }
}

/// The conversions that there are.
const CONVERSIONS: [&str; 13] = [
    "hash: packed to full by count",
    "hash: packed to full by length",
    "set: integers to packed",
    "set: integers to full by count",
    "set: integers to full by length",
    "set: packed to full by count",
    "set: packed to full by length",
    "list: packed to chunks by size",
    "list: packed to chunks by a long element",
    "list: chunks to packed",
    "sorted set: packed to indexed by count",
    "sorted set: packed to indexed by length",
    "sorted set: indexed and packed together",
];

fn grown(random: &Random, before: usize, ahead: usize, after: usize) {
    assert!(after <= before + ahead, "seed {}: {before} bytes and {ahead} ahead came to {after}", random.seed);
}

fn hash(random: &mut Random, coverage: &mut Coverage) {
    let (mut hash, mut model) = (Hash::new(), BTreeMap::new());
    let (size, long) = (random.about(Hash::MAX_PACKED_ENTRIES), random.below(2) == 0);
    while model.len() < size {
        let count = random.count(6);
        let pairs: Vec<_> = (0..count)
            .map(|_| {
                let field = random.len(Hash::MAX_PACKED_VALUE, long);
                let value = random.len(Hash::MAX_PACKED_VALUE, long);
                (random.bytes(400, field), random.bytes(9, value))
            })
            .collect();
        let borrowed = pairs.iter().map(|(field, value)| (&field[..], &value[..]));
        let (before, ahead, was_packed) = (hash.heap_size(), hash.growth_ahead(borrowed), hash.is_packed());
        let is_long = |bytes: &[u8]| bytes.len() > Hash::MAX_PACKED_VALUE;
        let by_length = pairs.iter().any(|(field, value)| is_long(field) || is_long(value));
        if random.below(2) == 0 {
            hash.prepare(pairs.iter().map(|(field, value)| (&field[..], &value[..])));
        }
        for (field, value) in pairs {
            assert_eq!(hash.insert(&field, &value), model.insert(field, value).is_none(), "seed {}", random.seed);
        }
        grown(random, before, ahead, hash.heap_size());
        let turned = u32::from(was_packed && !hash.is_packed());
        coverage.saw(CONVERSIONS[usize::from(by_length)], turned);
        if random.below(4) == 0
            && let Some(field) = model.keys().nth(random.below(model.len())).cloned()
        {
            assert!(hash.remove(&field) && model.remove(&field).is_some());
        }
    }
    let mut seen: Vec<_> = hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
    seen.sort();
    assert!(seen.into_iter().eq(model), "seed {}", random.seed);
}

fn set(random: &mut Random, coverage: &mut Coverage) {
    let (mut set, mut model) = (Set::new(), BTreeSet::new());
    let (integers, long) = (random.below(3), random.below(2) == 0);
    let size = random.about(if integers > 0 { Set::MAX_INTSET_ENTRIES } else { Set::MAX_PACKED_ENTRIES });
    while model.len() < size {
        let count = random.count(6);
        let members: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let len = random.len(Set::MAX_PACKED_VALUE, long);
                match integers {
                    // Now and then another kind of member among them, or none ever.
                    1 if random.below(150) == 0 => {
                        let len = random.about(Set::MAX_PACKED_VALUE);
                        random.bytes(400, len)
                    }
                    0 => random.bytes(400, len),
                    _ => random.below(5_000).to_string().into_bytes(),
                }
            })
            .collect();
        let (before, ahead) = (set.heap_size(), set.growth_ahead(members.iter().map(|member| &member[..])));
        for member in members {
            let (was_integers, was_packed) = (set.is_intset(), set.is_packed());
            let by_length = member.len() > Set::MAX_PACKED_VALUE;
            assert_eq!(set.insert(&member), model.insert(member), "seed {}", random.seed);
            match (was_integers, set.is_intset(), was_packed, set.is_packed()) {
                (true, false, _, true) => coverage.saw(CONVERSIONS[2], 1),
                (true, false, _, false) => coverage.saw(CONVERSIONS[3 + usize::from(by_length)], 1),
                (_, _, true, false) => coverage.saw(CONVERSIONS[5 + usize::from(by_length)], 1),
                _ => {}
            }
        }
        grown(random, before, ahead, set.heap_size());
        if random.below(4) == 0
            && let Some(member) = model.iter().nth(random.below(model.len())).cloned()
        {
            assert!(set.remove(&member) && model.remove(&member));
        }
    }
    let seen: BTreeSet<Vec<u8>> = set.iter().map(|member| member.to_vec()).collect();
    assert_eq!(seen, model, "seed {}", random.seed);
}

/// A packed list is at most so many bytes, and an element in it at most half of that.
const CHUNK: usize = 8192;

fn list(random: &mut Random, coverage: &mut Coverage) {
    let (mut list, mut model) = (List::new(), VecDeque::new());
    let long = random.below(2) == 0;
    let mut bytes = random.about(CHUNK);
    while bytes > 0 {
        let count = random.count(4);
        let elements: Vec<Vec<u8>> = (0..count)
            .map(|_| {
                let len = if long && random.below(100) == 0 { random.about(CHUNK / 2) } else { random.below(200) };
                random.bytes(1_000, len)
            })
            .collect();
        let by_length = elements.iter().any(|element| element.len() > CHUNK / 2);
        bytes = bytes.saturating_sub(elements.iter().map(Vec::len).sum());
        let (before, was_packed) = (list.heap_size(), list.is_packed());
        let ahead = list.growth_ahead(elements.iter().map(|element| &element[..]));
        for element in elements {
            match (random.below(5), model.len()) {
                (0, _) => {
                    list.push_front(&element);
                    model.push_front(element);
                }
                (1, 1..) => {
                    let at = random.below(model.len());
                    list.insert(at, &element);
                    model.insert(at, element);
                }
                (2, 1..) => {
                    let at = random.below(model.len());
                    list.set(at, &element);
                    model[at] = element;
                }
                _ => {
                    list.push_back(&element);
                    model.push_back(element);
                }
            }
        }
        grown(random, before, ahead, list.heap_size());
        coverage.saw(CONVERSIONS[7 + usize::from(by_length)], u32::from(was_packed && !list.is_packed()));
    }
    assert!(list.iter().eq(model.iter().map(Vec::as_slice)), "seed {}", random.seed);
    while let Some(element) = model.pop_front() {
        let was_packed = list.is_packed();
        assert_eq!(list.pop_front().as_deref(), Some(&element[..]), "seed {}", random.seed);
        coverage.saw(CONVERSIONS[9], u32::from(!was_packed && list.is_packed()));
    }
}

fn sorted_set(random: &mut Random, coverage: &mut Coverage) {
    let (mut set, mut model) = (SortedSet::new(), BTreeMap::new());
    let (size, long) = (random.about(SortedSet::PACKED_LEN), random.below(2) == 0);
    while model.len() < size {
        let count = random.count(6);
        let members: Vec<(Vec<u8>, i32)> = (0..count)
            .map(|_| {
                let len = random.len(SortedSet::PACKED_MEMBER, long);
                (random.bytes(400, len), random.below(50) as i32)
            })
            .collect();
        let (before, was_packed) = (set.heap_size(), set.is_packed());
        let ahead = set.growth_ahead(members.iter().map(|(member, _)| &member[..]));
        let by_length = members.iter().any(|(member, _)| member.len() > SortedSet::PACKED_MEMBER);
        for (member, score) in members {
            assert_eq!(set.insert(&member, f64::from(score)), model.insert(member, score).map(f64::from));
        }
        grown(random, before, ahead, set.heap_size());
        coverage.saw(CONVERSIONS[10 + usize::from(by_length)], u32::from(was_packed && !set.is_packed()));
    }
    let mut expected: Vec<(i32, Vec<u8>)> = model.into_iter().map(|(member, score)| (score, member)).collect();
    expected.sort();
    let seen = set.iter().map(|(member, score)| (score as i32, member.to_vec()));
    assert!(seen.eq(expected.iter().cloned()), "seed {}", random.seed);
    // Most of a large one leaves: the rest is packed together.
    if !set.is_packed() && set.len() > 80 {
        let (full, rest) = (set.heap_size(), set.len() / 8);
        set.remove_range(rest, usize::MAX);
        coverage.saw(CONVERSIONS[12], u32::from(set.heap_size() < full / 3));
        let seen = set.iter().map(|(member, score)| (score as i32, member.to_vec()));
        assert!(seen.eq(expected.into_iter().take(rest)), "seed {}", random.seed);
    }
}

#[test]
fn every_conversion_keeps_what_is_there_and_grows_as_told() {
    let mut coverage = Coverage::default();
    for seed in 1..=400 {
        let mut random = Random::new(seed);
        [hash, set, list, sorted_set].iter().for_each(|kind| kind(&mut random, &mut coverage));
    }
    for conversion in CONVERSIONS {
        let times = coverage.0.get(conversion).copied().unwrap_or(0);
        assert!(times >= 5, "{conversion}: seen {times} times; {:?}", coverage.0);
    }
}

/// Growth far beyond the thresholds, one element at a time: doublings are told before.
#[test]
fn large_collections_grow_as_told() {
    let mut random = Random::new(1);
    let (mut hash, mut set, mut sorted_set, mut list) = (Hash::new(), Set::new(), SortedSet::new(), List::new());
    let mut steps = 0;
    for i in 0..30_000_u32 {
        let (len, place) = (random.below(30), random.below(1 << 20) as f64);
        let mut member = i.to_string().into_bytes();
        member.resize(member.len() + len, b'x');
        let one = || std::iter::once(&member[..]);
        let ahead = [
            hash.growth_ahead(one().map(|field| (field, field))),
            set.growth_ahead(one()),
            sorted_set.growth_ahead(one()),
            list.growth_ahead(one()),
        ];
        let sizes = |hash: &Hash, set: &Set, sorted_set: &SortedSet, list: &List| {
            [hash.heap_size(), set.heap_size(), sorted_set.heap_size(), list.heap_size()]
        };
        let before = sizes(&hash, &set, &sorted_set, &list);
        hash.insert(&member, &member);
        set.insert(&member);
        sorted_set.insert(&member, place);
        list.push_back(&member);
        let after = sizes(&hash, &set, &sorted_set, &list);
        for ((before, ahead), after) in before.into_iter().zip(ahead).zip(after) {
            grown(&random, before, ahead, after);
            // Told is what comes, not the worst that ever might.
            steps += u32::from(ahead > after.saturating_sub(before) + 20_000);
        }
    }
    assert!(steps < 300, "{steps} of 120000 additions asked for far more than they took");
}
