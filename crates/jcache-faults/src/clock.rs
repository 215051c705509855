//! Wall clocks that can be set, by libfaketime: the process sees another date, and time passes for it as for all.

use std::path::{Path, PathBuf};

/// The library of Debian's package `libfaketime`; `None` when it is not installed.
pub fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|it| it.path());
    folders.map(|it| it.join("faketime/libfaketimeMT.so.1")).find(|it| it.is_file())
}

/// The variables of a process whose wall clock follows what is written into `file`.
///
/// # Panics
/// When the file cannot be written.
pub(crate) fn variables(file: &Path) -> Vec<String> {
    set(file, 0);
    let library = library().unwrap_or_default();
    vec![
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".into(),
        "FAKETIME_NO_CACHE=1".into(),
    ]
}

/// Moves the wall clock by so many seconds from the true time.
///
/// # Panics
/// When the file cannot be written.
pub(crate) fn set(file: &Path, seconds: i64) {
    // Written whole or not at all: the process reads it at any moment.
    let next = file.with_extension("next");
    let written = std::fs::write(&next, format!("{seconds:+}\n")).and_then(|()| std::fs::rename(&next, file));
    written.expect("the file of a clock can be written");
}
