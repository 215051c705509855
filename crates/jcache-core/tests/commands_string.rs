//! What the commands of strings answer, to the letter of Redis 7.0.

#![allow(clippy::unwrap_used)]

mod common;

use common::check;

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const NOT_A_FLOAT: &str = "ERR value is not a valid float";

#[test]
fn get_and_set() {
    check(&[
        ("GET k", "nil"),
        ("SET k hello", "OK"),
        ("GET k", "'hello'"),
        ("STRLEN k", "5"),
        ("STRLEN absent", "0"),
        ("SET k \"a\\x00\\xff\"", "OK"),
        ("get k", r"'a\x00\xff'"),
        ("SET k \"\"", "OK"),
        ("GET k", "''"),
        ("RPUSH list a", "1"),
        ("GET list", WRONG_TYPE),
        ("STRLEN list", WRONG_TYPE),
        ("SET list text", "OK"),
        ("TYPE list", "string"),
        ("GET", "ERR wrong number of arguments for 'get' command"),
    ]);
}

#[test]
fn set_under_a_condition() {
    check(&[
        ("SET k a XX", "nil"),
        ("SET k a NX", "OK"),
        ("SET k b NX", "nil"),
        ("SET k b xx", "OK"),
        ("SET k c GET", "'b'"),
        ("SET other c GET", "nil"),
        ("SET k d NX GET", "'c'"),
        ("SET new d NX GET", "nil"),
        ("MGET k new", "['c', 'd']"),
        ("SET absent d XX GET", "nil"),
        ("EXISTS absent", "0"),
        ("RPUSH list a", "1"),
        ("SET list a GET", WRONG_TYPE),
        ("SET list a NX", "nil"),
        ("SET k a NX XX", "ERR syntax error"),
        ("SET k a XX NX", "ERR syntax error"),
        ("SET k a junk", "ERR syntax error"),
    ]);
}

#[test]
fn set_with_a_deadline() {
    check(&[
        ("SET k a EX 10", "OK"),
        ("PTTL k", "10000"),
        ("SET k a PX 1500", "OK"),
        ("PTTL k", "1500"),
        ("SET k b KEEPTTL", "OK"),
        ("PTTL k", "1500"),
        ("SET k b", "OK"),
        ("PTTL k", "-1"),
        ("SET k a EXAT 1001", "OK"),
        ("PEXPIRETIME k", "1001000"),
        ("SET k a PXAT 1000500", "OK"),
        ("@ 499", ""),
        ("GET k", "'a'"),
        ("@ 1", ""),
        ("GET k", "nil"),
        // Due at once: what was there is gone too.
        ("SET k a", "OK"),
        ("SET k b PXAT 1", "OK"),
        ("EXISTS k", "0"),
        ("DBSIZE", "0"),
        // A unit may be repeated, but not mixed with another.
        ("SET k a EX 10 EX 20", "OK"),
        ("TTL k", "20"),
        ("SET k a EX 10 PX 10", "ERR syntax error"),
        ("SET k a EX 10 KEEPTTL", "ERR syntax error"),
        ("SET k a KEEPTTL EX 10", "ERR syntax error"),
        ("SET k a KEEPTTL KEEPTTL", "OK"),
        ("SET k a EX", "ERR syntax error"),
        // The form is checked before the number.
        ("SET k a EX abc junk", "ERR syntax error"),
        ("SET k a EX abc", NOT_AN_INTEGER),
        ("SET k a EX 0", "ERR invalid expire time in 'set' command"),
        ("SET k a PX -1", "ERR invalid expire time in 'set' command"),
        ("SET k a EX 9223372036854776", "ERR invalid expire time in 'set' command"),
        ("SET k a EX 9223372036854775", "ERR invalid expire time in 'set' command"),
        ("SET k a PX 9223372036854775807", "ERR invalid expire time in 'set' command"),
        // Farther than an entry can say: as far as it can.
        ("SET k a PXAT 9223372036854775807", "OK"),
        ("PEXPIRETIME k", "281474976710655"),
        // An expiry that cannot be is told before the type.
        ("RPUSH list a", "1"),
        ("SET list a GET EX 9223372036854775", "ERR invalid expire time in 'set' command"),
    ]);
}

#[test]
fn older_forms_of_set() {
    check(&[
        ("SETNX k a", "1"),
        ("SETNX k b", "0"),
        ("SETEX k 10 c", "OK"),
        ("PTTL k", "10000"),
        ("PSETEX k 1500 d", "OK"),
        ("PTTL k", "1500"),
        ("GETSET k e", "'d'"),
        ("PTTL k", "-1"),
        ("GETSET new e", "nil"),
        ("SETEX k 0 a", "ERR invalid expire time in 'setex' command"),
        ("SETEX k 9223372036854775 a", "ERR invalid expire time in 'setex' command"),
        ("PSETEX k -1 a", "ERR invalid expire time in 'psetex' command"),
        ("SETEX k abc a", NOT_AN_INTEGER),
        ("RPUSH list a", "1"),
        ("SETNX list a", "0"),
        ("GETSET list a", WRONG_TYPE),
        ("SETEX list 10 a", "OK"),
    ]);
}

#[test]
fn reading_with_a_change() {
    check(&[
        ("GETDEL k", "nil"),
        ("SET k a", "OK"),
        ("GETDEL k", "'a'"),
        ("EXISTS k", "0"),
        ("SET k a", "OK"),
        ("GETEX k", "'a'"),
        ("PTTL k", "-1"),
        ("GETEX k EX 10", "'a'"),
        ("PTTL k", "10000"),
        ("GETEX k", "'a'"),
        ("PTTL k", "10000"),
        ("GETEX k PERSIST", "'a'"),
        ("PTTL k", "-1"),
        ("GETEX k PERSIST", "'a'"),
        ("GETEX k PX 10 PX 20", "'a'"),
        ("PTTL k", "20"),
        ("GETEX k EXAT 2000", "'a'"),
        ("EXPIRETIME k", "2000"),
        ("GETEX k PXAT 1", "'a'"),
        ("EXISTS k", "0"),
        // Nothing is wrong with the number until there is a string.
        ("GETEX k EX abc", "nil"),
        ("GETEX k EX 0", "nil"),
        ("GETEX k EX 1 PX 1", "ERR syntax error"),
        ("GETEX k EX 1 PERSIST", "ERR syntax error"),
        ("GETEX k PERSIST EX 1", "ERR syntax error"),
        ("GETEX k KEEPTTL", "ERR syntax error"),
        ("SET k a", "OK"),
        ("GETEX k EX abc", NOT_AN_INTEGER),
        ("GETEX k EX 0", "ERR invalid expire time in 'getex' command"),
        ("RPUSH list a", "1"),
        ("GETEX list EX abc", WRONG_TYPE),
        ("GETDEL list", WRONG_TYPE),
    ]);
}

#[test]
fn several_at_once() {
    check(&[
        ("MSET a 1 b 2 a 3", "OK"),
        ("RPUSH list x", "1"),
        ("MGET a b absent list a", "['3', '2', nil, nil, '3']"),
        ("MSETNX c 1 a 2", "0"),
        ("EXISTS c", "0"),
        ("MSETNX c 1 c 2", "1"),
        ("GET c", "'2'"),
        ("MSETNX list 1", "0"),
        ("SET a 1 EX 10", "OK"),
        ("MSET a 2 list 3", "OK"),
        ("TTL a", "-1"),
        ("TYPE list", "string"),
        ("MSET a", "ERR wrong number of arguments for 'mset' command"),
        ("MSET a 1 b", "ERR wrong number of arguments for 'mset' command"),
        ("MSETNX a 1 b", "ERR wrong number of arguments for 'msetnx' command"),
    ]);
}

#[test]
fn parts_of_strings() {
    check(&[
        ("SET k \"Hello, World\"", "OK"),
        ("GETRANGE k 0 4", "'Hello'"),
        ("GETRANGE k -5 -1", "'World'"),
        ("GETRANGE k 0 -1", "'Hello, World'"),
        ("GETRANGE k 7 100", "'World'"),
        ("GETRANGE k 100 200", "''"),
        ("GETRANGE k 5 3", "''"),
        // A stop before the first byte is the first byte; both before it and crossed are nothing.
        ("GETRANGE k 0 -100", "'H'"),
        ("GETRANGE k -100 -200", "''"),
        ("GETRANGE k -200 -100", "'H'"),
        ("GETRANGE k -9223372036854775808 9223372036854775807", "'Hello, World'"),
        ("SUBSTR k 0 4", "'Hello'"),
        ("GETRANGE absent 0 -1", "''"),
        ("GETRANGE k a 1", NOT_AN_INTEGER),
        ("RPUSH list a", "1"),
        ("GETRANGE list a 1", NOT_AN_INTEGER),
        ("GETRANGE list 0 1", WRONG_TYPE),
    ]);
}

#[test]
fn appending_and_overwriting() {
    check(&[
        ("APPEND k \"\"", "0"),
        ("EXISTS k", "1"),
        ("APPEND k ab", "2"),
        ("EXPIRE k 10", "1"),
        ("APPEND k cd", "4"),
        ("SETRANGE k 4 ef", "6"),
        ("SETRANGE k 1 XY", "6"),
        ("SETRANGE k 8 z", "9"),
        ("GET k", r"'aXYdef\x00\x00z'"),
        ("PTTL k", "10000"),
        ("SETRANGE k 100 \"\"", "9"),
        ("SETRANGE absent 5 \"\"", "0"),
        ("EXISTS absent", "0"),
        ("SETRANGE absent 2 a", "3"),
        ("GET absent", r"'\x00\x00a'"),
        ("SETRANGE k -1 a", "ERR offset is out of range"),
        ("SETRANGE k abc a", NOT_AN_INTEGER),
        ("SETRANGE k 536870911 ab", "ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
        ("SETRANGE k 9223372036854775807 a", "ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
        ("RPUSH list a", "1"),
        ("APPEND list a", WRONG_TYPE),
        ("SETRANGE list 0 \"\"", WRONG_TYPE),
        ("SETRANGE list -1 a", "ERR offset is out of range"),
    ]);
}

#[test]
fn integers() {
    check(&[
        ("INCR n", "1"),
        ("INCRBY n 10", "11"),
        ("DECR n", "10"),
        ("DECRBY n 15", "-5"),
        ("GET n", "'-5'"),
        ("EXPIRE n 10", "1"),
        ("INCR n", "-4"),
        ("PTTL n", "10000"),
        ("SET n 9223372036854775807", "OK"),
        ("INCR n", "ERR increment or decrement would overflow"),
        ("DECRBY n -9223372036854775808", "ERR decrement would overflow"),
        ("DECRBY n -9223372036854775807", "ERR increment or decrement would overflow"),
        ("INCRBY n 1.5", NOT_AN_INTEGER),
        ("SET n 01", "OK"),
        ("INCR n", NOT_AN_INTEGER),
        ("SET n \" 1\"", "OK"),
        ("INCR n", NOT_AN_INTEGER),
        ("SET n +1", "OK"),
        ("INCR n", NOT_AN_INTEGER),
        ("SET n \"\"", "OK"),
        ("INCR n", NOT_AN_INTEGER),
        ("RPUSH list a", "1"),
        ("INCR list", WRONG_TYPE),
        ("INCRBY list abc", NOT_AN_INTEGER),
    ]);
}

#[test]
fn floats() {
    check(&[
        ("INCRBYFLOAT f 0.1", "'0.1'"),
        ("INCRBYFLOAT f 0.2", "'0.3'"),
        ("INCRBYFLOAT f -0.3", "'0'"),
        ("INCRBYFLOAT f 5.0e3", "'5000'"),
        ("INCRBYFLOAT f 0x1p-1", "'5000.5'"),
        ("INCRBYFLOAT f 1e30", "'1000000000000000000024696061952'"),
        ("EXPIRE f 10", "1"),
        ("SET f 10.5 KEEPTTL", "OK"),
        ("INCRBYFLOAT f .5", "'11'"),
        ("PTTL f", "10000"),
        ("INCRBYFLOAT f inf", "ERR increment would produce NaN or Infinity"),
        ("INCRBYFLOAT f nan", NOT_A_FLOAT),
        ("INCRBYFLOAT f 1e", NOT_A_FLOAT),
        ("INCRBYFLOAT f \" 1\"", NOT_A_FLOAT),
        ("INCRBYFLOAT f 1e5000", NOT_A_FLOAT),
        ("SET f abc", "OK"),
        ("INCRBYFLOAT f 1", NOT_A_FLOAT),
        ("RPUSH list a", "1"),
        ("INCRBYFLOAT list abc", WRONG_TYPE),
    ]);
}

#[test]
fn longest_common_subsequences() {
    check(&[
        ("MSET a ohmytext b mynewtext", "OK"),
        ("LCS a b", "'mytext'"),
        ("LCS a b LEN", "6"),
        ("LCS a b IDX", "{'len': 6, 'matches': [[[4, 7], [5, 8]], [[2, 3], [0, 1]]]}"),
        ("LCS a b IDX MINMATCHLEN 4", "{'len': 6, 'matches': [[[4, 7], [5, 8]]]}"),
        ("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", "{'len': 6, 'matches': [[[4, 7], [5, 8], 4]]}"),
        ("LCS a b MINMATCHLEN -1", "'mytext'"),
        ("LCS a absent", "''"),
        ("LCS absent absent LEN", "0"),
        ("LCS a absent IDX", "{'len': 0, 'matches': []}"),
        ("LCS a b IDX LEN", "ERR If you want both the length and indexes, please just use IDX."),
        ("LCS a b MINMATCHLEN", "ERR syntax error"),
        ("LCS a b MINMATCHLEN x", NOT_AN_INTEGER),
        ("RPUSH list a", "1"),
        // The keys are looked at before the options.
        ("LCS a list junk", "ERR The specified keys must contain string values"),
        // More than anyone should wait for.
        ("SETRANGE a 20000 x", "20001"),
        ("SETRANGE b 20000 x", "20001"),
        ("LCS a b LEN", "ERR Insufficient memory, failed allocating transient memory for LCS"),
    ]);
}

/// Names are compared as numbers, where a zero at the end would say nothing.
#[test]
fn a_name_with_zeros_after_it_is_another_name() {
    for name in [&b"GET\0"[..], b"GET\0\0\0", b"\0", b""] {
        let args = [jcache_core::Arg::from(name), "key".into()];
        let error = jcache_core::Request::parse(&args).expect_err("no command has this name");
        assert_eq!(error.kind(), jcache_core::ErrorKind::UnknownCommand, "{error}");
    }
}
