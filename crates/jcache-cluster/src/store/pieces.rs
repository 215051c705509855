//! A shard on its way to another process: commands with their lengths, in pieces that a message can carry.
//!
//! What a piece says is what the log would say, so a process of another version reads it as it reads the log.

use bytes::Bytes;
use jcache_core::{Mutation, Result};

use crate::engine::codec::{put_bytes, put_open_command, take_command};

/// Commands that are put together in pieces.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    whole: Vec<Bytes>,
    /// The piece that is being written, and the command.
    piece: Vec<u8>,
    command: Vec<u8>,
}

/// Bytes that the buffers keep for the next shard.
const KEPT: usize = 1 << 20;

impl Pieces {
    /// Adds a command; the piece ends with it when it has `chunk` bytes.
    pub(super) fn add(&mut self, mutation: &Mutation<'_>, chunk: usize) {
        self.command.clear();
        put_open_command(&mut self.command, mutation);
        // One that does not fit begins a piece.
        if !self.piece.is_empty() && self.piece.len() + self.command.len() > chunk {
            self.cut();
        }
        put_bytes(&mut self.piece, &self.command);
        if self.piece.len() >= chunk {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.whole.push(Bytes::copy_from_slice(&self.piece));
        self.piece.clear();
    }

    /// The pieces.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        if !self.piece.is_empty() {
            self.cut();
        }
        self.piece.shrink_to(KEPT);
        self.command.shrink_to(KEPT);
        std::mem::take(&mut self.whole)
    }
}

/// Reads the commands of a piece.
///
/// # Errors
/// It cannot be read, or `take` fails.
pub(super) fn read(mut piece: &[u8], mut take: impl FnMut(&Mutation<'_>) -> Result<()>) -> Result<()> {
    while !piece.is_empty() {
        let args = take_command(&mut piece)?;
        take(&Mutation::parse(&args)?)?;
    }
    Ok(())
}
