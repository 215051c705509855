//! Running other programs, and saying what runs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

pub(crate) type Outcome = Result<(), String>;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from))
}

pub(crate) fn say(text: &str) {
    // Nobody reads: nothing to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs cargo in the workspace's root.
pub(crate) fn cargo(args: &[&str]) -> Outcome {
    cargo_with(args, &[])
}

/// Runs cargo with environment variables.
pub(crate) fn cargo_with(args: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    program(&cargo, args, variables)
}

/// Runs a program in the workspace's root and fails when it fails.
pub(crate) fn program(name: &str, args: &[&str], variables: &[(&str, &str)]) -> Outcome {
    let shown = format!("{} {}", Path::new(name).file_name().unwrap_or_default().to_string_lossy(), args.join(" "));
    say(&format!("xtask: {shown}"));
    let status = Command::new(name).args(args).envs(variables.iter().copied()).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

/// Runs a step and says how long it took.
pub(crate) fn timed(name: &str, step: fn() -> Outcome) -> Outcome {
    let start = Instant::now();
    let outcome = step();
    say(&format!("xtask: {name}: {} after {:.0?}", if outcome.is_ok() { "ok" } else { "FAILED" }, start.elapsed()));
    outcome
}
