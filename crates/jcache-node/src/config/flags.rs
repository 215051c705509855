//! The settings as flags of the command line, derived from the table.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use super::table::{SETTINGS, Setting};

/// Settings that are shown in the help of `jcache` itself, where the others would be in the way.
const EVERYDAY: &[&str] =
    &["listen", "level", "near-ttl", "maxmemory", "strict", "etcd", "cluster", "node-id", "peer-listen"];

/// The section of the settings that say which cluster, and how to be let in.
const CLUSTER: &str = "Cluster";

/// Which settings a command has as flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// All, those of everyday use shown.
    Everyday,
    All,
    Cluster,
}

/// What the command line says about settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    /// The file to read first.
    pub(crate) file: Option<PathBuf>,
    /// Settings with their values.
    pub(super) settings: Vec<(&'static Setting, Vec<String>)>,
}

impl Given {
    /// These, where they say something, and `weaker` for the rest.
    pub(crate) fn over(mut self, weaker: &Given) -> Self {
        self.file = self.file.or_else(|| weaker.file.clone());
        let own: Vec<&str> = self.settings.iter().map(|(setting, _)| setting.name).collect();
        let others = weaker.settings.iter().filter(|(setting, _)| !own.contains(&setting.name)).cloned();
        self.settings = others.chain(self.settings.clone()).collect();
        self
    }

    fn read(matches: &ArgMatches) -> Self {
        // A command that has only some of the flags was not given the others.
        let texts =
            |setting: &Setting| Some(matches.try_get_many::<String>(setting.name).ok().flatten()?.cloned().collect());
        let settings = SETTINGS.iter().filter_map(|setting| Some((setting, texts(setting)?))).collect();
        Self { file: matches.get_one("config").cloned(), settings }
    }

    /// Adds the flags to a command.
    fn add(command: Command, which: Which) -> Command {
        let file = Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf));
        let file = file.help("A TOML file with settings; flags and JCACHE_* variables go before it");
        let has = |setting: &&Setting| which != Which::Cluster || setting.section == CLUSTER;
        SETTINGS.iter().filter(has).fold(command.arg(file), |command, setting| {
            let hidden = which == Which::Everyday && !EVERYDAY.contains(&setting.name);
            command.arg(arg(setting).hide(hidden))
        })
    }
}

fn arg(setting: &'static Setting) -> Arg {
    let default = match setting.default {
        "" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let repeated = if setting.many { "; may be repeated" } else { "" };
    let arg = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.place)
        .help(format!("{}{repeated}{default}", setting.doc()))
        .help_heading(setting.section)
        .hide_possible_values(true)
        .allow_hyphen_values(true)
        .action(if setting.many { ArgAction::Append } else { ArgAction::Set });
    if setting.bare { arg.num_args(0..=1).require_equals(true).default_missing_value("yes") } else { arg }
}

/// The flags, few of them shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Few(pub(crate) Given);

/// The flags, all of them shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct All(pub(crate) Given);

/// The flags that say which cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct OfCluster(pub(crate) Given);

macro_rules! args {
    ($($Name:ident: $which:ident;)+) => {$(
        impl Args for $Name {
            fn augment_args(command: Command) -> Command {
                Given::add(command, Which::$which)
            }
            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $Name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(Given::read(matches)))
            }
            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    )+};
}
args! {
    Few: Everyday;
    All: All;
    OfCluster: Cluster;
}
