//! The bytes of every command's replies, in both protocols, against those of a real redis-server: which nil it is,
//! where pairs are nested, what is a set, a map or a double.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use jcache_core::command::Spec;
use jcache_core::{Arg, Context, Model, Reply, Request, Timestamp};
use jcache_resp::{Output, Protocol};
use jcache_testkit::notation::words;

/// Commands on keys that are there and that are not; what is picked at random is picked out of one.
const SESSION: &str = include_str!("session.txt");

fn session() -> impl Iterator<Item = Vec<Vec<u8>>> {
    SESSION.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(words)
}

#[test]
fn the_session_has_every_command() {
    let says = |args: &[Vec<u8>], spec: &Spec| {
        let mut words = spec.words().zip(args);
        words.all(|(word, arg)| arg.eq_ignore_ascii_case(word.as_bytes()))
    };
    let missing: Vec<&str> = jcache_core::command::specs()
        .filter(|spec| !session().any(|args| says(&args, spec)))
        .map(|spec| spec.name)
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn replies_are_redis_s_byte_for_byte() {
    let Some(server) = jcache_testkit::oracle::redis_or_skip() else { return };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        ask(&mut stream, &[b"FLUSHALL".to_vec()]);
        if protocol == Protocol::Resp3 {
            ask(&mut stream, &[b"HELLO".to_vec(), b"3".to_vec()]);
        }
        let mut model = Model::default();
        for args in session() {
            let expected = ask(&mut stream, &args);
            let found = answer(&mut model, &args, protocol);
            let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
            assert_eq!(show(&found), show(&expected), "{} in {protocol:?}", jcache_testkit::notation::line(&args));
        }
    }
}

/// The raw reply of redis-server: everything before that of an `ECHO` that follows.
fn ask(stream: &mut TcpStream, args: &[Vec<u8>]) -> Vec<u8> {
    const END: &[u8] = b"$12\r\nend of reply\r\n";
    let mut output = Output::new();
    output.command(args);
    output.command(&["ECHO", "end of reply"]);
    stream.write_all(&output.to_vec()).unwrap();
    let mut found = Vec::new();
    let mut bytes = [0; 4096];
    while !found.ends_with(END) {
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "redis-server closed the connection");
        found.extend_from_slice(&bytes[..count]);
    }
    found.truncate(found.len() - END.len());
    found
}

/// What a server over the model writes.
fn answer(model: &mut Model, args: &[Vec<u8>], protocol: Protocol) -> Vec<u8> {
    let args: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
    let now = Timestamp::from_system(SystemTime::now());
    model.set_now(now);
    let context = Context::at(now);
    let result = Request::parse(&args).and_then(|request| match &request {
        Request::Query(query) => query.run(model, context),
        Request::Mutation(mutation) => {
            let reply = mutation.run(model, context)?;
            // A command that blocks answers a list's nil when its time is over, whatever its own is.
            Ok(if reply.is_nil() && mutation.blocking().is_some() { Reply::NilArray } else { reply })
        }
    });
    let mut output = Output::new();
    output.result(&result, protocol);
    output.to_vec()
}
