//! The same lines through redis-cli and through jcache, on memory and in front of the same kind of server: every byte
//! of the output is equal, typed and raw.

#![allow(clippy::unwrap_used)]

mod common;

use common::{JCACHE, run, text};
use jcache::Reply;
use jcache_testkit::oracle::redis_or_skip;

/// Sessions whose replies do not depend on chance or on an order that Redis leaves open.
const SESSIONS: &[&str] = &[
    // Splitting lines.
    "set a 1\nget a\n\n   \n\tget\ta\n  get   a  \r\nGET a\ngEt \"a\"\nget 'a'",
    r#"set "a b" "c \"d\" \\ \n\r\t\a\b\x00\xff\xzz \q"
get "a b"
set a 'it\'s \n "so"'
get a
set a un"quo"ted
get a
set a x'y'
get a
get "a
get 'a
get "a"b
get 'a'b
get "a\"
set a ""
get a
set a ''
strlen a"#,
    "set a schön\nget a\nset schön a\nget schön",
    // Errors.
    "nosuch\nnosuch a b\nnosuch 'a b' \"c\\nd\" \"\"\nget\nget a b\nset a 1 foo\nset a 1 ex 0\nrpush a 1\nset a x\nincr a\nrpush l x\nget l",
    "\"\"",
    // Strings and numbers.
    "set a 1 ex 100\nget a\nset a 2 nx\nset a 3 xx get\nget b\nincr n\n3 incr n\ndecrby n 10\nincrbyfloat f 0.1\nincrbyfloat f 1e3\nappend s ab\nappend s cd\ngetrange s 1 2\nstrlen s\ntype s\ntype nosuch\nexists a s x\ndel a s x",
    "mset a 1 b 2\nmget a x b\nmget x y\npersist a\nttl a\npttl nosuch\nexpire a 100\nttl a",
    // Collections.
    "rpush l a b c\nlrange l 0 -1\nlrange x 0 -1\nlpush l \"x\\ny\"\nlrange l 0 0\nlpop l\nlpop l 2\nlpop l 5\nlpop l\nlpop l 2\nllen l",
    "rpush l 1 2 3 4 5 6 7 8 9\nlrange l 0 -1\nrpush l 10\nlrange l 0 -1",
    "hset h f v\nhgetall h\nhset h g \"\"\nhmget h f x g\nhget h x\nhkeys h\nhvals h\nhincrby h n 5\nhincrbyfloat h n 0.5\nhlen h\nhgetall x\nhrandfield x 2 withvalues",
    "sadd s a\nsmembers s\nsismember s a\nsismember s b\nsmismember s a b\nspop s\nspop s\nspop s 2\nsmembers s\nscard s",
    "zadd z 1 a 2.5 b inf c -inf d 0.1 e\nzrange z 0 -1\nzrange z 0 -1 withscores\nzrange z 0 1 rev withscores\nzscore z b\nzscore z e\nzscore z x\nzmscore z a x\nzincrby z 1.5 a\nzrank z a\nzrank z x\nzadd z incr 2 a\nzadd z nx incr 2 a\nzpopmin z\nzpopmax z 2\nzrangebyscore z -inf +inf withscores limit 0 1\nzcount z 0 5\nzrange x 0 -1 withscores",
    "hset h f v\nhscan h 0\nzadd z 1 a\nzscan z 0\nsadd s a\nsscan s 0\nscan 0 match nosuch\nzmpop 1 z min count 2\nlmpop 1 l left",
    "hset h f v\nhrandfield h\nhrandfield h 1 withvalues\nhrandfield h -2 withvalues\nzadd z 1.5 a\nzrandmember z\nzrandmember z -2 withscores\nsadd s a\nsrandmember s\nsrandmember s 3",
    "zadd y 1 a 2 b\nzadd z 3 b 4.5 c\nzunion 2 y z withscores\nzinter 2 y z withscores\nzdiff 2 y z withscores\nzunionstore d 2 y z weights 2 1\nzrange d 0 -1 withscores\nzintercard 2 y z\nbzpopmin y 1\nbzpopmax nosuch z 1\nbzmpop 1 1 d max\nzmscore d a x\nsintercard 1 y",
    "rpush l a b c b\nlpos l b\nlpos l b count 0\nlpos l x\nlpos l x count 1\nlmove l m left right\nrpoplpush l m\nblmove l m left left 1\nblmpop 1 1 l right count 2\nlinsert m before x y\nlset m 9 x\nlindex m 9\ntype m",
    "mset a ohmytext b mynewtext\nlcs a b\nlcs a b len\nlcs a b idx\nlcs a b idx minmatchlen 4 withmatchlen\ngetdel a\ngetex b persist",
    // Blocking, and the time that it took.
    "rpush q a\nblpop q 0\nblpop q nosuch 0.01\nblpop q -1\nblpop q x",
    // Leaving.
    "set a 1\nquit\nset a 2",
    "set a 1\nEXIT now\nset a 2",
    // Repeating.
    "2 ping\n-1 ping\n0 ping\n2\n1x ping\n2 nosuch",
];

#[test]
fn replies_are_printed_as_redis_cli_prints_them() {
    let Some(server) = redis_or_skip() else { return };
    let port = server.port().to_string();
    let url = server.url();
    for session in SESSIONS {
        for format in ["--raw", "--no-raw"] {
            assert!(server.client().call(&["FLUSHALL"]).is_ok());
            let expected = run("redis-cli", &["-p", &port, format], session.as_bytes());
            assert!(expected.status.success(), "{expected:?}");
            let expected =
                text(&expected).replace("Invalid redis-cli repeat command option value.", "Invalid repeat count");
            for levels in [&[][..], &["--level", &url], &["--level", "memory", "--level", &url]] {
                assert!(server.client().call(&["FLUSHALL"]).is_ok());
                let output = run(JCACHE, &[&[format], levels].concat(), session.as_bytes());
                assert_eq!(text(&output), expected, "{format} {levels:?}\n{session}");
                assert_eq!(output.status.code(), Some(0));
            }
        }
    }
}

#[test]
fn a_single_command_prints_as_redis_cli_does() {
    let Some(server) = redis_or_skip() else { return };
    let (port, url) = (server.port().to_string(), server.url());
    for args in [&["get", "a"][..], &["set", "a", "x y"], &["incr"], &["lrange", "a", "0", "-1"], &["help me"]] {
        for format in ["--raw", "--no-raw"] {
            let expected = run("redis-cli", &[&["-p", &port, format], args].concat(), b"");
            let output = run(JCACHE, &[&["--level", &url, format], args].concat(), b"");
            assert_eq!(text(&output), text(&expected), "{format} {args:?}");
        }
    }
}

#[test]
fn a_shared_level_outlives_the_process_and_may_be_away() {
    let Some(server) = redis_or_skip() else { return };
    let url = server.url();
    let levels = ["-e", "--level", "memory", "--level", &url];
    let output = run(JCACHE, &levels, b"set a 1 ex 100\nrpush l x\n");
    assert_eq!((text(&output).as_str(), output.status.code()), ("OK\n1\n", Some(0)));
    assert_eq!(server.client().call(&["GET", "a"]), Ok(Reply::Bulk("1".into())));
    let shown = text(&run(JCACHE, &levels, b"explain a\nget a\nexplain a\n"));
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].starts_with("memory  nothing") && lines[2].ends_with("answers, decides writes"), "{shown}");
    assert!(
        lines[3] == "1" && lines[5].starts_with("memory  string  1 byte ") && lines[5].ends_with("answers"),
        "{shown}"
    );

    server.kill();
    let output = run(JCACHE, &levels, b"set a 2\nget a\nrpush l y\nlevels\n");
    let shown = text(&output);
    assert!(shown.starts_with("OK\n2\n") && shown.contains("not accepted (redis: "), "{shown}");
    assert!(shown.contains("Repairs: 1 waiting"), "{shown}");
    assert_eq!(output.status.code(), Some(1));
}
