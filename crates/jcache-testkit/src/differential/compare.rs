//! When two replies are the same: to the letter, but for the order that Redis leaves open, the moment at which a
//! relative time was read, and random picks, which are held to what they must keep.

use jcache_core::command::Request;
use jcache_core::{Outcome, Reply, Timestamp, Value};

use super::subject::{Subject, borrow, now};
use crate::notation::show;

/// A reply, or the text of an error.
pub(super) type Outcomes = Result<Reply, String>;

/// Replies in no particular order.
const UNORDERED: [&str; 8] = ["HGETALL", "HKEYS", "HVALS", "KEYS", "SDIFF", "SINTER", "SMEMBERS", "SUNION"];
/// Remaining lives and deadlines, with their unit in milliseconds.
const TIMES: [(&str, i64); 4] = [("TTL", 1000), ("PTTL", 1), ("EXPIRETIME", 1000), ("PEXPIRETIME", 1)];

/// How the reply to a command is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Equal.
    Plain,
    /// Removes members that it picks itself.
    Pop,
    /// Shows members that it picks itself.
    Pick,
    /// Shows a key that it picks itself.
    RandomKey,
    /// One page of many.
    Scan,
}

impl Kind {
    pub(super) fn of(args: &[Vec<u8>]) -> Self {
        match name(args).as_str() {
            "SPOP" => Kind::Pop,
            "SRANDMEMBER" | "HRANDFIELD" | "ZRANDMEMBER" => Kind::Pick,
            "RANDOMKEY" => Kind::RandomKey,
            "SCAN" | "SSCAN" | "HSCAN" | "ZSCAN" => Kind::Scan,
            _ => Kind::Plain,
        }
    }

    /// Whether the comparison asks the oracle more, or changes the subject: then the batch ends with this command.
    pub(super) fn ends_batch(self) -> bool {
        matches!(self, Kind::Pop | Kind::Scan)
    }
}

/// The command's name in upper case.
pub(crate) fn name(args: &[Vec<u8>]) -> String {
    args.first().map(|name| String::from_utf8_lossy(name).to_ascii_uppercase()).unwrap_or_default()
}

/// The reply in the command's one canonical form.
pub(crate) fn canonical(args: &[Vec<u8>], reply: Reply) -> Outcomes {
    let args = borrow(args);
    let canonical = match Request::parse(&args) {
        Ok(Request::Query(query)) => query.canonical(reply),
        Ok(Request::Mutation(mutation)) => mutation.canonical(reply),
        Err(refused) => return Err(format!("{reply:?}, but parse refuses the command: {refused}")),
    };
    canonical.map_err(|error| format!("a reply without canonical form: {error}"))
}

/// Whether two canonical replies to the same command are the same, where a time may be off by `drift` milliseconds.
pub(super) fn same(args: &[Vec<u8>], expected: &Outcomes, actual: &Outcomes, drift: i64) -> bool {
    let (Ok(expected), Ok(actual)) = (expected, actual) else { return expected == actual };
    let name = name(args);
    if let (Some((_, unit)), Reply::Int(a), Reply::Int(b)) = (TIMES.iter().find(|it| it.0 == name), expected, actual) {
        // Redis keeps deadlines past the year 10889; here they are kept as the latest that there is.
        let start = if name.ends_with("EXPIRETIME") { 0 } else { now().as_i64() };
        let (a, b) = ((*a).min((Timestamp::MAX.as_i64() - start) / unit), *b);
        let room = if *unit == 1 { drift } else { drift / 1000 + 1 };
        return a == b || (a >= 0 && b >= 0 && (a - b).abs() <= room);
    }
    // The plain comparison goes first: to it -0 is 0, as Redis itself loses that sign in small sorted sets.
    expected == actual || !is_ordered(&name) && show(&Ok(expected.clone()), false) == show(&Ok(actual.clone()), false)
}

/// Whether the order of the reply's elements means something.
pub(crate) fn is_ordered(name: &str) -> bool {
    !UNORDERED.contains(&name)
}

/// What is wrong with the subject's own pick, given the oracle's for the same command on the same data.
pub(super) fn check_pick(
    subject: &mut impl Subject,
    args: &[Vec<u8>],
    expected: &Outcomes,
    actual: &Outcomes,
) -> Option<String> {
    let (Ok(expected), Ok(actual)) = (expected, actual) else {
        return (expected != actual).then(|| "an error on one side".to_owned());
    };
    if shape(expected) != shape(actual) {
        return Some(format!("{} instead of {}", shape(actual), shape(expected)));
    }
    let actual = flat(actual);
    let command = name(args);
    if command == "RANDOMKEY" {
        let there = actual.iter().all(|key| subject.call(&[b"EXISTS".to_vec(), key.to_vec()]) == Ok(Reply::Int(1)));
        return (!there).then(|| "no such key".to_owned());
    }
    let with_value = args.len() == 4;
    let all = everything(subject, &command, &args[1], with_value);
    let width = if with_value { 2 } else { 1 };
    let mut picks: Vec<&[Value]> = actual.chunks(width).collect();
    if let Some(stranger) = picks.iter().find(|pick| !all.chunks(width).any(|it| it == **pick)) {
        return Some(format!("{stranger:?} is not in it"));
    }
    let negative = args.get(2).is_some_and(|count| count.starts_with(b"-"));
    picks.sort_unstable();
    let repeated = picks.windows(2).any(|two| two[0] == two[1]);
    (repeated && !negative).then(|| "a repeated pick".to_owned())
}

/// A reply without what stands in it: how many picks there are, alone or in pairs.
fn shape(reply: &Reply) -> String {
    match reply {
        Reply::Pairs(pairs) => vec!["pair"; pairs.len()].join(" "),
        Reply::Array(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(" ")),
        other => other.shape().to_owned(),
    }
}

/// The members of a collection, each with its value or score when asked.
pub(super) fn everything(subject: &mut impl Subject, command: &str, key: &[u8], with_value: bool) -> Vec<Value> {
    let call: Vec<&[u8]> = match (command.as_bytes()[0], with_value) {
        (b'S', _) => vec![b"SMEMBERS", key],
        (b'H', _) => vec![b"HGETALL", key],
        _ => vec![b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"],
    };
    let call: Vec<Vec<u8>> = call.into_iter().map(<[u8]>::to_vec).collect();
    let all = subject.call(&call).map(|reply| flat(&reply)).unwrap_or_default();
    let step = if command.starts_with('S') || with_value { 1 } else { 2 };
    all.into_iter().step_by(step).collect()
}

/// All strings in a reply, in order, whatever its nesting.
pub(crate) fn flat(reply: &Reply) -> Vec<Value> {
    match reply {
        Reply::Array(items) | Reply::Set(items) | Reply::Push(items) => items.iter().flat_map(flat).collect(),
        Reply::Map(pairs) | Reply::Pairs(pairs) => {
            pairs.iter().flat_map(|(k, v)| [flat(k), flat(v)].concat()).collect()
        }
        Reply::Nil | Reply::NilArray => Vec::new(),
        Reply::Bulk(value) | Reply::Status(value) | Reply::Verbatim(value) | Reply::BigNumber(value) => {
            vec![value.clone()]
        }
        // Adding zero makes zero of -0.
        Reply::Double(number) => vec![Value::from((number + 0.0).to_string())],
        Reply::Int(number) => vec![Value::from(number.to_string())],
        Reply::Bool(yes) => vec![Value::from(yes.to_string())],
        Reply::Error(error) => vec![Value::from(error.message())],
        Reply::Ok => vec![Value::from("OK")],
    }
}

/// All items of a scan from its start, sorted, without repetition.
pub(super) fn scan_all(
    args: &[Vec<u8>],
    mut call: impl FnMut(&[Vec<u8>]) -> Outcomes,
) -> Result<Vec<Vec<Value>>, String> {
    let place = if name(args) == "SCAN" { 1 } else { 2 };
    let width = if matches!(name(args).as_str(), "HSCAN" | "ZSCAN") { 2 } else { 1 };
    let mut args = args.to_vec();
    args[place] = b"0".to_vec();
    let mut found = Vec::new();
    for _ in 0..10_000 {
        let page = call(&args).and_then(|reply| canonical(&args, reply))?;
        let (cursor, items): (Value, Reply) = Outcome::from_reply(page).map_err(|error| error.to_string())?;
        found.extend(flat(&items).chunks(width).map(<[Value]>::to_vec));
        if cursor.as_bytes() == b"0" {
            found.sort_unstable();
            found.dedup();
            return Ok(found);
        }
        args[place] = cursor.to_vec();
    }
    Err("a scan without end".to_owned())
}
