//! How fuzzed bytes become programs of commands, and how they come in pieces over a connection.

use bytes::BufMut;
use jcache_core::{Arg, Reply};
use jcache_resp::{Limits, ProtocolError, ReplyDecoder, RequestDecoder};

/// Commands are separated by newlines, arguments by spaces; the first byte of an argument may say that it stands for
/// something that random bytes rarely hit: a command's name, a number at a limit, an option word.
pub fn program(data: &[u8]) -> Vec<Vec<Vec<u8>>> {
    data.split(|byte| *byte == b'\n').take(64).map(arguments).filter(|args| !args.is_empty()).collect()
}

fn arguments(line: &[u8]) -> Vec<Vec<u8>> {
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).take(64).map(argument).collect()
}

fn argument(word: &[u8]) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "NX", "XX", "GT", "LT", "CH", "INCR", "GET", "EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "WITHSCORES",
        "WITHVALUES", "BYSCORE", "BYLEX", "REV", "LIMIT", "MATCH", "COUNT", "TYPE", "LEFT", "RIGHT", "BEFORE", "AFTER",
        "MIN", "MAX", "WEIGHTS", "AGGREGATE", "SUM", "RANK", "MAXLEN", "REPLACE", "ASYNC", "-inf", "+inf", "(1", "[a",
        "(a", "-", "+", "0", "-1", "1", "9223372036854775807", "-9223372036854775808", "1e308", "nan", "0x10", "1.5",
    ];
    match word {
        [0x80, index, ..] => {
            let specs: Vec<_> = jcache_core::command::specs().collect();
            specs[usize::from(*index) % specs.len()].name.as_bytes().to_vec()
        }
        [0x81, index, ..] => WORDS[usize::from(*index) % WORDS.len()].as_bytes().to_vec(),
        [0x82, index, ..] => format!("k{}", index % 4).into_bytes(),
        [0x83, length, fill, ..] => vec![*fill; usize::from(*length) * 40],
        other => other.to_vec(),
    }
}

/// The arguments as commands take them.
pub fn borrowed(args: &[Vec<u8>]) -> Vec<Arg<'_>> {
    args.iter().map(|arg| Arg::from(arg.as_slice())).collect()
}

/// The commands that a server reads from `bytes` in pieces of `step`, and what is wrong after them.
pub fn requests(bytes: &[u8], step: usize) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let mut decoder = RequestDecoder::new(SMALL);
    let mut found = Vec::new();
    for mut piece in bytes.chunks(step) {
        while !piece.is_empty() {
            piece = feed(decoder.input(), piece);
            loop {
                match decoder.next() {
                    Ok(Some(args)) => found.push(args.iter().map(|arg| arg.to_vec()).collect()),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error)),
                }
            }
        }
    }
    (found, None)
}

/// The replies that a client reads from `bytes` in pieces of `step`, and what is wrong after them.
pub fn replies(bytes: &[u8], step: usize) -> (Vec<Reply>, Option<ProtocolError>) {
    let mut decoder = ReplyDecoder::new(SMALL);
    let mut found = Vec::new();
    for mut piece in bytes.chunks(step) {
        while !piece.is_empty() {
            piece = feed(decoder.input(), piece);
            loop {
                match decoder.next() {
                    Ok(Some(reply)) => found.push(reply),
                    Ok(None) => break,
                    Err(error) => return (found, Some(error)),
                }
            }
        }
    }
    (found, None)
}

/// Bounds that short inputs reach. That a whole command or reply is small does not depend on how it is cut, so those
/// that do depend (`query` and `reply`) are out of reach.
const SMALL: Limits = Limits { arguments: 200, bulk: 100_000, line: 256, depth: 6, ..Limits::REDIS };

fn feed(mut place: impl BufMut, bytes: &[u8]) -> &[u8] {
    let (now, later) = bytes.split_at(bytes.len().min(place.remaining_mut()));
    assert!(!now.is_empty(), "there is always room");
    place.put_slice(now);
    later
}
