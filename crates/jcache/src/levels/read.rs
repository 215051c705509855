//! Reads: levels are asked in order, the first that has the key answers, and what it had fills the copies.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jcache_core::fetch::{Fetched, fillable};
use jcache_core::{Answer, Error, ErrorKind, Query, Reply, Result, Scope, Snapshot};

use super::fence::ReadToken;
use super::level::{Level, Verdict};
use super::report::Degraded;
use super::Levels;

/// What a read learned besides its reply.
#[derive(Debug, Default)]
pub(crate) struct ReadTrace {
    /// The index of the level that answered last.
    pub(crate) source: Option<usize>,
    pub(crate) degraded: Vec<Degraded>,
}

/// One part of a query (a single-key query has one part), on its way down the levels.
struct Part<'q> {
    query: &'q Query<'q>,
    /// Copies above that were asked and did not have it.
    missed: Vec<usize>,
    /// The reply to give when nobody has the key.
    nothing: Option<Reply>,
    authority_answered: bool,
    outcome: Option<Result<Reply>>,
}

impl Levels {
    /// Answers from the first level when that takes no waiting and is the whole read.
    #[inline]
    pub(crate) fn try_read(&self, query: &Query<'_>) -> Option<Result<Reply>> {
        let level = &self.levels[0];
        let alone = self.levels.len() == 1;
        if !self.first_is_enough || !level.is_clear() || (self.authority == 0 && !self.repairs.is_empty()) {
            return None;
        }
        if self.authority != 0 && query.needs_authority() {
            return None;
        }
        match level.driver.try_query(query)? {
            Ok(Answer { reply, hit: true }) => {
                level.counters.hits.add(1);
                Some(Ok(reply))
            }
            Ok(Answer { reply, hit: false }) if alone => {
                level.counters.misses.add(1);
                Some(Ok(reply))
            }
            Err(error) if Verdict::of(&error) == Verdict::Answer => Some(Err(error)),
            _ => None,
        }
    }

    /// Reads through the levels.
    pub(crate) async fn read(self: &Arc<Self>, query: &Query<'_>, strict: bool, trace: &mut ReadTrace) -> Result<Reply> {
        let split = if self.levels.len() > 1 { query.parts() } else { None };
        let single = [query.clone()];
        let queries: &[Query<'_>] = split.as_deref().unwrap_or(&single);
        let mut parts: Vec<Part<'_>> = queries
            .iter()
            .map(|query| Part { query, missed: Vec::new(), nothing: None, authority_answered: false, outcome: None })
            .collect();

        for index in self.order(query) {
            if parts.iter().all(|part| part.outcome.is_some()) {
                break;
            }
            self.ask_level(index, &mut parts, trace).await;
        }

        let mut replies = Vec::with_capacity(parts.len());
        for part in parts {
            replies.push(match part.outcome {
                Some(outcome) => outcome,
                None => self.nobody_has_it(part.nothing, part.authority_answered, strict, trace),
            });
        }
        match split {
            Some(_) => query.join(replies),
            None => replies.pop().expect("a query that is not split has one part"),
        }
    }

    /// The outcome of a part that no level had.
    fn nobody_has_it(
        &self,
        nothing: Option<Reply>,
        authority_answered: bool,
        strict: bool,
        trace: &ReadTrace,
    ) -> Result<Reply> {
        match nothing {
            Some(reply) if authority_answered || !strict => {
                if !authority_answered {
                    self.degraded_misses.add(1);
                }
                Ok(reply)
            }
            _ => Err(unavailable(&trace.degraded)),
        }
    }

    /// Asks one level for the parts that are still open.
    async fn ask_level(self: &Arc<Self>, index: usize, parts: &mut [Part<'_>], trace: &mut ReadTrace) {
        let level = &self.levels[index];
        let mut failure = level.enter(self.looked_after()).await.err();
        let mut open: Vec<&mut Part<'_>> = parts.iter_mut().filter(|part| part.outcome.is_none()).collect();

        // A level answers for a key only when what it owes for that key is paid.
        if failure.is_none() && (!level.marks.is_empty() || (index == self.authority && !self.repairs.is_empty())) {
            for part in &open {
                let key = part.query.first_key().map(|key| key.as_bytes());
                failure = self.pay_debts(index, key).await.err().or(failure);
            }
        }
        if let Some(error) = failure {
            trace.degraded.push(Degraded { level: level.name.clone(), error });
            return;
        }

        let targets = self.fill_targets(index);
        let tokens: Vec<Option<ReadToken<'_>>> = open
            .iter()
            .map(|part| {
                let wanted = targets.below || !part.missed.is_empty();
                let key = part.query.first_key().filter(|_| wanted && fillable(part.query))?;
                self.fences.begin_read(key)
            })
            .collect();
        let answers = level.ask_parts(&open, &tokens).await;

        let mut level_failure: Option<Error> = None;
        for ((part, token), answer) in open.iter_mut().zip(tokens).zip(answers) {
            match answer {
                Ok(Fetched { answer: Answer { reply, hit: true }, snapshot }) => {
                    level.counters.hits.add(1);
                    trace.source = Some(index);
                    if let Some((snapshot, token)) = snapshot.zip(token) {
                        self.fill(&targets, &part.missed, &token, snapshot).await;
                    }
                    part.outcome = Some(Ok(reply));
                }
                Ok(Fetched { answer: Answer { reply, hit: false }, .. }) => {
                    level.counters.misses.add(1);
                    part.authority_answered |= index == self.authority;
                    // The authority's "nothing" is the one to give; a copy's serves when there is no better.
                    if index == self.authority || part.nothing.is_none() {
                        part.nothing = Some(reply);
                    }
                    // A shared authority is never filled: what it does not have, another process may have deleted.
                    if level.fill && (index != self.authority || level.scope == Scope::Process) {
                        part.missed.push(index);
                    }
                }
                Err(error) if Verdict::of(&error) == Verdict::Answer => part.outcome = Some(Err(error)),
                Err(error) => level_failure = Some(error),
            }
        }
        if let Some(error) = level_failure {
            if Verdict::of(&error) == Verdict::Failure {
                self.look_after();
            }
            trace.degraded.push(Degraded { level: level.name.clone(), error });
        }
    }

    /// Which copies a hit at level `index` fills besides those above it that missed.
    fn fill_targets(&self, index: usize) -> FillTargets {
        let below = index == self.authority && self.levels[index + 1..].iter().any(|level| level.fill);
        FillTargets { source: index, below }
    }

    /// Puts a whole key into the copies, unless it was written since the token was taken.
    async fn fill(&self, targets: &FillTargets, missed: &[usize], token: &ReadToken<'_>, snapshot: Snapshot) {
        let below = if targets.below { targets.source + 1..self.levels.len() } else { 0..0 };
        let copies = missed.iter().copied().chain(below).map(|index| &self.levels[index]).filter(|level| level.fill);
        for copy in copies {
            if copy.health.is_up() && copy.limit.admits(&snapshot.object) {
                self.fill_one(copy, token, &snapshot).await;
            }
        }
    }

    async fn fill_one(&self, copy: &Level, token: &ReadToken<'_>, snapshot: &Snapshot) {
        let now = self.now();
        let deadline = copy.capped(snapshot.deadline, now);
        if deadline.is_some_and(|at| at <= now) {
            return;
        }
        let Some(permit) = token.permit() else {
            copy.counters.voided_fills.add(1);
            return;
        };
        // Until the install is known to be whole, the copy must drop the key: also when this future is dropped here.
        struct Unsure<'l>(&'l Level, &'l [u8], bool);
        impl Drop for Unsure<'_> {
            fn drop(&mut self) {
                if !self.2 {
                    self.0.marks.add_key(self.1);
                }
            }
        }
        let mut unsure = Unsure(copy, &snapshot.key, false);
        let filled = Snapshot { deadline, ..snapshot.clone() };
        match copy.ask(Some(Duration::ZERO), copy.driver.install(&filled)).await {
            Ok(()) => copy.counters.fills.add(1),
            Err(error) if Verdict::of(&error) == Verdict::Failure => return,
            // A copy that cannot take this key refused it whole: nothing is there.
            Err(_) => {}
        }
        unsure.2 = true;
        drop(unsure);
        drop(permit);
    }
}

/// See [`Levels::fill_targets`].
struct FillTargets {
    source: usize,
    below: bool,
}

impl Level {
    /// Asks for each part: with a token the whole key, without one the plain answer.
    async fn ask_parts(&self, parts: &[&mut Part<'_>], tokens: &[Option<ReadToken<'_>>]) -> Vec<Result<Fetched>> {
        if let ([part], [token]) = (parts, tokens) {
            return vec![self.ask_one(part.query, token.is_some()).await];
        }
        if tokens.iter().any(Option::is_some) {
            let calls = parts.iter().zip(tokens).map(|(part, token)| self.ask_one(part.query, token.is_some()));
            return join_all(calls).await;
        }
        let queries: Vec<Query<'_>> = parts.iter().map(|part| part.query.clone()).collect();
        if let Some(answers) = queries.iter().map(|query| self.driver.try_query(query)).collect::<Option<Vec<_>>>() {
            return answers.into_iter().map(|answer| answer.map(Fetched::answer)).collect();
        }
        let call = async {
            let answers = self.driver.query_many(&queries).await;
            // When nothing but failures came back, it is the level that failed.
            let failed = answers.iter().all(|it| it.as_ref().is_err_and(|e| Verdict::of(e) == Verdict::Failure));
            match answers.first() {
                Some(Err(error)) if failed => Err(error.clone()),
                _ => Ok(answers),
            }
        };
        match self.ask(Some(Duration::ZERO), call).await {
            Ok(answers) => answers.into_iter().map(|answer| answer.map(Fetched::answer)).collect(),
            Err(error) => parts.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    pub(super) async fn ask_one(&self, query: &Query<'_>, whole: bool) -> Result<Fetched> {
        if whole {
            return self.ask(Some(Duration::ZERO), self.driver.fetch(query, self.limit)).await;
        }
        let answer = match self.driver.try_query(query) {
            Some(answer) => answer,
            None => self.ask(Some(Duration::ZERO), self.driver.query(query)).await,
        };
        answer.map(Fetched::answer)
    }
}

/// The error of a read that no level could answer: it names every level's cause.
fn unavailable(degraded: &[Degraded]) -> Error {
    if let [only] = degraded
        && Verdict::of(&only.error) == Verdict::Skip
    {
        return only.error.clone();
    }
    let causes: Vec<String> = degraded.iter().map(|it| format!("{}: {}", it.level, it.error)).collect();
    Error::new(ErrorKind::Unavailable, format!("no level could answer ({})", causes.join("; ")))
}

impl Levels {
    /// When `key` expires at level `index`, as that level says.
    pub(crate) async fn deadline_at(&self, index: usize, key: &[u8]) -> Result<Option<jcache_core::Timestamp>> {
        let answer = self.levels[index].ask_one(&Query::deadline(key.into()), false).await?;
        Ok(Query::deadline_of(&answer.answer.reply))
    }
}
