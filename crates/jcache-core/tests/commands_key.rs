//! What the commands of keys answer, to the letter of Redis 7.0.

#![allow(clippy::unwrap_used)]

mod common;

use common::check;

const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";

#[test]
fn existence_and_types() {
    check(&[
        ("MSET a 1 b 2", "OK"),
        ("EXISTS a b a absent", "3"),
        ("TOUCH a b a absent", "3"),
        ("HSET h f v", "1"),
        ("RPUSH l x", "1"),
        ("SADD s x", "1"),
        ("ZADD z 1 x", "1"),
        ("TYPE a", "string"),
        ("TYPE h", "hash"),
        ("TYPE l", "list"),
        ("TYPE s", "set"),
        ("TYPE z", "zset"),
        ("TYPE absent", "none"),
        ("DBSIZE", "6"),
        ("DEL a a absent", "1"),
        ("UNLINK h l absent", "2"),
        ("DBSIZE", "3"),
        ("EXISTS", "ERR wrong number of arguments for 'exists' command"),
    ]);
}

#[test]
fn lives_and_deadlines() {
    check(&[
        ("TTL k", "-2"),
        ("PTTL k", "-2"),
        ("EXPIRETIME k", "-2"),
        ("PEXPIRETIME k", "-2"),
        ("SET k a", "OK"),
        ("TTL k", "-1"),
        ("PTTL k", "-1"),
        ("EXPIRETIME k", "-1"),
        ("PEXPIRETIME k", "-1"),
        // The clock stands at 1,000,000; seconds are rounded.
        ("PEXPIRE k 1499", "1"),
        ("TTL k", "1"),
        ("EXPIRETIME k", "1001"),
        ("PEXPIRE k 1500", "1"),
        ("TTL k", "2"),
        ("PTTL k", "1500"),
        ("EXPIRETIME k", "1002"),
        ("PEXPIRETIME k", "1001500"),
        ("EXPIRE k 10", "1"),
        ("PTTL k", "10000"),
        ("EXPIREAT k 1005", "1"),
        ("PTTL k", "5000"),
        ("PEXPIREAT k 1000001", "1"),
        ("@ 1", ""),
        ("EXISTS k", "0"),
        ("PERSIST k", "0"),
        ("SET k a EX 10", "OK"),
        ("PERSIST k", "1"),
        ("PERSIST k", "0"),
        ("TTL k", "-1"),
    ]);
}

#[test]
fn a_time_that_has_passed_removes_the_key() {
    check(&[
        ("MSET a 1 b 2 c 3 d 4 e 5", "OK"),
        ("EXPIRE a 0", "1"),
        ("PEXPIRE b -1", "1"),
        ("EXPIREAT c 1000", "1"),
        ("PEXPIREAT d 1000000", "1"),
        ("PEXPIREAT e -9223372036854775808 LT", "1"),
        ("DBSIZE", "0"),
        ("EXPIRE a 0", "0"),
    ]);
}

#[test]
fn expiry_under_a_condition() {
    check(&[
        ("SET k a", "OK"),
        ("EXPIRE k 10 XX", "0"),
        ("EXPIRE k 10 GT", "0"),
        ("EXPIRE k 10 NX", "1"),
        ("EXPIRE k 20 NX", "0"),
        ("EXPIRE k 10 gt", "0"),
        ("EXPIRE k 10 lt", "0"),
        ("EXPIRE k 20 GT", "1"),
        ("EXPIRE k 15 LT", "1"),
        ("EXPIRE k 30 XX GT", "1"),
        ("PTTL k", "30000"),
        ("PERSIST k", "1"),
        // Never is the latest.
        ("EXPIRE k 30 LT", "1"),
        ("PERSIST k", "1"),
        ("EXPIRE k 30 XX LT", "0"),
        ("EXPIRE k 0 GT", "0"),
        ("EXPIRE absent 10 NX", "0"),
        ("EXPIRE k 10 NX XX", "ERR NX and XX, GT or LT options at the same time are not compatible"),
        ("EXPIRE k 10 GT LT", "ERR GT and LT options at the same time are not compatible"),
        ("EXPIRE k 10 junk", "ERR Unsupported option junk"),
    ]);
}

#[test]
fn expiry_that_cannot_be() {
    check(&[
        ("EXPIRE absent abc", NOT_AN_INTEGER),
        // Options are read first.
        ("EXPIRE absent abc junk", "ERR Unsupported option junk"),
        ("EXPIRE absent 9223372036854775807", "ERR invalid expire time in 'expire' command"),
        ("EXPIRE absent -9223372036854775808", "ERR invalid expire time in 'expire' command"),
        ("EXPIRE absent 9223372036854775", "ERR invalid expire time in 'expire' command"),
        ("PEXPIRE absent 9223372036854775807", "ERR invalid expire time in 'pexpire' command"),
        ("EXPIREAT absent 9223372036854776", "ERR invalid expire time in 'expireat' command"),
        ("PEXPIREAT absent 9223372036854775807", "0"),
        // Farther than an entry can say: as far as it can, and no farther deadline is later.
        ("SET k a", "OK"),
        ("PEXPIREAT k 9223372036854775807", "1"),
        ("PEXPIRETIME k", "281474976710655"),
        ("PEXPIREAT k 9000000000000000000 GT", "0"),
    ]);
}

#[test]
fn renaming() {
    check(&[
        ("RENAME a b", "ERR no such key"),
        ("RENAMENX a a", "ERR no such key"),
        ("SET a 1 EX 10", "OK"),
        ("RPUSH b x", "1"),
        ("RENAME a a", "OK"),
        ("RENAMENX a a", "0"),
        ("RENAMENX a b", "0"),
        ("RENAME a b", "OK"),
        ("GET b", "'1'"),
        ("PTTL b", "10000"),
        ("EXISTS a", "0"),
        ("RENAMENX b c", "1"),
        ("KEYS *", "['c']"),
        ("PTTL c", "10000"),
    ]);
}

#[test]
fn copying() {
    check(&[
        ("COPY a b", "0"),
        ("HSET a f v", "1"),
        ("EXPIRE a 10", "1"),
        ("COPY a b", "1"),
        ("HSET a f w", "0"),
        ("HGETALL b", "{'f': 'v'}"),
        ("PTTL b", "10000"),
        ("PERSIST a", "1"),
        ("COPY a b", "0"),
        ("COPY a b REPLACE", "1"),
        ("HGETALL b", "{'f': 'w'}"),
        ("PTTL b", "-1"),
        ("COPY a c DB 0 replace", "1"),
        ("COPY a a", "ERR source and destination objects are the same"),
        ("COPY absent absent", "ERR source and destination objects are the same"),
        ("COPY a b DB", "ERR syntax error"),
        ("COPY a b DB x", NOT_AN_INTEGER),
        ("COPY a b DB 16", "ERR DB index is out of range"),
        ("COPY a b DB -1", "ERR DB index is out of range"),
        ("COPY a b DB 2147483648", "ERR value is out of range, value must between -2147483648 and 2147483647"),
    ]);
}

#[test]
fn looking_around() {
    check(&[
        ("RANDOMKEY", "nil"),
        ("KEYS *", "[]"),
        ("SCAN 0", "['0', []]"),
        ("SET one 1", "OK"),
        ("RANDOMKEY", "'one'"),
        ("RPUSH two x", "1"),
        ("SET three 1 PX 5", "OK"),
        ("KEYS t*", "['three', 'two']"),
        ("KEYS [^t]??", "['one']"),
        ("@ 5", ""),
        ("KEYS t*", "['two']"),
        ("SCAN 0 MATCH *o* COUNT 1 TYPE LIST", "['0', ['two']]"),
        ("SCAN 0 TYPE stream", "['0', []]"),
        // The empty name fits a star alone.
        ("SET \"\" 1", "OK"),
        ("DEL one two", "2"),
        ("KEYS *", "['']"),
        ("KEYS **", "[]"),
        ("SCAN \"\" MATCH *", "['0', ['']]"),
        ("SCAN x", "ERR invalid cursor"),
        ("SCAN 18446744073709551616", "ERR invalid cursor"),
        ("SCAN x COUNT 0", "ERR invalid cursor"),
        ("SCAN 0 COUNT 0", "ERR syntax error"),
        ("SCAN 0 COUNT x", NOT_AN_INTEGER),
        ("SCAN 0 COUNT", "ERR syntax error"),
        ("SCAN 0 junk 1", "ERR syntax error"),
    ]);
}

#[test]
fn removing_everything() {
    check(&[
        ("MSET a 1 b 2", "OK"),
        ("FLUSHALL junk", "ERR syntax error"),
        ("FLUSHDB ASYNC SYNC", "ERR syntax error"),
        ("DBSIZE", "2"),
        ("FLUSHDB async", "OK"),
        ("DBSIZE", "0"),
        ("SET a 1", "OK"),
        ("FLUSHALL", "OK"),
        ("DBSIZE", "0"),
    ]);
}
