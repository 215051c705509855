//! The TOML file: names and values at its top level, each with its place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A setting as it stands in the file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) column: usize,
    /// The values as texts, or what is wrong with them.
    pub(super) values: Result<Vec<String>, String>,
    /// Where in the text the values stand.
    pub(super) span: Range<usize>,
}

/// A file that is no TOML.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) what: String,
}

/// The settings in `text`, in their order.
///
/// # Errors
/// `text` is no TOML.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Bad> {
    let table = DeTable::parse(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        Bad { line, column, what: error.message().lines().collect::<Vec<_>>().join("; ") }
    })?;
    let mut entries: Vec<(Range<usize>, Entry)> = Vec::new();
    for (name, value) in table.into_inner() {
        let (line, column) = place(text, name.span().start);
        let entry =
            Entry { name: name.get_ref().to_string(), line, column, values: values(text, &value), span: value.span() };
        entries.push((name.span(), entry));
    }
    entries.sort_by_key(|(span, _)| span.start);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

fn values(text: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, String> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().map(|item| scalar(text, item)).collect(),
        DeValue::Table(_) => Err("settings stand at the top level of the file, not in a table".to_owned()),
        _ => Ok(vec![scalar(text, value)?]),
    }
}

fn scalar(text: &str, value: &Spanned<DeValue<'_>>) -> Result<String, String> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Boolean(true) => Ok("yes".to_owned()),
        DeValue::Boolean(false) => Ok("no".to_owned()),
        // As it was written, so that messages repeat it.
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) => Ok(text[value.span()].to_owned()),
        DeValue::Array(_) | DeValue::Table(_) => Err("expected a text, a number, true or false".to_owned()),
    }
}

/// Line and column of a byte, both from 1 on.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at.min(text.len())];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}
