//! Commands and replies as short texts: how conformance sessions are written and differences are shown.
//!
//! A command is words with spaces between; a word in double quotes may hold spaces and the escapes `\n \r \t \\ \"
//! \xff`. A reply reads: `nil`, `OK`, `+string` for another status, `3`, `1.5` for a double (always with a point, an
//! exponent or `inf`), `"bytes"`, `[1 nil "b"]`, `{"field": "value"}` for a map, `{"member"}` for a set,
//! `!ERR syntax error` for an error.

use jcache_core::Reply;

/// The words of a command.
///
/// ```
/// use jcache_testkit::notation::words;
///
/// assert_eq!(words(r#"SET k "a b\xff""#), [&b"SET"[..], b"k", b"a b\xff"]);
/// ```
///
/// # Panics
/// At an escape that is none, or a quote that does not end.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted, line),
            None => {
                let end = rest.find(' ').unwrap_or(rest.len());
                (rest[..end].into(), &rest[end..])
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// The bytes up to the closing quote, and what follows it.
fn unquote<'l>(quoted: &'l str, line: &str) -> (Vec<u8>, &'l str) {
    let mut bytes = Vec::new();
    let mut rest = quoted;
    loop {
        let mut chars = rest.chars();
        match chars.next() {
            Some('"') => return (bytes, chars.as_str()),
            Some('\\') => {
                let escape = chars.next().unwrap_or_default();
                rest = chars.as_str();
                bytes.push(match escape {
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    '\\' | '"' => escape as u8,
                    'x' => {
                        let byte = rest.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                        rest = rest.get(2..).unwrap_or_default();
                        byte.unwrap_or_else(|| panic!("\\x wants two hexadecimal digits in {line}"))
                    }
                    other => panic!("unknown escape \\{other} in {line}"),
                });
            }
            Some(other) => {
                bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                rest = chars.as_str();
            }
            None => panic!("a quote does not end in {line}"),
        }
    }
}

/// A command as a line that [`words`] reads again, but for words of more than 100 bytes, which are cut.
pub fn line(args: &[impl AsRef<[u8]>]) -> String {
    let word = |arg: &[u8]| {
        if arg.len() > 100 {
            return format!("<{} bytes: \"{}\"…>", arg.len(), arg[..20].escape_ascii());
        }
        let plain = !arg.is_empty() && arg.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte));
        if plain { String::from_utf8_lossy(arg).into_owned() } else { quote(arg) }
    };
    args.iter().map(|arg| word(arg.as_ref())).collect::<Vec<_>>().join(" ")
}

/// A reply or an error. With `ordered` false, the elements of a list are sorted, as those of sets and maps always are.
///
/// ```
/// use jcache_core::Reply;
/// use jcache_testkit::notation::show;
///
/// let reply = Reply::Array(vec![Reply::Bulk("b".into()), Reply::Nil, Reply::Double(2.0)]);
/// assert_eq!(show(&Ok(reply), true), r#"["b" nil 2.0]"#);
/// ```
pub fn show(outcome: &Result<Reply, String>, ordered: bool) -> String {
    match outcome {
        Ok(reply) => show_reply(reply, ordered),
        Err(text) => format!("!{text}"),
    }
}

fn show_reply(reply: &Reply, ordered: bool) -> String {
    let all = |items: &[Reply]| items.iter().map(|item| show_reply(item, true)).collect::<Vec<_>>();
    let sorted = |mut items: Vec<String>| {
        items.sort_unstable();
        items
    };
    match reply {
        Reply::Nil | Reply::NilArray => "nil".to_owned(),
        Reply::Ok => "OK".to_owned(),
        Reply::Status(text) => format!("+{}", text.escape_ascii()),
        Reply::Int(number) => number.to_string(),
        Reply::Double(number) => format!("{number:?}"),
        Reply::Bool(yes) => yes.to_string(),
        Reply::Bulk(value) | Reply::Verbatim(value) => quote(value),
        Reply::BigNumber(digits) => digits.escape_ascii().to_string(),
        Reply::Error(error) => format!("!{}", error.message()),
        Reply::Array(items) | Reply::Push(items) if ordered => format!("[{}]", all(items).join(" ")),
        Reply::Array(items) | Reply::Push(items) => format!("[{}]", sorted(all(items)).join(" ")),
        Reply::Pairs(pairs) => {
            let pairs = pairs.iter().map(|(a, b)| format!("[{} {}]", show_reply(a, true), show_reply(b, true)));
            let pairs = pairs.collect();
            format!("[{}]", if ordered { pairs } else { sorted(pairs) }.join(" "))
        }
        Reply::Set(items) => format!("{{{}}}", sorted(all(items)).join(" ")),
        Reply::Map(pairs) => {
            let pairs = pairs.iter().map(|(k, v)| format!("{}: {}", show_reply(k, true), show_reply(v, true)));
            format!("{{{}}}", sorted(pairs.collect()).join(", "))
        }
    }
}

fn quote(bytes: &[u8]) -> String {
    // `escape_ascii` also escapes the single quote, which needs none here.
    format!("\"{}\"", bytes.escape_ascii().to_string().replace("\\'", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let all: Vec<u8> = (0..=255).collect();
        for args in [
            vec![b"SET".to_vec(), Vec::new(), b"a b".to_vec()],
            vec![all[..99].into(), all[99..190].into(), all[190..].into()],
        ] {
            assert_eq!(words(&line(&args)), args);
        }
        assert_eq!(words("  a   \"\"b  "), [b"a".to_vec(), Vec::new(), b"b".to_vec()]);
    }

    #[test]
    fn orders_that_mean_nothing_are_not_shown() {
        let [a, b] = ["a", "b"].map(|text| Reply::Bulk(text.into()));
        let list = Reply::Array(vec![b.clone(), a.clone()]);
        assert_eq!(show(&Ok(list.clone()), true), r#"["b" "a"]"#);
        assert_eq!(show(&Ok(list.clone()), false), r#"["a" "b"]"#);
        assert_eq!(show(&Ok(Reply::Set(vec![b.clone(), a.clone()])), true), r#"{"a" "b"}"#);
        assert_eq!(
            show(&Ok(Reply::Map(vec![(b, list), (a, Reply::Double(-0.0))])), true),
            r#"{"a": -0.0, "b": ["b" "a"]}"#
        );
        assert_eq!(show(&Err("ERR no".to_owned()), true), "!ERR no");
    }
}
