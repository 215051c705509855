//! Several commands in one round trip: independent of each other, or as one transaction.

use jcache_core::{Error, ErrorKind, Result};
use redis::{Cmd, Pipeline, Value};

use crate::error;
use crate::link::Link;

/// Sends commands together; each has its own outcome, those that could not be encoded as well.
pub(crate) async fn independent(link: &Link, commands: Vec<Result<Cmd>>) -> Vec<Result<Value>> {
    let mut pipeline = Pipeline::with_capacity(commands.len());
    let mut outcomes: Vec<Result<Value>> = Vec::with_capacity(commands.len());
    for command in commands {
        outcomes.push(command.map(|command| {
            pipeline.add_command(command);
            Value::Nil
        }));
    }
    if pipeline.is_empty() {
        return outcomes;
    }
    let mut values = match link.send_all(&pipeline).await {
        Ok(values) => Ok(values.into_iter()),
        Err(error) => Err(error),
    };
    for outcome in outcomes.iter_mut().filter(|it| it.is_ok()) {
        *outcome = match &mut values {
            Ok(values) => values.next().ok_or_else(|| short("a batch")),
            Err(error) => Err(error.clone()),
        };
    }
    outcomes
}

/// Runs commands as one transaction, in one round trip; `asking` follows a redirect to a slot that is being moved.
///
/// The words of the transaction are sent as ordinary commands: the library's own atomic pipelines merge the errors of
/// commands that the server did not accept.
///
/// # Errors
/// Why the transaction was not run: the first command that was refused says it.
pub(crate) async fn transaction(link: &Link, commands: &[Cmd], asking: bool) -> Result<Vec<Value>> {
    let replies = link.send_all(&multi(commands, asking)).await?;
    results(replies, commands.len())?.ok_or_else(|| short("a transaction"))
}

/// The words of a transaction.
pub(crate) fn multi(commands: &[Cmd], asking: bool) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(commands.len() + 3);
    if asking {
        pipeline.cmd("ASKING");
    }
    pipeline.cmd("MULTI");
    for command in commands {
        pipeline.add_command(command.clone());
    }
    pipeline.cmd("EXEC");
    pipeline
}

/// The results in the replies to the words of a transaction of `count` commands; `None` when a watched key had changed.
///
/// # Errors
/// Why the transaction was not run: the first command that was refused says it.
pub(crate) fn results(mut replies: Vec<Value>, count: usize) -> Result<Option<Vec<Value>>> {
    let results = replies.pop();
    for reply in replies {
        if let Value::ServerError(refused) = reply {
            return Err(error::server(&refused));
        }
    }
    match results {
        Some(Value::Array(results)) if results.len() == count => Ok(Some(results)),
        Some(Value::Nil) => Ok(None),
        Some(Value::ServerError(refused)) => Err(error::server(&refused)),
        _ => Err(short("a transaction")),
    }
}

/// A command behind the word that lets it use a slot that is being moved to the node.
pub(crate) fn asking(command: &Cmd) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(2);
    pipeline.cmd("ASKING").add_command(command.clone());
    pipeline
}

/// Sends one command to the node that a slot is being moved to.
///
/// # Errors
/// Unavailable or timeout.
pub(crate) async fn after_asking(link: &Link, command: &Cmd) -> Result<Value> {
    link.send_all(&asking(command)).await?.pop().ok_or_else(|| short("a redirected command"))
}

#[cold]
fn short(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the server's reply to {what} does not have one part for each command"))
}
