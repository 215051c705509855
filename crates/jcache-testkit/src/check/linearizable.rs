//! C2: strong operations are linearizable, group of keys by group of keys.
//!
//! The algorithm is Wing and Gong's search for an order, with Lowe's memory of what was tried (*Testing for
//! linearizability*, 2017): a set of operations done and the state they lead to are not looked at twice. The
//! sequential specification is core's reference model, so that any command can be checked.
//!
//! A call of unknown outcome may take effect at any moment after it was called, or never, and its reply is unknown. A
//! write whose answer promises nothing may be lost; if it is not, it took effect before it was answered.

mod search;
mod state;

use jcache_core::Model;

use super::Violation;
use crate::history::{History, Moment, Operation, Outcome, Parsed, Promise};
use search::Search;
use state::State;

/// What a search for an order came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// There is one.
    Linearizable,
    /// There is none.
    Violated(Violation),
    /// None was found within so many steps.
    Undecided(usize),
}

/// Steps after which a search gives up: about a second.
pub const MOST_STEPS: usize = 400_000;

/// Looks for an order of the group's strong operations that the replies allow, starting with no keys at all.
pub fn check(history: &History, group: usize) -> Verdict {
    check_from(history, group, &Model::default())
}

/// The same, starting with the keys in `beginning`.
pub fn check_from(history: &History, group: usize, beginning: &Model) -> Verdict {
    let beginning = State::new(beginning);
    let (mut known, mut open) = (Vec::new(), Vec::new());
    for operation in history.iter().filter(|it| it.group == group) {
        let item = |returned| Item::new(operation, returned);
        match (&operation.outcome, operation.promise) {
            (Outcome::Failed, _) => {}
            (Outcome::Returned(at, _), Promise::Strong) => known.push(item(*at)),
            _ if matches!(Parsed::new(&operation.command), Parsed::Query(_)) => {}
            (Outcome::Unknown, _) => open.push(item(Moment::MAX)),
            (Outcome::Returned(at, _), _) => open.push(item(*at)),
        }
    }
    known.sort_by_key(|item: &Item<'_>| item.operation.invoked);
    open.sort_by_key(|item: &Item<'_>| item.operation.invoked);
    // Rarely more than a few open calls take effect side by side: such orders are looked for first.
    let mut verdict = Verdict::Undecided(0);
    for side_by_side in [1, 2, 4, usize::MAX] {
        verdict = Search::new(&known, &open, side_by_side, &beginning).run(MOST_STEPS);
        if !matches!(verdict, Verdict::Undecided(_)) {
            break;
        }
    }
    verdict
}

/// An operation as the search sees it.
#[derive(Debug)]
struct Item<'h> {
    operation: &'h Operation,
    returned: Moment,
    parsed: Parsed<'h>,
}

impl<'h> Item<'h> {
    fn new(operation: &'h Operation, returned: Moment) -> Self {
        Self { operation, returned, parsed: Parsed::new(&operation.command) }
    }
}

#[cfg(test)]
mod tests;
