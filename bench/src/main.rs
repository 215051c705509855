//! The command line of the bench package; `cargo xtask bench` builds and runs it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jcache_bench::memory::{Scale, Section};
use jcache_bench::report::Report;
use jcache_bench::spin::Spin;
use jcache_bench::{cluster, commands, layer, machine, memory, node};

/// Measures jcache against its peers.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    #[command(subcommand)]
    table: Tables,
}

#[derive(Debug, Subcommand)]
enum Tables {
    /// The memory engine: throughput, bytes, hit ratios, reclaim, collections, latency.
    Memory {
        #[command(flatten)]
        common: Common,
        /// Only these sections, separated by commas.
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<Section>,
    },
    /// What the cache adds to a hit in memory.
    Layer {
        #[command(flatten)]
        common: Common,
    },
    /// The protocol server, against redis-server.
    Node {
        #[command(flatten)]
        common: Common,
        /// Only these sections, separated by commas.
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<node::Section>,
        /// The binary `jcache`, built for release.
        #[arg(long, default_value = "target/release/jcache")]
        binary: PathBuf,
    },
    /// The distributed memory on three processes, against redis-server with replicas.
    Cluster {
        #[command(flatten)]
        common: Common,
        /// Only these sections, separated by commas.
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<cluster::Section>,
        /// The binary `jcache`, built for release.
        #[arg(long, default_value = "target/release/jcache")]
        binary: PathBuf,
    },
    /// What single commands cost below the protocol.
    Commands {
        #[command(flatten)]
        common: Common,
    },
    /// A loop that does one thing; what callgrind looks at.
    #[command(subcommand, hide = true)]
    Spin(Spin),
}

#[derive(Debug, clap::Args)]
struct Common {
    /// A tenth of the work in short turns: to see that everything works. Its figures are not to be quoted.
    #[arg(long)]
    quick: bool,
    /// Count instructions too, with valgrind.
    #[arg(long)]
    callgrind: bool,
    /// The folder for the text and the plot.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut report = Report::default();
    let start = |report: &mut Report| machine::describe(report, &format!("cargo xtask bench {}", args.join(" ")));
    let (name, out) = match options.table {
        Tables::Memory { common, only } => {
            start(&mut report);
            let scale = if common.quick { Scale::quick() } else { Scale::full() };
            let sections = if only.is_empty() { Section::ALL.to_vec() } else { only };
            // With sections chosen and instructions asked for, both are given.
            memory::run(&mut report, &scale, &sections, common.callgrind);
            ("memory", common.out)
        }
        Tables::Layer { common } => {
            start(&mut report);
            layer::run(&mut report, common.quick, common.callgrind);
            ("layer", common.out)
        }
        Tables::Node { common, only, binary } => {
            start(&mut report);
            let scale = if common.quick { node::Scale::quick(binary) } else { node::Scale::full(binary) };
            let sections = if only.is_empty() { node::Section::ALL.to_vec() } else { only };
            if let Err(error) = node::run(&mut report, &scale, &sections) {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
            ("node", common.out)
        }
        Tables::Cluster { common, only, binary } => {
            start(&mut report);
            let scale = if common.quick { cluster::Scale::quick(binary) } else { cluster::Scale::full(binary) };
            let sections = if only.is_empty() { cluster::Section::ALL.to_vec() } else { only };
            if let Err(error) = cluster::run(&mut report, &scale, &sections) {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
            ("cluster", common.out)
        }
        Tables::Commands { common } => {
            start(&mut report);
            commands::run(&mut report, common.quick, common.callgrind);
            ("commands", common.out)
        }
        Tables::Spin(spin) => {
            spin.run();
            return ExitCode::SUCCESS;
        }
    };
    match report.write(&out, name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", out.display());
            ExitCode::FAILURE
        }
    }
}
