//! Commands of the server as a whole: what it is, what it knows, and its end.

use std::time::{SystemTime, UNIX_EPOCH};

use jcache_core::{Arg, Error, Reply, Result, number};

use super::{Flags, HELP, Row, Step, config, docs, info, list};
use crate::session::Session;
use crate::status::Slow;

pub(super) const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);
pub(super) const ADMIN: Flags = ANYTIME.and(Flags::ADMIN).and(Flags::NO_SCRIPT);

pub(super) const ROWS: &[Row] = &[
    Row::optional_container("COMMAND", "Returns detailed information about all commands.", docs::command, COMMAND),
    Row::container("CONFIG", "server", "A container for commands of the server's settings.", CONFIG),
    Row::new("INFO", -1, ANYTIME, "Returns information and statistics about the server.", info::info),
    Row::container("MEMORY", "server", "A container for commands that tell of memory.", &[HELP]),
    Row::container("OBJECT", "generic", "A container for commands that tell how keys are kept.", &[HELP]),
    Row::new("SHUTDOWN", -1, ADMIN.and(Flags::NO_MULTI).and(Flags::ALLOW_BUSY), "Stops the server.", shutdown),
    Row::container("SLOWLOG", "server", "A container for commands of the slow log.", SLOWLOG),
    Row::new("TIME", 1, ANYTIME.and(Flags::FAST), "Returns the server's time.", time),
    Row::new("WAIT", 3, Flags::NO_SCRIPT, "Waits until replicas have acknowledged writes: there are none.", wait)
        .group("generic"),
];

const COMMAND: &[Row] = &[
    Row::new("COUNT", 2, ANYTIME, "Returns a count of commands.", docs::count),
    Row::new("DOCS", -2, ANYTIME, "Returns documentary information about commands.", docs::docs),
    Row::new("GETKEYS", -4, ANYTIME, "Extracts the key names from a command.", docs::get_keys),
    HELP,
    Row::new("INFO", -2, ANYTIME, "Returns information about one, several or all commands.", docs::info),
    Row::new("LIST", -2, ANYTIME, "Returns a list of command names.", list::list),
];

const CONFIG: &[Row] = &[
    Row::new("GET", -3, ADMIN, "Returns the values of settings.", config::get),
    HELP,
    Row::new("RESETSTAT", 2, ADMIN, "Resets the server's statistics.", config::reset_statistics),
    Row::new("REWRITE", 2, ADMIN, "Writes the settings to the file they came from.", config::rewrite),
    Row::new("SET", -4, ADMIN, "Changes settings.", config::set),
];

const SLOWLOG: &[Row] = &[
    Row::new("GET", -2, ADMIN, "Returns the slow log's entries.", slow_get),
    HELP,
    Row::new("LEN", 2, ADMIN, "Returns the number of entries in the slow log.", |session, _| {
        Ok(Reply::Int(session.shared.slow.len() as i64).into())
    }),
    Row::new("RESET", 2, ADMIN, "Clears the slow log.", |session, _| {
        session.shared.slow.clear();
        Ok(Reply::Ok.into())
    }),
];

fn time(_: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = |number: u64| Reply::Bulk(number.to_string().into());
    Ok(Reply::Array(vec![text(now.as_secs()), text(now.subsec_micros().into())]).into())
}

/// Nobody but this node takes writes, so nobody acknowledges them.
fn wait(_: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    number::parse_i64(&args[1]).ok_or_else(Error::not_an_integer)?;
    let timeout = number::parse_i64(&args[2]);
    match timeout.ok_or_else(|| Error::invalid("ERR timeout is not an integer or out of range"))? {
        ..0 => Err(Error::invalid("ERR timeout is negative")),
        _ => Ok(Reply::Int(0).into()),
    }
}

fn shutdown(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    // There is nothing on disk, so how to leave it there does not matter.
    const WORDS: [&str; 4] = ["NOSAVE", "SAVE", "NOW", "FORCE"];
    match &args[1..] {
        [word] if word.is_word("ABORT") => return Err(Error::invalid("ERR No shutdown in progress.")),
        words if words.iter().all(|arg| WORDS.iter().any(|word| arg.is_word(word))) => {}
        _ => return Err(Error::syntax()),
    }
    tracing::info!(client = session.client.id, peer = session.client.peer, "stopped by a client");
    session.shared.stop();
    Ok(Step::Close(None))
}

fn slow_get(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let most = match args.get(2) {
        None => 10,
        Some(count) => match number::parse_i64(count).filter(|count| *count >= -1) {
            Some(-1) => usize::MAX,
            Some(count) => count as usize,
            None => return Err(Error::invalid("ERR count should be greater than or equal to -1")),
        },
    };
    if args.len() > 3 {
        return Err(Error::invalid("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP."));
    }
    let entry = |slow: Slow| {
        let at = slow.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Reply::Array(vec![
            Reply::Int(slow.id as i64),
            Reply::Int(at as i64),
            Reply::Int(i64::try_from(slow.took.as_micros()).unwrap_or(i64::MAX)),
            Reply::Array(slow.args.into_iter().map(|arg| Reply::Bulk(arg.into())).collect()),
            Reply::Bulk(slow.client.into()),
            Reply::Bulk(slow.client_name.into()),
        ])
    };
    Ok(Reply::Array(session.shared.slow.entries(most).into_iter().map(entry).collect()).into())
}
