//! Commands of the connection itself: who is there, which protocol, and the end.

use jcache_core::{Arg, Error, ErrorKind, Reply, Result, number};
use jcache_resp::Protocol;

use super::{Flags, Row, Step};
use crate::session::{Replies, Session};
use crate::users;

/// What every one of these may do: be sent at any time.
const ANYTIME: Flags = Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::FAST);
/// Even by those who are not let in yet.
const ANYBODY: Flags = ANYTIME.and(Flags::NO_AUTH).and(Flags::ALLOW_BUSY);

pub(super) const ROWS: &[Row] = &[
    Row::new("AUTH", -2, ANYBODY, "Authenticates the connection.", auth).group("connection"),
    Row::new("ECHO", 2, Flags::LOADING.and(Flags::STALE).and(Flags::FAST), "Returns the given string.", echo)
        .group("connection"),
    Row::new("HELLO", -1, ANYBODY, "Handshakes with the server.", hello).group("connection"),
    Row::new("PING", -1, Flags::FAST.and(Flags::SUBSCRIBER), "Returns the server's liveliness response.", ping)
        .group("connection"),
    Row::new("QUIT", -1, ANYBODY.and(Flags::NOW).and(Flags::SUBSCRIBER), "Closes the connection.", |_, _| {
        Ok(Step::Close(Some(Reply::Ok)))
    })
    .group("connection"),
    Row::new("RESET", 1, ANYBODY.and(Flags::NOW).and(Flags::SUBSCRIBER), "Resets the connection.", reset)
        .group("connection"),
    Row::new("SELECT", 2, Flags::LOADING.and(Flags::STALE).and(Flags::FAST), "Changes the selected database.", select)
        .group("connection"),
];

fn ping(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    if args.len() > 2 {
        return Err(Error::arity("ping"));
    }
    let text = args.get(1).map(Arg::to_value);
    if session.protocol == Protocol::Resp2 && session.is_subscribed() {
        let text = Reply::Bulk(text.unwrap_or_else(|| "".into()));
        return Ok(Reply::Array(vec![Reply::Bulk("pong".into()), text]).into());
    }
    Ok(text.map_or(Reply::Status("PONG".into()), Reply::Bulk).into())
}

fn echo(_: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    Ok(Reply::Bulk(args[1].to_value()).into())
}

fn select(_: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    match number::parse_i64(&args[1]).filter(|it| i32::try_from(*it).is_ok()) {
        Some(0) => Ok(Reply::Ok.into()),
        Some(_) => Err(Error::invalid("ERR DB index is out of range")),
        None => Err(Error::not_an_integer()),
    }
}

fn auth(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let (user, password) = match args {
        [_, password] => {
            if session.shared.users.are_open() {
                return Err(Error::invalid(
                    "ERR AUTH <password> called without any password configured for the default user. \
                     Are you sure your configuration is correct?",
                ));
            }
            (users::DEFAULT.as_bytes(), password)
        }
        [_, user, password] => (user.as_bytes(), password),
        _ => return Err(Error::syntax()),
    };
    authenticate(session, user, password)?;
    Ok(Reply::Ok.into())
}

fn authenticate(session: &mut Session, user: &[u8], password: &[u8]) -> Result<()> {
    let outcome = session.shared.users.authenticate(user, password);
    if outcome.is_err() {
        let user = String::from_utf8_lossy(&user[..user.len().min(64)]).into_owned();
        tracing::warn!(client = session.client.id, peer = session.client.peer, user, "authentication failed");
    }
    session.let_in(outcome?);
    Ok(())
}

fn hello(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let protocol = match args.get(1).map(|version| number::parse_i64(version)) {
        None => session.protocol,
        Some(Some(2)) => Protocol::Resp2,
        Some(Some(3)) => Protocol::Resp3,
        Some(Some(_)) => return Err(Error::new(ErrorKind::Invalid, "NOPROTO unsupported protocol version")),
        Some(None) => return Err(Error::invalid("ERR Protocol version is not an integer or out of range")),
    };
    let mut rest = args.get(2..).unwrap_or_default();
    let (mut pair, mut name) = (None, None);
    while let Some((option, after)) = rest.split_first() {
        match after {
            [user, password, more @ ..] if option.is_word("AUTH") => {
                (pair, rest) = (Some((user, password)), more);
            }
            [given, more @ ..] if option.is_word("SETNAME") => {
                super::client::check_name(given)?;
                (name, rest) = (Some(given), more);
            }
            _ => {
                let shown = String::from_utf8_lossy(option);
                return Err(Error::invalid(format!("ERR Syntax error in HELLO option '{shown}'")));
            }
        }
    }
    if let Some((user, password)) = pair {
        authenticate(session, user, password)?;
    }
    if session.user.is_none() {
        return Err(Error::new(
            ErrorKind::Auth,
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
             the same time",
        ));
    }
    if let Some(name) = name {
        session.client.facts.lock().name = String::from_utf8_lossy(name).into_owned();
    }
    session.protocol = protocol;
    session.client.set_protocol(protocol);
    let text = |text: &str| Reply::Bulk(text.into());
    let version = if protocol == Protocol::Resp3 { 3 } else { 2 };
    Ok(Reply::Map(vec![
        (text("server"), text("redis")),
        (text("version"), text(super::info::REDIS_VERSION)),
        (text("proto"), Reply::Int(version)),
        (text("id"), Reply::Int(session.client.id as i64)),
        (text("mode"), text("standalone")),
        (text("role"), text("master")),
        (text("modules"), Reply::Array(Vec::new())),
    ])
    .into())
}

fn reset(session: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    session.forget_transaction();
    session.forget_subscriptions();
    session.protocol = Protocol::Resp2;
    session.client.set_protocol(Protocol::Resp2);
    session.replies = Replies::On;
    session.user = None;
    {
        let mut facts = session.client.facts.lock();
        (facts.user, facts.no_evict, facts.no_touch) = (None, false, false);
        facts.name.clear();
    }
    if session.shared.users.are_open() {
        session.let_in(users::DEFAULT.into());
    }
    Ok(Reply::Status("RESET".into()).into())
}
