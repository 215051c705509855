//! The 80-bit floats of x86-64: the arithmetic of `INCRBYFLOAT` and `HINCRBYFLOAT`.
//!
//! Redis adds `long double`s, so that 0.1 + 0.2 is 0.3 there. To give the same digits on every machine, the sum is
//! done in software.

use std::fmt;

use rustc_apfloat::{Float, ieee::X87DoubleExtended};

use super::{hex, says_infinity, says_zero, without_trailing_zeros};
use crate::error::{Error, Result};

/// A float with 64 bits of precision and 15 of exponent; never NaN.
///
/// ```
/// use jcache_core::number::LongDouble;
///
/// let sum = LongDouble::parse(b"0.1").unwrap().plus(LongDouble::parse(b"0.2").unwrap()).unwrap();
/// assert_eq!(sum.to_string(), "0.3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LongDouble(X87DoubleExtended);

/// The bits of the significand.
const PRECISION: i32 = 64;
/// What the stored exponent exceeds the true one by.
const BIAS: i32 = 16_383;
/// Digits after the point when written.
const DECIMALS: usize = 17;

impl LongDouble {
    /// The longest text that is read, in bytes: Redis's buffer.
    const MAX_TEXT: usize = 5 * 1024 - 1;

    /// Reads a float as [`parse_f64`](super::parse_f64) does, with the range and precision of this type; `None` also
    /// for a text of 5 KiB or more. O(n²) in the length.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > Self::MAX_TEXT {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        let number: X87DoubleExtended = if hex::is_hex(text) {
            hex::canonical(text)?.parse().ok()?
        } else {
            // The library is laxer about the form (`1e`), so the form is checked by reading a plain float.
            let plain: f64 = text.parse().ok()?;
            if says_infinity(text) {
                let infinity = X87DoubleExtended::INFINITY;
                return plain.is_infinite().then_some(Self(if plain < 0.0 { -infinity } else { infinity }));
            }
            text.parse().ok()?
        };
        let said = number.is_finite() && (!number.is_zero() || says_zero(text));
        said.then_some(Self(number))
    }

    /// Whether this is neither infinity.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// The sum, rounded to nearest; `None` when it is infinite or no number.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(Self(sum))
    }
}

/// Writes up to 17 decimals, without zeros at the end: `%.17Lf`, trimmed.
impl fmt::Display for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0.is_negative() { "-" } else { "" };
        if !self.is_finite() {
            return write!(f, "{sign}inf");
        }
        let bits = self.0.to_bits();
        let significand = bits & u128::from(u64::MAX);
        let stored = ((bits >> PRECISION) & 0x7fff) as i32;
        // The number is `significand * 2^exponent`; subnormal ones are stored with exponent 0 but have that of 1.
        let exponent = stored.max(1) - BIAS - (PRECISION - 1);
        let digits = match u32::try_from(-exponent) {
            Ok(shift) => fraction(significand, shift),
            Err(_) => power(significand, exponent.unsigned_abs()),
        };
        let digits = without_trailing_zeros(digits);
        if digits == "0" { f.write_str("0") } else { write!(f, "{sign}{digits}") }
    }
}

/// `significand / 2^shift` with 17 decimals, rounded to nearest, ties to even.
fn fraction(significand: u128, shift: u32) -> String {
    const UNIT: u128 = 10u128.pow(DECIMALS as u32);
    // Below 2^64 * 10^17 < 2^121: it fits, and from a shift of 122 on the quotient rounds to zero.
    let scaled = significand * UNIT;
    let (quotient, rest) = if shift > 122 { (0, 0) } else { (scaled >> shift, scaled & ((1 << shift) - 1)) };
    let half = if shift == 0 || shift > 122 { u128::MAX } else { 1 << (shift - 1) };
    let up = rest > half || rest == half && quotient % 2 == 1;
    let rounded = quotient + u128::from(up);
    format!("{}.{:0DECIMALS$}", rounded / UNIT, rounded % UNIT)
}

/// `significand * 2^exponent` in decimal: at most 4,933 digits.
fn power(significand: u128, exponent: u32) -> String {
    const LIMB: u128 = 10u128.pow(18);
    // Limbs of 18 decimal digits, the least first, multiplied by at most 2^32 at a time: the carry is less than a limb.
    let mut limbs = vec![significand % LIMB, significand / LIMB];
    let mut left = exponent;
    while left > 0 {
        let step = left.min(32);
        let mut carry = 0;
        for limb in &mut limbs {
            let product = (*limb << step) + carry;
            *limb = product % LIMB;
            carry = product / LIMB;
        }
        if carry > 0 {
            limbs.push(carry);
        }
        left -= step;
    }
    let digits: String = limbs.iter().rev().map(|limb| format!("{limb:018}")).collect();
    digits.trim_start_matches('0').to_owned()
}

/// What a float increment makes of the text `current`: their sum as `INCRBYFLOAT` writes it.
///
/// # Errors
/// Either is not a float; the sum is infinite or no number.
///
/// ```
/// use jcache_core::number::incr_by_float;
///
/// assert_eq!(incr_by_float(b"10.50", b"0.1").unwrap(), b"10.6");
/// assert_eq!(incr_by_float(b"5.0e3", b"2.0e2").unwrap(), b"5200");
/// ```
pub fn incr_by_float(current: &[u8], increment: &[u8]) -> Result<Vec<u8>> {
    let current = LongDouble::parse(current).ok_or_else(Error::not_a_float)?;
    let increment = LongDouble::parse(increment).ok_or_else(Error::not_a_float)?;
    let sum = current.plus(increment).ok_or_else(no_finite_sum)?;
    Ok(sum.to_string().into_bytes())
}

/// Redis's error for a float increment with an infinite result.
#[cold]
fn no_finite_sum() -> Error {
    Error::invalid("ERR increment would produce NaN or Infinity")
}
