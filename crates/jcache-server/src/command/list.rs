//! `COMMAND LIST`: names of commands, all or some.

use jcache_core::{Arg, Error, Reply, Result, glob};

use super::docs::{categories, top_level};
use super::{Command, Step, all};
use crate::session::Session;

pub(super) fn list(_: &mut Session, args: &[Arg<'_>]) -> Result<Step> {
    let names = |commands: &mut dyn Iterator<Item = &'static Command>| {
        Reply::Array(commands.map(|command| Reply::Bulk(command.name.as_str().into())).collect())
    };
    Ok(match &args[2..] {
        [] => names(&mut top_level()),
        [filter, by, value] if filter.is_word("FILTERBY") => {
            if by.is_word("MODULE") {
                Reply::Array(Vec::new())
            } else if by.is_word("ACLCAT") {
                let wanted = format!("@{}", String::from_utf8_lossy(value)).to_ascii_lowercase();
                names(&mut all().iter().filter(|command| categories(command).contains(&wanted.as_str())))
            } else if by.is_word("PATTERN") {
                let pattern = value.to_ascii_lowercase();
                names(&mut all().iter().filter(|command| glob::matches(&pattern, command.name.as_bytes())))
            } else {
                return Err(Error::syntax());
            }
        }
        _ => return Err(Error::syntax()),
    }
    .into())
}
