//! Every shape of a reply in both protocols, and what a client makes of bytes that are none.

#![allow(clippy::unwrap_used)]

use bytes::BufMut;
use jcache_core::{Arg, Error, ErrorKind, Reply, Request};
use jcache_resp::{Limits, Output, Protocol, ProtocolError, ReplyDecoder};

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

fn written(reply: &Reply, protocol: Protocol) -> String {
    let mut output = Output::new();
    output.reply(reply, protocol);
    String::from_utf8(output.to_vec()).unwrap()
}

fn read(limits: Limits, bytes: &[u8]) -> Result<Vec<Reply>, ProtocolError> {
    let mut decoder = ReplyDecoder::new(limits);
    let mut found = Vec::new();
    for piece in bytes.chunks(1000) {
        decoder.input().put_slice(piece);
        while let Some(reply) = decoder.next()? {
            found.push(reply);
        }
    }
    Ok(found)
}

#[test]
fn every_shape_in_both_protocols() {
    let scored = vec![(bulk("a"), Reply::Double(1.5)), (bulk("b"), Reply::Double(f64::INFINITY))];
    let rows = [
        (Reply::Nil, "$-1\r\n", "_\r\n"),
        (Reply::NilArray, "*-1\r\n", "_\r\n"),
        (Reply::Ok, "+OK\r\n", "+OK\r\n"),
        (Reply::Status("zset".into()), "+zset\r\n", "+zset\r\n"),
        (Reply::Status("a\r\nb".into()), "+a  b\r\n", "+a  b\r\n"),
        (Reply::Int(-7), ":-7\r\n", ":-7\r\n"),
        (Reply::Int(i64::MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"),
        (Reply::Bool(true), ":1\r\n", "#t\r\n"),
        (Reply::Bool(false), ":0\r\n", "#f\r\n"),
        (Reply::Double(0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n"),
        (Reply::Double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n"),
        (Reply::BigNumber("123".into()), "$3\r\n123\r\n", "(123\r\n"),
        (bulk(""), "$0\r\n\r\n", "$0\r\n\r\n"),
        (bulk("a\r\n"), "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n"),
        (Reply::Verbatim("abc".into()), "$3\r\nabc\r\n", "=7\r\ntxt:abc\r\n"),
        (Reply::Array(vec![]), "*0\r\n", "*0\r\n"),
        (Reply::Array(vec![Reply::Nil, Reply::Int(1)]), "*2\r\n$-1\r\n:1\r\n", "*2\r\n_\r\n:1\r\n"),
        (Reply::Set(vec![bulk("m")]), "*1\r\n$1\r\nm\r\n", "~1\r\n$1\r\nm\r\n"),
        (Reply::Push(vec![bulk("m")]), "*1\r\n$1\r\nm\r\n", ">1\r\n$1\r\nm\r\n"),
        (Reply::Map(vec![(bulk("f"), Reply::Int(1))]), "*2\r\n$1\r\nf\r\n:1\r\n", "%1\r\n$1\r\nf\r\n:1\r\n"),
        (
            Reply::Pairs(scored.clone()),
            "*4\r\n$1\r\na\r\n$3\r\n1.5\r\n$1\r\nb\r\n$3\r\ninf\r\n",
            "*2\r\n*2\r\n$1\r\na\r\n,1.5\r\n*2\r\n$1\r\nb\r\n,inf\r\n",
        ),
        (
            Reply::Array(vec![bulk("z"), Reply::Array(vec![Reply::Array(vec![bulk("a"), Reply::Double(2.0)])])]),
            "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\na\r\n$1\r\n2\r\n",
            "*2\r\n$1\r\nz\r\n*1\r\n*2\r\n$1\r\na\r\n,2\r\n",
        ),
        (Reply::Error(Error::wrong_type()), WRONGTYPE, WRONGTYPE),
        (Reply::Error(Error::new(ErrorKind::Timeout, "level redis: no\nreply")), NO_CODE, NO_CODE),
    ];
    for (reply, two, three) in rows {
        assert_eq!(written(&reply, Protocol::Resp2), two, "{reply:?}");
        assert_eq!(written(&reply, Protocol::Resp3), three, "{reply:?}");
        assert_eq!(written(&reply.clone().resp2(), Protocol::Resp2), two, "{reply:?} as RESP2 has it");
    }
}

const WRONGTYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
/// An error of ours, which has no code word, still gets one on the wire.
const NO_CODE: &str = "-ERR level redis: no reply\r\n";

#[test]
fn replies_of_servers_are_read() {
    let rows = [
        ("+OK\r\n", Reply::Ok),
        ("+\r\n", Reply::Status("".into())),
        ("-WRONGPASS no\r\n", Reply::Error(Error::new(ErrorKind::Auth, "WRONGPASS no"))),
        ("!10\r\nERR a\r\nb c\r\n", Reply::Error(Error::invalid("ERR a\r\nb c"))),
        (",1e3\r\n", Reply::Double(1000.0)),
        (",-inf\r\n", Reply::Double(f64::NEG_INFINITY)),
        ("$-1\r\n", Reply::Nil),
        ("*-1\r\n", Reply::NilArray),
        ("_\r\n", Reply::Nil),
        ("=7\r\nmkd:abc\r\n", Reply::Verbatim("abc".into())),
        ("~2\r\n:1\r\n#f\r\n", Reply::Set(vec![Reply::Int(1), Reply::Bool(false)])),
        ("|1\r\n+ttl\r\n:1\r\n:5\r\n", Reply::Int(5)),
        ("|0\r\n*1\r\n|1\r\n+a\r\n*0\r\n:5\r\n", Reply::Array(vec![Reply::Int(5)])),
        ("*2\r\n-ERR x\r\n:1\r\n", Reply::Array(vec![Reply::Error(Error::invalid("ERR x")), Reply::Int(1)])),
        (">2\r\n$7\r\nmessage\r\n$1\r\nm\r\n", Reply::Push(vec![bulk("message"), bulk("m")])),
    ];
    for (bytes, expected) in rows {
        assert_eq!(read(Limits::default(), bytes.as_bytes()), Ok(vec![expected]), "{bytes:?}");
    }
}

#[test]
fn bytes_that_are_no_reply_are_refused() {
    let limits = Limits { arguments: 100, bulk: 1000, line: 100, depth: 3, reply: 10_000, ..Limits::default() };
    let many = format!("*100\r\n{}", "*10\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n".repeat(100));
    let endless = format!("+{}", "x".repeat(20_000));
    let rows = [
        ("x\r\n", ProtocolError::UnknownType(b'x')),
        ("\r\n", ProtocolError::ReplyLine),
        (":1\n", ProtocolError::ReplyLine),
        (":\r\n", ProtocolError::ReplyLine),
        (":1x\r\n", ProtocolError::ReplyLine),
        ("#x\r\n", ProtocolError::ReplyLine),
        ("_x\r\n", ProtocolError::ReplyLine),
        (",x\r\n", ProtocolError::ReplyLine),
        ("$x\r\n", ProtocolError::ReplyLength),
        ("$-2\r\n", ProtocolError::ReplyLength),
        ("*-2\r\n", ProtocolError::ReplyLength),
        ("%-1\r\n", ProtocolError::ReplyLength),
        ("=3\r\ntxt\r\n", ProtocolError::ReplyLength),
        ("$1001\r\n", ProtocolError::ReplyLength),
        ("*101\r\n", ProtocolError::ReplyLength),
        ("*9223372036854775808\r\n", ProtocolError::ReplyLength),
        ("*1\r\n*1\r\n*1\r\n*1\r\n", ProtocolError::ReplyDepth),
        (&format!("${}", "1".repeat(200)), ProtocolError::ReplyLine),
        (&many, ProtocolError::ReplyTooLarge),
        (&endless, ProtocolError::ReplyTooLarge),
    ];
    for (bytes, expected) in rows {
        assert_eq!(read(limits, bytes.as_bytes()), Err(expected), "{bytes:?}");
    }
    // A list of any announced length costs nothing before its elements come.
    assert_eq!(read(Limits::default(), b"*2147483647\r\n:1\r\n"), Ok(vec![]));
}

#[test]
fn commands_are_written_as_they_are_typed_and_as_values() {
    let mut output = Output::new();
    output.command(&["SET", "k", ""]);
    assert_eq!(output.to_vec(), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
    for line in ["GET k", "DBSIZE", "ZADD z NX 1.5 a 2 b", "SET k v EX 10", "BLPOP a b 1.5", "LMPOP 2 a b LEFT COUNT 3"]
    {
        let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
        let mut output = Output::new();
        output.request(&Request::parse(&args).unwrap());
        let mut typed = Output::new();
        typed.command(&args);
        assert_eq!(output.to_vec().escape_ascii().to_string(), typed.to_vec().escape_ascii().to_string());
    }
}

#[test]
fn lists_may_be_written_in_parts() {
    let mut output = Output::new();
    output.array(2);
    output.result(&Ok(Reply::Int(1)), Protocol::Resp2);
    output.result(&Err(Error::syntax()), Protocol::Resp2);
    assert_eq!(output.to_vec(), b"*2\r\n:1\r\n-ERR syntax error\r\n");
    output.clear();
    assert!(output.is_empty());
}
