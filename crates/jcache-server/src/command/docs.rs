//! `COMMAND`: what commands there are, from the declarations of core and the server's own table.

use jcache_core::command::{Class, Family, KeyPositions};
use jcache_core::{Arg, Error, ErrorKind, Key, Reply, Request, Result};

use super::{Command, Kind, Step, all, named};
use crate::session::Session;

fn text(text: impl Into<String>) -> Reply {
    Reply::Bulk(text.into().into())
}

fn status(text: impl Into<String>) -> Reply {
    Reply::Status(text.into().into())
}

/// Commands by name, without subcommands.
pub(super) fn top_level() -> impl Iterator<Item = &'static Command> {
    all().iter().filter(|command| !command.name.contains('|'))
}

/// The group of the documentation that a family is.
fn group(family: Family) -> &'static str {
    match family {
        Family::Key => "generic",
        Family::String => "string",
        Family::Hash => "hash",
        Family::List => "list",
        Family::Set => "set",
        Family::SortedSet => "sorted-set",
    }
}

/// The category of access control that a family is.
fn category(family: Family) -> &'static str {
    match family {
        Family::Key => "@keyspace",
        Family::String => "@string",
        Family::Hash => "@hash",
        Family::List => "@list",
        Family::Set => "@set",
        Family::SortedSet => "@sortedset",
    }
}

/// The categories of a command.
pub(super) fn categories(command: &Command) -> Vec<&'static str> {
    match command.kind {
        Kind::Data(known) => {
            let access = if known.spec().class == Class::Query { "@read" } else { "@write" };
            vec![access, category(known.spec().family)]
        }
        Kind::Own(row) | Kind::Container(row, _) => {
            let flags = row.flags;
            let has = |flag, name| flags.has(flag).then_some(name);
            [
                has(super::Flags::ADMIN, "@admin"),
                has(super::Flags::ADMIN, "@dangerous"),
                has(super::Flags::PUBSUB, "@pubsub"),
                (row.group == "connection").then_some("@connection"),
                (row.group == "transactions").then_some("@transaction"),
                Some(if flags.has(super::Flags::FAST) { "@fast" } else { "@slow" }),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
    }
}

/// A row of `COMMAND INFO`.
fn describe(command: &'static Command) -> Reply {
    let (arity, keys, flags): (i8, KeyPositions, Vec<&str>) = match command.kind {
        Kind::Data(known) => {
            let spec = known.spec();
            (spec.arity, spec.keys, vec![if spec.class == Class::Query { "readonly" } else { "write" }])
        }
        Kind::Own(row) | Kind::Container(row, _) => (row.arity, row.keys, row.flags.words().collect()),
    };
    let int = |number: i8| Reply::Int(number.into());
    Reply::Array(vec![
        text(command.name.clone()),
        int(arity),
        Reply::Set(flags.into_iter().map(status).collect()),
        int(keys.first),
        int(keys.last),
        int(keys.step),
        Reply::Set(categories(command).into_iter().map(status).collect()),
        Reply::Set(Vec::new()),
        Reply::Set(Vec::new()),
        Reply::Set(command.subcommands().iter().map(describe).collect()),
    ])
}

pub(super) fn command(_: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    Ok(Reply::Array(top_level().map(describe).collect()).into())
}

pub(super) fn count(_: &mut Session, _: &[Arg<'_>]) -> Result<Step> {
    Ok(Reply::Int(top_level().count() as i64).into())
}

pub(super) fn info(session: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    if args.len() == 2 {
        return command(session, args);
    }
    let of = |name: &Arg<'_>| named(name).map_or(Reply::Nil, describe);
    Ok(Reply::Array(args[2..].iter().map(of).collect()).into())
}

/// What the documentation says of a command.
fn document(command: &'static Command) -> (Reply, Reply) {
    let group = match command.kind {
        Kind::Data(known) => group(known.spec().family),
        Kind::Own(row) | Kind::Container(row, _) => row.group,
    };
    let mut fields = vec![(text("summary"), text(command.summary())), (text("group"), text(group))];
    let inner = command.subcommands();
    if !inner.is_empty() {
        fields.push((text("subcommands"), Reply::Map(inner.iter().map(document).collect())));
    }
    (text(command.name.clone()), Reply::Map(fields))
}

pub(super) fn docs(_: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    Ok(Reply::Map(match &args[2..] {
        [] => top_level().map(document).collect(),
        names => names.iter().filter_map(|name| named(name)).map(document).collect(),
    })
    .into())
}

/// The keys of a command that is given whole. Those of data commands are found by reading it.
pub(super) fn get_keys(_: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let whole = &args[2..];
    let unknown = || Error::new(ErrorKind::UnknownCommand, "ERR Invalid command specified");
    let command = named(&whole[0]).ok_or_else(unknown)?;
    if !command.admits(whole.len()) {
        return Err(Error::invalid("ERR Invalid number of arguments specified for command"));
    }
    let none = || Error::invalid("ERR The command has no key arguments");
    let mut keys = Vec::new();
    match command.kind {
        Kind::Data(known) => {
            let wrong = |_| Error::invalid("ERR Invalid arguments specified for command");
            let mut add = |key: &Key<'_>| keys.push(Reply::Bulk(key.0.to_value()));
            match known.parse(whole).map_err(wrong)? {
                Request::Query(query) => query.visit_keys(&mut add),
                Request::Mutation(mutation) => mutation.visit_keys(&mut add),
            }
        }
        Kind::Own(row) | Kind::Container(row, _) => {
            let KeyPositions { first, last, .. } = row.keys;
            let end = if last < 0 { whole.len() } else { last as usize + 1 };
            if first > 0 {
                keys.extend(whole[first as usize..end].iter().map(|key| Reply::Bulk(key.to_value())));
            }
        }
    }
    if keys.is_empty() { Err(none()) } else { Ok(Reply::Array(keys).into()) }
}
