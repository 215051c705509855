//! The command line.

use std::ffi::OsString;

use clap::Parser;

use crate::format::Format;
use crate::levels::LevelSpec;

const DETAILS: &str = "\
Without COMMAND, jcache opens a shell when standard input is a terminal; otherwise it carries out the
commands on standard input, one a line; and when there are none and no --level is given, it shows a short
tour. Commands, quoting and replies are those of Redis and redis-cli; `jcache help` lists them.

Levels are read in the order in which they are given:
  memory                             this process
  redis://HOST[:PORT][/DB]           a Redis or Valkey server
  unix:///PATH                       the same, by its Unix socket
  redis+sentinel://HOST,HOST/NAME    the primary that Sentinels know by this name
  redis+cluster://HOST,HOST          a cluster
With rediss for redis the connections are secured by TLS; USER:PASSWORD@ goes before the hosts.
Settings of a level follow after ':' for memory and after '#' for the others, separated by commas:
  name=NAME                    what reports call it
  ttl=TIME                     how long a copy may live there (30s, 5m, none)
  deadline=TIME                how long one call to it may take (200ms, 1s, none)
  fill=yes|no                  whether reads put there what they found in a later level
  authority                    this level decides writes, in place of the first shared one
as in --level memory:name=near,ttl=5s --level 'redis://localhost:6379#name=far,deadline=200ms'.

Exit codes: 0 done; 1 the command failed (with standard input: a command failed and -e was given);
2 wrong usage or a level that cannot be set up.";

/// A shell on a multi-level cache.
#[derive(Debug, Parser)]
#[command(name = "jcache", version, after_help = DETAILS)]
pub(crate) struct Cli {
    /// A level of the cache, first to be read first; may be repeated [default: memory]
    #[arg(long = "level", value_name = "LEVEL")]
    pub(crate) levels: Vec<LevelSpec>,

    /// Answer "nothing there" only when the level that decides writes has said so
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print replies as they are (the default when standard output is no terminal)
    #[arg(long, overrides_with = "no_raw")]
    raw: bool,

    /// Print replies with their types even when standard output is no terminal
    #[arg(long, overrides_with = "raw")]
    no_raw: bool,

    /// Exit with 1 when a command fails; print the error of a single COMMAND on standard error
    #[arg(short = 'e')]
    pub(crate) errors: bool,

    /// A command to carry out, such as: set greeting hello ex 60
    #[arg(trailing_var_arg = true, value_names = ["COMMAND", "ARG"])]
    pub(crate) command: Vec<OsString>,
}

impl Cli {
    /// Reads the command line of the process; a wrong one ends it with an explanation and the exit code 2.
    pub(crate) fn read() -> Self {
        Self::parse()
    }

    /// The words of the command, byte for byte as they were given.
    pub(crate) fn words(&self) -> Vec<Vec<u8>> {
        self.command.iter().map(|word| word.clone().into_encoded_bytes()).collect()
    }

    /// How to print replies.
    pub(crate) fn format(&self, terminal: bool) -> Format {
        if self.no_raw || (terminal && !self.raw) { Format::Typed } else { Format::Raw }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["jcache"], args].concat())
    }

    #[test]
    fn the_declaration_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let cli = parse(&["--strict", "zrange", "k", "0", "-1", "--strict"]).unwrap();
        assert!(cli.strict);
        assert_eq!(cli.words(), [&b"zrange"[..], b"k", b"0", b"-1", b"--strict"]);
        let cli = parse(&["--", "-odd"]).unwrap();
        assert_eq!(cli.words(), [b"-odd"]);
        assert_eq!(parse(&["--bogus"]).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn the_later_of_raw_and_no_raw_counts() {
        for (args, terminal, expected) in [
            (&[][..], true, Format::Typed),
            (&[], false, Format::Raw),
            (&["--raw"], true, Format::Raw),
            (&["--no-raw"], false, Format::Typed),
            (&["--no-raw", "--raw"], true, Format::Raw),
            (&["--raw", "--no-raw"], false, Format::Typed),
        ] {
            assert_eq!(parse(args).unwrap().format(terminal), expected, "{args:?} {terminal}");
        }
    }
}
