//! `CONFIG REWRITE`: the settings that were changed while the node ran, written into the file it was started with.
//!
//! Only what has changed is touched: values are replaced where they stand, and settings that the file does not name are
//! added at its end, so that comments and order stay. A password is not written: the node keeps only its hash.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::table::{SETTINGS, Setting, When};
use super::{Config, file, print};

/// The line before what is added.
const HEAD: &str = "# Added by CONFIG REWRITE:";

/// Writes `settings`, names and values as `CONFIG GET` tells them, into the file.
///
/// # Errors
/// A file that cannot be read or written, or that is no TOML any more; then it is as it was.
pub(crate) fn rewrite(path: &Path, settings: &[(String, String)]) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let changed = edit(&text, settings)?;
    if changed == text {
        return Ok(());
    }
    replace(path, &changed).map_err(|error| error.to_string())
}

/// Puts a new file in the place of the old one, with the same rights: nobody sees half of it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.{}", std::process::id()));
    let written = (|| {
        let mut out = fs::OpenOptions::new().write(true).create_new(true).open(&new)?;
        out.set_permissions(fs::metadata(path)?.permissions())?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        // What stopped it matters, not whether this is gone.
        let _ = fs::remove_file(&new);
    }
    written
}

fn edit(text: &str, settings: &[(String, String)]) -> Result<String, String> {
    let entries = file::entries(text).map_err(|bad| format!("line {}: {}", bad.line, bad.what))?;
    let (mut edits, mut added) = (Vec::new(), Vec::new());
    for setting in SETTINGS.iter().filter(|setting| setting.when == When::Live) {
        let Some((_, now)) = settings.iter().find(|(name, _)| name == setting.name) else { continue };
        let entry = entries.iter().find(|entry| entry.name == setting.name);
        let before = match entry {
            Some(entry) => entry.values.clone()?,
            None => setting.defaults(),
        };
        let (Some(before), Some(now)) = (read(setting, &before), read(setting, &setting.split(now))) else { continue };
        if before == now || is_secret(setting, &before) {
            continue;
        }
        let value = print::value(setting, &(setting.get)(&now));
        match entry {
            Some(entry) => edits.push((entry.span.clone(), value)),
            None => added.push(format!("{} = {value}", setting.name)),
        }
    }
    let mut edited = text.to_owned();
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    edits.into_iter().for_each(|(span, value)| edited.replace_range(span, &value));
    if !added.is_empty() {
        let gap = if edited.is_empty() || edited.ends_with('\n') { "" } else { "\n" };
        let head = if edited.contains(HEAD) { String::new() } else { format!("\n{HEAD}\n") };
        edited += &format!("{gap}{head}{}\n", added.join("\n"));
    }
    Ok(edited)
}

/// A configuration with nothing but this setting.
fn read(setting: &Setting, texts: &[String]) -> Option<Config> {
    let mut config = Config::default();
    (setting.set)(&mut config, texts).ok().map(|()| config)
}

fn is_secret(setting: &Setting, config: &Config) -> bool {
    setting.name == "requirepass" || (setting.mask)(config) != (setting.get)(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_touched() {
        let set =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        for (text, now, expected) in [
            ("# mine\nmaxclients = 5 # few\ntimeout=3\n", &[("maxclients", "5"), ("timeout", "3")][..], None),
            ("maxclients = 5 # few\n", &[("maxclients", "70")], Some("maxclients = 70 # few\n")),
            ("proto-max-bulk-len = \"1kb\"", &[("proto-max-bulk-len", "1024")], None),
            (
                "loglevel='debug'\ntimeout = 3",
                &[("timeout", "0"), ("loglevel", "notice")],
                Some("loglevel=\"notice\"\ntimeout = 0"),
            ),
            ("", &[("maxclients", "10000"), ("timeout", "0")], None),
            (
                "maxclients = 5",
                &[("maxclients", "5"), ("timeout", "9"), ("protected-mode", "no")],
                Some("maxclients = 5\n\n# Added by CONFIG REWRITE:\nprotected-mode = false\ntimeout = 9\n"),
            ),
            // Neither what cannot change while it runs, nor what is kept as a hash.
            ("listen = []\nrequirepass = \"a\"\n", &[("listen", "a:1"), ("requirepass", ""), ("nosuch", "1")], None),
        ] {
            assert_eq!(edit(text, &set(now)).as_deref(), Ok(expected.unwrap_or(text)), "{text:?}");
        }
        assert!(edit("maxclients", &[]).is_err_and(|error| error.starts_with("line 1: ")));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        assert!(rewrite(&path, &[]).is_err());
        fs::write(&path, "timeout = 1\n").unwrap();
        rewrite(&path, &[("timeout".to_owned(), "2".to_owned())]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "timeout = 2\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
