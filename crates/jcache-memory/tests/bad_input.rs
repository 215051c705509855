//! What hostile or careless callers send: every byte, nothing, very much, and numbers that are none. Each is answered
//! with a clear error and nothing lost, or works.

use jcache_core::{Arg, Driver, Error, ErrorKind, Reply, Request, Result, Value};
use jcache_memory::Memory;

fn call(memory: &Memory, args: &[Arg<'_>]) -> Result<Reply> {
    match Request::parse(args)? {
        Request::Query(query) => memory.try_query(&query).expect("memory answers at once").map(|answer| answer.reply),
        Request::Mutation(mutation) => memory.try_mutate(&mutation).expect("no command here waits"),
    }
}

fn line(memory: &Memory, line: &str) -> Result<Reply> {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    call(memory, &args)
}

#[test]
fn keys_values_fields_and_members_may_be_any_bytes_and_empty() {
    let memory = Memory::new();
    let every: Vec<u8> = (0..=255).collect();
    for bytes in [&every[..], b"", b"\0", b"\r\n", &[0xff; 300]] {
        let it = || Arg::from(bytes);
        assert_eq!(call(&memory, &["SET".into(), it(), it()]), Ok(Reply::Ok));
        assert_eq!(call(&memory, &["GET".into(), it()]), Ok(Reply::Bulk(bytes.into())));
        for (create, read) in [("HSET", "HGET"), ("ZADD", "ZSCORE"), ("SADD", "SISMEMBER"), ("RPUSH", "LPOS")] {
            call(&memory, &["DEL".into(), it()]).unwrap();
            match create {
                "HSET" => call(&memory, &[create.into(), it(), it(), it()]),
                "ZADD" => call(&memory, &[create.into(), it(), "1".into(), it()]),
                _ => call(&memory, &[create.into(), it(), it()]),
            }
            .unwrap();
            let found = call(&memory, &[read.into(), it(), it()]).unwrap();
            assert_ne!(found, Reply::Nil, "{create} {bytes:?}");
        }
        call(&memory, &["DEL".into(), it()]).unwrap();
    }
    assert!(memory.is_empty());
}

#[test]
fn more_than_512_mib_is_a_clear_error_that_changes_nothing() {
    let memory = Memory::new();
    line(&memory, "SET k old").unwrap();
    let huge = Value::from(vec![0; Value::MAX + 1]);
    for args in [
        vec![Arg::from("SET"), "k".into(), Arg::Value(huge.clone())],
        vec!["GET".into(), Arg::Value(huge.clone())],
        vec!["HSET".into(), "h".into(), Arg::Value(huge.clone()), "v".into()],
        vec!["RPUSH".into(), "l".into(), "a".into(), Arg::Value(huge)],
    ] {
        assert_eq!(call(&memory, &args).unwrap_err().kind(), ErrorKind::TooLarge);
    }
    for line_ in ["SETRANGE k 536870911 xy", "SETRANGE none 536870912 x"] {
        let error = line(&memory, line_).unwrap_err();
        assert_eq!(error.message(), "ERR string exceeds maximum allowed size (proto-max-bulk-len)", "{line_}");
    }
    assert_eq!(line(&memory, "GET k"), Ok(Reply::Bulk("old".into())));
    assert_eq!(line(&memory, "DBSIZE"), Ok(Reply::Int(1)));
}

#[test]
fn numbers_that_are_none_or_overflow_are_refused_with_redis_texts() {
    let memory = Memory::new();
    for setup in ["SET max 9223372036854775807", "SET text x", "HSET h f 9223372036854775807", "ZADD z inf a"] {
        line(&memory, setup).unwrap();
    }
    let not_integer = "ERR value is not an integer or out of range";
    let not_float = "ERR value is not a valid float";
    let overflow = "ERR increment or decrement would overflow";
    for (command, text) in [
        ("INCR max", overflow),
        ("INCRBY max 1", overflow),
        ("INCR text", not_integer),
        ("INCRBY n 9223372036854775808", not_integer),
        ("DECRBY n -9223372036854775808", "ERR decrement would overflow"),
        ("HINCRBY h f 1", overflow),
        ("INCRBYFLOAT n nan", not_float),
        ("ZADD z nan b", not_float),
        ("ZADD z 1 a 2", "ERR syntax error"),
        ("ZINCRBY z -inf a", "ERR resulting score is not a number (NaN)"),
        ("ZADD z NX XX 1 a", "ERR XX and NX options at the same time are not compatible"),
        ("ZADD z GT LT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("SET k v EX 0", "ERR invalid expire time in 'set' command"),
        ("SET k v EX 1 PX 1", "ERR syntax error"),
        ("EXPIRE max 9223372036854775807", "ERR invalid expire time in 'expire' command"),
        ("LPOP l -1", "ERR value is out of range, must be positive"),
        ("NOSUCH a b", "ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' "),
        ("GET", "ERR wrong number of arguments for 'get' command"),
    ] {
        let error: Error = line(&memory, command).expect_err(command);
        assert_eq!(error.message(), text, "{command}");
    }
    assert_eq!(line(&memory, "DBSIZE"), Ok(Reply::Int(4)), "nothing was made on the way");
}

#[test]
fn ten_thousand_fields_at_once() {
    let memory = Memory::new();
    let fields: Vec<String> = (0..10_000).map(|n| format!("field:{n}")).collect();
    let mut args = vec![Arg::from("HSET"), "h".into()];
    args.extend(fields.iter().flat_map(|field| [Arg::from(field), Arg::from(field)]));
    assert_eq!(call(&memory, &args), Ok(Reply::Int(10_000)));
    assert_eq!(line(&memory, "HLEN h"), Ok(Reply::Int(10_000)));
    assert_eq!(line(&memory, "HGET h field:9999"), Ok(Reply::Bulk("field:9999".into())));
    let mut args = vec![Arg::from("HDEL"), "h".into()];
    args.extend(fields.iter().map(Arg::from));
    assert_eq!(call(&memory, &args), Ok(Reply::Int(10_000)));
    assert!(memory.is_empty());
}
