//! Numbers as Redis reads and writes them.

/// Reads a signed integer as Redis does: an optional minus, no plus, no leading zero, no space.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = matches!(digits, [b'1'..=b'9', ..]) || text == b"0";
    if !canonical || text.len() > 20 {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Reads a float as Redis does; never NaN.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!number.is_nan()).then_some(number)
}

/// Writes a float so that reading it gives the same float.
pub fn format_f64(number: f64) -> String {
    format!("{number}")
}
