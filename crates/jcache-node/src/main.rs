//! The `jcache` binary: a cache at the command line.
//!
//! - [`cli`] reads the command line, [`levels`] its `--level` options;
//! - [`split`] cuts a line into words, [`format`](mod@format) prints a reply, both as redis-cli does;
//! - [`session`] carries out one line: a command of the cache, or one of the [`words`] that the binary adds;
//! - [`batch`] takes its lines from a pipe, [`shell`] from a terminal with [`complete`], [`tour`] from a script;
//! - [`usage`] derives from the command table what [`words`] and [`complete`] say about a command.

mod batch;
mod cli;
mod complete;
mod config;
mod format;
mod levels;
mod load;
mod options;
mod session;
mod shell;
mod split;
mod table;
mod tour;
mod usage;
mod words;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use cli::Cli;
use session::{Done, Session};

/// A command was answered with an error.
const FAILED: u8 = 1;
/// The command line, or a level that it names, is wrong.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::read();
    match start(&cli) {
        Ok(code) => code,
        // Who read our output has gone, as in `jcache … | head`: that is no failure of ours.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(&error, FAILED),
    }
}

fn start(cli: &Cli) -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Drivers may want the runtime around them when they are built.
    let entered = runtime.enter();
    let cache = match levels::build(&cli.levels, cli.strict) {
        Ok(cache) => cache,
        Err(error) => return Ok(complain(&error, USAGE)),
    };
    drop(entered);

    let format = cli.format(io::stdout().is_terminal());
    let session = Session::new(cache, format);
    let code = if !cli.command.is_empty() {
        runtime.block_on(single(&session, &cli.words(), cli.errors))
    } else if io::stdin().is_terminal() && io::stdout().is_terminal() {
        shell::run(&runtime, &session)
    } else {
        batch(&runtime, &session, cli)
    };
    // A read of standard input or a level that hangs must not keep the process.
    runtime.shutdown_background();
    code
}

/// One command from the command line.
async fn single(session: &Session, words: &[Vec<u8>], errors_aside: bool) -> io::Result<ExitCode> {
    let mut reply = Vec::new();
    let succeeded = session.run(words, &mut reply).await != Done::Failed;
    if errors_aside && !succeeded {
        io::stderr().write_all(&reply)?;
    } else {
        let mut out = io::stdout().lock();
        out.write_all(&reply)?;
        out.flush()?;
    }
    Ok(if succeeded { ExitCode::SUCCESS } else { FAILED.into() })
}

/// The commands on standard input, or the tour when there are none.
fn batch(runtime: &tokio::runtime::Runtime, session: &Session, cli: &Cli) -> io::Result<ExitCode> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = batch::run(runtime, session, io::stdin().lock(), &mut out)?;
    if done.commands > 0 {
        let failed = cli.errors && done.failures > 0;
        return Ok(if failed { FAILED.into() } else { ExitCode::SUCCESS });
    }
    if cli.levels.is_empty() {
        let complete = runtime.block_on(tour::run(&mut out))?;
        return Ok(if complete { ExitCode::SUCCESS } else { FAILED.into() });
    }
    // The levels were named for commands that did not come; the tour is not for them, and would not use them.
    writeln!(io::stderr(), "jcache: no commands on standard input")?;
    Ok(ExitCode::SUCCESS)
}

fn complain(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // Nothing can be done about a standard error that is closed.
    let _ = writeln!(io::stderr(), "jcache: {error}");
    code.into()
}
