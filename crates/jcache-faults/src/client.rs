//! A client that writes down what it sees, and claims to know no more than that.
//!
//! No answer, a broken connection, and the node's own "nobody knows" leave a write open: it may have happened, and may
//! yet. What the node says was not carried out is believed: the checkers find out when that was not true.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jcache_core::{Error, Reply};
use jcache_testkit::history::{Intent, Moment, Operation, Outcome, Promise};
use jcache_testkit::oracle::RawClient;

use crate::recorder::Recorder;
use crate::workload::Wish;

/// What is in errors that say that the command was not carried out. The first word is the node's; levels of a cache put
/// their own before it.
const REFUSED: [&str; 7] = ["NOLEADER ", "NOREPLICAS ", "OVERLOADED ", "FENCED ", "SHUTDOWN ", "LOADING ", "' is down"];
/// The code word of the only error that a command here gives by itself.
const ANSWER: &str = "WRONGTYPE ";

/// One connection of one client.
#[derive(Debug)]
pub(crate) struct Client {
    /// The client's number in the history.
    pub(crate) number: usize,
    /// The node that it is connected to.
    pub(crate) node: usize,
    /// Names the connection: it is to one process, where the next one may be to another life of the node.
    life: u32,
    connection: RawClient,
}

impl Client {
    pub(crate) fn connect(number: usize, node: usize, to: SocketAddr, timeout: Duration) -> io::Result<Self> {
        static CONNECTIONS: AtomicU32 = AtomicU32::new(0);
        let life = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { number, node, life, connection: RawClient::connect_to(to, timeout)? })
    }

    /// How long an answer may take.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.connection.set_read_timeout(patience);
    }

    /// Makes a call; false when the connection is of no use any more.
    pub(crate) fn call(&mut self, recorder: &Recorder, wish: Wish, promise: Promise) -> (Outcome, bool) {
        let reads = wish.intent == Intent::Read;
        let operation = Operation {
            client: self.number,
            node: self.node,
            life: self.life,
            group: wish.group,
            command: wish.command.clone(),
            intent: wish.intent,
            promise,
            invoked: 0,
            outcome: Outcome::Unknown,
        };
        let waits = operation.waits();
        let place = recorder.begin(operation);
        let result = self.connection.call(wish.command.args());
        let alive = !matches!(&result, Err(text) if text.starts_with("io: "));
        let outcome = match result {
            // The connection does not tell the two nils apart; who waits in vain gets that of a list.
            Ok(Reply::Nil) if waits => Outcome::Returned(recorder.now(), Ok(Reply::NilArray)),
            Ok(reply) => Outcome::Returned(recorder.now(), Ok(reply)),
            Err(text) => failed(&text, reads, recorder.now()),
        };
        recorder.end(place, outcome.clone());
        (outcome, alive)
    }
}

fn failed(text: &str, reads: bool, now: Moment) -> Outcome {
    match () {
        () if text.starts_with(ANSWER) => Outcome::Returned(now, Err(Error::server(text))),
        () if reads || REFUSED.iter().any(|it| text.contains(it)) => Outcome::Failed,
        () => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_stays_open() {
        for (text, reads, expected) in [
            ("io: the connection was closed", false, "Unknown"),
            ("io: the connection was closed", true, "Failed"),
            ("UNCERTAIN no answer came", false, "Unknown"),
            ("SOMETHING new", false, "Unknown"),
            ("NOLEADER nobody leads", false, "Failed"),
            ("ERR the write was not accepted (distributed: NOLEADER nobody leads)", false, "Failed"),
            ("ERR the write was not accepted (distributed: UNCERTAIN no answer came)", false, "Unknown"),
            ("WRONGTYPE Operation against a key", false, "Returned"),
        ] {
            let shown = format!("{:?}", failed(text, reads, 1));
            assert!(shown.starts_with(expected), "{text}: {shown}");
        }
    }
}
