//! Which key is asked for next.

/// Digits of a key's number.
const DIGITS: usize = 12;

/// The key of a number: 16 bytes.
pub(super) fn name(number: u64) -> [u8; DIGITS + 4] {
    let mut text = *b"key:000000000000";
    let mut rest = number;
    for digit in text[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}

/// A distribution over numbers of keys.
#[derive(Debug)]
pub(super) enum Keys {
    Even(u64),
    /// Cumulated weights of a Zipf distribution, 8 bytes a key.
    Skewed(Vec<f64>),
}

/// The most keys that have weights of their own; those beyond, which a skewed load hardly asks for, are left out.
const WEIGHTS: u64 = 10_000_000;

impl Keys {
    /// Over `count` keys, the first the most popular when there is a skew.
    pub(super) fn new(count: u64, skew: f64) -> Self {
        if skew == 0.0 {
            return Self::Even(count);
        }
        let mut sum = 0.0;
        let weigh = |rank: u64| {
            sum += (rank as f64).powf(-skew);
            sum
        };
        Self::Skewed((1..=count.min(WEIGHTS)).map(weigh).collect())
    }

    /// The next.
    pub(super) fn pick(&self, random: &mut fastrand::Rng) -> u64 {
        match self {
            Self::Even(count) => random.u64(0..*count),
            Self::Skewed(sums) => {
                let at = random.f64() * sums.last().expect("there is a key");
                sums.partition_point(|sum| *sum <= at).min(sums.len() - 1) as u64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_their_numbers() {
        assert_eq!(&name(0), b"key:000000000000");
        assert_eq!(&name(1_234_567), b"key:000001234567");
    }

    #[test]
    fn a_skew_makes_the_first_popular() {
        let mut random = fastrand::Rng::with_seed(7);
        for (skew, least, most) in [(0.0, 0, 30), (0.99, 1_000, 2_000)] {
            let keys = Keys::new(1_000, skew);
            let picks: Vec<u64> = (0..10_000).map(|_| keys.pick(&mut random)).collect();
            assert!(picks.iter().all(|pick| *pick < 1_000));
            let first = picks.iter().filter(|pick| **pick == 0).count();
            assert!((least..most).contains(&first), "{skew}: {first}");
        }
    }
}
