//! Carrying out a line: what the shell, the pipe, the tour and a single command have in common.
//!
//! Replies come from a cache of this process, or from a server; the lines and the printing are the same.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use jcache::{Arg, Cache, Reply, Request};
use tokio::sync::Mutex;

use crate::client::Client;
use crate::format::Format;
use crate::split::split;
use crate::words::{self, Word};

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

/// Who answers, and how replies are printed.
#[derive(Debug)]
pub(crate) struct Session {
    /// The cache of this process, when there is one.
    pub(crate) cache: Option<Cache>,
    /// The server that answers commands, in place of the cache.
    server: Option<Mutex<Client>>,
    pub(crate) format: Format,
}

impl Session {
    /// On a cache.
    pub(crate) fn new(cache: Cache, format: Format) -> Self {
        Self { cache: Some(cache), server: None, format }
    }

    /// On a server.
    pub(crate) fn on(server: Client, format: Format) -> Self {
        Self { cache: None, server: Some(Mutex::new(server)), format }
    }

    /// On the server of this process, whose cache can be looked into.
    pub(crate) fn inside(server: Client, cache: Cache, format: Format) -> Self {
        Self { cache: Some(cache), ..Self::on(server, format) }
    }

    /// The word that `name` is here.
    pub(crate) fn word(&self, name: &[u8]) -> Option<Word> {
        words::find(name).filter(|word| word.fits(self.cache.is_some(), self.server.is_some()))
    }

    /// Ends what was begun and is not wanted any more.
    pub(crate) async fn interrupt(&self) {
        if let Some(server) = &self.server {
            server.lock().await.leave().await;
        }
    }

    /// What else the server can do, by its own account.
    pub(crate) async fn foreign_names(&self) -> Vec<String> {
        let Some(server) = &self.server else { return Vec::new() };
        let list = server.lock().await.call(&[b"COMMAND".to_vec(), b"LIST".to_vec()]).await;
        let Ok(Reply::Array(names) | Reply::Set(names)) = list else { return Vec::new() };
        let name = |reply: Reply| match reply {
            Reply::Bulk(name) | Reply::Status(name) => String::from_utf8(name.to_vec()).ok(),
            _ => None,
        };
        names.into_iter().filter_map(name).map(|name| name.to_ascii_uppercase()).collect()
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
        if done == Done::Succeeded && words.first().is_some_and(|name| listens(name)) {
            self.listen(out).await?;
        }
        Ok(done)
    }

    /// Prints the messages of a subscription, until the server goes away or the future is dropped.
    async fn listen(&self, out: &mut impl Write) -> io::Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        writeln!(out, "Reading messages... (Ctrl-C ends it)")?;
        loop {
            out.flush()?;
            let mut text = Vec::new();
            match server.lock().await.next().await {
                Ok(message) => self.format.reply(message, &mut text),
                Err(error) => return writeln!(out, "Error: {error}"),
            }
            out.write_all(&text)?;
        }
    }

    /// Carries out one command and prints its reply.
    pub(crate) async fn run(&self, words: &[Vec<u8>], out: &mut Vec<u8>) -> Done {
        let Some((name, rest)) = words.split_first() else { return Done::Nothing };
        let answer = match self.word(name) {
            Some(word) => match word.run(self, rest, out).await {
                Ok(done) => return done,
                Err(error) => Ok(Reply::Error(error)),
            },
            None => self.call(words).await,
        };
        match answer {
            Ok(Reply::Error(error)) => self.format.error(&error, out),
            Ok(reply) => {
                if self.server.is_some() && is_report(words) {
                    self.format.report(reply, out);
                } else {
                    self.format.reply(reply, out);
                }
                return Done::Succeeded;
            }
            Err(error) => out.extend_from_slice(format!("Error: {error}\n").as_bytes()),
        }
        Done::Failed
    }

    async fn call(&self, words: &[Vec<u8>]) -> io::Result<Reply> {
        if let Some(server) = &self.server {
            return server.lock().await.call(words).await;
        }
        let cache = self.cache.as_ref().expect("a session is on a server or a cache");
        let args: Vec<Arg<'_>> = words.iter().map(Arg::from).collect();
        let reply = match Request::parse(&args) {
            Ok(request) => cache.call(&request).await,
            Err(error) => Err(error),
        };
        Ok(reply.unwrap_or_else(Reply::Error))
    }
}

/// Whether messages follow after the reply to a command.
fn listens(name: &[u8]) -> bool {
    [&b"SUBSCRIBE"[..], b"PSUBSCRIBE", b"SSUBSCRIBE", b"MONITOR"].iter().any(|it| name.eq_ignore_ascii_case(it))
}

/// Whether a command answers with a text for people, which is printed as it is. Only RESP3 says so of the reply itself.
fn is_report(words: &[Vec<u8>]) -> bool {
    let is = |at: usize, names: &[&str]| {
        words.get(at).is_some_and(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes())))
    };
    is(0, &["INFO", "LOLWUT"])
        || (is(0, &["CLIENT"]) && is(1, &["LIST", "INFO"]))
        || (is(0, &["CLUSTER"]) && is(1, &["NODES", "INFO"]))
        || (is(0, &["MEMORY"]) && is(1, &["DOCTOR", "MALLOC-STATS"]))
        || (is(0, &["LATENCY"]) && is(1, &["DOCTOR", "GRAPH"]))
}

/// The count in front of a command that is to be repeated.
fn repetition(words: &[Vec<u8>]) -> Option<(i64, &[Vec<u8>])> {
    let (first, command) = words.split_first()?;
    let count = std::str::from_utf8(first).ok()?.parse().ok()?;
    if command.is_empty() { None } else { Some((count, command)) }
}
