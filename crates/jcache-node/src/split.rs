//! Cutting a line into words as redis-cli does.
//!
//! Words are separated by white space. A part in double quotes may hold anything, with `\n \r \t \b \a \xHH` for
//! bytes that are hard to type and a backslash before any other byte for that byte; in single quotes only `\'` is
//! special. A closing quote must be followed by white space.

/// A line whose quotes do not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// The words of `line`.
pub(crate) fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = &rest[rest.iter().take_while(|byte| is_space(**byte)).count()..];
        if rest.is_empty() {
            return Ok(words);
        }
        words.push(take_word(&mut rest)?);
    }
}

/// What C's `isspace` calls white space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn take_word(rest: &mut &[u8]) -> Result<Vec<u8>, Unbalanced> {
    let mut word = Vec::new();
    while let Some(byte) = next(rest) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' => {
                take_double(rest, &mut word)?;
                break;
            }
            b'\'' => {
                take_single(rest, &mut word)?;
                break;
            }
            other => word.push(other),
        }
    }
    Ok(word)
}

fn take_double(rest: &mut &[u8], word: &mut Vec<u8>) -> Result<(), Unbalanced> {
    loop {
        match next(rest).ok_or(Unbalanced)? {
            b'"' => return end_of_word(rest),
            b'\\' => {
                if let [b'x', high, low, after @ ..] = *rest
                    && let (Some(high), Some(low)) = (hex(*high), hex(*low))
                {
                    word.push(high << 4 | low);
                    *rest = after;
                    continue;
                }
                word.push(match next(rest).ok_or(Unbalanced)? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
            }
            other => word.push(other),
        }
    }
}

fn take_single(rest: &mut &[u8], word: &mut Vec<u8>) -> Result<(), Unbalanced> {
    loop {
        match next(rest).ok_or(Unbalanced)? {
            b'\'' => return end_of_word(rest),
            b'\\' if rest.first() == Some(&b'\'') => {
                word.push(b'\'');
                *rest = &rest[1..];
            }
            other => word.push(other),
        }
    }
}

fn end_of_word(rest: &[u8]) -> Result<(), Unbalanced> {
    if rest.first().is_none_or(|byte| is_space(*byte)) { Ok(()) } else { Err(Unbalanced) }
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_redis_cli_does() {
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"", &[]),
            (b" \t\x0b\x0c\r\n", &[]),
            (b"get a", &[b"get", b"a"]),
            (b"  get\t a \r\n", &[b"get", b"a"]),
            (b"set a \"\"", &[b"set", b"a", b""]),
            (b"set a ''", &[b"set", b"a", b""]),
            (b"\"two words\" 'and two'", &[b"two words", b"and two"]),
            (br#""\n\r\t\b\a\\\"\q""#, &[b"\n\r\t\x08\x07\\\"q"]),
            (br#""\x00\xfF\xg0\x1""#, &[b"\x00\xffxg0x1"]),
            (br"'\n\' it'", &[b"\\n' it"]),
            (br"a\nb", &[b"a\\nb"]),
            (br#"pre"fix" 'a"b'"#, &[b"prefix", b"a\"b"]),
            (b"a\0b \xff\xfe", &[b"a\0b", b"\xff\xfe"]),
        ];
        for (line, words) in cases {
            assert_eq!(split(line).unwrap(), *words, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn quotes_must_match() {
        for line in [r#"get "a"#, "get 'a", r#"get "a"b"#, "get 'a'b", r#"get "a\"#, r#"get "a\""#, r"get 'a\'"] {
            assert_eq!(split(line.as_bytes()), Err(Unbalanced), "{line}");
        }
    }
}
