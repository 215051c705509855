//! Numbers as Redis reads and writes them.
//!
//! Redis leans on the C library (`strtoll`, `strtod`, `printf`), so what counts as a number, and how one looks in a
//! reply, is C's grammar and C's rounding. Long doubles, which only the float increments use, are in [`LongDouble`].

mod hex;
mod long_double;

pub use long_double::{LongDouble, incr_by_float};

use rustc_apfloat::{Float, ieee};

/// Reads a signed integer as Redis does: decimal, an optional minus, no plus, no leading zero, no space; `None` when
/// it is anything else or does not fit.
///
/// ```
/// use jcache_core::number::parse_i64;
///
/// assert_eq!(parse_i64(b"-12"), Some(-12));
/// assert_eq!(parse_i64(b"+12"), None);
/// assert_eq!(parse_i64(b"012"), None);
/// ```
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = matches!(digits, [b'1'..=b'9', ..]) || text == b"0";
    if !canonical || text.len() > 20 {
        return None;
    }
    if digits.len() > 18 {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    // So few digits fit, whatever they are.
    let mut number = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    Some(if digits.len() == text.len() { number } else { -number })
}

/// Reads a float as C's `strtod` does: decimal or hexadecimal, `inf` and `infinity` in any case, an optional sign, no
/// space around it. `None` for anything else, for a NaN, and for a number that overflows or vanishes to zero.
///
/// ```
/// use jcache_core::number::parse_f64;
///
/// assert_eq!(parse_f64(b"+1.5e3"), Some(1500.0));
/// assert_eq!(parse_f64(b"0x1p-2"), Some(0.25));
/// assert_eq!(parse_f64(b"-Infinity"), Some(f64::NEG_INFINITY));
/// assert_eq!(parse_f64(b" 1"), None);
/// assert_eq!(parse_f64(b"1e999"), None);
/// ```
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    // Most scores are integers, and those of so few digits are floats as they are.
    if text.len() <= 15
        && let Some(number) = parse_i64(text)
    {
        return Some(number as f64);
    }
    let text = std::str::from_utf8(text).ok()?;
    let number: f64 = if hex::is_hex(text) {
        let number: ieee::Double = hex::canonical(text)?.parse().ok()?;
        f64::from_bits(u64::try_from(number.to_bits()).expect("invariant: a double has 64 bits"))
    } else {
        text.parse().ok()?
    };
    in_range(text, number)
}

/// Refuses what C reports as out of range: an infinity or a zero that the text does not say.
fn in_range(text: &str, number: f64) -> Option<f64> {
    let said = number.is_finite() && (number != 0.0 || says_zero(text)) || number.is_infinite() && says_infinity(text);
    said.then_some(number)
}

/// Whether a text that is a number in form is one of the names of infinity.
fn says_infinity(text: &str) -> bool {
    text.contains(['n', 'N'])
}

/// Whether a text that is a number in form has no digit but zeros before its exponent.
fn says_zero(text: &str) -> bool {
    let (text, hex) = match text.split_once(['x', 'X']) {
        Some((_, digits)) => (digits, true),
        None => (text, false),
    };
    let significand = text.split(if hex { ['p', 'P'] } else { ['e', 'E'] }).next().unwrap_or(text);
    !significand.contains(|c: char| c.is_ascii_hexdigit() && c != '0')
}

/// Writes a float with 17 significant digits, as C's `%.17g`: what Redis 7.0 answers for scores. Reading it gives the
/// same float again.
///
/// ```
/// use jcache_core::number::format_f64;
///
/// assert_eq!(format_f64(3.0), "3");
/// assert_eq!(format_f64(0.1), "0.10000000000000001");
/// assert_eq!(format_f64(1e30), "1e+30");
/// assert_eq!(format_f64(f64::NEG_INFINITY), "-inf");
/// ```
pub fn format_f64(number: f64) -> String {
    const DIGITS: i32 = 17;
    if !number.is_finite() {
        return number.to_string();
    }
    if number.abs() < 1e15 && number.trunc() == number && !(number == 0.0 && number.is_sign_negative()) {
        return (number as i64).to_string();
    }
    let exact = format!("{number:.16e}");
    let (significand, exponent) = exact.split_once('e').expect("invariant: {:e} writes an exponent");
    let exponent: i32 = exponent.parse().expect("invariant: the exponent is a small integer");
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).expect("invariant: the exponent is less than the digits");
        return without_trailing_zeros(format!("{number:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let significand = without_trailing_zeros(significand.to_owned());
    format!("{significand}e{sign}{:02}", exponent.abs())
}

/// Removes the zeros at the end of a decimal fraction, and the point if nothing is left after it.
fn without_trailing_zeros(mut text: String) -> String {
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}

#[cfg(test)]
mod tests;
