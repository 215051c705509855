//! Runs seeds of the simulator on all cores: what `cargo xtask sim` starts.
//!
//! Prints the figures of all runs, and for each failure its seed and the command that repeats it.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jcache_testkit::simulator::{Figures, Run, Settings, run};

/// After so many runs the figures so far are told.
const TOLD_EVERY: u64 = 1_000;
/// Failures after which nothing more is learned.
const MOST_FAILURES: u64 = 10;

#[derive(Debug, Clone)]
struct Options {
    seeds: u64,
    first: u64,
    minutes: Option<u64>,
    settings: Settings,
    weakened: bool,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            say(&format!(
                "{error}\nusage: --seeds N --first-seed S --nodes N --seconds S --minutes M --memory --unclean --trace --without RULE --weakened"
            ));
            return ExitCode::FAILURE;
        }
    };
    if options.weakened {
        return weakened(&options);
    }
    let start = Instant::now();
    let figures = run_all(&options, |seed, run| {
        if let Some(violation) = &run.violation {
            say(&format!("seed {seed}: {violation}\n  repeat: cargo xtask sim{}", repeat(&options.settings, seed)));
        }
        run.trace.iter().for_each(|line| say(line));
    });
    let seconds = start.elapsed().as_secs_f64();
    let rate = figures.simulated as f64 / 1e6 / seconds * 60.0;
    say(&format!("{figures}\n{seconds:.1} s, {rate:.0} simulated seconds per minute"));
    if !figures.is_telling() {
        say("too many groups are undecided for this to be called clean");
        return ExitCode::FAILURE;
    }
    if figures.violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the seeds on all cores, up to some failures.
fn run_all(options: &Options, each: impl Fn(u64, &Run) + Sync) -> Figures {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let until = options.minutes.map(|minutes| Instant::now() + Duration::from_secs(minutes * 60));
    let next = Mutex::new((options.first, Figures::default()));
    let work = || {
        loop {
            let seed = {
                let mut next = next.lock().expect("invariant: no run panics while it holds the lock");
                let late = until.is_some_and(|until| Instant::now() > until);
                if next.0 >= options.first.saturating_add(options.seeds) || late || next.1.violations >= MOST_FAILURES {
                    return;
                }
                next.0 += 1;
                next.0 - 1
            };
            let run = run(&Settings { seed, ..options.settings.clone() });
            let mut next = next.lock().expect("invariant: no run panics while it holds the lock");
            next.1.merge(&run.figures);
            if next.1.runs.is_multiple_of(TOLD_EVERY) && next.1.runs < options.seeds {
                say(&format!("so far: {}\n", next.1));
            }
            each(seed, &run);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    next.into_inner().expect("invariant: no run panics while it holds the lock").1
}

/// Switches each rule off, and says after how many seeds that is noticed.
#[cfg(feature = "switches")]
fn weakened(options: &Options) -> ExitCode {
    use std::sync::atomic::{AtomicU64, Ordering};

    let mut missed = 0;
    for switch in jcache_cluster::engine::Switch::ALL {
        let first = AtomicU64::new(u64::MAX);
        let what = Mutex::new(String::new());
        let settings = Settings { without: vec![*switch], ..options.settings.clone() };
        // A batch at a time: the first seed that finds it is the same however many cores there are.
        let mut from = options.first;
        let end = options.first + options.seeds;
        while from < end && first.load(Ordering::Relaxed) == u64::MAX {
            let batch =
                Options { first: from, seeds: 16.min(end - from), settings: settings.clone(), ..options.clone() };
            run_all(&batch, |seed, run| {
                if let Some(violation) = &run.violation
                    && first.fetch_min(seed, Ordering::Relaxed) > seed
                {
                    *what.lock().expect("invariant: nothing panics here") = violation.to_string();
                }
            });
            from += 16;
        }
        let seed = first.load(Ordering::Relaxed);
        if seed == u64::MAX {
            missed += 1;
            say(&format!("{switch:?}: NOT FOUND within {} seeds", options.seeds));
        } else {
            let what: String = what.into_inner().unwrap_or_default().chars().take(160).collect();
            say(&format!("{switch:?}: found after {} seeds: {what}", seed - options.first + 1));
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(not(feature = "switches"))]
fn weakened(_: &Options) -> ExitCode {
    say("--weakened needs the feature switches");
    ExitCode::FAILURE
}

fn repeat(settings: &Settings, seed: u64) -> String {
    let mut text = format!(" --first-seed {seed} --seeds 1 --trace");
    if let Some(nodes) = settings.nodes {
        text += &format!(" --nodes {nodes}");
    }
    if let Some(seconds) = settings.seconds {
        text += &format!(" --seconds {seconds}");
    }
    if settings.memory {
        text += " --memory";
    }
    if settings.unclean {
        text += " --unclean";
    }
    #[cfg(feature = "switches")]
    for switch in &settings.without {
        text += &format!(" --without {switch:?}");
    }
    text
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let settings = Settings::default();
    let mut options = Options { seeds: 500, first: 0, minutes: None, settings, weakened: false };
    while let Some(name) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{name} wants a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("'{text}' is no number"));
        match name.as_str() {
            "--seeds" => options.seeds = number(value()?)?,
            "--first-seed" => options.first = number(value()?)?,
            "--minutes" => options.minutes = Some(number(value()?)?),
            "--nodes" => {
                let nodes = number(value()?)?;
                if !(2..=9).contains(&nodes) {
                    return Err(format!("{nodes} nodes: it takes 2 to 9"));
                }
                options.settings.nodes = usize::try_from(nodes).ok();
            }
            "--seconds" => options.settings.seconds = Some(number(value()?)?),
            "--memory" => options.settings.memory = true,
            "--unclean" => options.settings.unclean = true,
            "--trace" => options.settings.trace = true,
            "--weakened" => options.weakened = true,
            #[cfg(feature = "switches")]
            "--without" => {
                let wanted = value()?;
                let all = jcache_cluster::engine::Switch::ALL;
                let switch = all.iter().find(|switch| format!("{switch:?}") == wanted);
                options.settings.without.push(*switch.ok_or_else(|| format!("no rule '{wanted}'; there are {all:?}"))?);
            }
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}

fn say(text: &str) {
    // Nobody reads: nothing to tell.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
