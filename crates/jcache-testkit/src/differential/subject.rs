//! What is held against the oracle: the reference model, any driver, or a server.

use std::time::SystemTime;

use jcache_core::command::Request;
use jcache_core::{Arg, Context, Driver, Error, Model, Reply, Result, Timestamp};

use super::laws::Laws;
use super::play;
use crate::oracle::RawClient;

/// Something that answers commands, in real time.
pub trait Subject {
    /// Runs one command, given as its name and arguments.
    ///
    /// # Errors
    /// The text of the command's error.
    fn call(&mut self, args: &[Vec<u8>]) -> Result<Reply, String>;
}

/// The time that the subject's commands see; the oracle reads the same clock.
pub(super) fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// The arguments as the core reads them.
pub(super) fn borrow(args: &[Vec<u8>]) -> Vec<Arg<'_>> {
    args.iter().map(Arg::from).collect()
}

/// Commands on core's [`Model`], each held to the laws of commands as well: effects, absolute times, parts.
#[derive(Debug, Default)]
pub struct ModelSubject {
    model: Model,
    laws: Laws,
    seed: u64,
}

impl Subject for ModelSubject {
    fn call(&mut self, args: &[Vec<u8>]) -> Result<Reply, String> {
        let args = borrow(args);
        let now = now();
        self.model.set_now(now);
        // Weyl's sequence: different every time, and well spread.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let context = Context { now, seed: self.seed };
        let reply = match Request::parse(&args).map_err(text)? {
            Request::Query(query) => {
                let reply = query.run(&self.model, context);
                self.laws.query(&query, &self.model, context, &reply)?;
                reply
            }
            Request::Mutation(mutation) => {
                let reply = mutation.run(&mut self.model, context);
                self.laws.mutation(&mutation, &self.model, context, &reply)?;
                reply
            }
        };
        reply.map_err(text)
    }
}

fn text(error: Error) -> String {
    error.message().to_owned()
}

/// Commands on a driver: at once where it can, otherwise by waiting for its future on a tokio runtime.
#[derive(Debug)]
pub struct DriverSubject<'d, D> {
    driver: &'d D,
    runtime: tokio::runtime::Handle,
}

impl<'d, D: Driver> DriverSubject<'d, D> {
    /// Holds `driver` against the oracle; its futures are waited for on `runtime`, which must be one of many threads:
    /// only there do timers and sockets go on while this thread waits.
    pub fn new(driver: &'d D, runtime: tokio::runtime::Handle) -> Self {
        Self { driver, runtime }
    }

    fn run(&self, request: &Request<'_>) -> Result<Reply> {
        match request {
            Request::Query(query) => {
                let at_once = self.driver.try_query(query);
                at_once.unwrap_or_else(|| self.runtime.block_on(self.driver.query(query))).map(|answer| answer.reply)
            }
            Request::Mutation(mutation) => {
                let at_once = self.driver.try_mutate(mutation);
                at_once.unwrap_or_else(|| self.runtime.block_on(self.driver.mutate(mutation)))
            }
        }
    }
}

impl<D: Driver> Subject for DriverSubject<'_, D> {
    fn call(&mut self, args: &[Vec<u8>]) -> Result<Reply, String> {
        let mut args = args.to_vec();
        // A blocking command would wait for somebody who never comes: the shortest wait shows the same.
        let blocks = Request::parse(&borrow(&args))
            .is_ok_and(|request| matches!(request, Request::Mutation(it) if it.blocking().is_some()));
        if blocks {
            let first = args[0].eq_ignore_ascii_case(b"BLMPOP") || args[0].eq_ignore_ascii_case(b"BZMPOP");
            let place = if first { 1 } else { args.len() - 1 };
            args[place] = b"0.001".to_vec();
        }
        let args = borrow(&args);
        Request::parse(&args).and_then(|request| self.run(&request)).map_err(text)
    }
}

/// Commands on a server over the wire, as they go to the oracle.
#[derive(Debug)]
pub struct ServerSubject(RawClient);

impl ServerSubject {
    /// Holds the server behind `client` against the oracle, in the protocol that the client speaks.
    pub fn new(client: RawClient) -> Self {
        Self(client)
    }
}

impl Subject for ServerSubject {
    fn call(&mut self, args: &[Vec<u8>]) -> Result<Reply, String> {
        let mut replies = play::call_many(&mut self.0, &[args.to_vec()]);
        replies.pop().expect("invariant: one reply for each command")
    }
}
