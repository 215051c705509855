//! Fuzzing with coverage on a stable toolchain: the instrumentation is asked of LLVM directly, so neither a nightly
//! compiler nor another cargo command is needed.

use crate::run::{self, Outcome};
use crate::setup;

/// The targets: binaries of the package in `fuzz/`.
const TARGETS: [(&str, &str); 4] = [
    ("commands", "parse and run programs of arbitrary commands on the model and on memory, which must agree"),
    ("parse", "parse arbitrary arguments; what parses is written and parsed again as the same command"),
    ("resp_requests", "bytes to a server, cut in two ways: the same commands, the same error"),
    ("resp_replies", "bytes to a client, cut in two ways: the same replies, and written so that they are read again"),
];

/// Coverage of edges and comparisons, as libFuzzer needs it; debug assertions and overflow checks stay on.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks";

/// The slice that CI runs: long enough to meet every command.
pub(crate) fn slice() -> Outcome {
    TARGETS.iter().try_for_each(|(target, _)| run(&[target, "20"]))
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    let Some(target) = args.first().filter(|name| TARGETS.iter().any(|(target, _)| target == *name)) else {
        let list: Vec<String> = TARGETS.iter().map(|(name, what)| format!("  {name}: {what}")).collect();
        return Err(format!("which target?\n{}", list.join("\n")));
    };
    let seconds = args.get(1).copied().unwrap_or("60");
    let seconds: u32 = seconds.parse().map_err(|_| format!("'{seconds}' is no number of seconds"))?;
    // The fuzzer itself is C++, compiled on the spot.
    setup::install_missing(&[("g++", "g++")])?;
    let corpus = run::root().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let limit = format!("-max_total_time={seconds}");
    let corpus = corpus.to_string_lossy();
    let host = "x86_64-unknown-linux-gnu";
    let cargo = ["run", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", host, "--bin", target, "--"];
    let fuzzer = [corpus.as_ref(), &limit, "-rss_limit_mb=4096", "-max_len=4096", "-print_final_stats=1"];
    run::cargo_with(&[&cargo[..], &fuzzer].concat(), &[("RUSTFLAGS", FLAGS)])
}
