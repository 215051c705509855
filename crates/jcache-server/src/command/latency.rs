//! `LATENCY`: the spikes of commands that took longer than the threshold.

use jcache_core::{Arg, Reply, Result};

use super::admin::ADMIN;
use super::{HELP, Row, Step};
use crate::session::Session;

/// The one event that is watched.
const EVENT: &str = "command";

pub(super) const ROWS: &[Row] =
    &[Row::container("LATENCY", "server", "A container for commands that tell of latency spikes.", LATENCY)];

const LATENCY: &[Row] = &[
    HELP,
    Row::new("HISTOGRAM", -2, ADMIN, "Returns how latencies are spread: they are not kept.", |_, _| {
        Ok(Reply::Map(Vec::new()).into())
    }),
    Row::new("HISTORY", 3, ADMIN, "Returns the spikes of an event.", history),
    Row::new("LATEST", 2, ADMIN, "Returns the latest spikes of all events.", latest),
    Row::new("RESET", -2, ADMIN, "Forgets the spikes.", reset),
];

fn pair(at: u64, millis: u64) -> [Reply; 2] {
    [Reply::Int(at as i64), Reply::Int(millis as i64)]
}

fn history(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    if !args[2].is_word(EVENT) {
        return Ok(Reply::Array(Vec::new()).into());
    }
    let (spikes, _) = session.shared.slow.spikes();
    Ok(Reply::Array(spikes.into_iter().map(|(at, millis)| Reply::Array(pair(at, millis).into())).collect()).into())
}

fn latest(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    let (spikes, max) = session.shared.slow.spikes();
    let event = spikes.last().map(|(at, millis)| {
        let [at, millis] = pair(*at, *millis);
        Reply::Array(vec![Reply::Bulk(EVENT.into()), at, millis, Reply::Int(max as i64)])
    });
    Ok(Reply::Array(event.into_iter().collect()).into())
}

fn reset(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let chosen = args.len() == 2 || args[2..].iter().any(|event| event.is_word(EVENT));
    let forgotten = chosen && session.shared.slow.forget_spikes();
    Ok(Reply::Int(forgotten.into()).into())
}
