//! What the tests need on the machine: Debian's packages, installed when a program of theirs is missing, and the clients
//! of other languages.

use std::path::Path;

use crate::clients;
use crate::run::{self, Outcome};

/// A program that tests start, and Debian's package that has it.
const NEEDED: [(&str, &str); 6] = [
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("etcd", "etcd-server"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("faketime", "faketime"),
];

/// Installs the packages of the tests' programs that are missing.
pub(crate) fn install() -> Outcome {
    install_missing(&NEEDED)?;
    clients::install()
}

/// Installs the packages whose programs are missing: pairs of a program and Debian's package that has it.
pub(crate) fn install_missing(needed: &[(&str, &str)]) -> Outcome {
    let missing: Vec<&str> =
        needed.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() { Ok(()) } else { install_packages(&missing) }
}

/// Installs Debian's packages.
pub(crate) fn install_packages(packages: &[&str]) -> Outcome {
    if !on_path("apt-get") {
        return Err(format!("please install {} (this machine has no apt-get)", packages.join(", ")));
    }
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    run::program("apt-get", &["-qq", "update"], &quiet)?;
    let install = [&["-qq", "install", "--yes", "--no-install-recommends"], packages].concat();
    run::program("apt-get", &install, &quiet)
}

/// Whether a program is on the path, or where Debian puts those that are for root.
fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    dirs.into_iter().any(|dir| is_file(&dir.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| it.is_file())
}
