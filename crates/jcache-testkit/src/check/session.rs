//! C3: a client sees what it wrote, and never less than it saw; a process sees what it wrote.
//!
//! A counter that only grows gives every state of a key a number, so each guarantee is one comparison.

use std::collections::BTreeMap;

use jcache_core::Reply;

use super::Violation;
use crate::history::{History, Intent, Operation, Outcome, Promise};

/// Checks the operations of a group whose key is a counter that only grows: whatever a client is told by an answer
/// that promises at least a session must not be below what it was told before.
///
/// # Errors
/// A client saw less than before.
pub fn check(history: &History, group: usize) -> Result<(), Violation> {
    let mut seen: BTreeMap<usize, (i64, &Operation)> = BTreeMap::new();
    for operation in history.iter().filter(|it| it.group == group && it.promise >= Promise::Session) {
        let Some(count) = operation.reply().and_then(|reply| number(reply, &operation.intent)) else { continue };
        let before = seen.entry(operation.client).or_insert((count, operation));
        if count < before.0 {
            let what = format!("group {group}: {} came after {}", operation.show(), before.1.show());
            return Err(Violation::new("C3", what));
        }
        *before = (count, operation);
    }
    Ok(())
}

/// Checks the local reads of a group whose key is a counter that only grows: none is below what a kept write of the same
/// process was answered before the read was called.
///
/// # Errors
/// A process did not see what it wrote.
pub fn check_own(history: &History, group: usize) -> Result<(), Violation> {
    let of_group = || history.iter().filter(|it| it.group == group);
    let value = |it: &Operation| it.reply().and_then(|reply| number(reply, &it.intent));
    let mut written: BTreeMap<(usize, u32), Vec<(u64, i64)>> = BTreeMap::new();
    for write in of_group().filter(|it| it.is_kept() && it.intent != Intent::Read) {
        if let (Some(count), Outcome::Returned(at, _)) = (value(write), &write.outcome) {
            written.entry((write.node, write.life)).or_default().push((*at, count));
        }
    }
    for read in of_group().filter(|it| it.promise == Promise::Own) {
        let Some(seen) = value(read) else { continue };
        let before = written.get(&(read.node, read.life)).into_iter().flatten().filter(|(at, _)| *at < read.invoked);
        if let Some((at, count)) = before.copied().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > seen) {
            let what = format!("group {group}: {} of a process that was told {count} at {at}", read.show());
            return Err(Violation::new("C3", what));
        }
    }
    Ok(())
}

/// The counter's value in a reply; a counter that is not there reads 0.
pub(crate) fn number(reply: &Reply, intent: &Intent) -> Option<i64> {
    match reply {
        Reply::Int(number) => Some(*number),
        Reply::Nil if *intent == Intent::Read => Some(0),
        Reply::Bulk(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::history::command;

    pub(in crate::check) fn operation(
        client: usize,
        words: &[&str],
        promise: Promise,
        invoked: u64,
        outcome: Outcome,
    ) -> Operation {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let command = command(&words);
        Operation { client, node: 0, life: 0, group: 0, command, intent: Intent::Change, promise, invoked, outcome }
    }

    fn count(client: usize, at: u64, to: i64) -> Operation {
        operation(client, &["INCR", "c"], Promise::Strong, at, Outcome::Returned(at + 1, Ok(Reply::Int(to))))
    }

    fn read(client: usize, promise: Promise, at: u64, value: Option<&str>) -> Operation {
        let reply = value.map_or(Reply::Nil, |value| Reply::Bulk(value.into()));
        let mut it = operation(client, &["GET", "c"], promise, at, Outcome::Returned(at + 1, Ok(reply)));
        it.intent = Intent::Read;
        it
    }

    #[test]
    fn a_process_sees_what_it_wrote() {
        let elsewhere = |it: Operation| Operation { life: 1, ..it };
        for (history, good) in [
            (vec![count(0, 0, 5), read(1, Promise::Own, 2, Some("5"))], true),
            (vec![count(0, 0, 5), read(1, Promise::Own, 2, Some("4"))], false),
            (vec![count(0, 0, 5), read(1, Promise::Own, 2, None)], false),
            (vec![count(0, 0, 5), read(1, Promise::Own, 1, Some("4"))], true),
            (vec![count(0, 0, 5), read(1, Promise::Weak, 2, Some("4"))], true),
            (vec![count(0, 0, 5), elsewhere(read(1, Promise::Own, 2, Some("4")))], true),
        ] {
            assert_eq!(check_own(&history, 0).is_ok(), good, "{history:?}");
        }
    }

    #[test]
    fn a_client_never_sees_less() {
        for (history, good) in [
            (vec![count(0, 0, 1), read(0, Promise::Session, 2, Some("1"))], true),
            (vec![count(0, 0, 1), read(0, Promise::Session, 2, Some("4"))], true),
            (vec![count(0, 0, 2), read(0, Promise::Session, 2, Some("1"))], false),
            (vec![count(0, 0, 1), read(0, Promise::Session, 2, None)], false),
            (vec![count(0, 0, 1), read(0, Promise::Weak, 2, None)], true),
            (vec![count(0, 0, 2), read(1, Promise::Session, 2, Some("1"))], true),
            (vec![read(1, Promise::Session, 2, Some("3")), read(1, Promise::Session, 4, Some("2"))], false),
            (vec![read(1, Promise::Session, 2, Some("10")), read(1, Promise::Session, 4, Some("9"))], false),
        ] {
            assert_eq!(check(&history, 0).is_ok(), good, "{history:?}");
        }
    }
}
