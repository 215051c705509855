//! What the command table tells about using a command.

use std::time::Duration;

use jcache::command::{Class, Family, KeyPositions, Spec};

use crate::options;

/// The arguments of a command, as far as its declaration names them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// One name for each argument that must be there.
    required: Vec<&'static str>,
    /// What may be repeated, and after how many of `required` it stands.
    repeated: Option<(&'static str, usize)>,
}

impl Shape {
    /// Reads the declaration.
    pub(crate) fn of(spec: &Spec) -> Self {
        let count = usize::from(spec.arity.unsigned_abs()) - 1;
        let keys = spec.keys;
        let last = if keys.last < 0 { count as i8 + keys.last + 1 } else { keys.last };
        let is_key = |at: i8| keys.first > 0 && (keys.first..=last).contains(&at) && (at - keys.first) % keys.step == 0;
        let required = (1..=count as i8).map(|at| if is_key(at) { "key" } else { "arg" }).collect();
        let repeated = (spec.arity < 0).then_some(match (keys.last < 0, keys.step) {
            (true, 1) => ("[key ...]", last as usize),
            (true, _) => ("[key arg ...]", count),
            (false, _) => ("[arg ...]", count),
        });
        Self { required, repeated }
    }

    /// What may follow after `given` arguments; `options` stands for what may be repeated, when given.
    pub(crate) fn after(&self, given: usize, options: Option<&str>) -> String {
        let mut words = Vec::new();
        for (at, name) in self.required.iter().enumerate() {
            if let Some((repeated, _)) = self.repeated.filter(|(_, place)| *place == at && *place >= given) {
                words.push(options.unwrap_or(repeated));
            }
            if at >= given {
                words.push(name);
            }
        }
        if let Some((repeated, _)) = self.repeated.filter(|(_, place)| *place >= self.required.len()) {
            words.push(options.unwrap_or(repeated));
        }
        words.join(" ")
    }
}

/// The help text of a command.
pub(crate) fn about(spec: &Spec) -> String {
    let mut text = format!("  {} {}\n  {}\n", spec.name, Shape::of(spec).after(0, None), spec.summary);
    let words = options::of(spec);
    if !words.is_empty() {
        text.push_str(&format!("  options: {}\n", words.join(" ")));
    }
    let family = match spec.family {
        Family::Key => "keys of any type",
        Family::String => "strings",
        Family::Hash => "hashes",
        Family::List => "lists",
        Family::Set => "sets",
        Family::SortedSet => "sorted sets",
    };
    let class = match spec.class {
        Class::Query if spec.keys == KeyPositions::NONE => "reads; the deciding level answers",
        Class::Query => "reads; the first level that has the key answers",
        Class::Blind => "writes, whatever is there; goes on while the deciding level is away",
        Class::Decides => "writes, depending on what is there; fails while the deciding level is away",
    };
    text + &format!("  for: {family}\n  levels: {class}\n")
}

/// A time for people, in milliseconds at the finest.
pub(crate) fn time(time: Duration) -> String {
    humantime::format_duration(Duration::from_millis(time.as_millis() as u64)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(arity: i8, keys: KeyPositions) -> Spec {
        Spec { name: "X", arity, class: Class::Query, family: Family::Key, keys, summary: "" }
    }

    #[test]
    fn shapes_follow_from_declarations() {
        for (arity, keys, given, expected) in [
            (1, KeyPositions::NONE, 0, ""),
            (-1, KeyPositions::NONE, 0, "[arg ...]"),
            (2, KeyPositions::ONE, 0, "key"),
            (-3, KeyPositions::ONE, 0, "key arg [arg ...]"),
            (-3, KeyPositions::ONE, 1, "arg [arg ...]"),
            (-3, KeyPositions::ONE, 5, "[arg ...]"),
            (3, KeyPositions::TWO, 0, "key key"),
            (3, KeyPositions::TWO, 2, ""),
            (-2, KeyPositions::ALL, 0, "key [key ...]"),
            (-3, KeyPositions::PAIRS, 0, "key arg [key arg ...]"),
            (-3, KeyPositions::ALL_BUT_LAST, 0, "key [key ...] arg"),
            (-3, KeyPositions::ALL_BUT_LAST, 1, "[key ...] arg"),
        ] {
            assert_eq!(Shape::of(&spec(arity, keys)).after(given, None), expected, "{arity} {keys:?} {given}");
        }
        assert_eq!(Shape::of(&spec(-3, KeyPositions::ONE)).after(2, Some("[NX|XX]")), "[NX|XX]");
    }
}
