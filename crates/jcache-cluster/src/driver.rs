//! The driver: every command of core, answered here or by the leader.

use std::time::Duration;

use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::{
    Answer, Context, Driver, Encoded, Error, ErrorKind, Model, Mutation, Query, Reply, Request, Result, Scope, Timestamp,
};

use crate::engine::Failure;
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

    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        let call = self.begin(Request::Query(query.clone()));
        Ok(told(query, call.await.map_err(refusal)?.reply))
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
        let calls: Vec<_> = queries.iter().map(|query| self.begin(Request::Query(query.clone()))).collect();
        let mut answers = Vec::with_capacity(queries.len());
        for (query, call) in queries.iter().zip(calls) {
            answers.push(call.await.map_err(refusal).map(|answer| told(query, answer.reply)));
        }
        answers
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
        Failure::ShuttingDown => {
            Error::new(ErrorKind::Unavailable, "SHUTDOWN this process has left the cluster; the command was not carried out")
        }
        Failure::Unknown => refused("UNCERTAIN no answer came in time; the command may have been carried out").uncertain(),
    }
}
