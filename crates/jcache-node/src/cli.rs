//! The command line.

use std::ffi::OsString;
use std::num::NonZeroU64;

use clap::{Args, Parser, Subcommand};

use crate::config::flags::{All, Few, Given, OfCluster};
use crate::format::Format;
use crate::load::Ratio;

const DETAILS: &str = "\
Without COMMAND and on a terminal, jcache starts a node and opens a shell on it; other programs and terminals
reach the same data, as by `redis-cli -p 6399`. Otherwise it carries out the commands on standard input, one a
line, without listening anywhere; and when there are none and no level is given, it shows a short tour.
Commands, quoting and replies are those of Redis and redis-cli; `jcache help` lists them.

Levels are read in the order in which they are given:
  memory                             this process
  redis://HOST[:PORT][/DB]           a Redis or Valkey server
  unix:///PATH                       the same, by its Unix socket
  redis+sentinel://HOST,HOST/NAME    the primary that Sentinels know by this name
  redis+cluster://HOST,HOST          a cluster
  distributed                        memory shared with the other nodes of --cluster, which --etcd keeps together
With rediss for redis the connections are secured by TLS; USER:PASSWORD@ goes before the hosts.
Settings of a level follow after ':' for memory and distributed, and after '#' for URLs, separated by commas:
  name=NAME                    what reports call it
  max=BYTES, policy=POLICY     how much a memory level may take, and who goes when it is full
  ttl=TIME                     how long a copy may live there (30s, 5m, none)
  deadline=TIME                how long one call to it may take (200ms, 1s, none)
  fill=yes|no                  whether reads put there what they found in a later level
  authority                    this level decides writes, in place of the first shared one
as in --level memory:name=near,ttl=5s --level 'redis://localhost:6379#name=far,deadline=200ms'.

All settings (`jcache serve --help`) are flags, variables (JCACHE_MAXMEMORY for --maxmemory; several values are
separated by spaces) and lines of the TOML file after --config; a flag goes before a variable, a variable before
the file.

Exit codes: 0 done; 1 the command failed (with standard input: a command failed and -e was given), or a node
could not be started; 2 wrong usage or configuration.";

/// A multi-level cache: a server that speaks Redis's protocol, a shell, a load generator
#[derive(Debug, Parser)]
#[command(name = "jcache", version, after_help = DETAILS, disable_help_subcommand = true)]
#[command(
    override_usage = "jcache [OPTIONS] [COMMAND [ARG]...]\n       jcache serve|shell|bench|status|handover [OPTIONS]"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Few,

    #[command(flatten)]
    pub(crate) printing: Printing,

    /// Exit with 1 when a command fails; print the error of a single COMMAND on standard error
    #[arg(short = 'e')]
    pub(crate) errors: bool,

    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,

    /// A command to carry out, such as: set greeting hello ex 60
    #[arg(trailing_var_arg = true, value_names = ["COMMAND", "ARG"])]
    pub(crate) command: Vec<OsString>,
}

/// What to do other than commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Starts a node: a server that any Redis client can talk to
    Serve(Serve),
    /// Opens a shell on a server: a jcache node, Redis, or Valkey
    Shell(Shell),
    /// Loads a server for some seconds, and tells throughput and latencies
    Bench(Bench),
    /// Tells who leads a cluster of nodes, and how its members are
    Status(Status),
    /// Makes a node of a cluster its leader
    Handover(Handover),
}

/// `jcache status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    settings: OfCluster,
}

/// `jcache handover`.
#[derive(Debug, Args)]
pub(crate) struct Handover {
    #[command(flatten)]
    settings: OfCluster,

    /// The node that is to lead
    #[arg(value_name = "ID")]
    pub(crate) node: String,
}

/// `jcache serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Print the effective configuration as a file, with the source of each value, and start nothing
    #[arg(long)]
    pub(crate) print_config: bool,

    #[command(flatten)]
    settings: All,
}

/// `jcache shell`.
#[derive(Debug, Args)]
pub(crate) struct Shell {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    #[command(flatten)]
    pub(crate) printing: Printing,

    /// Speak RESP3 where the server does, and print its types
    #[arg(short = '3')]
    pub(crate) resp3: bool,

    /// Exit with 1 when a command on standard input fails
    #[arg(short = 'e')]
    pub(crate) errors: bool,
}

/// Where a server is, and how to be let in.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// The server: HOST:PORT, a port, the path of a Unix socket, or redis[s]://[USER:PASSWORD@]HOST[:PORT]
    #[arg(value_name = "ADDR", default_value = "127.0.0.1:6399")]
    pub(crate) address: String,

    /// The user to log in as
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// The password; in the variable JCACHE_PASSWORD other users of this machine cannot see it
    #[arg(long = "pass", value_name = "PASSWORD")]
    pub(crate) password: Option<String>,

    /// Connect with TLS
    #[arg(long)]
    pub(crate) tls: bool,

    /// Who vouches for the server's certificate, in PEM [default: the system's authorities]
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<std::path::PathBuf>,

    /// The certificate to show to a server that asks for one, and those that vouch for it, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<std::path::PathBuf>,

    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<std::path::PathBuf>,
}

/// `jcache bench`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) server: ServerArgs,

    /// Connections
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) clients: u32,

    /// Commands that each connection sends at once before it reads the replies
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) pipeline: u32,

    /// Reads to writes: GET to SET
    #[arg(long, value_name = "READS:WRITES", default_value = "9:1")]
    pub(crate) ratio: Ratio,

    /// Different keys
    #[arg(long, default_value = "100000")]
    pub(crate) keys: NonZeroU64,

    /// Skew of the keys' popularity (Zipf's exponent, such as 0.99); 0 for none
    #[arg(long, value_name = "SKEW", default_value_t = 0.0, value_parser = skew)]
    pub(crate) zipf: f64,

    /// Bytes of a value
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=16_777_216))]
    pub(crate) value_size: u32,

    /// How long to load the server, in seconds
    #[arg(long, default_value_t = 5, conflicts_with = "requests", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) seconds: u32,

    /// How many commands to send, instead of --seconds
    #[arg(long)]
    pub(crate) requests: Option<NonZeroU64>,

    /// Commands a second, of all connections together, instead of as many as possible
    #[arg(long)]
    pub(crate) rate: Option<NonZeroU64>,

    /// Write every key once before the load begins
    #[arg(long)]
    pub(crate) fill: bool,

    /// Print the figures as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn skew(text: &str) -> Result<f64, String> {
    let skew = text.parse().ok().filter(|skew| (0.0..=4.0).contains(skew));
    skew.ok_or_else(|| "expected a number from 0 to 4".to_owned())
}

/// How replies are printed.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Printing {
    /// Print replies as they are (the default when standard output is no terminal)
    #[arg(long, overrides_with = "no_raw")]
    raw: bool,

    /// Print replies with their types even when standard output is no terminal
    #[arg(long, overrides_with = "raw")]
    no_raw: bool,
}

impl Printing {
    /// How to print replies.
    pub(crate) fn format(self, terminal: bool) -> Format {
        if self.no_raw || (terminal && !self.raw) { Format::Typed } else { Format::Raw }
    }
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

    /// The settings, also those before the word `serve`.
    pub(crate) fn given(&self) -> Given {
        match &self.mode {
            Some(Mode::Serve(serve)) => serve.settings.0.clone().over(&self.settings.0),
            Some(Mode::Status(status)) => status.settings.0.clone().over(&self.settings.0),
            Some(Mode::Handover(handover)) => handover.settings.0.clone().over(&self.settings.0),
            _ => self.settings.0.clone(),
        }
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
        assert_eq!(cli.words(), [&b"zrange"[..], b"k", b"0", b"-1", b"--strict"]);
        let cli = parse(&["--", "-odd"]).unwrap();
        assert_eq!(cli.words(), [b"-odd"]);
        assert_eq!(parse(&["--bogus"]).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn words_of_a_command_are_no_modes() {
        for (args, words) in [
            (&["get", "serve"][..], &["get", "serve"][..]),
            (&["--", "serve"], &["serve"]),
            (&["help", "serve"], &["help", "serve"]),
            (&["help"], &["help"]),
        ] {
            let cli = parse(args).unwrap();
            assert!(cli.mode.is_none(), "{args:?}");
            assert_eq!(cli.command, words, "{args:?}");
        }
        assert!(matches!(parse(&["serve"]).unwrap().mode, Some(Mode::Serve(_))));
        assert!(matches!(parse(&["--strict", "serve", "--listen", "h:1"]).unwrap().mode, Some(Mode::Serve(_))));
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
            assert_eq!(parse(args).unwrap().printing.format(terminal), expected, "{args:?} {terminal}");
        }
    }
}
