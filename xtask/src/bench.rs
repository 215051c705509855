//! Measuring against the peers: builds the package in `bench/`, which is apart from the workspace, and runs it.

use crate::run::{self, Outcome};
use crate::setup;

pub(crate) fn run(args: &[&str]) -> Outcome {
    setup::install()?;
    if args.contains(&"--callgrind") {
        setup::install_missing(&[("valgrind", "valgrind")])?;
    }
    let mut more = Vec::new();
    if matches!(args.first(), Some(&"node" | &"cluster")) {
        run::cargo(&["build", "--release", "--quiet", "-p", "jcache-node"])?;
        more = vec!["--binary".to_owned(), run::target().join("release/jcache").to_string_lossy().into_owned()];
    }
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    let build = ["--release", "--quiet", "--manifest-path", "bench/Cargo.toml"];
    // All of it: the measuring program starts the package's other one.
    run::cargo(&[&["build", "--bins"], &build[..]].concat())?;
    run::cargo(&[&["run", "--bin", "jcache-bench"], &build[..], &["--"], args, &more].concat())
}
