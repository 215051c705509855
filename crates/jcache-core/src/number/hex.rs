//! Hexadecimal floats as C reads them, brought to a short form that the arithmetic library takes.

/// The significant hexadecimal digits kept: more than any precision used here (64 bits) needs, plus one that says
/// whether anything followed, for the rounding.
const DIGITS: usize = 18;

/// Beyond this binary exponent every float overflows or vanishes.
const EXPONENT: i64 = 25_000;

/// Whether `text` starts as a hexadecimal float does, after an optional sign.
pub(super) fn is_hex(text: &str) -> bool {
    digits(text).is_some()
}

fn digits(text: &str) -> Option<&str> {
    text.strip_prefix(['-', '+']).unwrap_or(text).strip_prefix('0')?.strip_prefix(['x', 'X'])
}

/// The number as `[-]0x<digits>p<exponent>` with a bounded number of digits and a bounded exponent: rounding it gives
/// what rounding `text` gives. `None` when `text` is malformed.
pub(super) fn canonical(text: &str) -> Option<String> {
    let sign = if text.starts_with('-') { "-" } else { "" };
    let text = digits(text)?;
    let (significand, exponent) = match text.split_once(['p', 'P']) {
        Some((significand, exponent)) => (significand, read_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
    let all = || whole.bytes().chain(fraction.bytes());
    if all().next().is_none() || !all().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let zeros = all().take_while(|&digit| digit == b'0').count();
    let mut kept: String = all().skip(zeros).take(DIGITS).map(char::from).collect();
    if kept.is_empty() {
        return Some(format!("{sign}0x0p0"));
    }
    let dropped = whole.len() + fraction.len() - zeros - kept.len();
    let mut exponent = exponent + 4 * (dropped as i64 - fraction.len() as i64);
    if all().skip(zeros + DIGITS).any(|digit| digit != b'0') {
        kept.push('1');
        exponent -= 4;
    }
    Some(format!("{sign}0x{kept}p{}", exponent.clamp(-EXPONENT, EXPONENT)))
}

/// A decimal exponent with an optional sign; a huge one is cut to where it makes no more difference, which is beyond
/// what the number of digits (at most 2^29 of them) can make up for.
fn read_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let cut = |n: i64, digit: u8| (n * 10 + i64::from(digit - b'0')).min(1 << 40);
    let exponent = digits.bytes().fold(0, cut);
    Some(if text.starts_with('-') { -exponent } else { exponent })
}
