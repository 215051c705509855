//! Messages within the node: `SUBSCRIBE` and its kin, `PUBLISH`, `PUBSUB`.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use jcache_core::command::KeyPositions;
use jcache_core::{Arg, Error, Reply, Result, Value};

use super::{Flags, HELP, Row, Step};
use crate::channels::Kind;
use crate::client::signal;
use crate::session::{SUBSCRIPTIONS_MAX, Session};

const SUBSCRIBER: Flags =
    Flags::PUBSUB.and(Flags::NO_SCRIPT).and(Flags::LOADING).and(Flags::STALE).and(Flags::SUBSCRIBER);
const PUBLISHER: Flags = Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE).and(Flags::FAST);
const READER: Flags = Flags::PUBSUB.and(Flags::LOADING).and(Flags::STALE);

pub(super) const ROWS: &[Row] = &[
    Row::new("PSUBSCRIBE", -2, SUBSCRIBER, "Listens for messages of channels that match patterns.", |s, a| {
        subscribe(s, a, Kind::Pattern)
    })
    .group("pubsub"),
    Row::new("PUBLISH", 3, PUBLISHER, "Posts a message to a channel.", |s, a| publish(s, a, Kind::Channel))
        .group("pubsub"),
    Row::container("PUBSUB", "pubsub", "A container for commands that tell of channels.", PUBSUB),
    Row::new("PUNSUBSCRIBE", -1, SUBSCRIBER, "Stops listening to channels that match patterns.", |s, a| {
        unsubscribe(s, a, Kind::Pattern)
    })
    .group("pubsub"),
    Row::new("SPUBLISH", 3, PUBLISHER, "Posts a message to a shard channel.", |s, a| publish(s, a, Kind::Shard))
        .keys(KeyPositions::ONE)
        .group("pubsub"),
    Row::new("SSUBSCRIBE", -2, SUBSCRIBER, "Listens for messages of shard channels.", |s, a| {
        subscribe(s, a, Kind::Shard)
    })
    .keys(KeyPositions::ALL)
    .group("pubsub"),
    Row::new("SUBSCRIBE", -2, SUBSCRIBER, "Listens for messages of channels.", |s, a| subscribe(s, a, Kind::Channel))
        .group("pubsub"),
    Row::new("SUNSUBSCRIBE", -1, SUBSCRIBER, "Stops listening to shard channels.", |s, a| {
        unsubscribe(s, a, Kind::Shard)
    })
    .keys(KeyPositions::ALL)
    .group("pubsub"),
    Row::new("UNSUBSCRIBE", -1, SUBSCRIBER, "Stops listening to channels.", |s, a| unsubscribe(s, a, Kind::Channel))
        .group("pubsub"),
];

const PUBSUB: &[Row] = &[
    Row::new("CHANNELS", -2, READER, "Returns the active channels.", |s, a| channels(s, a, Kind::Channel))
        .group("pubsub"),
    HELP,
    Row::new("NUMPAT", 2, READER, "Returns how many patterns are subscribed to.", |session, _| {
        Ok(Reply::Int(session.shared.channels.len(Kind::Pattern) as i64).into())
    })
    .group("pubsub"),
    Row::new("NUMSUB", -2, READER, "Returns how many are subscribed to channels.", |s, a| {
        subscribers(s, a, Kind::Channel)
    })
    .group("pubsub"),
    Row::new("SHARDCHANNELS", -2, READER, "Returns the active shard channels.", |s, a| channels(s, a, Kind::Shard))
        .group("pubsub"),
    Row::new("SHARDNUMSUB", -2, READER, "Returns how many are subscribed to shard channels.", |s, a| {
        subscribers(s, a, Kind::Shard)
    })
    .group("pubsub"),
];

/// How many subscriptions a confirmation tells: shard channels are counted apart.
fn counted(names: &[HashSet<Value>; 3], kind: Kind) -> Reply {
    let count = match kind {
        Kind::Shard => names[Kind::Shard as usize].len(),
        _ => names[Kind::Channel as usize].len() + names[Kind::Pattern as usize].len(),
    };
    Reply::Int(count as i64)
}

fn confirm(session: &mut Session, word: &str, name: Reply, count: Reply) {
    session.reply(&Reply::Push(vec![Reply::Bulk(word.into()), name, count]));
}

fn subscribe(session: &mut Session, args: &[Arg<'_>], kind: Kind) -> Result<Step> {
    for arg in &args[1..] {
        let name = arg.to_value();
        let names = session.subscriptions.get_or_insert_default();
        if names.iter().map(HashSet::len).sum::<usize>() >= SUBSCRIPTIONS_MAX {
            return Err(Error::invalid("ERR too many subscriptions on this connection"));
        }
        if names[kind as usize].insert(name.clone()) {
            session.client.figures.subscriptions[kind as usize].fetch_add(1, Ordering::Relaxed);
            session.shared.channels.subscribe(kind, name.clone(), &session.client);
        }
        let count = counted(names, kind);
        confirm(session, kind.words().0, Reply::Bulk(name), count);
    }
    Ok(Step::Written)
}

fn unsubscribe(session: &mut Session, args: &[Arg<'_>], kind: Kind) -> Result<Step> {
    let mut names = session.subscriptions.take().unwrap_or_default();
    let word = kind.words().1;
    let given: Vec<Value> = match &args[1..] {
        [] => names[kind as usize].iter().cloned().collect(),
        given => given.iter().map(Arg::to_value).collect(),
    };
    if given.is_empty() {
        let count = counted(&names, kind);
        confirm(session, word, Reply::Nil, count);
    }
    for name in given {
        if names[kind as usize].remove(&name) {
            session.client.figures.subscriptions[kind as usize].fetch_sub(1, Ordering::Relaxed);
            session.shared.channels.unsubscribe(kind, &name, &session.client);
        }
        let count = counted(&names, kind);
        confirm(session, word, Reply::Bulk(name), count);
    }
    session.subscriptions = Some(names).filter(|names| names.iter().any(|names| !names.is_empty()));
    Ok(Step::Written)
}

fn publish(session: &mut Session, args: &[Arg<'_>], kind: Kind) -> Result<Step> {
    let limit = session.shared.settings.limits.read().subscriber_output;
    let reached = session.shared.channels.publish(kind, &args[1].to_value(), &args[2].to_value(), limit);
    // Who publishes to themselves gets the message before the answer.
    if session.client.signals() & signal::MAIL != 0 {
        session.take_mail();
    }
    Ok(Reply::Int(reached).into())
}

fn channels(session: &mut Session, args: &[Arg<'_>], kind: Kind) -> Result<Step> {
    if args.len() > 3 {
        let shown = String::from_utf8_lossy(&args[1]);
        let text = format!("ERR unknown subcommand or wrong number of arguments for '{shown}'. Try PUBSUB HELP.");
        return Err(Error::invalid(text));
    }
    let names = session.shared.channels.names(kind, args.get(2).map(Arg::as_bytes));
    Ok(Reply::Array(names.into_iter().map(Reply::Bulk).collect()).into())
}

fn subscribers(session: &mut Session, args: &[Arg<'_>], kind: Kind) -> Result<Step> {
    let of = |arg: &Arg<'_>| {
        let name = arg.to_value();
        let count = session.shared.channels.subscribers(kind, &name);
        [Reply::Bulk(name), Reply::Int(count as i64)]
    };
    Ok(Reply::Array(args[2..].iter().flat_map(of).collect()).into())
}
