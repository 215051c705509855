//! Commands from a pipe or a file, one a line.

use std::io::{self, BufRead, BufReader, Read, Write};

use tokio::runtime::Runtime;

use crate::session::{Done, Session};

/// How many commands there were.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) commands: usize,
    pub(crate) failures: usize,
}

/// Carries out the lines of `input` in order, until it ends or a line says `quit`.
///
/// A reply is visible before the next command is waited for, so that a program may hold a dialogue through two pipes.
///
/// # Errors
/// When `input` cannot be read or `out` cannot be written.
pub(crate) fn run(runtime: &Runtime, session: &Session, input: impl Read, out: &mut impl Write) -> io::Result<Count> {
    let mut input = BufReader::new(input);
    let mut count = Count::default();
    let mut line = Vec::new();
    loop {
        if input.buffer().is_empty() {
            out.flush()?;
        }
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let done = runtime.block_on(session.line(&line, out))?;
        count.commands += usize::from(done != Done::Nothing);
        count.failures += usize::from(done == Done::Failed);
        if done == Done::Quit {
            break;
        }
    }
    out.flush()?;
    Ok(count)
}
