//! The names of forms, held against a real server where it goes over from one to the next.

#![allow(clippy::unwrap_used)]

use jcache_core::Reply;
use jcache_testkit::differential::{ModelSubject, Subject};
use jcache_testkit::oracle;

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(Vec::from).collect()
}

#[test]
fn forms_change_where_those_of_redis_do() {
    let Some(server) = oracle::redis_or_skip() else { return };
    let mut client = server.client();
    // What its configuration file says; without one it is 512.
    client.line("CONFIG SET hash-max-listpack-entries 128").unwrap();
    let mut subject = ModelSubject::default();
    let mut lines: Vec<String> = Vec::new();
    for text in ["1", "-9223372036854775808", "9223372036854775808", "01", "+1", "1.5", "a", "0", "-0"] {
        lines.push(format!("SET string {text}"));
    }
    lines.extend([44, 45].map(|len| format!("SET string {}", "x".repeat(len))));
    let many = |command: &str, count: usize, element: &dyn Fn(usize) -> String| {
        format!("{command} {}", (0..count).map(element).collect::<Vec<_>>().join(" "))
    };
    for count in [128, 129] {
        lines.push(many(&format!("HSET hash{count}"), count, &|i| format!("f{i} v")));
        lines.push(many(&format!("ZADD zset{count}"), count, &|i| format!("{i} m{i}")));
    }
    for length in [64, 65] {
        let long = "x".repeat(length);
        lines.push(format!("HSET hash-long{length} f {long}"));
        lines.push(format!("HSET hash-name{length} {long} v"));
        lines.push(format!("ZADD zset-long{length} 1 {long}"));
    }
    for count in [1, 512, 513] {
        lines.push(many(&format!("SADD ints{count}"), count, &|i| (i * 1_000_003).to_string()));
    }
    lines.extend(["RPUSH list a".to_owned(), many("RPUSH list-long", 3000, &|i| format!("element-{i}"))]);
    for line in lines {
        let key = line.split(' ').nth(1).unwrap();
        let encoding = format!("OBJECT ENCODING {key}");
        let (theirs, ours) = (client.line(&line), subject.call(&words(&line)));
        assert_eq!(theirs, ours, "{line}");
        assert_eq!(client.line(&encoding), subject.call(&words(&encoding)), "{encoding} after {line}");
    }
    let Ok(Reply::Int(usage)) = subject.call(&words("MEMORY USAGE list-long")) else { panic!("a number") };
    assert!((30_000..300_000).contains(&usage), "{usage} bytes for some 40 KB of elements");
}
