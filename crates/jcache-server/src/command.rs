//! Every command by its name: those on keys, which core tells, and those of connections and the server, told here.
//!
//! A command of the server is one row in the table of its family below: its name, arity, flags, summary and what it
//! does. Checks before it, `COMMAND`, the statistics and error texts all follow from the row.

mod admin;
mod client;
mod config;
mod connection;
mod docs;
mod filter;
pub(crate) mod info;
mod latency;
mod list;
mod pubsub;
mod table;
mod transaction;

use jcache_core::command::{KeyPositions, Known};
use jcache_core::{Arg, Error, Reply, Result};

pub(crate) use self::table::{all, count, find, named, resolve};
use crate::session::Session;

/// What a command of the server does next.
pub(crate) enum Step {
    /// It answers.
    Reply(Reply),
    /// It has written its answers, or has none.
    Written,
    /// It answers, and then the connection is closed.
    Close(Option<Reply>),
    /// It needs the backend, and may have to wait.
    Then(Work),
}

/// What needs the backend.
pub(crate) enum Work {
    /// `EXEC`: what was queued is carried out.
    Execute,
    /// `WATCH`: the keys are the arguments.
    Watch,
}

impl From<Reply> for Step {
    fn from(reply: Reply) -> Self {
        Step::Reply(reply)
    }
}

type Run = fn(&mut Session, &[Arg<'_>]) -> Result<Step>;

/// What holds for a command; those that `COMMAND INFO` shows have a word there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags(u16);

impl Flags {
    pub(crate) const NONE: Flags = Flags(0);
    pub(crate) const ADMIN: Flags = Flags(1);
    pub(crate) const PUBSUB: Flags = Flags(1 << 1);
    pub(crate) const NO_SCRIPT: Flags = Flags(1 << 2);
    pub(crate) const LOADING: Flags = Flags(1 << 3);
    pub(crate) const STALE: Flags = Flags(1 << 4);
    pub(crate) const FAST: Flags = Flags(1 << 5);
    /// May be sent before authentication.
    pub(crate) const NO_AUTH: Flags = Flags(1 << 6);
    /// May not stand in a transaction.
    pub(crate) const NO_MULTI: Flags = Flags(1 << 7);
    pub(crate) const ALLOW_BUSY: Flags = Flags(1 << 8);
    /// Is carried out in a transaction at once instead of being queued.
    pub(crate) const NOW: Flags = Flags(1 << 9);
    /// May be sent by subscribers that speak RESP2.
    pub(crate) const SUBSCRIBER: Flags = Flags(1 << 10);

    /// Carries out what was queued.
    pub(crate) const RUNS_QUEUE: Flags = Flags(1 << 11);

    /// These and those.
    pub(crate) const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// The words of `COMMAND INFO`.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        const WORDS: [&str; 9] =
            ["admin", "pubsub", "noscript", "loading", "stale", "fast", "no_auth", "no_multi", "allow_busy"];
        WORDS.into_iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, word)| word)
    }
}

/// A command of the server.
pub(crate) struct Row {
    /// In upper case; a subcommand is named without its container.
    pub(crate) name: &'static str,
    /// Number of arguments with the name, and the container's; negative: at least so many.
    pub(crate) arity: i8,
    pub(crate) flags: Flags,
    pub(crate) keys: KeyPositions,
    pub(crate) group: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) run: Run,
    pub(crate) subcommands: &'static [Row],
}

impl Row {
    const fn new(name: &'static str, arity: i8, flags: Flags, summary: &'static str, run: Run) -> Self {
        Self { name, arity, flags, keys: KeyPositions::NONE, group: "server", summary, run, subcommands: &[] }
    }

    const fn group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }

    const fn keys(mut self, keys: KeyPositions) -> Self {
        self.keys = keys;
        self
    }

    /// A container: its subcommands are the commands.
    const fn container(name: &'static str, group: &'static str, summary: &'static str, rows: &'static [Row]) -> Self {
        let mut row = Self::new(name, -2, Flags::NONE, summary, no_subcommand);
        row.group = group;
        row.subcommands = rows;
        row
    }

    /// A container that is a command itself when no subcommand is given.
    const fn optional_container(name: &'static str, summary: &'static str, run: Run, rows: &'static [Row]) -> Self {
        let mut row = Self::new(name, -1, Flags::LOADING.and(Flags::STALE), summary, run);
        row.subcommands = rows;
        row
    }

    pub(crate) fn admits(&self, count: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { count >= arity } else { count == arity }
    }
}

/// The families.
const ROWS: [&[Row]; 6] = [connection::ROWS, client::ROWS, transaction::ROWS, pubsub::ROWS, admin::ROWS, latency::ROWS];

/// A command by its name.
pub(crate) struct Command {
    /// Where it stands in the table: what statistics are kept by.
    pub(crate) place: usize,
    /// In lower case, a subcommand after its container's name and a bar.
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// On keys, told in core.
    Data(Known),
    /// Of connections or the server.
    Own(&'static Row),
    /// A container of so many subcommands, which follow it in the table: the server's, and those on keys.
    Container(&'static Row, usize),
}

impl Command {
    /// What holds for it.
    pub(crate) fn flags(&self) -> Flags {
        match self.kind {
            Kind::Data(_) => Flags::NONE,
            Kind::Own(row) | Kind::Container(row, _) => row.flags,
        }
    }

    /// Whether a call with `count` arguments, the name included, has the right number of them.
    pub(crate) fn admits(&self, count: usize) -> bool {
        match self.kind {
            Kind::Data(known) => known.spec().admits(count),
            Kind::Own(row) | Kind::Container(row, _) => row.admits(count),
        }
    }

    /// Those of a container.
    pub(crate) fn subcommands(&self) -> &'static [Command] {
        match self.kind {
            Kind::Container(_, count) => &all()[self.place + 1..][..count],
            _ => &[],
        }
    }

    /// Whether this is the subcommand `name`.
    fn is_called(&self, name: &[u8]) -> bool {
        self.name.split_once('|').is_some_and(|(_, own)| own.as_bytes().eq_ignore_ascii_case(name))
    }

    /// One line of what it does.
    pub(crate) fn summary(&self) -> &'static str {
        match self.kind {
            Kind::Data(known) => known.spec().summary,
            Kind::Own(row) | Kind::Container(row, _) => row.summary,
        }
    }

    pub(crate) fn arity_error(&self) -> Error {
        Error::arity(&self.name)
    }
}

/// A container without a subcommand has the wrong number of arguments, so this is never called.
fn no_subcommand(_: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    Err(Error::syntax())
}

/// What `HELP` answers for a container: its subcommands.
fn help(_: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let status = |text: String| Reply::Status(text.into());
    let Some(container) = find(&args[0]) else { return Err(Error::unknown_command(args)) };
    let name = container.name.to_ascii_uppercase();
    let mut lines = vec![status(format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"))];
    for sub in container.subcommands() {
        let own = sub.name.split_once('|').map_or("", |(_, own)| own);
        lines.extend([status(own.to_ascii_uppercase()), status(format!("    {}", sub.summary()))]);
    }
    Ok(Reply::Array(lines).into())
}

/// The subcommand `HELP` of a container.
const HELP: Row = Row::new("HELP", 2, Flags::LOADING.and(Flags::STALE), "Returns helpful text.", help);
