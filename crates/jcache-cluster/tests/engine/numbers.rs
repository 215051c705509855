//! Each rule of the design is found by its number in the code: where `ARCHITECTURE.md` says, and nowhere is one missing.
//! Each switch removes something.

use std::fs;
use std::path::{Path, PathBuf};

use jcache_cluster::engine::Switch;

/// Rules R1 to R12 of the design paper.
const RULES: u32 = 12;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code of a folder and of those in it, but for what names the switches.
fn code(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("the engine is there").map(|entry| entry.expect("readable").path());
    let read = |path: PathBuf| match path.is_dir() {
        true => code(&path),
        false => fs::read_to_string(path).expect("text"),
    };
    entries.filter(|path| !path.ends_with("switch.rs")).map(read).collect()
}

/// The numbers that a text names: `R4` is one, the `R12` in `FOR12` is none.
fn numbers(text: &str) -> Vec<u32> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|word| word.strip_prefix('R')?.parse().ok()).filter(|rule| (1..=RULES).contains(rule)).collect()
}

#[test]
fn every_rule_is_named_where_the_architecture_says() {
    let page = read("../../ARCHITECTURE.md");
    let rows = page.lines().filter(|line| line.starts_with("| R"));
    let mut told = Vec::new();
    for row in rows {
        let [_, what, places, _] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let (first, also) = places.split_once("also").unwrap_or((places, ""));
        for (rules, files) in [(numbers(what), first), (numbers(places), also)] {
            let names = files.split('`').filter(|word| word.ends_with(".rs")).collect::<Vec<_>>();
            for rule in rules {
                told.push(rule);
                let file = |name: &str| if name == "engine.rs" { name.into() } else { format!("engine/{name}") };
                let named = |name: &&str| numbers(&read(&format!("src/{}", file(name)))).contains(&rule);
                assert!(names.iter().any(named), "R{rule} is not named in {names:?}");
            }
        }
    }
    for rule in 1..=RULES {
        assert!(told.contains(&rule), "ARCHITECTURE.md does not say where R{rule} is kept");
    }
}

#[test]
fn every_switch_removes_something() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    let code = code(&folder) + &read("src/engine.rs");
    for switch in Switch::ALL {
        assert!(code.contains(&format!("off(Switch::{switch:?})")), "{switch:?} is asked nowhere");
    }
    for rule in 1..=RULES {
        let begins = |switch: &Switch| {
            let name = format!("{switch:?}");
            let rest = name.strip_prefix(&format!("R{rule}")).map(str::to_owned);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        assert!(Switch::ALL.iter().any(begins), "R{rule} has no switch");
    }
}
