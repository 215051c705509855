//! The work: keys, values, and in which order keys are asked for.
//!
//! Everything is a function of a seed, so every engine of a run, and every run, gets the same requests.

use std::hint::black_box;

/// The value that every write stores.
pub const VALUE: [u8; 100] = [b'v'; 100];

/// The skew of all Zipf distributions.
pub const SKEW: f64 = 0.99;

/// A key of 16 to 24 bytes, made of its number.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
pub struct Request {
    key: [u8; 24],
    len: u8,
    /// A die from 0 to 99: the request is a write where it is below the share of writes.
    pub die: u8,
}

impl Request {
    /// The request for the key of a number.
    pub fn new(number: u64, die: u8) -> Self {
        Self { key: digits(number), len: 16 + (scatter(number) % 9) as u8, die }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &[u8] {
        &self.key[..usize::from(self.len)]
    }
}

/// A key of 20 bytes, for tables that say so.
pub fn key_20(number: u64) -> [u8; 20] {
    digits(number)[..20].try_into().expect("20 of 24 bytes")
}

/// Different for every number, in its first 16 bytes already.
fn digits(number: u64) -> [u8; 24] {
    let mut text = *b"key:000000000000--------";
    let mut rest = number;
    for digit in text[4..16].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}

/// Unrelated numbers for neighbours, one to one (SplitMix64's output).
pub fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A Zipf distribution over ranks from 0: a table of cumulated weights.
#[derive(Debug)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Over so many ranks.
    pub fn new(ranks: usize) -> Self {
        let mut sum = 0.0;
        Self(
            (1..=ranks)
                .map(|rank| {
                    sum += (rank as f64).powf(-SKEW);
                    sum
                })
                .collect(),
        )
    }

    /// How many ranks there are.
    pub fn ranks(&self) -> usize {
        self.0.len()
    }

    /// A rank.
    pub fn pick(&self, random: &mut fastrand::Rng) -> usize {
        let total = self.0.last().expect("a distribution over something");
        let at = random.f64() * total;
        self.0.partition_point(|sum| *sum <= at).min(self.0.len() - 1)
    }
}

/// One stream of requests for each thread: the requests themselves lie in the order in which they are sent, so that
/// reading them costs every engine the same little.
pub fn streams(zipf: &Zipf, threads: usize, requests: usize) -> Vec<Vec<Request>> {
    let stream = |thread| {
        let mut random = fastrand::Rng::with_seed(1000 + thread);
        (0..requests).map(|_| Request::new(zipf.pick(&mut random) as u64, random.u8(0..100))).collect()
    };
    (0..threads as u64).map(stream).collect()
}

/// Reads some of a value's bytes, so that no engine gets away with a pointer.
#[inline]
pub fn touch(value: &[u8]) {
    if let (Some(first), Some(last)) = (value.first(), value.last()) {
        black_box(u32::from(*first) + u32::from(value[value.len() / 2]) + u32::from(*last));
    }
}
