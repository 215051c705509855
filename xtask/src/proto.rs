//! The code that is made of `.proto` files: checked in, so that nobody who builds jcache needs a compiler for them.

use crate::run::{self, Outcome};

/// Makes the code anew, or with `--check` says whether what is checked in is what the files say.
pub(crate) fn run(args: &[&str]) -> Outcome {
    run::cargo(&[&["run", "--quiet", "--manifest-path", "proto/Cargo.toml", "--"], args].concat())
}
