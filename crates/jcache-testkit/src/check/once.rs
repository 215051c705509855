//! C5: each write is carried out once at most, and nothing comes from nowhere.

use super::{Contents, Violation, elements};
use crate::history::{History, Intent, Operation};

/// Checks a group of keys against what is found in it at the end: each element once at most, in the keys or in what was
/// taken; only elements that somebody may have added; no counter above what may have been counted.
///
/// # Errors
/// What was carried out twice, or by nobody.
pub fn check(history: &History, group: usize, found: &Contents) -> Result<(), Violation> {
    let wrong = |what: String| Err(Violation::new("C5", format!("group {group}: {what}")));
    let (mut added, mut counted, mut counts, mut seen) = (Vec::new(), 0, false, Vec::new());
    let mut taken = Vec::new();
    for operation in history.iter().filter(|it| it.group == group) {
        match &operation.intent {
            Intent::Add(element) if operation.may_have_happened() => added.push(element.clone()),
            Intent::Count(by) => {
                counts = true;
                counted += if *by > 0 && operation.may_have_happened() { *by } else { 0 };
                counted += if *by < 0 && operation.is_kept() { *by } else { 0 };
            }
            Intent::Take(_) => {
                seen.clear();
                operation.reply().into_iter().for_each(|reply| elements(reply, &mut seen));
                taken.extend(seen.drain(..).map(|element| (element, operation)));
            }
            _ => {}
        }
    }
    if counts {
        let total = super::kept::total(found);
        return if total > counted { wrong(format!("counted to {total}, called were {counted}")) } else { Ok(()) };
    }
    if added.is_empty() {
        return Ok(());
    }
    added.sort_unstable();
    let is_added = |element: &Vec<u8>| added.binary_search(element).is_ok();
    // Replies also name the key that was asked for, and scores.
    let is_told = |(element, operation): &(Vec<u8>, &Operation)| {
        let score = std::str::from_utf8(element).is_ok_and(|text| text.parse::<f64>().is_ok());
        score || operation.command.args().iter().any(|arg| arg.as_bytes() == element)
    };
    if let Some((element, operation)) = taken.iter().find(|it| !is_added(&it.0) && !is_told(it)) {
        return wrong(format!("'{}' was added by nobody: {}", element.escape_ascii(), operation.show()));
    }
    taken.retain(|(element, _)| is_added(element));
    taken.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some([first, second]) = taken.array_windows().find(|[a, b]| a.0 == b.0) {
        return wrong(format!("one element was taken twice: {}; {}", first.1.show(), second.1.show()));
    }
    for (element, times) in found {
        let name = element.escape_ascii();
        if added.binary_search(element).is_err() {
            return wrong(format!("'{name}' was added by nobody, and is there"));
        }
        if *times > 1 {
            return wrong(format!("'{name}' is there {times} times"));
        }
        if let Ok(place) = taken.binary_search_by(|(it, _)| it.cmp(element)) {
            return wrong(format!("'{name}' is there although it was taken: {}", taken[place].1.show()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jcache_core::Reply;

    use super::super::session::tests::operation;
    use super::*;
    use crate::history::{Outcome, Promise};

    fn with(mut it: Operation, intent: Intent) -> Operation {
        it.intent = intent;
        it
    }

    #[test]
    fn an_element_is_found_once() {
        let push =
            |outcome| with(operation(0, &["RPUSH", "l", "a"], Promise::Strong, 0, outcome), Intent::Add(b"a".to_vec()));
        let pop_of = |element: &str| {
            let reply = Reply::Array(vec![Reply::Bulk("l".into()), Reply::Bulk(element.into())]);
            with(
                operation(1, &["BLPOP", "l", "0"], Promise::Strong, 2, Outcome::Returned(3, Ok(reply))),
                Intent::Take(1),
            )
        };
        let pop = || pop_of("a");
        for (history, contents, good) in [
            (vec![push(Outcome::Unknown)], vec![("a", 1)], true),
            (vec![push(Outcome::Unknown)], vec![], true),
            (vec![push(Outcome::Unknown)], vec![("a", 2)], false),
            (vec![push(Outcome::Unknown), pop()], vec![], true),
            (vec![push(Outcome::Unknown), pop()], vec![("a", 1)], false),
            (vec![push(Outcome::Unknown), pop(), pop()], vec![], false),
            (vec![push(Outcome::Unknown), pop_of("b")], vec![("a", 1)], false),
            (vec![push(Outcome::Unknown)], vec![("a", 1), ("b", 1)], false),
            (vec![push(Outcome::Unknown), push(Outcome::Failed)], vec![("b", 1)], false),
        ] {
            let found = contents.iter().map(|(it, times)| (it.as_bytes().to_vec(), *times)).collect();
            assert_eq!(check(&history, 0, &found).is_ok(), good, "{history:?} {contents:?}");
        }
    }

    #[test]
    fn a_counter_is_not_above_what_was_called() {
        let count = |outcome| with(operation(0, &["INCR", "c"], Promise::Strong, 0, outcome), Intent::Count(1));
        let history = [count(Outcome::Returned(1, Ok(Reply::Int(1)))), count(Outcome::Unknown), count(Outcome::Failed)];
        for (value, good) in [("1", true), ("2", true), ("3", false)] {
            let found = [(value.as_bytes().to_vec(), 1)].into();
            assert_eq!(check(&history, 0, &found).is_ok(), good, "{value}");
        }
    }
}
