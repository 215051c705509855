//! What union, intersection and difference of sorted sets answer, as Redis 7.0 does.

#![allow(clippy::unwrap_used)]

mod common;

use common::check;

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

#[test]
fn unions() {
    check(&[
        ("ZADD a 1 x 2 y", "2"),
        ("ZADD b 10 y 20 z", "2"),
        ("SADD s x w", "2"),
        ("ZUNION 2 a b", "['x', 'y', 'z']"),
        ("ZUNION 2 a b WITHSCORES", "[['x', 1f], ['y', 12f], ['z', 20f]]"),
        ("ZUNION 2 a b WEIGHTS 2 0.5 WITHSCORES", "[['x', 2f], ['y', 9f], ['z', 10f]]"),
        ("ZUNION 2 a b AGGREGATE MIN WITHSCORES", "[['x', 1f], ['y', 2f], ['z', 20f]]"),
        ("ZUNION 2 a b AGGREGATE max WITHSCORES", "[['x', 1f], ['y', 10f], ['z', 20f]]"),
        ("ZUNION 3 a s nothing WITHSCORES", "[['w', 1f], ['x', 2f], ['y', 2f]]"),
        ("ZUNION 2 a a WITHSCORES", "[['x', 2f], ['y', 4f]]"),
        ("ZUNIONSTORE d 2 a b WEIGHTS -1 1", "3"),
        ("ZRANGE d 0 -1 WITHSCORES", "[['x', -1f], ['y', 8f], ['z', 20f]]"),
        ("ZUNIONSTORE d 1 nothing", "0"),
        ("EXISTS d", "0"),
        ("ZADD i inf x -inf y", "2"),
        ("ZADD j -inf x 1 y", "2"),
        ("ZUNION 2 i j WITHSCORES", "[['y', -inff], ['x', 0f]]"),
        ("ZUNION 1 i WEIGHTS 0 WITHSCORES", "[['x', 0f], ['y', 0f]]"),
        ("ZUNION 2 i j WEIGHTS -1 -1 AGGREGATE MIN WITHSCORES", "[['x', -inff], ['y', -1f]]"),
        ("SET t text", "OK"),
        ("ZUNIONSTORE t 1 a", "2"),
        ("TYPE t", "zset"),
    ]);
}

#[test]
fn intersections() {
    check(&[
        ("ZADD a 1 x 2 y 3 z", "3"),
        ("ZADD b 10 y 20 z 30 w", "3"),
        ("SADD s x y", "2"),
        ("ZINTER 2 a b WITHSCORES", "[['y', 12f], ['z', 23f]]"),
        ("ZINTER 2 a b", "['y', 'z']"),
        ("ZINTER 2 a b WEIGHTS 1 2 AGGREGATE MAX WITHSCORES", "[['y', 20f], ['z', 40f]]"),
        ("ZINTER 3 a b s WITHSCORES", "[['y', 13f]]"),
        ("ZINTER 2 a nothing", "[]"),
        ("ZINTERSTORE d 2 a b", "2"),
        ("ZRANGE d 0 -1 WITHSCORES", "[['y', 12f], ['z', 23f]]"),
        ("ZINTERSTORE d 2 a nothing", "0"),
        ("EXISTS d", "0"),
        ("ZINTERCARD 2 a b", "2"),
        ("ZINTERCARD 2 a b LIMIT 1", "1"),
        ("ZINTERCARD 2 a b LIMIT 0", "2"),
        ("ZINTERCARD 2 a b LIMIT 1 LIMIT 9", "2"),
        ("ZINTERCARD 2 a b LIMIT -1", "ERR LIMIT can't be negative"),
        ("ZINTERCARD 2 a b LIMIT x", "ERR LIMIT can't be negative"),
        ("ZINTERCARD 2 a b LIMIT", SYNTAX),
        ("ZINTERCARD 2 a b WITHSCORES", SYNTAX),
        ("ZINTERCARD 2 a nothing", "0"),
        ("ZADD i inf x", "1"),
        ("ZADD j 0 x", "1"),
        ("ZINTER 2 i j WEIGHTS 0 0 WITHSCORES", "[['x', 0f]]"),
        ("ZINTER 2 j i WEIGHTS 1 0 AGGREGATE MIN WITHSCORES", "[['x', 0f]]"),
    ]);
}

#[test]
fn differences() {
    check(&[
        ("ZADD a 1 x 2 y 3 z", "3"),
        ("ZADD b 10 y", "1"),
        ("SADD s z", "1"),
        ("ZDIFF 2 a b", "['x', 'z']"),
        ("ZDIFF 3 a b s WITHSCORES", "[['x', 1f]]"),
        ("ZDIFF 1 a", "['x', 'y', 'z']"),
        ("ZDIFF 2 nothing a", "[]"),
        ("ZDIFF 2 a a", "[]"),
        ("ZDIFF 2 s b WITHSCORES", "[['z', 1f]]"),
        ("ZDIFFSTORE d 2 a b", "2"),
        ("ZRANGE d 0 -1 WITHSCORES", "[['x', 1f], ['z', 3f]]"),
        ("ZDIFFSTORE d 2 a a", "0"),
        ("EXISTS d", "0"),
        ("ZDIFF 2 a b WEIGHTS 1 1", SYNTAX),
        ("ZDIFFSTORE d 1 a WITHSCORES", SYNTAX),
    ]);
}

#[test]
fn what_combines_says_what_is_wrong() {
    check(&[
        ("ZADD a 1 x", "1"),
        ("SET t text", "OK"),
        ("ZUNION 0 a", "ERR at least 1 input key is needed for 'zunion' command"),
        ("ZINTER x a", NOT_AN_INTEGER),
        ("ZDIFF -1 a", "ERR at least 1 input key is needed for 'zdiff' command"),
        ("ZINTERCARD 0 a", "ERR at least 1 input key is needed for 'zintercard' command"),
        ("ZUNIONSTORE d 0 a", "ERR at least 1 input key is needed for 'zunionstore' command"),
        ("ZUNION 2 a", SYNTAX),
        ("ZUNION 1 t FOO", WRONG_TYPE),
        ("ZUNION 1 a FOO", SYNTAX),
        ("ZUNION 1 a WEIGHTS", SYNTAX),
        ("ZUNION 1 a WEIGHTS x", "ERR weight value is not a float"),
        ("ZUNION 1 a WEIGHTS nan", "ERR weight value is not a float"),
        ("ZUNION 1 a WEIGHTS 1 2", SYNTAX),
        ("ZUNION 1 a AGGREGATE", SYNTAX),
        ("ZUNION 1 a AGGREGATE AVG", SYNTAX),
        ("ZUNION 1 a LIMIT 1", SYNTAX),
        ("ZUNIONSTORE d 1 a WITHSCORES", SYNTAX),
        ("ZUNIONSTORE d 1 t", WRONG_TYPE),
    ]);
}
