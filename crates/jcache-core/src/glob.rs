//! Redis's glob patterns: what `KEYS` and the scans select names with.

/// Whether `text` fits `pattern`.
///
/// `*` stands for any bytes, `?` for one, `[a-z]` for one in a class (`[^a-z]`: not in it), and `\` takes the special
/// meaning from the byte that follows. Everything else stands for itself. O(pattern * text) at worst.
///
/// The corner cases are Redis's: a class that is not closed ends with the pattern; a range may be written backwards,
/// and bytes from 0x80 on stand before the others in it; the empty text fits only `*` and the empty pattern.
///
/// ```
/// use jcache_core::glob::matches;
///
/// assert!(matches(b"user:*:name", b"user:42:name"));
/// assert!(matches(b"h[^a-d]llo", b"hello"));
/// assert!(!matches(b"h?llo", b"hllo"));
/// assert!(matches(br"100\*", b"100*"));
/// ```
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    if text.is_empty() {
        return pattern.is_empty() || pattern == b"*";
    }
    let (mut rest, mut tail) = (pattern, text);
    // What stands after the last star, and where in the text it was tried. When it fits nowhere further on, no other
    // place for an earlier star can help, so only the last one is ever moved: the time stays a product, not a power.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        let Some((&byte, after_byte)) = tail.split_first() else {
            return rest.iter().all(|&element| element == b'*');
        };
        if let [b'*', after_star @ ..] = rest {
            if after_star.is_empty() {
                return true;
            }
            rest = after_star;
            star = Some((rest, tail));
        } else if let Some(after_element) = step(rest, byte) {
            (rest, tail) = (after_element, after_byte);
        } else {
            let Some((after_star, [_, later @ ..])) = star else { return false };
            (rest, tail) = (after_star, later);
            star = Some((rest, tail));
        }
    }
}

/// What is left of `pattern` when its first element, which is no star, fits `byte`.
fn step(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let (fits, rest) = match pattern {
        [] => return None,
        [b'?', rest @ ..] => (true, rest),
        [b'[', b'^', class @ ..] => {
            let (fits, rest) = in_class(class, byte);
            (!fits, rest)
        }
        [b'[', class @ ..] => in_class(class, byte),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte, rest),
    };
    fits.then_some(rest)
}

/// Whether `byte` is in the class that starts after its bracket, and what follows the class.
fn in_class(mut class: &[u8], byte: u8) -> (bool, &[u8]) {
    let mut fits = false;
    loop {
        class = match class {
            [] => return (fits, class),
            [b'\\', member, rest @ ..] => {
                fits |= *member == byte;
                rest
            }
            [b']', rest @ ..] => return (fits, rest),
            [from, b'-', to, rest @ ..] => {
                // C's plain char is signed on x86-64: that is where 0x80 and up come first.
                let (from, to, byte) = (*from as i8, *to as i8, byte as i8);
                fits |= (from.min(to)..=from.max(to)).contains(&byte);
                rest
            }
            [member, rest @ ..] => {
                fits |= *member == byte;
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_and_what_fits_them() {
        let fit: &[(&[u8], &[u8])] = &[
            (b"", b""),
            (b"*", b""),
            (b"*", b"anything"),
            (b"a*", b"a"),
            (b"a**", b"a"),
            (b"*a*b*", b"xxaxxbxx"),
            (b"?", b"\xff"),
            (b"[abc]", b"b"),
            (b"[^abc]", b"d"),
            (b"[a-c]x", b"bx"),
            (b"[c-a]x", b"bx"),
            (b"[\\]]", b"]"),
            (b"[\\a-c]", b"-"),
            (b"\\*", b"*"),
            (b"\\", b"\\"),
            (b"a\\", b"a\\"),
            // Classes that are not closed.
            (b"[abc", b"c"),
            (b"[^", b"x"),
            (b"[^]", b"x"),
            (b"[a-]", b"^"),
            // 0x80 and up come before 0.
            (b"[\x80-z]", b"\xf0"),
            (b"[\x80-z]", b"A"),
        ];
        for (pattern, text) in fit {
            assert!(matches(pattern, text), "{} {}", pattern.escape_ascii(), text.escape_ascii());
        }
    }

    #[test]
    fn patterns_and_what_does_not_fit_them() {
        let unfit: &[(&[u8], &[u8])] = &[
            (b"", b"a"),
            (b"**", b""),
            (b"?", b""),
            (b"a", b"A"),
            (b"a*b", b"abc"),
            (b"[abc]", b"d"),
            (b"[^abc]", b"a"),
            (b"[]", b"x"),
            (b"[", b"["),
            (b"[a-c]", b"-"),
            (b"[a-]", b"-"),
            (b"\\*", b"x"),
            (b"\\", b"x"),
            (b"[a-\xff]", b"b"),
        ];
        for (pattern, text) in unfit {
            assert!(!matches(pattern, text), "{} {}", pattern.escape_ascii(), text.escape_ascii());
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_exponential_time() {
        let pattern = [b"a*".repeat(500), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &b"a".repeat(10_000)));
    }
}
