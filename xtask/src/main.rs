//! The project's own commands: `cargo xtask test`, `cargo xtask ci` and their parts.
//!
//! It stands on the standard library alone, so that it is built in a second on a fresh machine.

mod bench;
mod clients;
mod faults;
mod fuzz;
mod proto;
mod run;
mod setup;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  test [ARGS…]     install what the tests need when it is missing, and run every test
                   (ARGS go to `cargo test`, e.g. -p jcache-core lists)
  ci               what CI runs: fmt, tidy, clippy, test, a slice of sim, doc, and a slice of fuzz
  fmt              check the formatting
  clippy           lint with warnings denied
  doc              build the documentation with warnings denied
  tidy             check the project's own rules (see CONTRIBUTING.md)
  setup            install what the tests need when it is missing
  diff [N] [SEED]  N random invocations per family against redis-server (default 200000)
  model [--full]   check the replication rules state by state; --full exhausts the large bounds (minutes)
  sim [OPTIONS]    run the simulator of the cluster: --seeds N (default 500), --first-seed S, --nodes N,
                   --seconds S (of faults), --minutes M (of this machine), --trace, --without RULE;
                   --unclean allows unclean starts in every seed;
                   --weakened switches each rule off and says after how many seeds that is noticed;
                   long runs tell every 1,000 seeds how far they are
  faults [OPTIONS] real processes under faults: --only T-4,…, --seeds N (default 1), --first-seed S, --seconds N
                   (for the rounds of one run), --short, --list (see CONTRIBUTING.md)
  bench TABLE …    measure: `memory`, `layer`, `commands`, `node` or `cluster` (three nodes and etcd against
                   redis-server with replicas), with --quick, --callgrind, --out DIR and --only SECTION,…
                   (see bench/README.md)
  connections      10,000 idle connections and 1,000 active ones: what `bench node --only connections` measures
  soak [S]         two threads on a bounded memory for S seconds (default 60): the bound, leaks, stale reads
  sanitize         the tests of values and memory under AddressSanitizer, leaks included
  schedules [N]    the memory's locks, leases and waiters under N schedules of a model checker (default 2000)
  fuzz TARGET [S]  fuzz a target for S seconds (default 60); `cargo xtask fuzz` lists the targets
  proto [--check]  make the code of the .proto files anew, or say whether it is out of date
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["test", ref rest @ ..] => test(rest),
        ["ci"] => ci(),
        ["fmt"] => run::cargo(&["fmt", "--all", "--check"]),
        ["clippy"] => clippy(),
        ["doc"] => doc(),
        ["tidy"] => tidy::check(),
        ["setup"] => setup::install(),
        ["diff", ref rest @ ..] => diff(rest),
        ["sim", ref rest @ ..] => sim(rest),
        ["model"] => model(&[]),
        ["model", "--full"] => model(&[("JCACHE_MODEL_FULL", "1")]),
        ["faults", ref rest @ ..] => faults::run(rest),
        ["bench", ref rest @ ..] => bench::run(rest),
        ["connections", ref rest @ ..] => bench::run(&[&["node", "--only", "connections"], rest].concat()),
        ["soak", ref rest @ ..] => soak(rest),
        ["sanitize"] => sanitize(),
        ["schedules", ref rest @ ..] => schedules(rest),
        ["fuzz", ref rest @ ..] => fuzz::run(rest),
        ["proto", ref rest @ ..] => proto::run(rest),
        ["help" | "--help" | "-h"] => {
            run::say(HELP);
            Ok(())
        }
        _ => Err(format!("unknown command: {}\n\n{HELP}", args.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::say(&format!("xtask: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn test(args: &[&str]) -> run::Outcome {
    setup::install()?;
    let scope: &[&str] = if args.is_empty() { &["--workspace"] } else { &[] };
    run::cargo_with(&[&["test"], scope, args].concat(), &[("JCACHE_REQUIRE_SERVERS", "1")])?;
    if args.is_empty() {
        // The examples are programs that users copy: they must not only compile.
        run::cargo(&["test", "--workspace", "--examples"])?;
    }
    Ok(())
}

fn clippy() -> run::Outcome {
    run::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn doc() -> run::Outcome {
    run::cargo_with(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")])
}

fn diff(args: &[&str]) -> run::Outcome {
    setup::install()?;
    let invocations = args.first().copied().unwrap_or("200000");
    let mut settings = vec![("JCACHE_REQUIRE_SERVERS", "1"), ("JCACHE_DIFF", invocations)];
    settings.extend(args.get(1).map(|seed| ("JCACHE_SEED", *seed)));
    run::cargo_with(&["test", "--release", "-p", "jcache-testkit", "--test", "differential_model"], &settings)?;
    run::cargo_with(&["test", "--release", "-p", "jcache-memory", "--test", "differential"], &settings)
}

fn soak(args: &[&str]) -> run::Outcome {
    let seconds = args.first().copied().unwrap_or("60");
    let _: u32 = seconds.parse().map_err(|_| format!("'{seconds}' is no number of seconds"))?;
    let test = ["test", "-p", "jcache-memory", "--test", "soak", "--", "--nocapture"];
    run::cargo_with(&test, &[("JCACHE_SOAK", seconds)])
}

/// The crate's own code with the checker's locks and atomics in place of its own; built apart from everything else.
fn schedules(args: &[&str]) -> run::Outcome {
    let schedules = args.first().copied().unwrap_or("2000");
    let _: u32 = schedules.parse().map_err(|_| format!("'{schedules}' is no number of schedules"))?;
    let settings = [("RUSTFLAGS", "--cfg shuttle"), ("JCACHE_SCHEDULES", schedules)];
    run::cargo_with(&["test", "-p", "jcache-memory", "--lib", "--target-dir", "target/model", "models"], &settings)
}

/// The unsafe code and its heaviest user. The sanitizer is part of the stable compiler, which only has to be told that we
/// mean it; what is built like this lies apart from everything else.
fn sanitize() -> run::Outcome {
    let settings = [("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Zsanitizer=address"), ("ASAN_OPTIONS", "detect_leaks=1")];
    let target = ["--target", "x86_64-unknown-linux-gnu", "--target-dir", "target/sanitize"];
    let value = [
        "test",
        "-p",
        "jcache-value",
        "--lib",
        "--test",
        "entry",
        "--test",
        "model",
        "--test",
        "threads",
        "--test",
        "value",
    ];
    let memory =
        ["test", "-p", "jcache-memory", "--lib", "--test", "model", "--test", "concurrency", "--test", "waiters"];
    let bounds = ["--test", "bound", "--test", "quotas", "--test", "removals"];
    run::cargo_with(&[&value[..], &target].concat(), &settings)?;
    run::cargo_with(&[&memory[..], &bounds, &target].concat(), &settings)
}

fn model(settings: &[(&str, &str)]) -> run::Outcome {
    let test =
        ["test", "--release", "-p", "jcache-cluster", "--test", "model", "--", "--nocapture", "--test-threads=2"];
    run::cargo_with(&test, settings)
}

/// Optimising across crates takes minutes, and saves seconds here.
const SIM_PROFILE: [(&str, &str); 2] =
    [("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")];

fn sim(args: &[&str]) -> run::Outcome {
    let example = ["run", "--release", "-p", "jcache-testkit", "--features", "switches", "--example", "simulate", "--"];
    run::cargo_with(&[&example, args].concat(), &SIM_PROFILE)
}

/// What CI runs: 500 seeds, one seed twice, and the rules switched off one by one.
fn sim_slice() -> run::Outcome {
    sim(&["--seeds", "500"])?;
    let tests = ["test", "--release", "-p", "jcache-testkit", "--features", "switches", "--test"];
    run::cargo_with(&[&tests[..], &["simulator", "--test", "weakened"]].concat(), &SIM_PROFILE)?;
    run::cargo(&["test", "-p", "jcache-cluster", "--features", "switches", "--test", "engine"])
}

fn ci() -> run::Outcome {
    type Step = fn() -> run::Outcome;
    let steps: [(&str, Step); 8] = [
        ("fmt", || run::cargo(&["fmt", "--all", "--check"])),
        ("tidy", tidy::check),
        ("proto", || proto::run(&["--check"])),
        ("clippy", clippy),
        ("test", || test(&[])),
        ("sim", sim_slice),
        ("doc", doc),
        ("fuzz", fuzz::slice),
    ];
    for (name, step) in steps {
        run::timed(name, step)?;
    }
    Ok(())
}
