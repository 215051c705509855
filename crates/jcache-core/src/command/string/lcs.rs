//! The longest common subsequence of two strings.

use jcache_value::Value;

use crate::arg::{ArgSink, Args, Key};
use crate::command::{Field, KeyPositions, Late, QueryCommand, command};
use crate::error::{Error, ErrorKind, Result};
use crate::keyspace::Keyspace;
use crate::reply::{Outcome, Reply};
use crate::time::Context;

/// The options of `LCS`: what is asked about the subsequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LcsOptions {
    /// `LEN`: its length.
    pub len: bool,
    /// `IDX`: where it stands in both strings.
    pub idx: bool,
    /// `MINMATCHLEN`: with `IDX`, leaves out parts that are shorter; negative is as zero.
    pub min_match_len: i64,
    /// `WITHMATCHLEN`: with `IDX`, tells the length of each part.
    pub with_match_len: bool,
}

impl<'a> Field<'a> for LcsOptions {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.take_word("IDX") {
                options.idx = true;
            } else if args.take_word("LEN") {
                options.len = true;
            } else if args.take_word("WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.len() >= 2 && args.take_word("MINMATCHLEN") {
                options.min_match_len = args.take_i64()?.max(0);
            } else {
                return Err(Error::syntax());
            }
        }
        if options.len && options.idx {
            return Err(Error::invalid("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(options)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        for (set, word) in [(self.idx, "IDX"), (self.len, "LEN"), (self.with_match_len, "WITHMATCHLEN")] {
            if set {
                out.arg(word.as_bytes());
            }
        }
        if self.min_match_len > 0 {
            out.arg(b"MINMATCHLEN");
            out.int(self.min_match_len);
        }
    }
}

/// A part of the subsequence that is contiguous in both strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Its first and last index in the first string.
    pub a: (u64, u64),
    /// The same in the second string.
    pub b: (u64, u64),
    /// Its length, when asked for.
    pub len: Option<u64>,
}

impl Outcome for Match {
    fn from_reply(reply: Reply) -> Result<Self> {
        let shape = Error::unexpected_reply("a match", &reply);
        let mut items = reply.into_items()?.into_iter();
        let (Some(a), Some(b), len) = (items.next(), items.next(), items.next()) else { return Err(shape) };
        Ok(Match { a: Outcome::from_reply(a)?, b: Outcome::from_reply(b)?, len: len.map(u64::from_reply).transpose()? })
    }

    fn into_reply(self) -> Reply {
        let len = self.len.map(Outcome::into_reply);
        Reply::Array([self.a.into_reply(), self.b.into_reply()].into_iter().chain(len).collect())
    }
}

/// What `LCS` answers, by its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LcsReply {
    /// The subsequence.
    Text(Value),
    /// With `LEN`: its length.
    Len(u64),
    /// With `IDX`: its parts, the last first, and its length.
    Matches(Vec<Match>, u64),
}

impl Outcome for LcsReply {
    fn from_reply(reply: Reply) -> Result<Self> {
        match reply {
            Reply::Bulk(text) => Ok(LcsReply::Text(text)),
            Reply::Int(_) => u64::from_reply(reply).map(LcsReply::Len),
            other => {
                let shape = Error::unexpected_reply("matches and len", &other);
                let fields: [Reply; 4] = other.into_items()?.try_into().map_err(|_| shape)?;
                let [_, matches, _, len] = fields;
                Ok(LcsReply::Matches(Outcome::from_reply(matches)?, Outcome::from_reply(len)?))
            }
        }
    }

    fn into_reply(self) -> Reply {
        match self {
            LcsReply::Text(text) => text.into_reply(),
            LcsReply::Len(len) => len.into_reply(),
            LcsReply::Matches(matches, len) => {
                let name = |name: &str| Reply::Bulk(name.into());
                Reply::Map(vec![(name("matches"), matches.into_reply()), (name("len"), len.into_reply())])
            }
        }
    }
}

command! {
    /// The longest common subsequence of two strings; absent ones are empty. O(product of the lengths) in time and,
    /// without `LEN`, in memory: a product above 2^28 is refused.
    Lcs<'a> = "LCS", Query String, arity -3, keys KeyPositions::TWO,
    "The longest common subsequence of two strings." => LcsReply {
        /// The key of one string.
        a: Key<'a>,
        /// The key of the other.
        b: Key<'a>,
        /// What is asked.
        options: Late<'a, LcsOptions>,
    }
}

impl<'a> QueryCommand<'a> for Lcs<'a> {
    fn run<K: Keyspace>(&self, keyspace: &K, _: Context) -> Result<LcsReply> {
        let text = |key: &Key<'_>| {
            let text = keyspace
                .text(key)
                .map_err(|_| Error::new(ErrorKind::WrongType, "ERR The specified keys must contain string values"))?;
            Ok(text.map_or(&[][..], |text| text.as_bytes()))
        };
        let (a, b) = (text(&self.a)?, text(&self.b)?);
        let options = self.options.get()?;
        let cells = table_size(a, b)?;
        if options.len {
            return Ok(LcsReply::Len(length(a, b)));
        }
        let table = Table::new(a, b, cells)?;
        let total = u64::from(table.at(a.len(), b.len()));
        let runs = table.runs(a, b);
        if !options.idx {
            let parts: Vec<&[u8]> = runs.iter().rev().map(|run| &a[run.a..run.a + run.len]).collect();
            return Ok(LcsReply::Text(Value::from_parts(&parts)));
        }
        let long_enough = runs.into_iter().filter(|run| run.len as i64 >= options.min_match_len);
        let matches = long_enough.map(|run| run.to_match(options.with_match_len)).collect();
        Ok(LcsReply::Matches(matches, total))
    }
}

/// The most cells a table may have: a second or so of work, and 1 GiB of memory.
const MAX_CELLS: usize = 1 << 28;

/// How many cells the table for two strings has.
fn table_size(a: &[u8], b: &[u8]) -> Result<usize> {
    (a.len() + 1).checked_mul(b.len() + 1).filter(|&cells| cells <= MAX_CELLS).ok_or_else(no_memory)
}

#[cold]
fn no_memory() -> Error {
    Error::new(ErrorKind::OutOfMemory, "ERR Insufficient memory, failed allocating transient memory for LCS")
}

/// The length alone needs only one row of the table.
fn length(a: &[u8], b: &[u8]) -> u64 {
    let mut row = vec![0u32; b.len() + 1];
    for &byte in a {
        let mut diagonal = 0;
        for (j, &other) in b.iter().enumerate() {
            let up = row[j + 1];
            row[j + 1] = if byte == other { diagonal + 1 } else { up.max(row[j]) };
            diagonal = up;
        }
    }
    u64::from(row[b.len()])
}

/// The length of the longest common subsequence of every pair of prefixes.
struct Table {
    width: usize,
    cells: Vec<u32>,
}

impl Table {
    fn new(a: &[u8], b: &[u8], size: usize) -> Result<Self> {
        let width = b.len() + 1;
        let mut cells = Vec::new();
        cells.try_reserve_exact(size).map_err(|_| no_memory())?;
        cells.resize(width, 0);
        for &byte in a {
            cells.push(0);
            for &other in b {
                let up = cells.len() - width;
                cells.push(if byte == other { cells[up - 1] + 1 } else { cells[up].max(cells[cells.len() - 1]) });
            }
        }
        Ok(Table { width, cells })
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * self.width + j]
    }

    /// The runs of one longest common subsequence, the last first. Where there are several, it is the one that Redis
    /// finds: going back, it shortens the second string unless that alone loses a byte.
    fn runs(&self, a: &[u8], b: &[u8]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut open = false;
        let (mut i, mut j) = (a.len(), b.len());
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match runs.last_mut() {
                    Some(run) if open => *run = Run { a: i, b: j, len: run.len + 1 },
                    _ => runs.push(Run { a: i, b: j, len: 1 }),
                }
                open = true;
            } else {
                if self.at(i - 1, j) > self.at(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
                open = false;
            }
        }
        runs
    }
}

/// Where a contiguous part starts in both strings, and how long it is.
struct Run {
    a: usize,
    b: usize,
    len: usize,
}

impl Run {
    fn to_match(&self, with_len: bool) -> Match {
        let range = |start: usize| (start as u64, (start + self.len - 1) as u64);
        Match { a: range(self.a), b: range(self.b), len: with_len.then_some(self.len as u64) }
    }
}
