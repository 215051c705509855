//! Configuration: flags, `JCACHE_*` variables and a TOML file, which all say the same things.
//!
//! - [`table`] is the list of settings, [`kind`] their types;
//! - [`file`], [`flags`] and the environment give texts for settings; here the strongest source of each wins: a flag,
//!   then a variable, then the file, then the default;
//! - [`check`] finds settings that contradict each other;
//! - [`print`] shows the result as a file, [`rewrite`] writes what has changed into the file it came from.

mod check;
mod file;
pub(crate) mod flags;
pub(crate) mod hint;
pub(crate) mod kind;
mod print;
pub(crate) mod rewrite;
pub(crate) mod table;

use std::fmt;
use std::path::{Path, PathBuf};

use flags::Given;
pub(crate) use table::Config;
use table::{SETTINGS, Setting};

/// The variable that names the file.
const FILE_VARIABLE: &str = "JCACHE_CONFIG";

/// Where the value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File { path: PathBuf, line: usize },
    Variable(String),
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File { path, line } => write!(f, "{}:{line}", path.display()),
            Source::Variable(name) => f.write_str(name),
            Source::Flag(name) => write!(f, "--{name}"),
        }
    }
}

impl Source {
    /// Something wrong about a setting that comes from here.
    fn wrong(&self, name: &str, what: impl Into<String>) -> Wrong {
        match self {
            // They have the setting's name already.
            Source::Variable(_) | Source::Flag(_) => Wrong::new(self, what),
            Source::File { .. } | Source::Default => Wrong::new(self, format!("{name}: {}", what.into())),
        }
    }
}

/// A configuration that cannot be used: where, what, and what may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    place: String,
    what: String,
    help: Option<String>,
}

impl Wrong {
    fn new(place: impl fmt::Display, what: impl Into<String>) -> Self {
        Self { place: place.to_string(), what: what.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn unknown(place: impl fmt::Display, name: &str) -> Self {
        let wrong = Self::new(place, format!("unknown setting '{name}'"));
        match hint::nearest(name, SETTINGS.iter().map(|setting| setting.name)) {
            Some(near) => wrong.help(format!("did you mean '{near}'?")),
            None => wrong.help("`jcache serve --print-config` shows all there are"),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  {help}"))
    }
}

impl std::error::Error for Wrong {}

/// The settings, and where each comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// In the order of the table.
    sources: Vec<Source>,
    /// What is odd but no error, for the log.
    pub(crate) warnings: Vec<String>,
    /// The file, if there is one.
    pub(crate) file: Option<PathBuf>,
}

impl Loaded {
    /// Where the value of a setting comes from.
    pub(crate) fn source(&self, name: &str) -> &Source {
        let index = SETTINGS.iter().position(|setting| setting.name == name);
        &self.sources[index.expect("the setting is in the table")]
    }

    /// Whether somebody has said what the setting is.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        *self.source(name) != Source::Default
    }

    fn set(&mut self, setting: &Setting, texts: &[String], source: Source) -> Result<(), Wrong> {
        (setting.set)(&mut self.config, texts).map_err(|what| source.wrong(setting.name, what))?;
        let index = SETTINGS.iter().position(|it| it.name == setting.name);
        self.sources[index.expect("the setting is in the table")] = source;
        Ok(())
    }
}

/// Reads the settings from everywhere, the weakest source first. `environment` are the variables of the process.
///
/// # Errors
/// A file that cannot be read, a setting that there is not, a value that it cannot have, and settings that contradict
/// each other.
pub(crate) fn load(given: &Given, environment: &[(String, String)]) -> Result<Loaded, Wrong> {
    let mut loaded = Loaded {
        config: Config::default(),
        sources: vec![Source::Default; SETTINGS.len()],
        warnings: Vec::new(),
        file: None,
    };
    let variable = |name: &str| environment.iter().find(|(it, _)| it == name).map(|(_, text)| text.as_str());
    let path = given.file.clone().or_else(|| variable(FILE_VARIABLE).map(PathBuf::from));
    if let Some(path) = &path {
        let text = std::fs::read_to_string(path).map_err(|error| Wrong::new(path.display(), error.to_string()))?;
        from_file(&mut loaded, path, &text)?;
        // It is found again when somebody changes the folder.
        loaded.file = Some(std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    }
    for setting in SETTINGS {
        let name = setting.variable();
        if let Some(text) = variable(&name) {
            loaded.set(setting, &setting.split(text), Source::Variable(name))?;
        }
    }
    loaded.warnings = strangers(environment);
    for (setting, texts) in &given.settings {
        loaded.set(setting, texts, Source::Flag(setting.name))?;
    }
    if !loaded.config.etcd.is_empty() && !loaded.is_given("level") {
        loaded.config.level = vec!["distributed".parse().expect("a level")];
    }
    check::check(&loaded)?;
    Ok(loaded)
}

fn from_file(loaded: &mut Loaded, path: &Path, text: &str) -> Result<(), Wrong> {
    let place = |line: usize, column: usize| format!("{}:{line}:{column}", path.display());
    for entry in file::entries(text).map_err(|bad| Wrong::new(place(bad.line, bad.column), bad.what))? {
        let here = place(entry.line, entry.column);
        let setting = table::find(&entry.name).ok_or_else(|| Wrong::unknown(&here, &entry.name))?;
        let source = Source::File { path: path.to_owned(), line: entry.line };
        let values = entry.values.map_err(|what| Wrong::new(&here, format!("{}: {what}", setting.name)))?;
        loaded.set(setting, &values, source)?;
    }
    Ok(())
}

/// Variables that look like a misspelt setting. Others with our prefix are not ours to judge: Kubernetes, for one,
/// gives every container variables that are named after services.
fn strangers(environment: &[(String, String)]) -> Vec<String> {
    let known = |name: &str| name == FILE_VARIABLE || SETTINGS.iter().any(|setting| setting.variable() == name);
    let misspelt = environment.iter().map(|(name, _)| name).filter(|name| !known(name)).filter_map(|name| {
        let rest = name.strip_prefix("JCACHE_")?;
        let near = hint::nearest(rest, SETTINGS.iter().map(|setting| setting.name))?;
        Some(format!("the variable {name} is no setting; did you mean {}?", table::find(near)?.variable()))
    });
    misspelt.collect()
}

#[cfg(test)]
mod tests;
