//! The suites find what they are there to find: drivers that are wrong in one way each.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::effect::Reach;
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{Answer, Driver, Effect, Encoded, Mutation, Query, Reply, Result, Snapshot, Timestamp};
use jcache_testkit::{ModelDriver, conformance};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrong {
    /// Says of every key that it is there.
    EveryHit,
    /// Says of every key that it is not.
    NoHit,
    /// Gives and takes whole keys without their deadline.
    Deadlines,
    /// Gives whole keys of any size.
    Limit,
    /// Applies effects without the cap.
    Cap,
    /// Applies changes within keys that it does not hold.
    Within,
    /// Does not wait.
    Impatient,
    /// Goes on waiting for callers who are gone.
    Greedy,
    /// Serves whoever asks most often.
    Polling,
}

#[derive(Debug)]
struct Twisted {
    inner: Arc<ModelDriver>,
    wrong: Wrong,
    waiters: AtomicU32,
}

impl Driver for Twisted {
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        let answer = self.inner.query(query).await?;
        let hit = match self.wrong {
            Wrong::EveryHit => true,
            Wrong::NoHit => false,
            _ => answer.hit,
        };
        Ok(Answer { hit, ..answer })
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        if let (Some(reply), true) = (self.inner.try_mutate(mutation), mutation.blocking().is_none()) {
            return reply;
        }
        let command = Encoded::mutation(mutation);
        match self.wrong {
            Wrong::Impatient => mutation_now(&self.inner, &command).await,
            Wrong::Greedy => {
                let inner = self.inner.clone();
                let call = async move { inner.mutate(&command.as_mutation().expect("encoded")).await };
                tokio::spawn(call).await.expect("the call ends")
            }
            Wrong::Polling => {
                let pause = if self.waiters.fetch_add(1, Ordering::SeqCst) % 3 == 2 { 5 } else { 300 };
                let poll = async {
                    loop {
                        let reply = mutation_now(&self.inner, &command).await;
                        if !reply.as_ref().is_ok_and(Reply::is_nil) {
                            return reply;
                        }
                        tokio::time::sleep(Duration::from_millis(pause)).await;
                    }
                };
                let patience = mutation.blocking().and_then(|blocking| blocking.timeout);
                tokio::time::timeout(patience.unwrap_or(Duration::MAX), poll).await.unwrap_or(Ok(Reply::Nil))
            }
            _ => self.inner.mutate(mutation).await,
        }
    }

    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        let limit = if self.wrong == Wrong::Limit { FillLimit::default() } else { limit };
        let mut fetched = self.inner.fetch(query, limit).await?;
        if let (Wrong::Deadlines, Some(snapshot)) = (self.wrong, &mut fetched.snapshot) {
            snapshot.deadline = None;
        }
        Ok(fetched)
    }

    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        self.inner.install(snapshot).await
    }

    async fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> Result<()> {
        let cap = if self.wrong == Wrong::Cap { None } else { cap };
        match (&effect.change, self.wrong) {
            (Some(change), Wrong::Within) if effect.reach == Reach::Within => self.mutate(change).await.map(drop),
            _ => self.inner.apply(effect, cap).await,
        }
    }
}

/// The blocking command as it would go if it did not block: with the shortest of timeouts.
async fn mutation_now(inner: &ModelDriver, command: &Encoded) -> Result<Reply> {
    let mutation = command.as_mutation().expect("encoded");
    tokio::time::timeout(Duration::from_millis(1), inner.mutate(&mutation)).await.unwrap_or(Ok(Reply::Nil))
}

impl StringDriver for Twisted {}
impl HashDriver for Twisted {}
impl ListDriver for Twisted {}
impl SetDriver for Twisted {}
impl SortedSetDriver for Twisted {}

/// What a suite says about a driver that is wrong in this way; empty when it finds nothing.
fn said(wrong: Wrong, suite: impl AsyncFn(&Twisted)) -> String {
    let driver = Twisted { inner: Arc::default(), wrong, waiters: AtomicU32::new(0) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let run = AssertUnwindSafe(|| runtime.block_on(suite(&driver)));
    match std::panic::catch_unwind(run) {
        Ok(()) => String::new(),
        Err(panic) => *panic.downcast::<String>().expect("a suite panics with a text"),
    }
}

#[test]
fn wrong_hits_are_found() {
    let every = said(Wrong::EveryHit, async |driver| conformance::strings(driver).await);
    assert!(every.contains("there is a key where there is none"), "{every}");
    let none = said(Wrong::NoHit, async |driver| conformance::strings(driver).await);
    assert!(none.contains("says that there is no key"), "{none}");
}

#[test]
fn wrong_replies_are_found() {
    let honest = said(Wrong::Cap, async |driver| conformance::check(driver, &[("SET k v", "OK")]).await);
    assert_eq!(honest, "");
    let wrong = said(Wrong::Cap, async |driver| {
        conformance::check(driver, &[("SET k v", "OK"), ("SET k w", "OK"), ("GET k", r#""v""#)]).await;
    });
    assert_eq!(wrong, "GET k\n  expected: \"v\"\n  got:      \"w\"\nafter: SET k v; SET k w");
}

#[test]
fn wrong_whole_keys_are_found() {
    for (wrong, text) in [
        (Wrong::Deadlines, "fetch of GET k"),
        (Wrong::Limit, "gives more than"),
        (Wrong::Cap, "with cap Some"),
        (Wrong::Within, "apply of APPEND k v"),
    ] {
        let said = said(wrong, async |driver| conformance::snapshots(driver).await);
        assert!(said.contains(text), "{wrong:?}: {said}");
    }
}

#[test]
fn wrong_waiting_is_found() {
    for (wrong, text) in [
        (Wrong::Impatient, "was back after"),
        (Wrong::Greedy, "after a dropped BLPOP q 0"),
        (Wrong::Polling, "not in turn"),
    ] {
        let said = said(wrong, async |driver| conformance::blocking(driver).await);
        assert!(said.contains(text), "{wrong:?}: {said}");
    }
}
