//! The words that the shell understands beside the commands of the cache.

use jcache::command::{Family, find_spec, specs};
use jcache::{Cache, Error, Explained, Presence, Reply, Result};

use crate::session::{Done, Session};
use crate::table::table;
use crate::usage;

/// A word of the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Help,
    Explain,
    Levels,
    Ping,
    Clear,
    Quit,
}

/// What a word is called, what it takes, what it does.
type Row = (Word, &'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    (Word::Help, "HELP", "[command]", "Lists the commands, or tells about one; also ?"),
    (Word::Explain, "EXPLAIN", "key", "Shows what each level has at a key, for how long, and which would answer"),
    (Word::Levels, "LEVELS", "", "Shows the levels, their health, and what they did"),
    (Word::Ping, "PING", "[message]", "Answers PONG, or the message"),
    (Word::Clear, "CLEAR", "", "Clears the screen"),
    (Word::Quit, "QUIT", "", "Leaves; also exit and Ctrl-D"),
];

/// The word called `name`, in any case.
pub(crate) fn find(name: &[u8]) -> Option<Word> {
    match name {
        b"?" => Some(Word::Help),
        name if name.eq_ignore_ascii_case(b"exit") => Some(Word::Quit),
        name => ROWS.iter().find(|row| name.eq_ignore_ascii_case(row.1.as_bytes())).map(|row| row.0),
    }
}

/// The names of the words.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.1)
}

impl Word {
    /// Whether the word means something where there is a cache to look into, and where a server answers commands.
    pub(crate) fn fits(self, cache: bool, server: bool) -> bool {
        match self {
            Word::Explain | Word::Levels => cache,
            // A server has its own.
            Word::Ping => !server,
            Word::Help | Word::Clear | Word::Quit => true,
        }
    }

    fn row(self) -> &'static Row {
        ROWS.iter().find(|row| row.0 == self).expect("every word has a row")
    }

    /// What the word takes, as help texts show it.
    pub(crate) fn shape(self) -> &'static str {
        self.row().2
    }

    /// What the word does.
    pub(crate) fn summary(self) -> &'static str {
        self.row().3
    }

    /// Does what the word says.
    ///
    /// # Errors
    /// Wrong number of arguments; for help, a command that does not exist.
    pub(crate) async fn run(self, session: &Session, args: &[Vec<u8>], out: &mut Vec<u8>) -> Result<Done> {
        let cache = session.cache.as_ref();
        let text = match (self, args) {
            (Word::Help, []) => overview(session),
            (Word::Help, [name, ..]) => about(name)?,
            (Word::Explain, [key]) => explained(&cache.expect("the word fits a cache").explain(key).await),
            (Word::Levels, []) => levels(cache.expect("the word fits a cache")),
            (Word::Ping, []) => {
                session.format.reply(Reply::Status("PONG".into()), out);
                return Ok(Done::Succeeded);
            }
            (Word::Ping, [message]) => {
                session.format.reply(Reply::Bulk(message.as_slice().into()), out);
                return Ok(Done::Succeeded);
            }
            // Moves to the upper left corner, then erases.
            (Word::Clear, _) => "\x1b[H\x1b[2J".to_owned(),
            (Word::Quit, _) => return Ok(Done::Quit),
            (Word::Explain | Word::Levels | Word::Ping, _) => return Err(Error::arity(self.row().1)),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(Done::Succeeded)
    }
}

fn overview(session: &Session) -> String {
    let families = [
        (Family::Key, "Keys"),
        (Family::String, "Strings"),
        (Family::Hash, "Hashes"),
        (Family::List, "Lists"),
        (Family::Set, "Sets"),
        (Family::SortedSet, "Sorted sets"),
    ];
    let mut text = String::from("Commands, in any case; `help COMMAND` tells about one.\n\n");
    for (family, title) in families {
        let mut names: Vec<&str> = specs().filter(|spec| spec.family == family).map(|spec| spec.name).collect();
        names.sort_unstable();
        text.push_str(&paragraph(title, &names));
    }
    text.push_str("\nThe shell itself understands:\n\n");
    let row = |(_, name, shape, summary): &Row| vec![format!("  {name} {shape}"), (*summary).to_owned()];
    let here = ROWS.iter().filter(|row| session.word(row.1.as_bytes()).is_some());
    text + &table(&here.map(row).collect::<Vec<_>>())
}

/// A title and words, wrapped.
fn paragraph(title: &str, words: &[&str]) -> String {
    let mut text = String::new();
    let mut line = format!("{title:12}");
    for word in words {
        if line.len() + word.len() >= 100 {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(12);
        }
        line.push_str(word);
        line.push(' ');
    }
    text + line.trim_end() + "\n"
}

fn about(name: &[u8]) -> Result<String> {
    if let Some(word) = find(name) {
        return Ok(format!("  {} {}\n  {}\n", word.row().1, word.shape(), word.summary()));
    }
    match find_spec(name) {
        Some(spec) => Ok(usage::about(spec)),
        None => {
            let name = String::from_utf8_lossy(name).into_owned();
            Err(Error::invalid(format!("ERR no such command as '{name}'; `help` lists them")))
        }
    }
}

fn explained(levels: &[Explained]) -> String {
    let mut rows = vec![["LEVEL", "HAS", "SIZE", "LIVES", ""].map(str::to_owned).to_vec()];
    for level in levels {
        let (has, size, lives) = match &level.presence {
            Presence::Has { kind, remaining, size } => {
                let unit = if kind == "string" { "byte" } else { "element" };
                let plural = if *size == 1 { "" } else { "s" };
                let lives = remaining.map_or_else(|| "for ever".to_owned(), usage::time);
                (kind.clone(), format!("{size} {unit}{plural}"), lives)
            }
            Presence::Missing => ("nothing".into(), String::new(), String::new()),
            Presence::Stale => ("an outdated copy".into(), String::new(), String::new()),
            Presence::Unavailable(error) => (format!("no answer: {error}"), String::new(), String::new()),
            _ => ("something else".into(), String::new(), String::new()),
        };
        let role = match (level.answers, level.authority) {
            (true, true) => "answers, decides writes",
            (true, false) => "answers",
            (false, true) => "decides writes",
            (false, false) => "",
        };
        rows.push(vec![level.level.to_string(), has, size, lives, role.to_owned()]);
    }
    table(&rows)
}

fn levels(cache: &Cache) -> String {
    let stats = cache.stats();
    let head = "LEVEL HEALTH HITS MISSES WRITES FILLS EFFECTS DROPS FAILURES SKIPPED MARKED";
    let mut rows = vec![head.split(' ').map(str::to_owned).collect::<Vec<_>>()];
    for level in &stats.levels {
        let health = crate::node::info::health(level.health);
        let counts = [level.hits, level.misses, level.writes, level.fills, level.effects, level.drops, level.failures];
        let mut row = vec![level.name.clone(), health.to_owned()];
        row.extend(counts.iter().chain([&level.skipped]).map(u64::to_string));
        row.push(level.marked.map_or_else(|| "all".to_owned(), |marked| marked.to_string()));
        row.extend(level.authority.then(|| "decides writes".to_owned()));
        rows.push(row);
    }
    let mut text = table(&rows);
    text.push_str(&format!(
        "Repairs: {} waiting, {} done, {} given up. While the deciding level was away: {} misses, {} writes.\n",
        stats.repairs_queued, stats.repairs_done, stats.repairs_given_up, stats.degraded_misses, stats.degraded_writes,
    ));
    text
}
