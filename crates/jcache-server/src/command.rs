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
mod transaction;

use std::sync::LazyLock;

use jcache_core::command::{KeyPositions, Known, known};
use jcache_core::{Arg, Error, Reply, Result};

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
            Kind::Container(_, count) => &TABLE.commands[self.place + 1..][..count],
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

struct Table {
    commands: Vec<Command>,
    /// By hash: where a command stands, one more than that; no two share a slot.
    slots: Box<[u16]>,
    packed: Box<[Packed]>,
    seed: u64,
}

/// A name of up to 24 letters in upper case, and its length.
type Packed = ([u64; 3], usize);

const SLOT_BITS: u32 = 14;

static TABLE: LazyLock<Table> = LazyLock::new(Table::new);

impl Table {
    fn new() -> Self {
        let mut commands = Vec::new();
        let mut add = |name: String, kind| commands.push((name, kind));
        let is_single = |data: &Known| !data.spec().name.contains('|');
        known().filter(is_single).for_each(|data| add(data.spec().name.to_owned(), Kind::Data(data)));
        for row in ROWS.into_iter().flatten() {
            if row.subcommands.is_empty() {
                add(row.name.to_owned(), Kind::Own(row));
                continue;
            }
            let is_inner = |data: &Known| data.spec().name.split_once('|').is_some_and(|(first, _)| first == row.name);
            add(row.name.to_owned(), Kind::Container(row, row.subcommands.len() + known().filter(is_inner).count()));
            row.subcommands.iter().for_each(|sub| add(format!("{}|{}", row.name, sub.name), Kind::Own(sub)));
            known().filter(is_inner).for_each(|data| add(data.spec().name.to_owned(), Kind::Data(data)));
        }
        let number =
            |(place, (name, kind)): (usize, (String, Kind))| Command { place, name: name.to_ascii_lowercase(), kind };
        let commands: Vec<Command> = commands.into_iter().enumerate().map(number).collect();
        // A subcommand is not found by its name alone: it has none that packs.
        let names = commands.iter().map(|command| command.name.as_bytes());
        let packed: Box<[Packed]> = names
            .map(|name| pack(name).filter(|_| name.iter().all(u8::is_ascii_lowercase)).unwrap_or_default())
            .collect();
        let seeds = (1u64..).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut scattered = seeds.filter_map(|seed| Some((seed, scatter(&packed, seed)?)));
        let (seed, slots) = scattered.next().expect("invariant: some seed scatters a few hundred names");
        Self { commands, slots, packed, seed }
    }
}

/// The slots of names under `seed`, unless two fall into one.
fn scatter(packed: &[Packed], seed: u64) -> Option<Box<[u16]>> {
    let mut slots = vec![0; 1 << SLOT_BITS].into_boxed_slice();
    for (place, name) in packed.iter().enumerate().filter(|(_, name)| name.1 > 0) {
        let slot: &mut u16 = &mut slots[slot(name, seed)];
        if *slot != 0 {
            return None;
        }
        *slot = u16::try_from(place + 1).expect("invariant: there are not that many commands");
    }
    Some(slots)
}

#[inline]
fn slot(name: &Packed, seed: u64) -> usize {
    let [a, b, c] = name.0;
    let mixed = (a ^ b.rotate_left(23) ^ c.rotate_left(41)).wrapping_mul(seed);
    (mixed >> (64 - SLOT_BITS)) as usize
}

/// A name with its letters in upper case: without the bit that tells the two cases apart, only a letter becomes one.
#[inline]
fn pack(name: &[u8]) -> Option<Packed> {
    let mut bytes = [0; 24];
    bytes.get_mut(..name.len())?.copy_from_slice(name);
    let word = |at: usize| {
        let bytes: [u8; 8] = bytes[at..at + 8].try_into().expect("invariant: eight of 24 bytes");
        u64::from_ne_bytes(bytes) & 0xdfdf_dfdf_dfdf_dfdf
    };
    Some(([word(0), word(8), word(16)], name.len()))
}

/// The command `name`, in any case of its letters; subcommands aside.
#[inline]
pub(crate) fn find(name: &[u8]) -> Option<&'static Command> {
    let table = &*TABLE;
    let packed = pack(name)?;
    let place = usize::from(table.slots[slot(&packed, table.seed)]).checked_sub(1)?;
    (table.packed[place] == packed).then(|| &table.commands[place])
}

/// The command that `args` call, subcommands resolved.
///
/// # Errors
/// Unknown command or subcommand, or wrong number of arguments, in Redis's words.
pub(crate) fn resolve(args: &[Arg<'_>]) -> Result<&'static Command> {
    let Some(command) = args.first().and_then(|name| find(name)) else {
        return Err(Error::unknown_command(args));
    };
    let command = match command.kind {
        Kind::Container(row, _) if args.len() >= 2 => {
            let found = command.subcommands().iter().find(|sub| sub.is_called(&args[1]));
            found.ok_or_else(|| Error::unknown_subcommand(row.name, &args[1]))?
        }
        _ => command,
    };
    if command.admits(args.len()) { Ok(command) } else { Err(command.arity_error()) }
}

/// The command that `name` says, `container|subcommand` included.
pub(crate) fn named(name: &[u8]) -> Option<&'static Command> {
    match name.iter().position(|byte| *byte == b'|') {
        None => find(name),
        Some(bar) => find(&name[..bar])?.subcommands().iter().find(|sub| sub.is_called(&name[bar + 1..])),
    }
}

/// Every command, by place.
pub(crate) fn all() -> &'static [Command] {
    &TABLE.commands
}

/// How many there are, subcommands included.
pub(crate) fn count() -> usize {
    TABLE.commands.len()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case_and_by_no_other() {
        for command in all() {
            let names = [command.name.clone(), command.name.to_uppercase()];
            for name in names {
                let found = named(name.as_bytes()).map(|found| found.place);
                assert_eq!(found, Some(command.place), "{name}");
            }
        }
        for name in ["", "GE", "GET ", "GETT", "G\x05T", "get\0", "client|", "client|foo", "id", "'et"] {
            assert!(named(name.as_bytes()).is_none(), "{name:?}");
        }
        assert!(find(&[b'a'; 25]).is_none());
    }

    #[test]
    fn names_are_unique_and_in_upper_case() {
        let mut names: Vec<&str> = all().iter().map(|command| &*command.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        let places = known().filter(|data| named(data.spec().name.as_bytes()).is_some()).count();
        assert_eq!(places, known().count(), "a command of two words without a container");
        assert!(ROWS.into_iter().flatten().all(|row| row.name == row.name.to_uppercase()));
    }
}
