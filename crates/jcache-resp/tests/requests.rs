//! What a server answers to bytes, right and wrong: a table, which a real redis-server answers too.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BufMut;
use jcache_core::Reply;
use jcache_resp::{Limits, Output, Protocol, ProtocolError, RequestDecoder};
use jcache_testkit::oracle::RedisServer;

/// What a connection that knows `PING` and `ECHO` sends back, and whether it is then closed. The bytes come in pieces
/// of `step`.
fn answer(bytes: &[u8], step: usize, restricted: bool) -> (Vec<u8>, bool) {
    let mut decoder = RequestDecoder::default();
    decoder.restrict(restricted);
    let mut output = Output::new();
    for piece in bytes.chunks(step) {
        feed(&mut decoder, piece);
        loop {
            match decoder.next() {
                Ok(Some(args)) if args[0].is_word("ECHO") => {
                    output.reply(&Reply::Bulk(args[1].to_value()), Protocol::Resp2);
                }
                Ok(Some(args)) if args[0].is_word("PING") => {
                    output.reply(&Reply::Status("PONG".into()), Protocol::Resp2);
                }
                Ok(Some(args)) => output.error(&jcache_core::Request::parse(&args).unwrap_err()),
                Ok(None) => break,
                Err(error) => {
                    output.error(&error.reply().unwrap());
                    return (output.to_vec(), true);
                }
            }
        }
    }
    (output.to_vec(), false)
}

fn feed(decoder: &mut RequestDecoder, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let mut place = decoder.input();
        let count = bytes.len().min(place.remaining_mut());
        assert!(count > 0, "there is always room");
        place.put_slice(&bytes[..count]);
        bytes = &bytes[count..];
        if !bytes.is_empty() {
            assert_eq!(decoder.next(), Ok(None), "a command that has not been fed whole");
        }
    }
}

/// What is received, what is answered, and whether the connection is then closed.
type Row = (Vec<u8>, &'static [u8], bool);

fn table() -> Vec<Row> {
    let open = |bytes: &[u8], answer: &'static [u8]| (bytes.to_vec(), answer, false);
    let shut = |bytes: &[u8], answer: &'static [u8]| (bytes.to_vec(), answer, true);
    let long = |start: &str, fill: &str, times: usize| (start.to_owned() + &fill.repeat(times)).into_bytes();
    vec![
        // Lists of strings.
        open(b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
        open(b"*2\r\n$4\r\necho\r\n$5\r\na\r\nb\0\r\n", b"$5\r\na\r\nb\0\r\n"),
        open(b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n", b"$0\r\n\r\n+PONG\r\n"),
        open(b"*0\r\nPING\r\n", b"+PONG\r\n"),
        open(b"*-1\r\n*-5\r\nPING\r\n", b"+PONG\r\n"),
        open(b"*1\r\n$0\r\n\r\nPING\r\n", b"-ERR unknown command '', with args beginning with: \r\n+PONG\r\n"),
        // The bytes after a header and after a string are passed over, whatever they are.
        open(b"*1\rx$4\rxPING\r\n", b"+PONG\r\n"),
        open(b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", b"+PONG\r\n+PONG\r\n"),
        // Half a command.
        open(b"*1", b""),
        open(b"*1\r", b""),
        open(b"*2\r\n$4\r\nECHO\r\n$3\r\nab", b""),
        open(b"*2147483647\r\n", b""),
        open(b"*1\r\n$536870912\r\nPING", b""),
        (long("*1", "0", 65_534), b"", false),
        (long("*1\r\n", "1", 65_536), b"", false),
        // Wrong numbers of arguments.
        shut(b"*x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        shut(b"*\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        shut(b"*01\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        shut(b"*+1\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        shut(b"*-0\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        shut(b"* 1\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        shut(b"*2147483648\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        shut(b"*-9223372036854775809\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
        (long("*1", "0", 65_536), b"-ERR Protocol error: too big mbulk count string\r\n", true),
        // Wrong lengths of arguments.
        shut(b"*1\r\nPING\r\n", b"-ERR Protocol error: expected '$', got 'P'\r\n"),
        shut(b"*1\r\n\r\n", b"-ERR Protocol error: expected '$', got ' '\r\n"),
        shut(b"*1\r\n\nx\r\n", b"-ERR Protocol error: expected '$', got ' '\r\n"),
        shut(b"*1\r\n*1\r\n", b"-ERR Protocol error: expected '$', got '*'\r\n"),
        shut(b"*1\r\n$x\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        shut(b"*1\r\n$\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        shut(b"*1\r\n$-1\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        shut(b"*1\r\n$04\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        shut(b"*1\r\n$536870913\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        shut(b"*1\r\n$4294967296\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        shut(b"*1\r\n$18446744073709551617\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
        (long("*1\r\n$", "1", 65_536), b"-ERR Protocol error: too big bulk count string\r\n", true),
        // What came before the error is answered first.
        shut(
            b"PING\r\n*1\r\n$4\r\nPING\r\n*x\r\nPING\r\n",
            b"+PONG\r\n+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n",
        ),
        // Lines.
        open(b"PING\r\n", b"+PONG\r\n"),
        open(b"PING\n", b"+PONG\r\n"),
        open(b"\r\n\n   \r\n  PING  \r\n", b"+PONG\r\n"),
        open(b"\rPING\r\r\n", b"+PONG\r\n"),
        open(b"ECHO\ta\r\n", b"$1\r\na\r\n"),
        open(b"ECHO \"\"\r\n", b"$0\r\n\r\n"),
        open(b"ECHO a'b c'\r\n", b"$4\r\nab c\r\n"),
        open(b"ECHO a\"b\"\r\n", b"$2\r\nab\r\n"),
        open(b"ECHO \"\\x41\\xfF\\n\\r\\t\\b\\a\\q\\\"\\\\\\x4\\x\"\r\n", b"$13\r\nA\xff\n\r\t\x08\x07q\"\\x4x\r\n"),
        open(b"ECHO 'it\\'s \\n \\x41 \\\\ '\r\n", b"$16\r\nit's \\n \\x41 \\\\ \r\n"),
        open(b"ECHO \xff\xfe\r\n", b"$2\r\n\xff\xfe\r\n"),
        shut(b"ECHO \"a\r\nPING\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        shut(b"ECHO 'a\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        shut(b"ECHO 'a\\'\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        shut(b"ECHO \"a\\\"\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        shut(b"ECHO \"a\"b\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        shut(b"ECHO 'a'\"b\"\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
        (long("", "x", 65_536), b"", false),
        (long("", "x", 65_537), b"-ERR Protocol error: too big inline request\r\n", true),
    ]
}

/// The rows of a client that has not authenticated.
fn restricted() -> Vec<Row> {
    let denied: &[u8] = b"";
    vec![
        (b"*11\r\n".to_vec(), b"-ERR Protocol error: unauthenticated multibulk length\r\n", true),
        (b"*10\r\n".to_vec(), denied, false),
        (b"*2\r\n$16385\r\n".to_vec(), b"-ERR Protocol error: unauthenticated bulk length\r\n", true),
        (b"*2\r\n$16384\r\n".to_vec(), denied, false),
        (b"*2147483648\r\n".to_vec(), b"-ERR Protocol error: invalid multibulk length\r\n", true),
    ]
}

fn show(bytes: &[u8]) -> String {
    format!("{} ({} bytes)", bytes[..bytes.len().min(100)].escape_ascii(), bytes.len())
}

#[test]
fn bytes_are_answered_as_the_table_says_however_they_are_cut() {
    for (rows, limited) in [(table(), false), (restricted(), true)] {
        for (bytes, expected, closed) in rows {
            for step in [1, 2, 3, 7, 64, usize::MAX] {
                let (found, shut) = answer(&bytes, step, limited);
                assert_eq!((show(&found), shut), (show(expected), closed), "{} in pieces of {step}", show(&bytes));
            }
        }
    }
}

#[test]
fn redis_answers_as_the_table_says() {
    let Some(open) = jcache_testkit::oracle::redis_or_skip() else { return };
    let locked = RedisServer::options().args(["--requirepass", "secret"]).start().unwrap();
    for (server, rows) in [(&open, table()), (&locked, restricted())] {
        for (bytes, expected, closed) in rows {
            let (found, shut) = ask(server.port(), &bytes, expected.len(), closed);
            assert_eq!((show(&found), shut), (show(expected), closed), "{}", show(&bytes));
        }
    }
}

/// What redis-server answers, and whether it then closes the connection. One that stays open has nothing more to say
/// once it answers the next connection's `PING`.
fn ask(port: u16, bytes: &[u8], len: usize, closed: bool) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut found = vec![0; len];
    let there = stream.read_exact(&mut found);
    assert!(there.is_ok(), "{}: {there:?}", show(bytes));
    let patience = if closed { Duration::from_secs(10) } else { Duration::from_millis(20) };
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut rest = [0; 256];
    match stream.read(&mut rest) {
        Ok(0) => (found, true),
        Ok(more) => ([&found, &rest[..more]].concat(), false),
        // Closed with bytes unread on the server's side.
        Err(error) => (found, error.kind() == std::io::ErrorKind::ConnectionReset),
    }
}

#[test]
fn limits_hold() {
    let limits = Limits { arguments: 3, bulk: 10, line: 20, query: 200, ..Limits::default() };
    let rows: [(&[u8], ProtocolError); 6] = [
        (b"*4\r\n", ProtocolError::MultibulkLength),
        (b"*1\r\n$11\r\n", ProtocolError::BulkLength),
        (b"*1\r\n$0000000000000000000000", ProtocolError::BulkLine),
        (b"*0000000000000000000000", ProtocolError::MultibulkLine),
        (b"xxxxxxxxxxxxxxxxxxxxxxx", ProtocolError::InlineLine),
        (b"*1\r\n\xff\r\n", ProtocolError::NotABulk(255)),
    ];
    for (bytes, expected) in rows {
        let mut decoder = RequestDecoder::new(limits);
        feed(&mut decoder, bytes);
        assert_eq!(decoder.next(), Err(expected), "{}", show(bytes));
        assert_eq!(decoder.next(), Err(expected), "an error stays");
    }
}

#[test]
fn a_command_that_grows_past_the_bound_ends_the_connection_without_a_word() {
    let limits = Limits { query: 1 << 20, ..Limits::default() };
    // Many small arguments, whose own bookkeeping counts, and few large ones.
    let small =
        b"*1000000\r\n".iter().chain(b"$1\r\nx\r\n".iter().cycle().take(7_000_000)).copied().collect::<Vec<_>>();
    let mut large = b"*100\r\n".to_vec();
    for _ in 0..100 {
        large.extend_from_slice(b"$40000\r\n");
        large.extend_from_slice(&[b'x'; 40_000]);
        large.extend_from_slice(b"\r\n");
    }
    for bytes in [small, large] {
        let mut decoder = RequestDecoder::new(limits);
        let mut fed = 0;
        let error = bytes.chunks(1000).find_map(|piece| {
            fed += piece.len();
            feed_some(&mut decoder, piece)
        });
        assert_eq!(error, Some(ProtocolError::QueryTooLarge));
        assert_eq!(error.unwrap().reply(), None);
        assert!(fed <= limits.query + 2000, "{fed} bytes were taken");
    }
}

fn feed_some(decoder: &mut RequestDecoder, mut bytes: &[u8]) -> Option<ProtocolError> {
    while !bytes.is_empty() {
        let mut place = decoder.input();
        let count = bytes.len().min(place.remaining_mut());
        place.put_slice(&bytes[..count]);
        bytes = &bytes[count..];
        if let Err(error) = decoder.next() {
            return Some(error);
        }
    }
    None
}
