//! `MULTI` and what belongs to it: commands that are carried out together, if nothing watched has changed.

use jcache_core::command::KeyPositions;
use jcache_core::{Arg, Error, Reply, Result, Watch};

use super::{Flags, Row, Step, Work};
use crate::session::Session;

/// What every one of these may do.
const ANYTIME: Flags = Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::FAST).and(Flags::ALLOW_BUSY);
const NOW: Flags = ANYTIME.and(Flags::NOW);

pub(super) const ROWS: &[Row] = &[
    Row::new("DISCARD", 1, NOW, "Discards a transaction.", discard).group("transactions"),
    Row::new(
        "EXEC",
        1,
        Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::NOW).and(Flags::RUNS_QUEUE),
        "Executes all commands in a transaction.",
        exec,
    )
    .group("transactions"),
    Row::new("MULTI", 1, NOW, "Starts a transaction.", multi).group("transactions"),
    Row::new("UNWATCH", 1, ANYTIME, "Forgets about watched keys of a transaction.", unwatch).group("transactions"),
    Row::new("WATCH", -2, NOW, "Monitors changes to keys to determine the execution of a transaction.", watch)
        .keys(KeyPositions::ALL)
        .group("transactions"),
];

fn multi(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    if session.queue.is_some() {
        return Err(Error::invalid("ERR MULTI calls can not be nested"));
    }
    session.queue = Some(Box::default());
    session.client.facts.lock().queued = Some(0);
    Ok(Reply::Ok.into())
}

fn exec(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    match &session.queue {
        None => Err(Error::invalid("ERR EXEC without MULTI")),
        Some(queue) if queue.is_spoilt => {
            session.forget_transaction();
            Err(Error::invalid("EXECABORT Transaction discarded because of previous errors."))
        }
        Some(_) => Ok(Step::Then(Work::Execute)),
    }
}

fn discard(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    if session.queue.is_none() {
        return Err(Error::invalid("ERR DISCARD without MULTI"));
    }
    session.forget_transaction();
    Ok(Reply::Ok.into())
}

fn watch(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    if session.queue.is_some() {
        return Err(Error::invalid("ERR WATCH inside MULTI is not allowed"));
    }
    Ok(Step::Then(Work::Watch))
}

fn unwatch(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    session.watch = Watch::new();
    session.client.facts.lock().watched = 0;
    Ok(Reply::Ok.into())
}
