//! The option words of a command (`EX`, `WITHSCORES` …), found by asking its parser.
//!
//! The table does not list them, and a second list beside the parsers would drift. So the parser decides: a word is an
//! option at some place when the command can be read with that word there, and cannot with a word that means nothing.
//! Where any word will do, such as a value, nothing is an option. Reading a command has no effect, and costs well
//! below a microsecond.

use jcache::command::Spec;
use jcache::{Arg, Request};

/// Words that some command has as an option, in the order in which they are offered.
const WORDS: &[&str] = &[
    "NX",
    "XX",
    "GT",
    "LT",
    "CH",
    "INCR",
    "GET",
    "EX",
    "PX",
    "EXAT",
    "PXAT",
    "KEEPTTL",
    "PERSIST",
    "BYSCORE",
    "BYLEX",
    "REV",
    "LIMIT",
    "WITHSCORES",
    "WITHVALUES",
    "MATCH",
    "COUNT",
    "TYPE",
    "BEFORE",
    "AFTER",
    "LEFT",
    "RIGHT",
    "MIN",
    "MAX",
    "SUM",
    "WEIGHTS",
    "AGGREGATE",
    "RANK",
    "MAXLEN",
    "REPLACE",
    "ASYNC",
    "SYNC",
    "LEN",
    "IDX",
    "MINMATCHLEN",
    "WITHMATCHLEN",
    "BYTE",
    "BIT",
];

/// What may have to follow an option before the command is complete.
const TAILS: &[&[&str]] =
    &[&[], &["1"], &["1", "1"], &["1", "1", "1"], &["LEFT"], &["LEFT", "1"], &["1", "LEFT"], &["MIN"]];

/// What stands for arguments that are not known: a number, the lowest of an order of words, an end of a list.
const FILLS: &[&str] = &["1", "-", "LEFT"];

/// A word that means nothing to any command.
const NONSENSE: &str = "\u{1}";

/// Words that a command may have twice and mean it: the end to take from and the end to put to.
const TWICE: &[&str] = &["LEFT", "RIGHT"];

/// The options that may follow after `given`, the name of a command and some arguments.
pub(crate) fn after(given: &[&[u8]]) -> Vec<&'static str> {
    let new = |word: &str| TWICE.contains(&word) || !given.iter().any(|it| it.eq_ignore_ascii_case(word.as_bytes()));
    let fits = |word: &str| TAILS.iter().any(|tail| fits(given, word, tail));
    WORDS.iter().copied().filter(|word| new(word) && fits(word)).collect()
}

fn fits(given: &[&[u8]], word: &str, tail: &[&str]) -> bool {
    let reads = |word: &str| {
        let tail = tail.iter().map(|word| word.as_bytes());
        let args = given.iter().copied().chain([word.as_bytes()]).chain(tail).map(Arg::from);
        Request::parse(&args.collect::<Vec<_>>()).is_ok()
    };
    reads(word) && !reads(NONSENSE)
}

/// All options of a command.
pub(crate) fn of(spec: &Spec) -> Vec<&'static str> {
    let least = usize::from(spec.arity.unsigned_abs());
    let mut found = Vec::new();
    for fill in FILLS {
        let given: Vec<&[u8]> = [spec.name.as_bytes()].into_iter().chain([fill.as_bytes(); 8]).collect();
        for count in 1..=least.min(given.len()) {
            for option in after(&given[..count]) {
                // Some options only go with another one.
                found.extend(after(&[&given[..count], &[option.as_bytes()]].concat()));
                found.push(option);
            }
        }
    }
    WORDS.iter().copied().filter(|word| found.contains(word)).collect()
}

#[cfg(test)]
mod tests {
    use jcache::command::find_spec;

    use super::*;

    fn options(line: &str) -> Vec<&'static str> {
        after(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_offered_where_they_fit() {
        assert_eq!(options("set k v"), ["NX", "XX", "GET", "EX", "PX", "EXAT", "PXAT", "KEEPTTL"]);
        assert_eq!(options("set k v nx"), ["GET", "EX", "PX", "EXAT", "PXAT", "KEEPTTL"]);
        assert_eq!(options("zrange k 0 -1"), ["BYSCORE", "REV", "WITHSCORES"]);
        assert_eq!(options("zrange k 0 -1 byscore"), ["REV", "LIMIT", "WITHSCORES"]);
        assert_eq!(options("zadd k gt"), ["XX", "CH", "INCR"]);
    }

    #[test]
    fn a_free_value_is_no_option() {
        for line in ["get", "set", "set k", "set k v ex", "hset h f", "del a b", "nosuch"] {
            assert_eq!(options(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn options_of_a_whole_command() {
        let of = |name: &str| of(find_spec(name.as_bytes()).unwrap());
        assert_eq!(of("zrange"), ["BYSCORE", "BYLEX", "REV", "LIMIT", "WITHSCORES"]);
        assert_eq!(of("zadd"), ["NX", "XX", "GT", "LT", "CH", "INCR"]);
        assert_eq!(of("get"), [""; 0]);
    }
}
