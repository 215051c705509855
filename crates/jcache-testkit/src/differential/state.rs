//! Everything that both sides hold, compared key by key: type, content and deadline.

use jcache_core::Reply;

use super::compare::{Outcomes, canonical, flat, same};
use super::pool;
use super::subject::Subject;
use crate::args;
use crate::oracle::RawClient;

/// A difference, in words.
pub(super) type Difference = String;

/// Compares all keys; deadlines may be off by `drift` milliseconds.
///
/// Gives the names of the keys that the oracle holds.
pub(super) fn compare(
    oracle: &mut RawClient,
    subject: &mut impl Subject,
    drift: i64,
) -> Result<Vec<Vec<u8>>, Difference> {
    let there: Vec<Vec<u8>> = names(oracle.call(&["KEYS", "*"]))?;
    let mut all = there.clone();
    all.extend(pool::KEYS.iter().map(|key| Vec::from(*key)));
    all.extend(pool::ODD_KEYS.iter().map(|key| key.to_vec()));
    match subject.call(&args!["KEYS", "*"]) {
        Err(text) if unknown(&text) => {}
        reply => all.extend(names(reply)?),
    }
    all.sort_unstable();
    all.dedup();

    let questions: Vec<_> =
        all.iter().flat_map(|key| [args!["TYPE", key.clone()], args!["PEXPIRETIME", key.clone()]]).collect();
    let mut replies = oracle.call_many(&questions).into_iter();
    let mut contents = Vec::new();
    for two in questions.chunks(2) {
        let kind = replies.next().unwrap_or(Ok(Reply::Nil));
        let deadline = replies.next().unwrap_or(Ok(Reply::Nil));
        match subject.call(&two[0]) {
            Err(text) if unknown(&text) => {}
            actual => check(&two[0], &kind, &actual, drift)?,
        }
        check(&two[1], &deadline, &subject.call(&two[1]), drift)?;
        if let Some(question) = content(&kind, &two[0][1]) {
            contents.push(question);
        }
    }
    for (question, expected) in contents.iter().zip(oracle.call_many(&contents)) {
        let expected = expected.and_then(|reply| canonical(question, reply));
        let actual = subject.call(question).and_then(|reply| canonical(question, reply));
        check(question, &expected, &actual, drift)?;
    }
    Ok(there)
}

/// The query that shows all that a key of this type holds.
fn content(kind: &Outcomes, key: &[u8]) -> Option<Vec<Vec<u8>>> {
    let Ok(Reply::Status(kind)) = kind else { return None };
    Some(match kind.as_bytes() {
        b"string" => args!["GET", key],
        b"hash" => args!["HGETALL", key],
        b"list" => args!["LRANGE", key, "0", "-1"],
        b"set" => args!["SMEMBERS", key],
        b"zset" => args!["ZRANGE", key, "0", "-1", "WITHSCORES"],
        _ => return None,
    })
}

fn check(args: &[Vec<u8>], expected: &Outcomes, actual: &Outcomes, drift: i64) -> Result<(), Difference> {
    if same(args, expected, actual, drift) {
        return Ok(());
    }
    Err(format!("the state differs: {}\n  oracle:  {expected:?}\n  subject: {actual:?}", crate::notation::line(args)))
}

fn names(reply: Outcomes) -> Result<Vec<Vec<u8>>, Difference> {
    let names = flat(&reply.map_err(|text| format!("KEYS * gave {text}"))?);
    Ok(names.iter().map(|name| name.to_vec()).collect())
}

/// The subject does not know the command: its key space is then seen through the pool's names alone.
fn unknown(text: &str) -> bool {
    text.starts_with("ERR unknown command")
}
