//! Eras: what an unclean start may lose, and what not even that excuses.
//!
//! Where nobody of the in-sync set is left somebody else may lead with what it has (2.21). What was acknowledged before is
//! promised no more: a new *era* begins, with the copy that its first leader begins with. Nothing else is forgiven. Each
//! era has one history that begins there, and what clients were told in it is held to all that is promised. An answer
//! says of which it is by its point in history: no leader of an earlier era can give one of a later epoch.

use std::collections::BTreeMap;

use jcache_cluster::engine::Token;
use jcache_core::{Keyspace, Model};

use super::workload;
use crate::history::{History, Intent, Operation, Outcome};

/// What begins with an unclean start.
#[derive(Debug)]
struct Era {
    /// The unclean leader's epoch.
    epoch: u64,
    base: Option<Base>,
}

/// What an era begins with.
#[derive(Debug)]
struct Base {
    data: Model,
    /// The offset of the first record after it.
    start: u64,
}

/// The eras of a run.
#[derive(Debug, Default)]
pub(super) struct Eras {
    /// All but the first, which begins with nothing.
    later: Vec<Era>,
    /// The point in history of each operation that was answered.
    tokens: BTreeMap<usize, Token>,
}

impl Eras {
    /// Somebody leads uncleanly from `epoch` on.
    pub(super) fn begin(&mut self, epoch: u64) {
        self.later.push(Era { epoch, base: None });
    }

    /// The number of the last era: 0 is the one that begins with nothing.
    pub(super) fn last(&self) -> usize {
        self.later.len()
    }

    /// Its first epoch.
    pub(super) fn epoch(&self) -> u64 {
        self.later.last().map_or(0, |era| era.epoch)
    }

    /// Whether it is not known yet what the last era begins with.
    pub(super) fn wants_base(&self) -> bool {
        self.later.last().is_some_and(|era| era.base.is_none())
    }

    /// The last era begins with `data`, and its first record is at `start`.
    pub(super) fn begins_with(&mut self, data: Model, start: u64) {
        if let Some(era) = self.later.last_mut() {
            era.base.get_or_insert(Base { data, start });
        }
    }

    /// An operation was answered at a point in history.
    pub(super) fn answered(&mut self, operation: usize, token: Token) {
        self.tokens.insert(operation, token);
    }

    /// The era whose leader gave `token`.
    pub(super) fn of(&self, token: Token) -> usize {
        self.later.partition_point(|era| era.epoch <= token.epoch)
    }

    /// The era in which what `token` stands for was carried out: one that a leader finds done is of an earlier one.
    fn carried_out(&self, token: Token) -> usize {
        let mut era = self.of(token);
        while let Some(Base { start, .. }) = era.checked_sub(1).and_then(|at| self.later[at].base.as_ref())
            && token.offset < *start
        {
            era -= 1;
        }
        era
    }

    /// What a group's keys hold when `era` begins; `None` where nobody ever led in it.
    pub(super) fn beginning(&self, era: usize, group: usize) -> Option<Model> {
        let mut beginning = Model::default();
        if let Some(at) = era.checked_sub(1) {
            let all = self.later[at].base.as_ref()?.data.iter();
            for (key, object, deadline) in all.filter(|(key, ..)| workload::belongs(key, group)) {
                beginning.put(key, object.clone(), deadline).ok()?;
            }
        }
        Some(beginning)
    }

    /// What was carried out in `era`, as far as answers say: what other eras' answers stand for is not of it, or nobody
    /// knows.
    pub(super) fn orders(&self, history: &History, era: usize) -> Vec<Operation> {
        self.sift(history, |operation, token| {
            let Some(token) = token else { return unanswered(operation) };
            let (told, done) = (self.of(token), self.carried_out(token));
            if done == era && (done == told || operation.intent == Intent::Read) {
                return Some(operation.outcome.clone());
            }
            // It may have been carried out before, and lost, and then once more. One that an unclean leader had carried out
            // before it led is in what its era begins with; before, it may have been in nobody else's history.
            (era < told && operation.intent != Intent::Read).then_some(Outcome::Unknown)
        })
    }

    /// What clients were told by leaders of `era`.
    pub(super) fn told(&self, history: &History, era: usize) -> Vec<Operation> {
        self.sift(history, |operation, token| {
            token.filter(|token| self.of(*token) == era).map(|_| operation.outcome.clone())
        })
    }

    /// The history for what is to be found at the end: what was acknowledged before the last era may be lost.
    pub(super) fn kept(&self, history: &History) -> Vec<Operation> {
        self.sift(history, |operation, token| match token {
            Some(token) if self.of(token) == self.last() || matches!(operation.intent, Intent::Take(_)) => {
                Some(operation.outcome.clone())
            }
            Some(_) => Some(Outcome::Unknown),
            None => unanswered(operation),
        })
    }

    /// The history for what may be found once only: what was taken in other eras than `era` may be there again.
    pub(super) fn once(&self, history: &History, era: usize) -> Vec<Operation> {
        self.sift(history, |operation, token| match token {
            Some(token) if matches!(operation.intent, Intent::Take(_)) && self.of(token) != era => None,
            _ => Some(operation.outcome.clone()),
        })
    }

    /// The history with other outcomes, without those for which there is none.
    fn sift(
        &self,
        history: &History,
        outcome: impl Fn(&Operation, Option<Token>) -> Option<Outcome>,
    ) -> Vec<Operation> {
        let of = |(place, operation): (usize, &Operation)| {
            let outcome = outcome(operation, self.tokens.get(&place).copied())?;
            Some(Operation { outcome, ..operation.clone() })
        };
        history.iter().enumerate().filter_map(of).collect()
    }
}

/// The outcome of one that was given no point in history. A command's own error tells of none, and changed nothing.
fn unanswered(operation: &Operation) -> Option<Outcome> {
    matches!(operation.outcome, Outcome::Unknown).then_some(Outcome::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Promise, command};
    use jcache_core::Reply;

    fn token(epoch: u64, offset: u64) -> Token {
        Token { epoch, offset }
    }

    /// Two unclean starts: epoch 5 from offset 10 on, epoch 9 from offset 4 on.
    fn eras() -> Eras {
        let mut eras = Eras::default();
        for (epoch, start) in [(5, 10), (9, 4)] {
            eras.begin(epoch);
            assert!(eras.wants_base());
            eras.begins_with(Model::default(), start);
        }
        eras
    }

    #[test]
    fn a_token_says_of_which_era_it_is() {
        let eras = eras();
        for (token, told, carried_out) in [
            (token(4, 90), 0, 0),
            (token(5, 10), 1, 1),
            (token(8, 70), 1, 1),
            (token(6, 9), 1, 0),
            (token(9, 4), 2, 2),
            (token(12, 3), 2, 0),
        ] {
            assert_eq!((eras.of(token), eras.carried_out(token)), (told, carried_out), "{token:?}");
        }
    }

    #[test]
    fn what_an_answer_of_another_era_says() {
        let mut eras = eras();
        let add = |at| Operation {
            client: 0,
            node: 0,
            life: 0,
            group: 0,
            command: command(&[b"RPUSH", b"l", b"a"]),
            intent: Intent::Add(b"a".to_vec()),
            promise: Promise::Strong,
            invoked: at,
            outcome: Outcome::Returned(at + 1, Ok(Reply::Int(1))),
        };
        let history = [add(0), add(10), add(20), Operation { outcome: Outcome::Unknown, ..add(30) }, add(40)];
        for (operation, token) in [(0, token(1, 3)), (1, token(6, 12)), (2, token(9, 9)), (4, token(6, 9))] {
            eras.answered(operation, token);
        }
        let shape = |history: Vec<Operation>| -> Vec<(u64, bool)> {
            history.iter().map(|it| (it.invoked, it.outcome == Outcome::Unknown)).collect()
        };
        assert_eq!(shape(eras.orders(&history, 0)), [(0, false), (10, true), (20, true), (30, true), (40, true)]);
        assert_eq!(shape(eras.orders(&history, 1)), [(10, false), (20, true), (30, true)]);
        assert_eq!(shape(eras.told(&history, 1)), [(10, false), (40, false)]);
        assert_eq!(shape(eras.kept(&history)), [(0, true), (10, true), (20, false), (30, true), (40, true)]);
        assert_eq!(shape(eras.once(&history, 2)).len(), 5);
    }
}
