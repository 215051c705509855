//! The Redis clients of other languages that the node is held against: redis-py, ioredis and node-redis, in the versions
//! and with the hashes that stand in `crates/jcache-node/tests/clients`. They are put into the target folder, once.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{self, Outcome};
use crate::setup;

/// Installs what is not there in the version that the project names. This needs a network.
pub(crate) fn install() -> Outcome {
    let clients = run::target().join("clients");
    let part = |name: &str, files: &[&str], fill: fn(&Path) -> Outcome| {
        once(&clients.join(name), files, fill).map_err(|error| format!("the {name} clients of the tests: {error}"))
    };
    part("python", &["requirements.txt"], python)?;
    part("javascript", &["package.json", "package-lock.json"], javascript)
}

/// Fills `place` afresh, unless it was filled from the same files before: it keeps a copy of them, made last.
fn once(place: &Path, files: &[&str], fill: fn(&Path) -> Outcome) -> Outcome {
    let source = run::root().join("crates/jcache-node/tests/clients");
    let text = |path: PathBuf| std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()));
    let wanted = files.iter().map(|file| text(source.join(file))).collect::<Result<Vec<_>, _>>()?.concat();
    let stamp = place.join("installed");
    if text(stamp.clone()).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    let failed = |error| format!("{}: {error}", place.display());
    if place.exists() {
        std::fs::remove_dir_all(place).map_err(failed)?;
    }
    std::fs::create_dir_all(place).map_err(failed)?;
    for file in files {
        std::fs::copy(source.join(file), place.join(file)).map_err(failed)?;
    }
    fill(place)?;
    std::fs::write(stamp, wanted).map_err(failed)
}

fn python(place: &Path) -> Outcome {
    let has_venv = Command::new("python3").args(["-c", "import ensurepip, venv"]).stderr(Stdio::null()).status();
    if !has_venv.is_ok_and(|status| status.success()) {
        setup::install_packages(&["python3-venv"])?;
    }
    let folder = place.display().to_string();
    run::program("python3", &["-m", "venv", &folder], &[])?;
    let list = place.join("requirements.txt").display().to_string();
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", &list];
    run::program(&format!("{folder}/bin/python"), &pip, &[])
}

fn javascript(place: &Path) -> Outcome {
    setup::install_missing(&[("node", "nodejs"), ("npm", "npm")])?;
    let folder = place.display().to_string();
    run::program("npm", &["ci", "--prefix", &folder, "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], &[])
}
