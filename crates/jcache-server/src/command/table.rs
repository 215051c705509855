//! Commands by name: one table for those of core and of the server, where a name is found by one multiplication.

use std::sync::LazyLock;

use jcache_core::command::{Known, known};
use jcache_core::{Arg, Error, Result};

use super::{Command, Kind, ROWS};

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
