//! The driver: every command of core, answered here or by the leader.

use std::collections::HashMap;
use std::time::Duration;

use jcache_core::driver::{ChangeFeed, HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{
    Answer, Context, Driver, Encoded, Error, ErrorKind, Key, Model, Mutation, Query, Reply, Request, Result, Scope,
    Snapshot, Timestamp, Value, Watch,
};

use crate::engine::{Failure, Token, Transaction};
use crate::memory::DistributedMemory;

/// What a level allows a call beyond the driver's own bound, so that the driver's answer is the one that counts.
const SLACK: Duration = Duration::from_millis(500);

impl Driver for DistributedMemory {
    fn scope(&self) -> Scope {
        Scope::Shared
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.call_limit() + SLACK)
    }

    #[inline]
    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        self.reads()?.try_query(query)
    }

    #[inline]
    fn try_text(&self, key: &[u8]) -> Option<Result<Option<Value>>> {
        self.reads()?.try_text(key)
    }

    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        if let Some(answer) = self.try_query(query) {
            return answer;
        }
        let call = self.begin(Request::Query(query.clone()));
        Ok(told(query, call.await.map_err(refusal)?.reply))
    }

    /// At the leader, with its acknowledgement alone.
    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        let outcome = self.try_write(mutation)?;
        Some(outcome.map(|answer| answer.reply).map_err(refusal))
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        let call = self.begin(Request::Mutation(mutation.clone()));
        let call = match mutation.blocking() {
            None => call,
            Some(_) => {
                let (this, command) = (self.clone(), Encoded::mutation(mutation));
                call.or_late(Box::new(move |outcome| {
                    if let Ok(answer) = outcome {
                        this.put_back(&command, &answer.reply);
                    }
                }))
            }
        };
        Ok(call.await.map_err(refusal)?.reply)
    }

    /// All questions are asked at once.
    async fn query_many(&self, queries: &[Query<'_>]) -> Vec<Result<Answer>> {
        let ask = |query: &Query<'_>| match self.try_query(query) {
            Some(answer) => Err(answer),
            None => Ok(self.begin(Request::Query(query.clone()))),
        };
        let calls: Vec<_> = queries.iter().map(ask).collect();
        let mut answers = Vec::with_capacity(queries.len());
        for (query, call) in queries.iter().zip(calls) {
            answers.push(match call {
                Err(answer) => answer,
                Ok(call) => call.await.map_err(refusal).map(|answer| told(query, answer.reply)),
            });
        }
        answers
    }

    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        if let Some(fetched) = self.reads().and_then(|reads| reads.try_fetch(query, limit)) {
            return fetched;
        }
        self.query(query).await.map(Fetched::answer)
    }

    /// A key's whole state is taken over in one step.
    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        let mutations = snapshot.to_mutations();
        let requests: Vec<Request<'_>> = mutations.into_iter().map(Request::Mutation).collect();
        for result in self.transact(&requests, Watch::new()).await?.unwrap_or_default() {
            result?;
        }
        Ok(())
    }

    /// One record of the log. Reads in a transaction see what the leader has.
    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        let is_empty = watch.is_empty();
        let watching = match watch.into_state::<Watching>() {
            Some(watching) if watching.of.is_same(self) => *watching,
            None if is_empty => Watching { of: self.clone(), keys: HashMap::new() },
            _ => return Err(foreign_watch()),
        };
        let watched = watching.keys.iter().map(|(key, token)| (key.as_bytes(), *token));
        let call = self.begin_transaction(Transaction::new(requests, watched));
        match call.await.map_err(refusal)?.reply {
            Reply::Array(replies) => Ok(Some(replies.into_iter().map(result_of).collect())),
            reply if reply.is_nil() => Ok(None),
            other => Err(Error::unexpected_reply("a list", &other)),
        }
    }

    /// A change is what the log says: a `DEL` of a watched key counts also when the key was not there. A watch breaks, too,
    /// after 65,536 later writes, or when what came since is no longer in the backlog.
    ///
    /// Costs nothing: from where on a key is watched this process knows, and what changed since the log tells.
    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        let point = self.watch_point().ok_or_else(|| refusal(Failure::NoLeader))?;
        let make = || Watching { of: self.clone(), keys: HashMap::new() };
        let watching = watch.state(make).filter(|it| it.of.is_same(self)).ok_or_else(foreign_watch)?;
        for key in keys {
            // One that is watched already stays so from then on.
            watching.keys.entry(key.0.to_value()).or_insert(point);
        }
        let len = watching.keys.len();
        watch.set_len(len);
        Ok(())
    }

    fn changes(&self) -> Option<Box<dyn ChangeFeed>> {
        Some(Box::new(DistributedMemory::changes(self)))
    }

    /// Well is who can answer reads: a leader, or a copy that is not behind a leader that is gone.
    async fn probe(&self) -> Result<()> {
        if self.status().readable { Ok(()) } else { Err(refusal(Failure::NoLeader)) }
    }
}

impl StringDriver for DistributedMemory {}
impl HashDriver for DistributedMemory {}
impl ListDriver for DistributedMemory {}
impl SetDriver for DistributedMemory {}
impl SortedSetDriver for DistributedMemory {}

/// What a [`Watch`] of this driver holds: keys, and from where on each is watched.
#[derive(Debug)]
struct Watching {
    of: DistributedMemory,
    keys: HashMap<Value, Token>,
}

#[cold]
fn foreign_watch() -> Error {
    Error::invalid("ERR the watched keys belong to another cache")
}

fn result_of(reply: Reply) -> Result<Reply> {
    match reply {
        Reply::Error(error) => Err(error),
        reply => Ok(reply),
    }
}

/// The answer in a reply of the leader. A reply that an absent key would give as well may mean either, and counts as a
/// miss, which is always safe.
fn told(query: &Query<'_>, reply: Reply) -> Answer {
    let mut answer = Answer::from(reply);
    if answer.hit {
        let absent = query.run(&Model::default(), Context::at(Timestamp::ZERO));
        answer.hit = absent.as_ref() != Ok(&answer.reply);
    }
    answer
}

/// A failure as core's error: its first word is its code, and what may have happened is uncertain.
pub(crate) fn refusal(failure: Failure) -> Error {
    let refused = |text: &'static str| Error::new(ErrorKind::Refused, text);
    match failure {
        Failure::Command(error) => error,
        Failure::NoLeader => refused("NOLEADER nobody leads the cluster; the command was not carried out"),
        Failure::NotEnoughReplicas => {
            refused("NOREPLICAS too few members of the cluster are in step; the command was not carried out")
        }
        Failure::Overloaded => {
            refused("OVERLOADED too much waits for other members of the cluster; the command was not carried out")
        }
        Failure::Fenced => {
            refused("FENCED the leader cannot prove that it still leads; the command was not carried out")
        }
        Failure::SessionLost => refused("LOST a failover lost the write that this read asks for"),
        Failure::Cancelled => refused("CANCELLED the caller had gone; the command was not carried out"),
        Failure::ShuttingDown => Error::new(
            ErrorKind::Unavailable,
            "SHUTDOWN this process has left the cluster; the command was not carried out",
        ),
        Failure::Unknown => {
            refused("UNCERTAIN no answer came in time; the command may have been carried out").uncertain()
        }
    }
}
