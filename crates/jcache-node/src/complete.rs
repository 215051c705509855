//! What the shell offers while a line is typed: names and options on Tab, and dimmed behind the cursor what may follow.

use std::borrow::Cow;

use jcache::command::{find_spec, specs};
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper, Result};

use crate::split::split;
use crate::usage::Shape;
use crate::{options, words};

/// Completes and hints from the command table.
#[derive(Debug, Default)]
pub(crate) struct Assistant {
    /// Further names, of which nothing else is known.
    pub(crate) more: Vec<String>,
}

impl Helper for Assistant {}

impl Validator for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>)> {
        Ok(complete(&line[..pos], &self.more))
    }
}

fn complete(line: &str, more: &[String]) -> (usize, Vec<Pair>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |space| space + 1);
    let begun = &line[start..];
    // A line that is cut within quotes stands within a value.
    let Ok(given) = split(&line.as_bytes()[..start]) else { return (start, Vec::new()) };
    let mut names: Vec<&str> = match &given[..] {
        [] => commands(more),
        [word] if words::find(word) == Some(words::Word::Help) => commands(&[]),
        given => options::after(&given.iter().map(Vec::as_slice).collect::<Vec<_>>()),
    };
    names.retain(|name| name.get(..begun.len()).is_some_and(|head| head.eq_ignore_ascii_case(begun)));
    // As the user types, so it goes on.
    let upper = begun.chars().any(|c| c.is_ascii_uppercase());
    let pair = |name: &str| {
        let display = if upper { name.to_owned() } else { name.to_ascii_lowercase() };
        Pair { replacement: format!("{display} "), display }
    };
    (start, names.into_iter().map(pair).collect())
}

fn commands(more: &[String]) -> Vec<&str> {
    let own = specs().filter_map(|spec| spec.words().next()).chain(words::names());
    let more = more.iter().map(String::as_str);
    let mut names: Vec<&str> = own.map(|name| -> &str { name }).chain(more).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What may follow: shown, never inserted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Following(String);

impl Hint for Following {
    fn display(&self) -> &str {
        &self.0
    }
    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Assistant {
    type Hint = Following;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<Following> {
        if pos < line.len() { None } else { hint(line).map(Following) }
    }
}

fn hint(line: &str) -> Option<String> {
    let given = split(line.as_bytes()).ok()?;
    let (name, args) = given.split_first()?;
    let ended = line.ends_with(char::is_whitespace);
    let (shape, summary) = match (words::find(name), find_spec(name)) {
        (Some(word), _) => (if args.is_empty() { word.shape().to_owned() } else { String::new() }, word.summary()),
        (None, Some(spec)) => {
            let options = options::after(&given.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let options = format!("[{}]", options.join("|"));
            (Shape::of(spec).after(args.len(), Some(&*options).filter(|it| *it != "[]")), spec.summary)
        }
        (None, None) => return None,
    };
    let summary = if args.is_empty() { summary } else { "" };
    let gap = if shape.is_empty() || summary.is_empty() { "" } else { "  " };
    let space = if ended { "" } else { " " };
    let text = format!("{shape}{gap}{summary}");
    if text.is_empty() { None } else { Some(format!("{space}{text}")) }
}

impl Highlighter for Assistant {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[90m{hint}\x1b[0m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> (usize, Vec<String>) {
        let (start, pairs) = complete(line, &["HELLO".to_owned()]);
        (start, pairs.into_iter().map(|pair| pair.replacement).collect())
    }

    #[test]
    fn names_and_options_are_completed() {
        for (line, start, expected) in [
            ("hgeta", 0, &["hgetall "][..]),
            ("HGETA", 0, &["HGETALL "]),
            ("hell", 0, &["hello "]),
            ("expla", 0, &["explain "]),
            ("help zra", 5, &["zrange "]),
            ("set k v ke", 8, &["keepttl "]),
            ("set k v P", 8, &["PX ", "PXAT "]),
            ("set k ", 6, &[]),
            ("set \"a k", 7, &[]),
            ("nosuch ", 7, &[]),
            ("é", 0, &[]),
        ] {
            let (at, mut names) = completed(line);
            // More commands may begin with the same letters one day.
            names.retain(|name| expected.is_empty() || expected.contains(&&**name));
            assert_eq!(
                (at, &names[..]),
                (start, &expected.iter().map(|it| it.to_string()).collect::<Vec<_>>()[..]),
                "{line}"
            );
        }
    }

    #[test]
    fn hints_tell_what_may_follow() {
        let summary = find_spec(b"GET").unwrap().summary;
        for (line, expected) in [
            ("get", Some(format!(" key  {summary}"))),
            ("get ", Some(format!("key  {summary}"))),
            ("get k", None),
            ("expire", find_spec(b"EXPIRE").map(|spec| format!(" key arg [arg ...]  {}", spec.summary))),
            ("set k", Some(" arg [arg ...]".to_owned())),
            ("set k v nx get ", Some("[EX|PX|EXAT|PXAT|KEEPTTL]".to_owned())),
            (
                "explain ",
                Some("key  Shows what each level has at a key, for how long, and which would answer".to_owned()),
            ),
            ("nosuch", None),
            ("", None),
            ("get \"", None),
        ] {
            assert_eq!(hint(line), expected, "{line}");
        }
    }
}
