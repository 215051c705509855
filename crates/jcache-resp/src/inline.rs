//! Inline commands: a line of words, as a person types it into a terminal.

use jcache_core::Value;

use crate::error::ProtocolError;

/// The words of a line. In double quotes `\n \r \t \b \a \xHH` are escapes and any other escaped byte is itself; in
/// single quotes only `\'` is. A closing quote ends the word.
///
/// ```text
/// SET "a\x41" 'it''s'   an error: something follows the quote
/// ```
///
/// # Errors
/// Unbalanced quotes.
pub(crate) fn split(line: &[u8]) -> Result<Vec<Value>, ProtocolError> {
    let mut words = Vec::new();
    let mut rest = trim(line);
    while !rest.is_empty() {
        let mut word = Vec::new();
        rest = trim(take_word(rest, &mut word)?);
        words.push(word.into());
    }
    Ok(words)
}

/// Without the leading space, as C's `isspace` has it.
fn trim(mut line: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = line
        && is_space(*first)
    {
        line = rest;
    }
    line
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Reads one word; what follows it is returned.
fn take_word<'l>(mut line: &'l [u8], word: &mut Vec<u8>) -> Result<&'l [u8], ProtocolError> {
    loop {
        match line {
            [] => return Ok(line),
            [byte, ..] if is_space(*byte) => return Ok(line),
            [quote @ (b'"' | b'\''), rest @ ..] => {
                let after = take_quoted(*quote, rest, word)?;
                // Nothing may stand between a closing quote and the next space.
                return match after.first() {
                    Some(byte) if !is_space(*byte) => Err(ProtocolError::UnbalancedQuotes),
                    _ => Ok(after),
                };
            }
            [byte, rest @ ..] => {
                word.push(*byte);
                line = rest;
            }
        }
    }
}

/// Reads up to the closing `quote`; what follows it is returned.
fn take_quoted<'l>(quote: u8, mut line: &'l [u8], word: &mut Vec<u8>) -> Result<&'l [u8], ProtocolError> {
    loop {
        line = match line {
            [] => return Err(ProtocolError::UnbalancedQuotes),
            [byte, rest @ ..] if *byte == quote => return Ok(rest),
            [b'\\', b'\'', rest @ ..] if quote == b'\'' => {
                word.push(b'\'');
                rest
            }
            [b'\\', b'x', high, low, rest @ ..]
                if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) << 4 | hex(*low));
                rest
            }
            [b'\\', escaped, rest @ ..] if quote == b'"' => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest
            }
            [byte, rest @ ..] => {
                word.push(*byte);
                rest
            }
        };
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
