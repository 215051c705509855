//! The `jcache` binary: a cache at the command line, and a server of it.
//!
//! - [`cli`] reads the command line, [`mod@config`] the settings, [`levels`] what they say about levels;
//! - [`serve`] runs a [`node`] with its [`logs`] and [`metrics`]; [`interactive`] runs one with a shell on it;
//! - [`cluster`] is what the settings say about other nodes, and `jcache status` and `jcache handover`;
//! - [`split`] cuts a line into words, [`format`](mod@format) prints a reply, both as redis-cli does;
//! - [`session`] carries out one line, on a cache or through a [`client`]: a command, or one of the [`words`] that the
//!   binary adds;
//! - [`batch`] takes its lines from a pipe, [`shell`] from a terminal with [`complete`], [`tour`] from a script;
//! - [`usage`] derives from the command table what [`words`] and [`complete`] say about a command;
//! - [`load`] is `jcache bench`.

mod batch;
mod cli;
mod client;
mod cluster;
mod complete;
mod config;
mod format;
mod histogram;
mod interactive;
mod levels;
mod load;
mod logs;
mod metrics;
mod node;
mod options;
mod process;
mod serve;
mod session;
mod shell;
mod split;
mod table;
mod tour;
mod usage;
mod words;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use cli::{Cli, Mode};
use client::{Client, Target};
use config::Loaded;
use session::{Done, Session};
use tokio::runtime::{Builder, Runtime};

/// A command was answered with an error, or a node could not be started.
const FAILED: u8 = 1;
/// The command line, or the configuration, is wrong.
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
    match &cli.mode {
        Some(Mode::Shell(args)) => return remote(args),
        Some(Mode::Bench(args)) => return load::run(args),
        Some(Mode::Serve(_) | Mode::Status(_) | Mode::Handover(_)) | None => {}
    }
    // Variables that are not Unicode are nobody's settings.
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect();
    let loaded = match config::load(&cli.given(), &environment) {
        Ok(loaded) => loaded,
        Err(wrong) => return Ok(complain(&wrong, USAGE)),
    };
    match &cli.mode {
        Some(Mode::Serve(args)) if args.print_config => {
            io::stdout().write_all(loaded.to_toml().as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Mode::Serve(_)) => serve::run(&loaded),
        Some(Mode::Status(args)) => cluster::status(&loaded, args.json),
        Some(Mode::Handover(args)) => cluster::hand_over(&loaded, &args.node),
        _ => local(cli, &loaded),
    }
}

/// Commands on a cache of this process.
fn local(cli: &Cli, loaded: &Loaded) -> io::Result<ExitCode> {
    let runtime = runtime()?;
    let built = match runtime.block_on(levels::build(&loaded.config)) {
        Ok(built) => built,
        Err(error) => return Ok(complain(&error, code_of(&error))),
    };
    let member = built.member.clone();

    let format = cli.printing.format(io::stdout().is_terminal());
    let code = if !cli.command.is_empty() {
        runtime.block_on(single(&Session::new(built.cache, format), &cli.words(), cli.errors))
    } else if on_terminal() {
        interactive::run(&runtime, loaded, built, format)
    } else {
        batch(&runtime, &Session::new(built.cache, format), cli.errors, !loaded.is_given("level"))
    };
    if let Some(member) = member {
        runtime.block_on(member.leave());
    }
    // A read of standard input or a level that hangs must not keep the process.
    runtime.shutdown_background();
    code
}

/// What to exit with when the levels cannot be set up.
fn code_of(error: &jcache::Error) -> u8 {
    if error.kind() == jcache::ErrorKind::Unavailable { FAILED } else { USAGE }
}

/// `jcache shell`: commands on a server.
fn remote(args: &cli::Shell) -> io::Result<ExitCode> {
    let target = match Target::new(&args.server) {
        Ok(target) => target.resp3(args.resp3),
        Err(wrong) => return Ok(complain(&wrong, USAGE)),
    };
    let runtime = runtime()?;
    let greeting = format!("jcache {} on {target}; `help` lists the commands\n", env!("CARGO_PKG_VERSION"));
    let client = match runtime.block_on(Client::connect(target.clone())) {
        Ok(client) => client,
        Err(error) => return Ok(complain(&format!("cannot connect to {target}: {error}"), FAILED)),
    };
    let format = args.printing.format(io::stdout().is_terminal());
    let session = Session::on(client, if args.resp3 { format.with_types_of_resp3() } else { format });
    let code = if on_terminal() {
        shell::run(&runtime, &session, &greeting)
    } else {
        batch(&runtime, &session, args.errors, false)
    };
    runtime.shutdown_background();
    code
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

fn on_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
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

/// The commands on standard input, or the tour when there are none and `tour` is wanted then.
fn batch(runtime: &Runtime, session: &Session, errors: bool, tour: bool) -> io::Result<ExitCode> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = batch::run(runtime, session, io::stdin().lock(), &mut out)?;
    if done.commands > 0 {
        return Ok(if errors && done.failures > 0 { FAILED.into() } else { ExitCode::SUCCESS });
    }
    if tour {
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
