//! What the commands about ranges of sorted sets answer, as Redis 7.0 does.

#![allow(clippy::unwrap_used)]

mod common;

use common::check;

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

#[test]
fn ranges_by_rank() {
    check(&[
        ("ZADD z 1 a 2 b 3 c 4 d", "4"),
        ("ZRANGE z 0 -1", "['a', 'b', 'c', 'd']"),
        ("ZRANGE z 1 2 WITHSCORES", "[['b', 2f], ['c', 3f]]"),
        ("ZRANGE z -2 99", "['c', 'd']"),
        ("ZRANGE z 2 1", "[]"),
        ("ZRANGE z 0 1 REV", "['d', 'c']"),
        ("ZRANGE z 0 0 REV WITHSCORES", "[['d', 4f]]"),
        ("ZRANGE z -99 -4 rev", "['d']"),
        ("ZREVRANGE z 0 1", "['d', 'c']"),
        ("ZREVRANGE z 1 -2 WITHSCORES", "[['c', 3f], ['b', 2f]]"),
        ("ZREVRANGE z 0 0 WITHSCORES withscores", "[['d', 4f]]"),
        ("ZRANGE nothing 0 -1 WITHSCORES", "[]"),
        ("ZRANGE z one 1", NOT_AN_INTEGER),
        ("ZRANGE nothing one 1", NOT_AN_INTEGER),
        (
            "ZRANGE z 0 -1 LIMIT 0 1",
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        ("ZRANGE z 0 -1 LIMIT 2 -1", "['a', 'b', 'c', 'd']"),
        ("ZRANGE z 0 -1 LIMIT 0", SYNTAX),
        ("ZRANGE z one 1 LIMIT 0 x", NOT_AN_INTEGER),
        ("ZREVRANGE z 0 -1 REV", SYNTAX),
        (
            "ZREVRANGE z 0 -1 LIMIT 0 1",
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        ("ZREVRANGE z one 1 FOO", SYNTAX),
        ("SET s text", "OK"),
        ("ZRANGE s 0 -1", WRONG_TYPE),
    ]);
}

#[test]
fn ranges_by_score() {
    check(&[
        ("ZADD z 1 a 2 b 2 c 3 d 4 e", "5"),
        ("ZRANGEBYSCORE z 2 3", "['b', 'c', 'd']"),
        ("ZRANGEBYSCORE z (2 +inf WITHSCORES", "[['d', 3f], ['e', 4f]]"),
        ("ZRANGEBYSCORE z -inf +inf LIMIT 1 2", "['b', 'c']"),
        ("ZRANGEBYSCORE z -inf +inf LIMIT 3 -1 WITHSCORES", "[['d', 3f], ['e', 4f]]"),
        ("ZRANGEBYSCORE z -inf +inf LIMIT -1 2", "[]"),
        ("ZRANGEBYSCORE z -inf +inf LIMIT 9 2", "[]"),
        ("ZRANGEBYSCORE z 3 2", "[]"),
        ("ZREVRANGEBYSCORE z 3 2", "['d', 'c', 'b']"),
        ("ZREVRANGEBYSCORE z +inf (2 WITHSCORES LIMIT 1 1", "[['d', 3f]]"),
        ("ZREVRANGEBYSCORE z +inf -inf LIMIT 1 2", "['d', 'c']"),
        ("ZRANGE z 2 3 BYSCORE", "['b', 'c', 'd']"),
        ("ZRANGE z 3 2 BYSCORE REV", "['d', 'c', 'b']"),
        ("ZRANGE z (4 -inf REV BYSCORE LIMIT 0 2 WITHSCORES", "[['d', 3f], ['c', 2f]]"),
        ("ZRANGE z 1 2 BYSCORE LIMIT 0 1 LIMIT 1 1", "['b']"),
        ("ZRANGE z one 2 BYSCORE", "ERR min or max is not a float"),
        ("ZRANGEBYSCORE z one 2 FOO", SYNTAX),
        ("ZRANGEBYSCORE z 1 2 LIMIT x 1", NOT_AN_INTEGER),
        ("ZRANGEBYSCORE z 1 2 BYSCORE", SYNTAX),
        ("ZRANGE z 1 2 BYSCORE BYSCORE", SYNTAX),
        ("ZRANGE z 1 2 BYSCORE BYLEX", SYNTAX),
        ("ZRANGEBYSCORE nothing 1 2", "[]"),
    ]);
}

#[test]
fn ranges_by_member() {
    check(&[
        (r#"ZADD z 0 a 0 b 0 c 0 d 0 "" 0 "\xff""#, "6"),
        ("ZRANGEBYLEX z - +", r#"['', 'a', 'b', 'c', 'd', '\xff']"#),
        ("ZRANGEBYLEX z [b (d", "['b', 'c']"),
        ("ZRANGEBYLEX z (a [c LIMIT 1 1", "['c']"),
        ("ZRANGEBYLEX z + -", "[]"),
        ("ZRANGEBYLEX z [ [a", "['', 'a']"),
        ("ZREVRANGEBYLEX z + -", r#"['\xff', 'd', 'c', 'b', 'a', '']"#),
        ("ZREVRANGEBYLEX z (d [b", "['c', 'b']"),
        ("ZRANGE z [b + BYLEX", r#"['b', 'c', 'd', '\xff']"#),
        ("ZRANGE z (c - BYLEX REV LIMIT 0 2", "['b', 'a']"),
        ("ZLEXCOUNT z - +", "6"),
        ("ZLEXCOUNT z (a [c", "2"),
        (r#"ZLEXCOUNT z "+\x00a" -"#, "0"),
        ("ZLEXCOUNT nothing - +", "0"),
        ("ZRANGEBYLEX z a b", "ERR min or max not valid string range item"),
        ("ZRANGEBYLEX z - +x", "ERR min or max not valid string range item"),
        (r#"ZRANGEBYLEX z "" +"#, "ERR min or max not valid string range item"),
        ("ZRANGEBYLEX z - + WITHSCORES", "ERR syntax error, WITHSCORES not supported in combination with BYLEX"),
        ("ZRANGE z - + BYLEX WITHSCORES", "ERR syntax error, WITHSCORES not supported in combination with BYLEX"),
        ("ZRANGE z - +", NOT_AN_INTEGER),
        ("ZLEXCOUNT z a b", "ERR min or max not valid string range item"),
        ("ZREMRANGEBYLEX z [b (d", "2"),
        ("ZREMRANGEBYLEX z a b", "ERR min or max not valid string range item"),
        ("ZREMRANGEBYLEX nothing - +", "0"),
        ("ZRANGE z 0 -1", r#"['', 'a', 'd', '\xff']"#),
        ("SET s text", "OK"),
        ("ZLEXCOUNT s - +", WRONG_TYPE),
        ("ZRANGEBYLEX s - +", WRONG_TYPE),
    ]);
}

#[test]
fn ranges_are_removed() {
    check(&[
        ("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", "6"),
        ("ZREMRANGEBYRANK z 0 0", "1"),
        ("ZREMRANGEBYRANK z -1 -1", "1"),
        ("ZREMRANGEBYRANK z 3 1", "0"),
        ("ZREMRANGEBYSCORE z (2 3", "1"),
        ("ZREMRANGEBYSCORE z 9 99", "0"),
        ("ZRANGE z 0 -1", "['b', 'd', 'e']"),
        ("ZREMRANGEBYRANK z one 1", NOT_AN_INTEGER),
        ("ZREMRANGEBYSCORE z one 1", "ERR min or max is not a float"),
        ("ZREMRANGEBYRANK nothing one 1", NOT_AN_INTEGER),
        ("ZREMRANGEBYRANK nothing 0 1", "0"),
        ("ZREMRANGEBYSCORE z -inf +inf", "3"),
        ("EXISTS z", "0"),
        ("SET s text", "OK"),
        ("ZREMRANGEBYRANK s 0 1", WRONG_TYPE),
    ]);
}

#[test]
fn ranges_are_stored() {
    check(&[
        ("ZADD z 1 a 2 b 3 c", "3"),
        ("ZRANGESTORE d z 0 1", "2"),
        ("ZRANGE d 0 -1 WITHSCORES", "[['a', 1f], ['b', 2f]]"),
        ("ZRANGESTORE d z (1 +inf BYSCORE LIMIT 0 1", "1"),
        ("ZRANGE d 0 -1 WITHSCORES", "[['b', 2f]]"),
        ("ZRANGESTORE d z 0 0 REV", "1"),
        ("ZRANGE d 0 -1 WITHSCORES", "[['c', 3f]]"),
        ("ZRANGESTORE z z 1 1", "1"),
        ("ZRANGE z 0 -1", "['b']"),
        ("ZRANGESTORE d nothing 0 -1", "0"),
        ("EXISTS d", "0"),
        ("ZRANGESTORE d z 0 1 WITHSCORES", SYNTAX),
        ("ZRANGESTORE d z one 1", NOT_AN_INTEGER),
        ("SET s text", "OK"),
        ("ZRANGESTORE d s 0 1", WRONG_TYPE),
        ("ZRANGESTORE s z 0 1", "1"),
        ("TYPE s", "zset"),
    ]);
}
