//! The effective configuration as a TOML file: what `jcache serve --print-config` shows.
//!
//! The file can be read back. Each value has its source beside it; a value with a secret in it is a comment.

use super::kind::Shape;
use super::table::{SETTINGS, Setting};
use super::{Loaded, Source};

/// Values as they stand behind the `=`.
pub(super) fn value(setting: &Setting, texts: &[String]) -> String {
    let one = |text: &String| match (setting.shape, text.as_str()) {
        (Shape::Boolean, "yes") => "true".to_owned(),
        (Shape::Boolean, "no") => "false".to_owned(),
        (Shape::Number, number) if !number.is_empty() => number.to_owned(),
        (_, text) => quoted(text),
    };
    let texts: Vec<String> = texts.iter().map(one).collect();
    if setting.many { format!("[{}]", texts.join(", ")) } else { texts.concat() }
}

/// A text as a basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

impl Loaded {
    /// The settings as a file.
    pub(crate) fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for setting in SETTINGS {
            if setting.section != section {
                section = setting.section;
                let gap = if text.is_empty() { "" } else { "\n" };
                text.push_str(&format!("{gap}# {section}\n"));
            }
            let (open, all) = ((setting.mask)(&self.config), (setting.get)(&self.config));
            let hidden = if open == all { "" } else { "# " };
            let source = self.source(setting.name);
            text.push_str(&format!("{hidden}{} = {}  # {source}\n", setting.name, value(setting, &open)));
        }
        text
    }

    /// What differs from the defaults, for the log: name, value and source.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, String, &Source)> {
        let given = SETTINGS.iter().filter(|setting| self.is_given(setting.name));
        given.map(|it| (it.name, (it.mask)(&self.config).join(" "), self.source(it.name)))
    }
}
