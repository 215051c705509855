//! C1: what was acknowledged is there.
//!
//! Clients add elements that nobody else adds, and count. At the end each acknowledged element must be found, or must
//! have been taken, and a counter must not be below what was acknowledged.

use std::collections::BTreeSet;

use super::{Contents, Violation, elements};
use crate::history::{History, Intent, Outcome};

/// Checks a group of keys against what is found in it at the end.
///
/// An element that nobody saw again may have been taken by a call whose outcome is unknown; so as many may be missing
/// as such calls take.
///
/// # Errors
/// Elements are missing, or a counter is too low.
pub fn check(history: &History, group: usize, found: &Contents) -> Result<(), Violation> {
    let (mut taken, mut open, mut counted, mut counts) = (Vec::new(), 0, 0, false);
    let of_group = || history.iter().filter(|it| it.group == group);
    for operation in of_group() {
        match (&operation.intent, operation.reply(), &operation.outcome) {
            (Intent::Take(_), Some(reply), _) => elements(reply, &mut taken),
            (Intent::Take(most), None, Outcome::Unknown) => open += most,
            (Intent::Count(by), ..) => {
                counts = true;
                counted += if operation.is_kept() || (*by < 0 && operation.may_have_happened()) { *by } else { 0 };
            }
            _ => {}
        }
    }
    let taken: BTreeSet<Vec<u8>> = taken.into_iter().collect();
    let kept = of_group().filter(|it| it.is_kept());
    let missing: Vec<String> = kept
        .filter(
            |it| matches!(&it.intent, Intent::Add(element) if !found.contains_key(element) && !taken.contains(element)),
        )
        .map(|it| it.show())
        .collect();
    if missing.len() > open {
        let list = missing[..missing.len().min(5)].join("; ");
        return Err(Violation::new(
            "C1",
            format!(
                "group {group}: {} acknowledged elements are missing ({open} may have been taken): {list}",
                missing.len()
            ),
        ));
    }
    match total(found) {
        total if counts && total < counted => {
            Err(Violation::new("C1", format!("group {group}: counted to {total}, acknowledged were {counted}")))
        }
        _ => Ok(()),
    }
}

/// A counter's value: the only element of its group; 0 when it is absent.
pub(super) fn total(found: &Contents) -> i64 {
    let number = |text: &Vec<u8>| std::str::from_utf8(text).ok()?.parse().ok();
    found.keys().next().and_then(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::session::tests::operation;
    use super::*;
    use crate::history::{Operation, Promise};

    fn add(element: &str, promise: Promise, outcome: Outcome) -> Operation {
        let mut it = operation(0, &["RPUSH", "l", element], promise, 0, outcome);
        it.intent = Intent::Add(element.as_bytes().to_vec());
        it
    }

    fn found(elements: &[&str]) -> Contents {
        elements.iter().map(|it| (it.as_bytes().to_vec(), 1)).collect()
    }

    #[test]
    fn what_is_acknowledged_must_be_there_or_taken() {
        let done = || Outcome::Returned(1, Ok(jcache_core::Reply::Int(1)));
        let mut take = operation(0, &["LPOP", "l"], Promise::Strong, 2, Outcome::Unknown);
        take.intent = Intent::Take(1);
        let mut took = take.clone();
        took.outcome = Outcome::Returned(3, Ok(jcache_core::Reply::Bulk("a".into())));
        let a = add("a", Promise::Strong, done());
        for (history, contents, good) in [
            (vec![a.clone()], &["a"][..], true),
            (vec![a.clone()], &[], false),
            (vec![add("a", Promise::Weak, done())], &[], true),
            (vec![add("a", Promise::Strong, Outcome::Unknown)], &[], true),
            (vec![a.clone(), took], &[], true),
            (vec![a.clone(), take.clone()], &[], true),
            (vec![a.clone(), add("b", Promise::Strong, done()), take], &[], false),
        ] {
            assert_eq!(check(&history, 0, &found(contents)).is_ok(), good, "{history:?} {contents:?}");
        }
    }

    #[test]
    fn a_counter_is_not_below_what_was_acknowledged() {
        let count = |outcome| {
            let mut it = operation(0, &["INCR", "c"], Promise::Strong, 0, outcome);
            it.intent = Intent::Count(1);
            it
        };
        let history = [
            count(Outcome::Returned(1, Ok(jcache_core::Reply::Int(1)))),
            count(Outcome::Unknown),
            count(Outcome::Failed),
        ];
        for (value, good) in [("1", true), ("2", true), ("0", false)] {
            assert_eq!(check(&history, 0, &found(&[value])).is_ok(), good, "{value}");
        }
    }
}
