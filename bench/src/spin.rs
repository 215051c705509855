//! Instructions per operation: this program runs itself under callgrind with two numbers of operations, and what the
//! second run took more than the first is divided by the difference.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::commands;
use crate::engine::{Kind, Operation, Setting};
use crate::layer::{Bench, Row};
use crate::work::Request;

/// Keys of these loops: few, as a simulated processor is slow.
const KEYS: usize = 1024;

/// Under callgrind: few and many operations.
const COUNTS: [usize; 2] = [10_000, 30_000];

/// What a loop does.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Spin {
    /// One operation of an engine.
    Engine {
        /// The engine.
        kind: Kind,
        /// What it does.
        operation: Operation,
        /// With a time to live on each entry.
        #[arg(long)]
        ttl: bool,
        /// How often.
        count: usize,
    },
    /// One row of the layer table.
    Layer {
        /// The row.
        row: Row,
        /// How often.
        count: usize,
    },
    /// One row of the table of commands.
    Command {
        /// The row.
        row: commands::Row,
        /// Which part of the way.
        part: commands::Part,
        /// How often.
        count: usize,
    },
}

impl Spin {
    /// Does it.
    pub fn run(&self) {
        match *self {
            Spin::Engine { kind, operation, ttl, count } => {
                let setting = Setting { keys: KEYS, room: None, ttl: ttl.then_some(Duration::from_secs(3600)) };
                let subject = kind.build(&setting).expect("not bounded");
                subject.fill(KEYS as u64);
                let requests: Vec<Request> = (0..KEYS as u64).map(|number| Request::new(number, 0)).collect();
                subject.spin(operation, &requests, count);
            }
            Spin::Layer { row, count } => Bench::new().spin(row, count),
            Spin::Command { row, part, count } => commands::Bench::new().spin(row, part, count),
        }
    }
}

/// Instructions of one operation of an engine; `None` without valgrind.
pub fn of_engine(kind: Kind, operation: Operation, ttl: bool) -> Option<f64> {
    let operation = clap::ValueEnum::to_possible_value(&operation)?.get_name().to_owned();
    let kind = kind.argument();
    let args = ["engine", &kind, &operation, "--ttl"];
    per_operation(&args[..if ttl { 4 } else { 3 }])
}

/// Instructions of one call of a row of the layer table; `None` without valgrind.
pub fn of_layer(row: Row) -> Option<f64> {
    per_operation(&["layer", &row.argument()])
}

/// Instructions of one command; `None` without valgrind.
pub fn of_command(row: commands::Row, part: commands::Part) -> Option<f64> {
    let part = clap::ValueEnum::to_possible_value(&part)?.get_name().to_owned();
    per_operation(&["command", &row.argument(), &part])
}

fn per_operation(args: &[&str]) -> Option<f64> {
    let [few, many] = COUNTS.map(|count| counted(args, count));
    Some((many? - few?) / (COUNTS[1] - COUNTS[0]) as f64)
}

fn counted(args: &[&str], count: usize) -> Option<f64> {
    let file = std::env::temp_dir().join(format!("jcache-bench-{}.callgrind", std::process::id()));
    let out = format!("--callgrind-out-file={}", file.display());
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", &out]).arg(std::env::current_exe().ok()?).arg("spin").args(args);
    let status = command.arg(count.to_string()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let text = std::fs::read_to_string(&file).ok().filter(|_| status.success());
    // A file that stays behind in the folder for such files harms nobody.
    let _ = std::fs::remove_file(&file);
    text?.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
}
