//! Real processes under faults: builds the binary and the harness side by side, and runs it.

use crate::run::{self, Outcome};
use crate::setup;

/// As users run it, but for what takes minutes to build and saves little here.
const PROFILE: [(&str, &str); 2] =
    [("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")];

pub(crate) fn run(args: &[&str]) -> Outcome {
    setup::install()?;
    let both = ["build", "--release", "--quiet", "-p", "jcache-node", "-p", "jcache-faults"];
    run::cargo_with(&both, &PROFILE)?;
    let harness = run::target().join("release/jcache-faults");
    run::program(&harness.to_string_lossy(), args, &[])
}
