//! Printing replies as redis-cli prints them: with their types for people, raw for programs.
//!
//! As redis-cli does unless told otherwise, this shows a reply as RESP2 has it: a float is a string, and maps, sets
//! and lists of scored members are flat arrays. Told otherwise, it shows RESP3's types, as `redis-cli -3` does.

use jcache::{Error, Reply};

/// How to print a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Each value with what shows its type: `"text"`, `(integer) 1`, `1) …`.
    Typed,
    /// The same, with the types of RESP3.
    Resp3,
    /// The bytes as they are, elements on lines of their own.
    Raw,
}

impl Format {
    /// The format for a server that speaks RESP3.
    pub(crate) fn with_types_of_resp3(self) -> Self {
        if self == Format::Typed { Format::Resp3 } else { self }
    }

    /// Prints `reply` with its line end.
    pub(crate) fn reply(self, reply: Reply, out: &mut Vec<u8>) {
        match self {
            Format::Typed => typed(&reply.resp2(), 0, out),
            Format::Resp3 => typed(&reply, 0, out),
            Format::Raw => {
                raw(&reply.resp2(), out);
                out.push(b'\n');
            }
        }
    }

    /// Prints a text that has line ends of its own.
    pub(crate) fn report(self, reply: Reply, out: &mut Vec<u8>) {
        raw(&reply.resp2(), out);
    }

    /// Prints `error` with its line end.
    pub(crate) fn error(self, error: &Error, out: &mut Vec<u8>) {
        let message = error.message();
        let text = match self {
            Format::Typed | Format::Resp3 => format!("(error) {message}\n"),
            Format::Raw => format!("{message}\n\n"),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

/// Prints a reply that stands `indent` columns from the left; its first line is already indented.
fn typed(reply: &Reply, indent: usize, out: &mut Vec<u8>) {
    match reply {
        Reply::Nil | Reply::NilArray => out.extend_from_slice(b"(nil)\n"),
        Reply::Int(number) => out.extend_from_slice(format!("(integer) {number}\n").as_bytes()),
        Reply::Double(number) => {
            out.extend_from_slice(format!("(double) {}\n", jcache::number::format_f64(*number)).as_bytes());
        }
        Reply::Bool(yes) => out.extend_from_slice(format!("({yes})\n").as_bytes()),
        Reply::BigNumber(digits) => out.extend_from_slice(&[b"(big number) ", digits.as_bytes(), b"\n"].concat()),
        Reply::Bulk(value) => {
            quoted(value, out);
            out.push(b'\n');
        }
        Reply::Error(error) => out.extend_from_slice(format!("(error) {}\n", error.message()).as_bytes()),
        Reply::Array(items) | Reply::Push(items) => list(items, ")", "(empty array)\n", indent, out),
        Reply::Set(items) => list(items, "~", "(empty set)\n", indent, out),
        Reply::Pairs(pairs) => {
            let items: Vec<Reply> = pairs.iter().map(|(a, b)| Reply::Array(vec![a.clone(), b.clone()])).collect();
            list(&items, ")", "(empty array)\n", indent, out);
        }
        Reply::Map(pairs) if pairs.is_empty() => out.extend_from_slice(b"(empty hash)\n"),
        Reply::Map(pairs) => {
            let width = pairs.len().to_string().len();
            for (index, (field, value)) in pairs.iter().enumerate() {
                let margin = if index == 0 { 0 } else { indent };
                out.extend_from_slice(format!("{:margin$}{:>width$}# ", "", index + 1).as_bytes());
                typed(field, indent, out);
                // On the same line.
                out.pop();
                out.extend_from_slice(b" => ");
                typed(value, indent + width + 2, out);
            }
        }
        Reply::Ok | Reply::Status(_) | Reply::Verbatim(_) => {
            raw(reply, out);
            out.push(b'\n');
        }
    }
}

/// Prints elements, each with its number and a mark of what they are in.
fn list(items: &[Reply], mark: &str, empty: &str, indent: usize, out: &mut Vec<u8>) {
    if items.is_empty() {
        out.extend_from_slice(empty.as_bytes());
    }
    let width = items.len().to_string().len();
    for (index, item) in items.iter().enumerate() {
        let margin = if index == 0 { 0 } else { indent };
        out.extend_from_slice(format!("{:margin$}{:>width$}{mark} ", "", index + 1).as_bytes());
        typed(item, indent + width + 2, out);
    }
}

/// Prints a RESP2 reply without types, and without the last line end.
fn raw(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Ok => out.extend_from_slice(b"OK"),
        Reply::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Reply::Error(error) => out.extend_from_slice(error.message().as_bytes()),
        Reply::Status(text) | Reply::Bulk(text) | Reply::Verbatim(text) => out.extend_from_slice(text),
        Reply::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b'\n');
                }
                raw(item, out);
            }
        }
        // Nil is nothing, and RESP2 has no more shapes.
        _ => {}
    }
}

/// Prints `bytes` in double quotes, with escapes that [`split`](crate::split::split) reads again.
pub(crate) fn quoted(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(format: Format, reply: Reply) -> String {
        let mut out = Vec::new();
        format.reply(reply, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    #[test]
    fn every_shape_is_printed() {
        let scored = || Reply::Array(vec![bulk("a"), Reply::Double(1.5)]);
        let cases: Vec<(Reply, &str, &str)> = vec![
            (Reply::Nil, "(nil)\n", "\n"),
            (Reply::Ok, "OK\n", "OK\n"),
            (Reply::Status("string".into()), "string\n", "string\n"),
            (Reply::Int(-3), "(integer) -3\n", "-3\n"),
            (Reply::Double(0.1), "\"0.10000000000000001\"\n", "0.10000000000000001\n"),
            (Reply::Double(f64::INFINITY), "\"inf\"\n", "inf\n"),
            (bulk("a \"b\"\n"), "\"a \\\"b\\\"\\n\"\n", "a \"b\"\n\n"),
            (Reply::Array(vec![]), "(empty array)\n", "\n"),
            (Reply::Set(vec![bulk("m")]), "1) \"m\"\n", "m\n"),
            (Reply::Map(vec![(bulk("f"), bulk("v"))]), "1) \"f\"\n2) \"v\"\n", "f\nv\n"),
            (Reply::Array(vec![Reply::Nil, Reply::Int(1)]), "1) (nil)\n2) (integer) 1\n", "\n1\n"),
            (
                Reply::Pairs(vec![(bulk("a"), Reply::Double(1.5)); 2]),
                "1) \"a\"\n2) \"1.5\"\n3) \"a\"\n4) \"1.5\"\n",
                "a\n1.5\na\n1.5\n",
            ),
            (
                Reply::Array(vec![bulk("k"), Reply::Array(vec![scored(), scored()])]),
                "1) \"k\"\n2) 1) 1) \"a\"\n      2) \"1.5\"\n   2) 1) \"a\"\n      2) \"1.5\"\n",
                "k\na\n1.5\na\n1.5\n",
            ),
            (Reply::Array(vec![bulk("0"), Reply::Array(vec![])]), "1) \"0\"\n2) (empty array)\n", "0\n\n"),
        ];
        for (reply, typed, raw) in cases {
            assert_eq!(show(Format::Typed, reply.clone()), typed, "{reply:?}");
            assert_eq!(show(Format::Raw, reply.clone()), raw, "{reply:?}");
        }
    }

    #[test]
    fn types_of_resp3_are_printed_as_redis_cli_does() {
        let cases: Vec<(Reply, &str)> = vec![
            (Reply::Double(1.5), "(double) 1.5\n"),
            (Reply::Bool(true), "(true)\n"),
            (Reply::Verbatim("text".into()), "text\n"),
            (Reply::Map(vec![]), "(empty hash)\n"),
            (Reply::Set(vec![]), "(empty set)\n"),
            (
                Reply::Map(vec![(bulk("f"), bulk("v")), (bulk("g"), Reply::Int(1))]),
                "1# \"f\" => \"v\"\n2# \"g\" => (integer) 1\n",
            ),
            (Reply::Set(vec![bulk("a"), bulk("b")]), "1~ \"a\"\n2~ \"b\"\n"),
            (Reply::Pairs(vec![(bulk("a"), Reply::Double(1.0))]), "1) 1) \"a\"\n   2) (double) 1\n"),
        ];
        for (reply, expected) in cases {
            assert_eq!(show(Format::Resp3, reply.clone()), expected, "{reply:?}");
        }
    }

    #[test]
    fn numbers_of_elements_are_aligned() {
        let text = show(Format::Typed, Reply::Array(vec![Reply::Array(vec![Reply::Int(7), Reply::Int(8)]); 10]));
        assert!(text.starts_with(" 1) 1) (integer) 7\n    2) (integer) 8\n 2) 1)"), "{text}");
        assert!(text.ends_with("10) 1) (integer) 7\n    2) (integer) 8\n"), "{text}");
    }

    #[test]
    fn quoted_bytes_are_read_again() {
        let all: Vec<u8> = (0..=255).collect();
        let mut text = Vec::new();
        quoted(&all, &mut text);
        assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)));
        assert_eq!(crate::split::split(&text), Ok(vec![all]));
    }
}
