//! The deadline in a header: 44 bits of the word that a look-up loads.
//!
//! Up to the year 2248 it is the milliseconds since the epoch. From then on it is 40 of them, rounded up, which tells
//! deadlines as far as 48 bits of milliseconds do, some 8,900 years, and whole seconds exactly.

/// The lowest of the bits.
const SHIFT: u32 = 20;
/// A deadline from here on is told in units of [`COARSE`] milliseconds, of which a second has a whole number.
const FAR: u64 = 1 << 43;
const COARSE: u64 = 40;
/// The latest.
pub(super) const MAX: u64 = (1 << 48) - 1;

/// The bits of `deadline`, in their place.
#[inline]
pub(super) fn pack(deadline: u64) -> u64 {
    let bits = if deadline < FAR { deadline } else { FAR | deadline.min(MAX).div_ceil(COARSE) };
    bits << SHIFT
}

/// The deadline of a word.
#[inline]
pub(super) fn unpack(word: u64) -> u64 {
    let bits = word >> SHIFT;
    if bits < FAR { bits } else { ((bits - FAR) * COARSE).min(MAX) }
}

/// Whether the word has a deadline.
#[inline]
pub(super) fn is_there(word: u64) -> bool {
    word >> SHIFT != 0
}

/// The word without a deadline.
#[inline]
pub(super) fn without(word: u64) -> u64 {
    word & ((1 << SHIFT) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_deadlines_are_exact_and_far_ones_hardly_late() {
        for deadline in [0, 1, 1_800_000_000_000, FAR - 1, MAX, u64::MAX] {
            assert_eq!(unpack(pack(deadline) | 7), deadline.min(MAX));
        }
        for deadline in [FAR, FAR + 1, 12_345_678_901_234, 33_177_117_420_000, MAX - 100] {
            let late = unpack(pack(deadline)) - deadline;
            assert!(late < COARSE, "{deadline}: {late} late");
            assert!(late == 0 || deadline % 1_000 > 0, "{deadline}: whole seconds are exact");
        }
        assert_eq!(without(pack(12_345) | 7), 7);
        assert!(is_there(pack(1) | 7) && !is_there(pack(0) | 7));
    }
}
