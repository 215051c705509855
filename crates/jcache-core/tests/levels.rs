//! What the levels ask of commands: lives that are scaled, deadlines, parts and joins.

use jcache_core::{Arg, Context, Error, Mutation, Query, Reply, Timestamp, Value};

fn words(line: &str) -> Vec<Arg<'_>> {
    line.split(' ').map(Arg::from).collect()
}

/// The mutation of `line`, with its life scaled, as a line.
fn scaled(line: &str, factor: f64) -> Option<String> {
    let words = words(line);
    let scaled = Mutation::parse(&words).expect("a mutation").scale_ttl(factor)?;
    let mut args = vec![Value::from(scaled.spec().name)];
    scaled.write_args(&mut args);
    Some(args.iter().map(|arg| String::from_utf8_lossy(arg)).collect::<Vec<_>>().join(" "))
}

#[test]
fn a_relative_life_is_scaled() {
    let lines = [
        ("SET k v EX 10", "SET k v PX 15000"),
        ("SET k v PX 10", "SET k v PX 15"),
        ("SETEX k 10 v", "PSETEX k 15000 v"),
        ("PSETEX k 10 v", "PSETEX k 15 v"),
        ("EXPIRE k 10", "PEXPIRE k 15000"),
        ("PEXPIRE k 10", "PEXPIRE k 15"),
    ];
    for (line, expected) in lines {
        assert_eq!(scaled(line, 1.5).as_deref(), Some(expected), "{line}");
    }
    assert_eq!(scaled("PEXPIRE k 1", 0.1).as_deref(), Some("PEXPIRE k 1"), "something is left of a life");
}

#[test]
fn what_has_no_life_to_scale_stays() {
    let lines = [
        "SET k v",
        "SET k v PXAT 10",
        "SET k v EX 10 NX",
        "EXPIRE k 10 GT",
        "PEXPIREAT k 10",
        "DEL k",
        // These remove the key, are refused, or mean for ever.
        "EXPIRE k 0",
        "PEXPIRE k -5",
        "SETEX k 0 v",
        "EXPIRE k 9223372036854775807",
    ];
    for line in lines {
        assert_eq!(scaled(line, 1.5), None, "{line}");
    }
}

#[test]
fn a_mutation_in_absolute_terms_knows_its_deadline() {
    let lines = [
        ("SET k v EX 10", Some(11_000)),
        ("SETEX k 10 v", Some(11_000)),
        ("PSETEX k 10 v", Some(1_010)),
        ("EXPIRE k 10", Some(11_000)),
        ("PEXPIRE k 10", Some(1_010)),
        ("EXPIREAT k 10", Some(10_000)),
        ("PEXPIREAT k 10", Some(10)),
        ("PEXPIREAT k 9223372036854775807", Some(Timestamp::MAX.as_millis())),
        ("SET k v", None),
        ("PERSIST k", None),
    ];
    for (line, deadline) in lines {
        let words = words(line);
        let context = Context::at(Timestamp::from_millis(1_000));
        let absolute = Mutation::parse(&words).expect("a mutation").absolute(context);
        assert_eq!(absolute.deadline(), deadline.map(Timestamp::from_millis), "{line}");
    }
}

#[test]
fn who_may_answer() {
    for line in ["TTL k", "PTTL k", "EXPIRETIME k", "PEXPIRETIME k", "DBSIZE", "SCAN 0", "KEYS *", "RANDOMKEY"] {
        assert!(Query::parse(&words(line)).expect("a query").needs_authority(), "{line}");
    }
    for line in ["GET k", "MGET k", "EXISTS k", "TYPE k", "LCS a b"] {
        assert!(!Query::parse(&words(line)).expect("a query").needs_authority(), "{line}");
    }
}

#[test]
fn parts_are_joined_in_order() {
    let line = words("MGET a b c");
    let mget = Query::parse(&line).expect("a query");
    assert_eq!(mget.parts().map(|parts| parts.len()), Some(3));
    let part = |text: Option<&str>| Ok(Reply::Array(vec![text.map_or(Reply::Nil, |it| Reply::Bulk(it.into()))]));
    let whole = Reply::Array(vec![Reply::Bulk("1".into()), Reply::Nil, Reply::Bulk("3".into())]);
    assert_eq!(mget.join(vec![part(Some("1")), part(None), part(Some("3"))]), Ok(whole));
    assert_eq!(mget.join(vec![part(None), Err(Error::wrong_type())]), Err(Error::wrong_type()));

    let line = words("MSET a 1 b 2");
    let mset = Mutation::parse(&line).expect("a mutation");
    assert_eq!(mset.parts().map(|parts| parts.len()), Some(2));
    assert_eq!(mset.join(vec![Ok(Reply::Ok), Ok(Reply::Ok)]), Ok(Reply::Ok));

    let line = words("EXISTS a b");
    let exists = Query::parse(&line).expect("a query");
    assert_eq!(exists.join(vec![Ok(Reply::Int(1)), Ok(Reply::Int(1))]), Ok(Reply::Int(2)));
}
