//! Carrying out a line: what the shell, the pipe, the tour and a single command have in common.
//!
//! A session answers from a cache of this process. A client of a server would be another source of replies behind the
//! same lines.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use jcache::{Arg, Cache, Reply, Request, Result};

use crate::format::Format;
use crate::split::split;
use crate::words;

/// From this time on, people are told how long a command took.
const SLOW: Duration = Duration::from_millis(500);

/// How a line went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// There was nothing to do.
    Nothing,
    /// It was done.
    Succeeded,
    /// The answer was an error.
    Failed,
    /// The user wants to leave.
    Quit,
}

/// A cache, and how its replies are printed.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) cache: Cache,
    pub(crate) format: Format,
}

impl Session {
    pub(crate) fn new(cache: Cache, format: Format) -> Self {
        Self { cache, format }
    }

    /// Carries out a line: a command, or a count and a command to repeat so often.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub(crate) async fn line(&self, line: &[u8], out: &mut impl Write) -> io::Result<Done> {
        let Ok(words) = split(line) else {
            out.write_all(b"Invalid argument(s)\n")?;
            return Ok(Done::Failed);
        };
        let (count, words) = match repetition(&words) {
            Some((count, command)) if count > 0 => (count, command),
            Some(_) => {
                out.write_all(b"Invalid repeat count\n")?;
                return Ok(Done::Failed);
            }
            None => (1, &words[..]),
        };
        let started = Instant::now();
        let mut done = Done::Nothing;
        for _ in 0..count {
            let mut reply = Vec::new();
            done = self.run(words, &mut reply).await;
            out.write_all(&reply)?;
        }
        let took = started.elapsed();
        if self.format == Format::Typed && took >= SLOW {
            writeln!(out, "({:.2}s)", took.as_secs_f64())?;
        }
        Ok(done)
    }

    /// Carries out one command and prints its reply.
    pub(crate) async fn run(&self, words: &[Vec<u8>], out: &mut Vec<u8>) -> Done {
        let Some((name, rest)) = words.split_first() else { return Done::Nothing };
        let result = match words::find(name) {
            Some(word) => match word.run(self, rest, out).await {
                Ok(done) => return done,
                Err(error) => Err(error),
            },
            None => self.call(words).await,
        };
        match result {
            Ok(reply) => {
                self.format.reply(reply, out);
                Done::Succeeded
            }
            Err(error) => {
                self.format.error(&error, out);
                Done::Failed
            }
        }
    }

    async fn call(&self, words: &[Vec<u8>]) -> Result<Reply> {
        let args: Vec<Arg<'_>> = words.iter().map(Arg::from).collect();
        self.cache.call(&Request::parse(&args)?).await
    }
}

/// The count in front of a command that is to be repeated.
fn repetition(words: &[Vec<u8>]) -> Option<(i64, &[Vec<u8>])> {
    let (first, command) = words.split_first()?;
    let count = std::str::from_utf8(first).ok()?.parse().ok()?;
    if command.is_empty() { None } else { Some((count, command)) }
}
