//! The project's own rules, checked on the text of the tree; CONTRIBUTING.md says why they are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{self, Outcome};

/// The longest source file, in lines; a longer one has a seam.
const LONGEST: usize = 700;

/// Folders that hold nothing written by hand.
const SKIPPED: [&str; 4] = ["target", "generated", "corpus", "artifacts"];

/// A text that must not occur in certain places.
struct Rule {
    why: &'static str,
    words: &'static [&'static str],
    /// Path prefixes where it holds.
    within: &'static [&'static str],
    /// Path prefixes, below those, where it does not.
    except: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        why: "core reads no clock, no random source, and does no I/O",
        words: &[
            "SystemTime::now",
            "Instant::now",
            "fastrand",
            "getrandom",
            "tokio::",
            "std::net",
            "std::fs",
            "std::thread",
        ],
        within: &["crates/jcache-core/src"],
        except: &[],
    },
    Rule {
        why: "outside core no code handles a command by its name",
        words: &[
            "Query::Get",
            "Mutation::Set",
            "Query::H",
            "Mutation::H",
            "command::string::",
            "command::hash::",
            "command::list::",
            "command::set::",
            "command::sorted_set::",
            "command::key::",
        ],
        within: &["crates/jcache-redis/src", "crates/jcache-memory/src", "crates/jcache/src/levels"],
        except: &["crates/jcache/src/levels/tests", "crates/jcache/src/levels/repair.rs"],
    },
    Rule {
        why: "unsafe code is in jcache-value only",
        words: &["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "allow(unsafe_code)"],
        within: &["crates", "xtask"],
        except: &["crates/jcache-value", "crates/jcache/tests", "crates/jcache-memory/tests", "xtask/src/tidy.rs"],
    },
    Rule {
        why: "nothing unfinished, nothing switched off",
        words: &["todo!(", "unimplemented!(", "FIXME", "XXX", "#[ignore", "dbg!("],
        within: &["crates", "xtask", "fuzz"],
        except: &["xtask/src/tidy.rs"],
    },
    Rule {
        why: "no type of the Redis client in a public signature",
        words: &["pub fn connect(client: redis::", "pub use redis::", "-> redis::"],
        within: &[
            "crates/jcache-redis/src/lib.rs",
            "crates/jcache-redis/src/builder.rs",
            "crates/jcache-redis/src/driver.rs",
        ],
        except: &[],
    },
];

/// Checks every rule and says all that is wrong.
pub(crate) fn check() -> Outcome {
    let root = run::root();
    let mut files = Vec::new();
    for part in ["crates", "xtask", "fuzz", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        collect(&root.join(part), &mut files);
    }
    let mut wrong = Vec::new();
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file).to_string_lossy().into_owned();
        let Ok(text) = fs::read_to_string(file) else { continue };
        check_file(&name, &text, &mut wrong);
        if name.ends_with(".md") {
            check_links(&root, &name, &text, &mut wrong);
        }
        if name.starts_with("crates/") && name.ends_with("/Cargo.toml") && !text.contains("[lints") {
            wrong.push(format!("{name}: no lint table"));
        }
    }
    if wrong.is_empty() {
        run::say(&format!("xtask: tidy: {} files", files.len()));
        return Ok(());
    }
    Err(format!("not tidy:\n  {}", wrong.join("\n  ")))
}

fn check_file(name: &str, text: &str, wrong: &mut Vec<String>) {
    let applies = |rule: &&Rule| {
        rule.within.iter().any(|it| name.starts_with(it)) && !rule.except.iter().any(|it| name.starts_with(it))
    };
    let source = name.ends_with(".rs");
    // Tests inside a source file stand at its end, and may do what the code may not.
    let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or(text);
    for rule in RULES.iter().filter(applies).filter(|_| source) {
        for (number, line) in code.lines().enumerate() {
            let statement = line.split("//").next().unwrap_or(line);
            if let Some(word) = rule.words.iter().find(|word| statement.contains(**word)) {
                wrong.push(format!("{name}:{}: '{word}': {}", number + 1, rule.why));
            }
        }
    }
    if source && !text.starts_with("//!") && !name.contains("/tests/compile_fail/") {
        wrong.push(format!("{name}: does not open with what it is (//!)"));
    }
    if source && code.lines().count() > LONGEST {
        wrong.push(format!("{name}: {} lines; is there a seam?", code.lines().count()));
    }
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.ends_with([' ', '\t'])) {
        if !name.ends_with(".stderr") {
            wrong.push(format!("{name}:{}: trailing white space after '{}'", number + 1, line.trim()));
        }
    }
}

/// Links in the documents to files of the project must lead somewhere.
fn check_links(root: &Path, name: &str, text: &str, wrong: &mut Vec<String>) {
    for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let path = target.split('#').next().unwrap_or_default();
        if !path.is_empty() && !path.contains("://") && !root.join(path).exists() {
            wrong.push(format!("{name}: the link to {target} leads nowhere"));
        }
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let skip = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| SKIPPED.contains(&name));
        let kind = path.extension().and_then(|it| it.to_str());
        if path.is_dir() && !skip {
            collect(&path, files);
        } else if matches!(kind, Some("rs" | "toml" | "md")) {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_what_it_forbids() {
        for rule in RULES {
            let name = format!("{}/any.rs", rule.within[0].trim_end_matches(".rs"));
            let name = if rule.within[0].ends_with(".rs") { rule.within[0].to_owned() } else { name };
            let mut wrong = Vec::new();
            check_file(&name, &format!("//! What it is.\nfn f() {{ {} }}\n", rule.words[0]), &mut wrong);
            assert_eq!(wrong.len(), 1, "{}", rule.why);
        }
    }

    #[test]
    fn comments_and_tests_may_name_what_code_may_not() {
        let mut wrong = Vec::new();
        let text =
            "//! It is.\n// no Instant::now here\n\n#[cfg(test)]\nmod tests {\n    fn f() { Instant::now(); }\n}\n";
        check_file("crates/jcache-core/src/any.rs", text, &mut wrong);
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn a_file_says_what_it_is() {
        let mut wrong = Vec::new();
        check_file("crates/jcache/src/any.rs", "fn f() {}\n", &mut wrong);
        assert_eq!(wrong.len(), 1);
    }
}
