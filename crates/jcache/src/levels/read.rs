//! Reads: levels are asked in order, the first that has the key answers, and what it had fills the copies.

use std::sync::Arc;

use futures_util::future::join_all;
use jcache_core::fetch::{Fetched, fillable};
use jcache_core::{Answer, Error, ErrorKind, Query, Reply, ReplySink, Result, Scope, Snapshot, Value};

use super::Levels;
use super::fence::ReadToken;
use super::level::{Level, Until, Verdict};
use super::report::Degraded;
use super::switch::{Mechanism, elsewhere, on};

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
    /// Says whether the key was written since the read began: then nothing that was missed may be filled.
    token: Option<ReadToken<'q>>,
    /// Copies above that were asked and did not have it.
    missed: Vec<usize>,
    /// The reply to give when nobody has the key.
    nothing: Option<Reply>,
    authority_answered: bool,
    outcome: Option<Result<Reply>>,
}

impl Levels {
    /// The first level, when a hit there is the whole read and it owes nothing.
    #[inline(always)]
    fn first(&self) -> Option<&Level> {
        let level = &self.levels[0];
        let owes = !level.is_clear() || (self.authority == 0 && !self.repairs.is_empty());
        (self.first_is_enough && !owes).then_some(level)
    }

    /// The string at `key` from the first level, when that takes no waiting and is the whole read.
    #[inline(always)]
    pub(crate) fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        let level = self.first()?;
        match level.driver.try_text(key)? {
            Ok(Some(text)) => {
                level.counters.hits.add(1);
                Some(Ok(Some(text)))
            }
            Ok(None) if self.levels.len() == 1 => {
                level.counters.misses.add(1);
                Some(Ok(None))
            }
            Ok(None) => None,
            Err(error) => answer_of(error),
        }
    }

    /// Tells the answer of the first level when that takes no waiting and is the whole read.
    pub(crate) fn try_tell(&self, query: &Query<'_>, out: &mut dyn ReplySink) -> Option<Result<()>> {
        let level = self.first()?;
        match level.driver.try_tell(query, out)? {
            Ok(()) => {
                level.counters.hits.add(1);
                Some(Ok(()))
            }
            Err(error) => (Verdict::of(&error) == Verdict::Answer).then_some(Err(error)),
        }
    }

    /// Answers from the first level when that takes no waiting and is the whole read.
    #[inline]
    pub(crate) fn try_read(&self, query: &Query<'_>) -> Option<Result<Reply>> {
        let level = self.first()?;
        let alone = self.levels.len() == 1;
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
    pub(crate) async fn read(
        self: &Arc<Self>,
        query: &Query<'_>,
        strict: bool,
        trace: &mut ReadTrace,
    ) -> Result<Reply> {
        let strict = strict && on(Mechanism::Strict);
        let split = if self.levels.len() > 1 { query.parts() } else { None };
        let single = [query.clone()];
        let queries: &[Query<'_>] = split.as_deref().unwrap_or(&single);
        let part = |query| {
            let (token, missed) = (self.token(query), Vec::new());
            Part { query, token, missed, nothing: None, authority_answered: false, outcome: None }
        };
        let mut parts: Vec<Part<'_>> = queries.iter().map(part).collect();

        // What concerns every key only the authority knows. A copy's own view is better than none, but not in strict.
        let every_key = query.first_key().is_none();
        for index in self.order(query) {
            if parts.iter().all(|part| part.outcome.is_some()) || (every_key && strict && index != self.authority) {
                break;
            }
            self.ask_level(index, &mut parts, trace).await;
        }
        if every_key && trace.source.is_some_and(|index| index != self.authority) {
            self.degraded_misses.add(1);
        }

        let mut replies = Vec::with_capacity(parts.len());
        for part in parts {
            replies.push(match part.outcome {
                Some(outcome) => outcome,
                None => self.nobody_has_it(part.query, part.nothing, part.authority_answered, strict, trace),
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
        query: &Query<'_>,
        nothing: Option<Reply>,
        authority_answered: bool,
        strict: bool,
        trace: &ReadTrace,
    ) -> Result<Reply> {
        let Some(reply) = nothing else { return Err(unavailable(&trace.degraded)) };
        if authority_answered {
            return Ok(reply);
        }
        // A copy that lacks some of several keys may have worked out something from the others: that is not "nothing".
        let mut keys = 0;
        query.visit_keys(|_| keys += 1);
        if strict || (keys > 1 && !reply.is_nothing()) {
            return Err(unavailable(&trace.degraded));
        }
        self.degraded_misses.add(1);
        Ok(reply)
    }

    /// Asks one level for the parts that are still open.
    async fn ask_level<'q>(self: &'q Arc<Self>, index: usize, parts: &mut [Part<'q>], trace: &mut ReadTrace) {
        let level = &self.levels[index];
        let mut open: Vec<&mut Part<'q>> = parts.iter_mut().filter(|part| part.outcome.is_none()).collect();
        if let Err(error) = self.enter(level).await {
            trace.degraded.push(Degraded { level: level.name.clone(), error });
            return;
        }
        let until = level.visit();

        // A level answers for a key only when what it owes for that key is paid. A write that leaves debts after this
        // has voided the token, which is older.
        if !level.marks.is_empty() || (index == self.authority && !self.repairs.is_empty()) {
            for part in &open {
                let key = part.query.first_key().map(|key| key.as_bytes());
                if let Err(error) = self.pay_debts(index, until, key).await {
                    self.look_after();
                    trace.degraded.push(Degraded { level: level.name.clone(), error });
                    return;
                }
            }
        }
        elsewhere().await;
        if !on(Mechanism::TokenFirst) {
            open.iter_mut().for_each(|part| part.token = self.token(part.query));
        }
        let below = self.fills_below(index);
        let whole: Vec<bool> = open.iter().map(|it| it.token.is_some() && (below || !it.missed.is_empty())).collect();
        let answers = level.ask_parts(until, &open, &whole).await;

        let mut fills = Vec::new();
        let mut level_failure: Option<Error> = None;
        for (part, answer) in open.iter_mut().zip(answers) {
            // What the authority says of all keys together is the answer, also when it is "none".
            let of_all_keys = index == self.authority && part.query.first_key().is_none();
            match answer {
                Ok(Fetched { answer: Answer { reply, hit }, snapshot }) if hit || of_all_keys => {
                    level.counters.hits.add(1);
                    trace.source = Some(index);
                    part.outcome = Some(Ok(reply));
                    if let Some((snapshot, token)) = snapshot.zip(part.token.take()) {
                        fills.push(WholeKey { snapshot, token, missing_at: std::mem::take(&mut part.missed) });
                    }
                }
                Ok(Fetched { answer: Answer { reply, .. }, .. }) => {
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
        if !fills.is_empty() {
            self.fill(index, &fills).await;
        }
    }

    /// A token for a query whose key may be filled somewhere.
    fn token(&self, query: &Query<'_>) -> Option<ReadToken<'_>> {
        let key = query.first_key().filter(|_| self.fills && fillable(query))?;
        self.fences.begin_read(key)
    }

    /// Whether a hit at level `index` fills copies below it.
    fn fills_below(&self, index: usize) -> bool {
        index == self.authority && self.levels[index + 1..].iter().any(|level| level.fill)
    }

    /// Puts whole keys that level `source` had into the copies, unless they were written since their tokens.
    async fn fill(self: &Arc<Self>, source: usize, keys: &[WholeKey<'_>]) {
        let below = self.fills_below(source);
        for (index, copy) in self.levels.iter().enumerate() {
            let wanted = |key: &&WholeKey<'_>| {
                (key.missing_at.contains(&index) || (below && index > source))
                    && copy.limit.admits(&key.snapshot.object)
            };
            if !copy.fill || !copy.health.is_up() {
                continue;
            }
            let until = copy.visit();
            join_all(keys.iter().filter(wanted).map(|key| self.fill_one(index, until, key))).await;
        }
    }

    async fn fill_one(self: &Arc<Self>, index: usize, until: Until, key: &WholeKey<'_>) {
        let copy = &self.levels[index];
        let now = self.now();
        let deadline = copy.capped(key.snapshot.deadline, now).filter(|_| on(Mechanism::FillDeadline));
        if deadline.is_some_and(|at| at <= now) {
            return;
        }
        // First announced, then the fence: a write looks the other way round, so one of the two sees the other.
        let Some(_announced) = copy.marks.begin_fill(&key.snapshot.key) else { return };
        elsewhere().await;
        if !key.token.is_valid() {
            copy.counters.voided_fills.add(1);
            return;
        }
        // Until the fill is known to be whole, the copy must drop the key: also when this future is dropped here. Not
        // so the authority: what is filled there is what it would hold anyway, and a mark could drop a later write.
        let mut unsure = UnsureFill { levels: self, index, key: &key.snapshot.key, armed: index != self.authority };
        elsewhere().await;
        let filled = Snapshot { deadline, ..key.snapshot.clone() };
        match copy.ask(until, copy.driver.install(&filled)).await {
            Ok(()) => {
                copy.counters.fills.add(1);
                unsure.armed = false;
            }
            // A driver that does not take such keys has none.
            Err(error) => unsure.armed &= Verdict::of(&error) != Verdict::Skip,
        }
    }
}

/// An error that is the answer.
#[cold]
fn answer_of<T>(error: Error) -> Option<Result<T>> {
    (Verdict::of(&error) == Verdict::Answer).then_some(Err(error))
}

/// A key that was read whole, on its way into copies.
struct WholeKey<'f> {
    snapshot: Snapshot,
    token: ReadToken<'f>,
    /// Levels above that do not have it.
    missing_at: Vec<usize>,
}

/// Marks the key at a copy when a fill of it ends half-way.
struct UnsureFill<'l> {
    levels: &'l Arc<Levels>,
    index: usize,
    key: &'l [u8],
    armed: bool,
}

impl Drop for UnsureFill<'_> {
    fn drop(&mut self) {
        if self.armed && on(Mechanism::MarksOnCancel) {
            self.levels.levels[self.index].marks.add_key(self.key);
            self.levels.look_after();
        }
    }
}

impl Level {
    /// Asks for each part, all in one visit: for the whole key where that is wanted, or the plain answer.
    async fn ask_parts(&self, until: Until, parts: &[&mut Part<'_>], whole: &[bool]) -> Vec<Result<Fetched>> {
        if let ([part], [whole]) = (parts, whole) {
            return vec![self.ask_one(until, part.query, *whole).await];
        }
        let any_whole = whole.contains(&true);
        let queries: Vec<Query<'_>> = parts.iter().map(|part| part.query.clone()).collect();
        let at_once = || queries.iter().map(|query| self.driver.try_query(query)).collect::<Option<Vec<_>>>();
        if let Some(answers) = (!any_whole).then(at_once).flatten() {
            return answers.into_iter().map(|answer| self.note(answer).map(Fetched::answer)).collect();
        }
        let call = async {
            let answers: Vec<Result<Fetched>> = if any_whole {
                join_all(queries.iter().zip(whole).map(|(query, whole)| self.get(query, *whole))).await
            } else {
                self.driver.query_many(&queries).await.into_iter().map(|answer| answer.map(Fetched::answer)).collect()
            };
            // When nothing but failures came back, it is the level that failed, once. A failure among answers (a part
            // of a cluster is away) says nothing about the level as a whole.
            let failed = answers.iter().all(|it| it.as_ref().is_err_and(|e| Verdict::of(e) == Verdict::Failure));
            match answers.first() {
                Some(Err(error)) if failed => Err(error.clone()),
                _ if answers.len() != queries.len() => {
                    let text = format!("{} queries got {} answers", queries.len(), answers.len());
                    Err(Error::new(ErrorKind::Protocol, text))
                }
                _ => Ok(answers),
            }
        };
        match self.ask(until, call).await {
            Ok(answers) => answers,
            Err(error) => parts.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    pub(super) async fn ask_one(&self, until: Until, query: &Query<'_>, whole: bool) -> Result<Fetched> {
        if !whole && let Some(answer) = self.driver.try_query(query) {
            return self.note(answer).map(Fetched::answer);
        }
        self.ask(until, self.get(query, whole)).await
    }

    async fn get(&self, query: &Query<'_>, whole: bool) -> Result<Fetched> {
        if whole {
            return self.driver.fetch(query, self.limit).await;
        }
        let answer = match self.driver.try_query(query) {
            Some(answer) => answer,
            None => self.driver.query(query).await,
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
        let level = &self.levels[index];
        let answer = level.ask_one(level.visit(), &Query::deadline(key.into()), false).await?;
        Ok(Query::deadline_of(&answer.answer.reply))
    }
}
