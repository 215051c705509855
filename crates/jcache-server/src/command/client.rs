//! `CLIENT`: what connections there are, and what to do with them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jcache_core::{Arg, Error, Reply, Result, Value, number};
use jcache_resp::Protocol;

use super::filter::{Filter, check_type};
use super::{Flags, HELP, Row, Step};
use crate::client::{Client, Reason};
use crate::session::{Replies, Session};

const ANYTIME: Flags = Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE);
const ADMIN: Flags = ANYTIME.and(Flags::ADMIN);

const fn row(name: &'static str, arity: i8, flags: Flags, summary: &'static str, run: super::Run) -> Row {
    Row::new(name, arity, flags, summary, run).group("connection")
}

pub(super) const ROWS: &[Row] =
    &[Row::container("CLIENT", "connection", "A container for client connection commands.", CLIENT)];

const CLIENT: &[Row] = &[
    row("CACHING", 3, ANYTIME, "Not offered: keys are not tracked.", untracked),
    row("GETNAME", 2, ANYTIME, "Returns the name of the connection.", get_name),
    row("GETREDIR", 2, ANYTIME, "Returns where invalidations go: nowhere.", |_, _| Ok(Reply::Int(-1).into())),
    HELP,
    row("ID", 2, ANYTIME, "Returns the unique number of the connection.", |session, _| {
        Ok(Reply::Int(session.client.id as i64).into())
    }),
    row("INFO", 2, ANYTIME, "Returns information about the connection.", |session, args| {
        session.client.figures.buffers.begin_command(args);
        let line = describe(&session.client, session.shared.second());
        session.client.figures.buffers.end_command();
        Ok(Reply::Verbatim((line + "\n").into()).into())
    }),
    row("KILL", -3, ADMIN, "Terminates open connections.", kill),
    row("LIST", -2, ADMIN, "Lists open connections.", list),
    row("NO-EVICT", 3, ADMIN, "Sets whether the connection may be closed to free memory.", no_evict),
    row("NO-TOUCH", 3, ANYTIME, "Sets whether reads of the connection count as use of a key.", no_touch),
    row("PAUSE", -3, ADMIN, "Lets commands wait.", pause),
    row("REPLY", 3, ANYTIME, "Sets whether the connection gets replies.", reply),
    row("SETINFO", 4, ANYTIME, "Sets what the client's library is.", set_info),
    row("SETNAME", 3, ANYTIME, "Sets the name of the connection.", set_name),
    row("TRACKING", -3, ANYTIME, "Not offered: keys are not tracked.", tracking),
    row("TRACKINGINFO", 2, ANYTIME, "Returns how keys are tracked: not at all.", tracking_info),
    row("UNBLOCK", -3, ADMIN, "Ends the waiting of a blocking command of another connection.", unblock),
    row("UNPAUSE", 2, ADMIN, "Lets commands go on that wait because of a pause.", |session, _| {
        session.shared.pause.end();
        Ok(Reply::Ok.into())
    }),
];

/// Whether a client may be called so.
pub(super) fn check_name(name: &[u8]) -> Result<()> {
    check_word(name, "Client names")
}

fn check_word(word: &[u8], what: &str) -> Result<()> {
    if word.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(Error::invalid(format!("ERR {what} cannot contain spaces, newlines or special characters.")))
}

fn get_name(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    let name = session.client.facts.lock().name.clone();
    Ok(if name.is_empty() { Reply::Nil } else { Reply::Bulk(name.into()) }.into())
}

fn set_name(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    check_name(&args[2])?;
    session.client.facts.lock().name = String::from_utf8_lossy(&args[2]).into_owned();
    Ok(Reply::Ok.into())
}

fn set_info(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let (option, text) = (&args[2], String::from_utf8_lossy(&args[3]).into_owned());
    let mut facts = session.client.facts.lock();
    let place = if option.is_word("LIB-NAME") {
        check_word(&args[3], "lib-name")?;
        &mut facts.library
    } else if option.is_word("LIB-VER") {
        check_word(&args[3], "lib-ver")?;
        &mut facts.library_version
    } else {
        let shown = String::from_utf8_lossy(option);
        return Err(Error::invalid(format!("ERR Unrecognized option '{shown}'")));
    };
    *place = text;
    Ok(Reply::Ok.into())
}

fn on_or_off(arg: &Arg<'_>) -> Result<bool> {
    match arg {
        arg if arg.is_word("ON") => Ok(true),
        arg if arg.is_word("OFF") => Ok(false),
        _ => Err(Error::syntax()),
    }
}

fn no_evict(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    session.client.facts.lock().no_evict = on_or_off(&args[2])?;
    Ok(Reply::Ok.into())
}

fn no_touch(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    session.client.facts.lock().no_touch = on_or_off(&args[2])?;
    Ok(Reply::Ok.into())
}

fn untracked(_: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    Err(Error::invalid(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    ))
}

fn tracking(_: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    if on_or_off(&args[2])? {
        return Err(Error::invalid("ERR client-side caching is not offered: keys are not tracked"));
    }
    Ok(Reply::Ok.into())
}

fn tracking_info(_: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    let text = |text: &str| Reply::Bulk(text.into());
    Ok(Reply::Map(vec![
        (text("flags"), Reply::Set(vec![text("off")])),
        (text("redirect"), Reply::Int(-1)),
        (text("prefixes"), Reply::Array(Vec::new())),
    ])
    .into())
}

fn reply(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    session.replies = match &args[2] {
        mode if mode.is_word("ON") => {
            session.replies = Replies::On;
            return Ok(Reply::Ok.into());
        }
        mode if mode.is_word("OFF") => Replies::Off,
        mode if mode.is_word("SKIP") && session.replies == Replies::Off => Replies::Off,
        mode if mode.is_word("SKIP") => Replies::SkipNext,
        _ => return Err(Error::syntax()),
    };
    Ok(Step::Written)
}

fn pause(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let writes_only = match args {
        [_, _, _] => false,
        [_, _, _, mode] if mode.is_word("ALL") => false,
        [_, _, _, mode] if mode.is_word("WRITE") => true,
        [_, _, _, _] => return Err(Error::invalid("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(Error::syntax()),
    };
    let wrong = || Error::invalid("ERR timeout is not an integer or out of range");
    let millis = number::parse_i64(&args[2]).ok_or_else(wrong)?;
    let millis = u64::try_from(millis).map_err(|_| Error::invalid("ERR timeout is negative"))?;
    // Longer than anybody lives is out of range for a clock, too.
    let time = Duration::from_millis(millis.min(PAUSE_MAX));
    session.shared.pause.begin(time, writes_only);
    Ok(Reply::Ok.into())
}

/// The longest pause, in milliseconds: a hundred years.
const PAUSE_MAX: u64 = 100 * 365 * 24 * 3600 * 1000;

fn unblock(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let with_error = match args.get(3) {
        None => false,
        Some(reason) if reason.is_word("TIMEOUT") => false,
        Some(reason) if reason.is_word("ERROR") => true,
        Some(_) => return Err(Error::invalid("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    if args.len() > 4 {
        return Err(Error::arity("client|unblock"));
    }
    let id = number::parse_i64(&args[2]).ok_or_else(Error::not_an_integer)?;
    let client = u64::try_from(id).ok().and_then(|id| session.shared.clients.get(id));
    let ended = client.is_some_and(|client| client.unblock(with_error));
    Ok(Reply::Int(ended.into()).into())
}

fn kill(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let me = session.client.clone();
    let clients = session.shared.clients.all();
    if let [_, _, address] = args {
        let found = clients.iter().find(|client| client.peer.as_bytes() == address.as_bytes());
        let client = found.ok_or_else(|| Error::invalid("ERR No such client"))?;
        if client.id == me.id {
            return Ok(Step::Close(Some(Reply::Ok)));
        }
        client.close(Reason::Killed);
        return Ok(Reply::Ok.into());
    }
    let filter = Filter::parse(&args[2..], &session.shared.users)?;
    let chosen: Vec<&Arc<Client>> = clients.iter().filter(|client| filter.admits(client, me.id)).collect();
    let mut myself = false;
    for client in &chosen {
        if client.id == me.id {
            myself = true;
        } else {
            client.close(Reason::Killed);
        }
    }
    let count = Reply::Int(chosen.len() as i64);
    Ok(if myself { Step::Close(Some(count)) } else { count.into() })
}

fn list(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let mut clients = session.shared.clients.all();
    match &args[2..] {
        [] => {}
        [option, kind] if option.is_word("TYPE") => {
            check_type(kind)?;
            clients.retain(|client| kind.is_word(client_type(client)));
        }
        [option, ids @ ..] if option.is_word("ID") && !ids.is_empty() => {
            let id = |arg: &Arg<'_>| {
                let id = number::parse_i64(arg).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                id.ok_or_else(|| Error::invalid("ERR Invalid client ID"))
            };
            let ids = ids.iter().map(id).collect::<Result<Vec<_>>>()?;
            clients.retain(|client| ids.contains(&client.id));
        }
        _ => return Err(Error::syntax()),
    }
    let second = session.shared.second();
    session.client.figures.buffers.begin_command(args);
    let lines: String = clients.iter().map(|client| describe(client, second) + "\n").collect();
    session.client.figures.buffers.end_command();
    Ok(Reply::Verbatim(Value::from(lines)).into())
}

/// What Redis calls clients of its kind.
pub(super) fn client_type(client: &Client) -> &'static str {
    if client.is_subscribed() { "pubsub" } else { "normal" }
}

/// A connection as `CLIENT LIST` describes it.
fn describe(client: &Client, second: u64) -> String {
    let facts = client.facts.lock().clone();
    let figures = &client.figures;
    let mut flags = String::new();
    for (is_so, flag) in [
        (client.is_subscribed(), 'P'),
        (facts.queued.is_some(), 'x'),
        (client.is_blocked(), 'b'),
        (client.kind == "unix", 'U'),
        (facts.no_evict, 'e'),
        (facts.no_touch, 'T'),
    ] {
        flags.extend(is_so.then_some(flag));
    }
    if flags.is_empty() {
        flags.push('N');
    }
    let command = &super::all()[figures.last_command.load(Ordering::Relaxed)].name;
    let [channels, patterns, shards] = [0, 1, 2].map(|kind: usize| figures.subscriptions[kind].load(Ordering::Relaxed));
    let held = figures.buffers.held();
    let (mail_bytes, mails) = client.mail();
    let waiting = figures.output.load(Ordering::Relaxed);
    let large = held.large.min(waiting);
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={flags} db=0 sub={channels} psub={patterns} \
         ssub={shards} multi={} watch={} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll={} \
         omem={} tot-mem={} events={} cmd={command} user={} redir=-1 resp={} lib-name={} lib-ver={}",
        client.id,
        client.peer,
        client.local,
        client.id,
        facts.name,
        second.saturating_sub(client.born),
        second.saturating_sub(figures.active.load(Ordering::Relaxed)),
        facts.queued.map_or(-1, |queued| queued as i64),
        facts.watched,
        held.query,
        held.query_free,
        held.arguments,
        facts.queued_bytes,
        held.replies,
        held.replies_peak,
        waiting - large,
        held.pieces + mails,
        large + mail_bytes,
        client.memory(),
        if waiting > 0 { "rw" } else { "r" },
        facts.user.as_deref().unwrap_or("(superuser)"),
        if client.protocol() == Protocol::Resp3 { 3 } else { 2 },
        facts.library,
        facts.library_version,
    )
}
