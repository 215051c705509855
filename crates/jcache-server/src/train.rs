//! Commands of one client that are under way together.
//!
//! A batch does not stop at a command that a level far away has to answer: what follows is answered where it is, or
//! asked for as well, and the replies go out in order. So a batch costs one round trip instead of one for each such
//! command. What it may not do is let a command pass another that it depends on: a command waits for all that are under
//! way when one of the two changes a key that the other names, or when it names none and so may mean all of them.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use futures_util::{Stream, StreamExt, stream};
use jcache_core::command::Known;
use jcache_core::{Key, Reply, Request, Result};
use jcache_resp::{Arguments, Output};
use smallvec::SmallVec;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::backend::Backend;
use crate::command::Command;
use crate::session::Session;

/// Commands that one client may have under way.
pub(crate) const LENGTH: usize = 64;
/// Commands that all clients together may have under way, besides one for each: what a level takes at once is bounded,
/// and with many clients there is enough to do together anyway.
pub(crate) const BESIDE: usize = 8_192;
/// Keys that the commands under way may name, so that looking for one stays cheap.
const KEYS: usize = 256;

/// Commands that were not answered at once, in order, and the replies that came in between.
#[derive(Default)]
pub(crate) struct Train {
    cars: Vec<Car>,
    /// Replies to the commands among them that were answered at once.
    between: Output,
    claims: Vec<Claim>,
    /// For those beside the first.
    permits: Option<OwnedSemaphorePermit>,
}

/// A command that waits for its answer.
pub(crate) struct Car {
    pub(crate) command: &'static Command,
    pub(crate) args: Arguments<'static>,
    known: Known,
    /// Bytes of replies between it and the one before.
    pub(crate) before: usize,
}

/// A key that is in use, by its hash.
#[derive(Clone, Copy)]
struct Claim {
    key: u64,
    writes: bool,
}

impl Train {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.cars.is_empty()
    }

    /// Whether `request` may be carried out before those under way are done.
    pub(crate) fn lets_pass(&self, request: &Request<'_>) -> bool {
        let claims = claims(request);
        !claims.is_empty() && !claims.iter().any(|it| self.claims.iter().any(|other| it.excludes(*other)))
    }

    /// Takes a command along that nothing stands against, with all that may follow it. False when it has to be alone.
    pub(crate) fn take(
        &mut self,
        request: &Request<'_>,
        (command, known): (&'static Command, Known),
        args: &Arguments<'_>,
        session: &Session,
    ) -> bool {
        let claims = claims(request);
        let blocks = matches!(request, Request::Mutation(mutation) if mutation.blocking().is_some());
        let is_full = self.cars.len() == LENGTH || self.claims.len() + claims.len() > KEYS;
        if blocks || claims.is_empty() || is_full || !(self.is_empty() || self.may_grow(&session.shared.beside)) {
            return false;
        }
        self.claims.extend(claims);
        let before = self.between.len() - self.cars.iter().map(|car| car.before).sum::<usize>();
        self.cars.push(Car { command, args: args.to_static(), known, before });
        true
    }

    fn may_grow(&mut self, beside: &Arc<Semaphore>) -> bool {
        let Ok(permit) = beside.clone().try_acquire_owned() else { return false };
        match &mut self.permits {
            Some(permits) => permits.merge(permit),
            None => self.permits = Some(permit),
        }
        true
    }

    /// Where the reply to a command goes that is answered now.
    #[inline]
    pub(crate) fn output<'o>(&'o mut self, first: &'o mut Output) -> &'o mut Output {
        if self.is_empty() { first } else { &mut self.between }
    }

    /// Bytes of replies that are kept back.
    pub(crate) fn bytes(&self) -> usize {
        self.between.len()
    }

    /// The commands, the replies between them, and what allows that they are under way.
    pub(crate) fn into_parts(self) -> (Vec<Car>, Output, Option<OwnedSemaphorePermit>) {
        (self.cars, self.between, self.permits)
    }
}

/// The keys that a command names. Two that look the same cost a wait, and nothing else.
fn claims(request: &Request<'_>) -> SmallVec<[Claim; 4]> {
    let writes = matches!(request, Request::Mutation(_));
    let mut claims = SmallVec::new();
    let add = |key: &Key<'_>| claims.push(Claim { key: FixedState::default().hash_one(key.as_bytes()), writes });
    match request {
        Request::Query(query) => query.visit_keys(add),
        Request::Mutation(mutation) => mutation.visit_keys(add),
    }
    claims
}

impl Claim {
    fn excludes(self, other: Claim) -> bool {
        self.key == other.key && (self.writes || other.writes)
    }
}

/// Begins all of `cars`, in order, and gives their answers in order.
pub(crate) fn answers<'c, B: Backend>(
    backend: &'c B,
    cars: &'c [Car],
) -> impl Stream<Item = Result<Reply>> + Send + use<'c, B> {
    let answer = async move |car: &'c Car| match car.known.parse(&car.args) {
        Ok(request) => backend.call(&request).await,
        Err(error) => Err(error),
    };
    stream::iter(cars).map(answer).buffered(LENGTH)
}
