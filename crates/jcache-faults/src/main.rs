//! `jcache-faults`: runs scenarios and prints a table. `cargo xtask faults` builds everything that it needs and starts it.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use jcache_faults::figures::{Figures, HEAD};
use jcache_faults::sandbox;
use jcache_faults::scenario::{self, How, SCENARIOS, Scenario};

/// Real jcache processes under faults of processes, networks and clocks.
#[derive(Debug, Parser)]
struct Options {
    /// Only these scenarios, such as `T-4,T-6`
    #[arg(long, value_delimiter = ',', value_parser = known)]
    only: Vec<String>,
    /// Runs of each scenario
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// The seed of the first run
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// No round of a run begins after so many seconds
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// The few rounds that also run as tests
    #[arg(long)]
    short: bool,
    /// The binary `jcache`; the one beside this program unless given
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Keep logs and histories also when all is well
    #[arg(long)]
    keep: bool,
    /// Says what there is
    #[arg(long)]
    list: bool,
}

fn known(id: &str) -> Result<String, String> {
    let all = || SCENARIOS.iter().map(|it| it.id).collect::<Vec<_>>().join(", ");
    scenario::find(id).map(|it| it.id.to_owned()).ok_or_else(|| format!("there are {}", all()))
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        for scenario in SCENARIOS {
            say(&format!("{:14}{}", scenario.id, scenario.what));
        }
        return ExitCode::SUCCESS;
    }
    if !sandbox::is_inside() {
        return match sandbox::run(std::env::args_os().skip(1)) {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(unable) => complain(&unable.to_string()),
        };
    }
    sandbox::end_with_parent();
    let Some(binary) = options.binary.clone().or_else(scenario::binary_beside) else {
        return complain("there is no binary beside this one; say where by --binary");
    };
    let how = How { binary, long: !options.short, most: Duration::from_secs(options.seconds), keep: options.keep };
    let mut rows = vec![HEAD.to_owned()];
    let mut violations = 0;
    let named = |id: &str| options.only.is_empty() || options.only.iter().any(|only| only == id);
    let wanted = |it: &&Scenario| named(it.id) && (how.long || it.rounds.0 > 0);
    for scenario in SCENARIOS.iter().filter(wanted) {
        let mut figures = Figures::default();
        for seed in options.first_seed..options.first_seed + options.seeds {
            figures.merge(scenario::run(scenario, seed, &how));
        }
        violations += figures.violations.len();
        rows.push(figures.row(scenario.id));
        eprintln!("{}", rows[rows.len() - 1]);
    }
    say(&rows.join("\n"));
    if violations > 0 {
        return complain(&format!("{violations} violations"));
    }
    ExitCode::SUCCESS
}

fn complain(what: &str) -> ExitCode {
    eprintln!("jcache-faults: {what}");
    ExitCode::FAILURE
}

fn say(text: &str) {
    // Nobody reads: nothing to tell.
    let _ = writeln!(std::io::stdout(), "{text}");
}
