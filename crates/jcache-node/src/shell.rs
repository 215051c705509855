//! The shell on a terminal.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor};
use tokio::runtime::Runtime;

use crate::complete::Assistant;
use crate::session::{Done, Session};

const PROMPT: &str = "jcache> ";
const HISTORY: usize = 1_000;

/// Reads lines from the terminal and carries them out until the user leaves; first it says `greeting`.
///
/// # Errors
/// When the terminal cannot be used.
pub(crate) fn run(runtime: &Runtime, session: &Session, greeting: &str) -> io::Result<ExitCode> {
    let config = Config::builder()
        .max_history_size(HISTORY)
        .map_err(readline_error)?
        .completion_type(CompletionType::List)
        .auto_add_history(true)
        .build();
    let mut editor: Editor<Assistant, FileHistory> = Editor::with_config(config).map_err(readline_error)?;
    editor.set_helper(Some(Assistant { more: runtime.block_on(session.foreign_names()) }));
    // The history is a convenience: without a place for it the shell does without.
    let history = history_file();
    if let Some(path) = &history {
        let _ = editor.load_history(path);
    }
    let mut out = io::stdout().lock();
    out.write_all(greeting.as_bytes())?;
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                writeln!(out, "\nOnly UTF-8 can be typed; other bytes are written as \"\\xff\"")?;
                continue;
            }
            Err(error) => return Err(readline_error(error)),
        };
        if let Some(path) = &history {
            let _ = editor.append_history(path);
        }
        let done = runtime.block_on(async {
            tokio::select! {
                biased;
                () = interrupt() => None,
                done = session.line(line.as_bytes(), &mut out) => Some(done),
            }
        });
        match done.transpose()? {
            Some(Done::Quit) => break,
            Some(Done::Nothing | Done::Succeeded | Done::Failed) => {}
            // After the ^C that the terminal shows.
            None => {
                runtime.block_on(session.interrupt());
                writeln!(out, "\n(interrupted)")?;
            }
        }
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C; for ever, where there is no such thing.
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn readline_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// Where the history is kept, in a directory that exists.
fn history_file() -> Option<PathBuf> {
    let state = match std::env::var_os("XDG_STATE_HOME").map(PathBuf::from) {
        Some(path) if path.is_absolute() => path,
        _ => std::env::home_dir()?.join(".local/state"),
    };
    let dir = state.join("jcache");
    std::fs::create_dir_all(&dir).ok()?;
    Some(dir.join("history"))
}
