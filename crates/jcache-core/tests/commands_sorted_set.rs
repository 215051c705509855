//! What the commands of sorted sets answer, as Redis 7.0 does.

#![allow(clippy::unwrap_used)]

mod common;

use common::check;

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

#[test]
fn members_are_added_with_scores() {
    check(&[
        ("ZADD z 1 a 2 b", "2"),
        ("ZADD z 3 a 2 b 4 c", "1"),
        ("ZRANGE z 0 -1 WITHSCORES", "[['b', 2f], ['a', 3f], ['c', 4f]]"),
        ("ZADD z CH 5 a 2 b 1 d", "2"),
        ("ZADD z 7 e 8 e 9 e", "1"),
        ("ZSCORE z e", "9f"),
        ("ZCARD z", "5"),
        ("ZCARD nothing", "0"),
        ("ZADD z inf top -inf bottom", "2"),
        ("ZRANGE z 0 -1", "['bottom', 'd', 'b', 'c', 'a', 'e', 'top']"),
        ("ZADD z nan a", "ERR value is not a valid float"),
        ("ZADD z one a", "ERR value is not a valid float"),
        ("ZADD z 1 a 2", SYNTAX),
        ("ZADD z 1", "ERR wrong number of arguments for 'zadd' command"),
        ("ZADD z NX 1", SYNTAX),
        ("ZADD z 0x10 hex 1e3 large .5 half", "3"),
        ("ZMSCORE z hex large half nobody", "[16f, 1000f, 0.5f, nil]"),
        ("SET s text", "OK"),
        ("ZADD s 1 a", WRONG_TYPE),
        ("ZADD s one a", "ERR value is not a valid float"),
        ("ZCARD s", WRONG_TYPE),
    ]);
}

#[test]
fn additions_have_conditions() {
    check(&[
        ("ZADD z 5 a", "1"),
        ("ZADD z NX 6 a 6 b", "1"),
        ("ZADD z XX 7 a 7 c", "0"),
        ("ZADD z XX CH 8 a 7 c", "1"),
        ("ZRANGE z 0 -1 WITHSCORES", "[['b', 6f], ['a', 8f]]"),
        ("ZADD z GT CH 9 a 1 b 3 d", "2"),
        ("ZADD z LT CH 10 a 1 b", "1"),
        ("ZADD z XX GT CH 1 a 99 new", "0"),
        ("ZRANGE z 0 -1 WITHSCORES", "[['b', 1f], ['d', 3f], ['a', 9f]]"),
        ("ZADD nothing XX 1 a", "0"),
        ("EXISTS nothing", "0"),
        ("ZADD z NX XX 1 a", "ERR XX and NX options at the same time are not compatible"),
        ("ZADD z NX GT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZADD z GT LT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZADD z NX XX one a", "ERR XX and NX options at the same time are not compatible"),
        ("ZADD z NX XX 1 a 1", SYNTAX),
        ("ZADD z FOO 1 a", SYNTAX),
    ]);
}

#[test]
fn scores_are_added_to() {
    check(&[
        ("ZINCRBY z 5 a", "5f"),
        ("ZINCRBY z -7.5 a", "-2.5f"),
        ("ZADD z INCR 1 a", "-1.5f"),
        ("ZADD z NX INCR 1 a", "nil"),
        ("ZADD z XX INCR 1 b", "nil"),
        ("ZADD z GT INCR -1 a", "nil"),
        ("ZADD z LT INCR -1 a", "-2.5f"),
        ("ZADD z INCR 1 a 2 b", "ERR INCR option supports a single increment-element pair"),
        ("ZADD z INCR 3 c", "3f"),
        ("ZINCRBY z inf a", "inff"),
        ("ZINCRBY z -inf a", "ERR resulting score is not a number (NaN)"),
        ("ZADD z INCR -inf a", "ERR resulting score is not a number (NaN)"),
        ("ZINCRBY z nan a", "ERR value is not a valid float"),
        ("ZINCRBY z x a", "ERR value is not a valid float"),
        ("ZRANGE z 0 -1 WITHSCORES", "[['c', 3f], ['a', inff]]"),
        ("SET s text", "OK"),
        ("ZINCRBY s 1 a", WRONG_TYPE),
        ("ZADD s INCR 1 a", WRONG_TYPE),
        ("ZADD nothing XX INCR 1 a", "nil"),
    ]);
}

#[test]
fn a_zero_has_no_sign() {
    check(&[
        ("ZADD z -0 a", "1"),
        ("ZSCORE z a", "0f"),
        ("ZADD z 0 a", "0"),
        ("ZINCRBY z -0 a", "0f"),
        ("ZRANGE z 0 -1 WITHSCORES", "[['a', 0f]]"),
        ("ZSCAN z 0", "['0', ['a', '0']]"),
    ]);
}

#[test]
fn members_are_removed() {
    check(&[
        ("ZADD z 1 a 2 b 3 c", "3"),
        ("ZREM z a nobody a", "1"),
        ("ZREM nothing a", "0"),
        ("ZREM z b c", "2"),
        ("EXISTS z", "0"),
        ("SET s text", "OK"),
        ("ZREM s a", WRONG_TYPE),
    ]);
}

#[test]
fn scores_and_ranks_are_read() {
    check(&[
        ("ZADD z 1 a 2 b 2 c 3 d", "4"),
        ("ZSCORE z b", "2f"),
        ("ZSCORE z nobody", "nil"),
        ("ZSCORE nothing a", "nil"),
        ("ZMSCORE z a nobody d a", "[1f, nil, 3f, 1f]"),
        ("ZMSCORE nothing a b", "[nil, nil]"),
        ("ZRANK z a", "0"),
        ("ZRANK z c", "2"),
        ("ZREVRANK z a", "3"),
        ("ZREVRANK z d", "0"),
        ("ZRANK z nobody", "nil"),
        ("ZREVRANK nothing a", "nil"),
        ("ZCOUNT z -inf +inf", "4"),
        ("ZCOUNT z 2 2", "2"),
        ("ZCOUNT z (2 3", "1"),
        ("ZCOUNT z (1 (3", "2"),
        ("ZCOUNT z 3 1", "0"),
        ("ZCOUNT nothing 1 2", "0"),
        ("ZCOUNT z one 2", "ERR min or max is not a float"),
        ("ZCOUNT z 1 nan", "ERR min or max is not a float"),
        ("ZCOUNT z ( 2", "3"),
        (r#"ZCOUNT z " 1" 2"#, "3"),
        (r#"ZCOUNT z "" 2"#, "3"),
        (r#"ZCOUNT z "2\x00x" 1e400"#, "3"),
        (r#"ZCOUNT z "1 " 2"#, "ERR min or max is not a float"),
        ("SET s text", "OK"),
        ("ZSCORE s a", WRONG_TYPE),
        ("ZMSCORE s a", WRONG_TYPE),
        ("ZRANK s a", WRONG_TYPE),
        ("ZCOUNT s 1 2", WRONG_TYPE),
    ]);
}

#[test]
fn the_extremes_are_popped() {
    check(&[
        ("ZADD z 1 a 2 b 2 c 3 d 4 e", "5"),
        ("ZPOPMIN z", "['a', 1f]"),
        ("ZPOPMAX z", "['e', 4f]"),
        ("ZPOPMIN z 0", "[]"),
        ("ZPOPMIN z 2", "[['b', 2f], ['c', 2f]]"),
        ("ZPOPMAX z 99", "[['d', 3f]]"),
        ("EXISTS z", "0"),
        ("ZPOPMIN z", "[]"),
        ("ZPOPMIN z 3", "[]"),
        ("ZPOPMIN z -1", "ERR value is out of range, must be positive"),
        ("ZPOPMIN z x", "ERR value is out of range, must be positive"),
        ("ZPOPMIN z 1 2", SYNTAX),
        ("SET s text", "OK"),
        ("ZPOPMIN s", WRONG_TYPE),
        ("ZPOPMAX s 0", WRONG_TYPE),
    ]);
}

#[test]
fn the_first_sorted_set_with_members_is_popped() {
    check(&[
        ("ZADD a 1 x 2 y 3 z", "3"),
        ("ZADD b 4 w", "1"),
        ("ZMPOP 2 nothing a MIN", "['a', [['x', 1f]]]"),
        ("ZMPOP 2 nothing a max COUNT 5", "['a', [['z', 3f], ['y', 2f]]]"),
        ("ZMPOP 2 a b MIN COUNT 1", "['b', [['w', 4f]]]"),
        ("ZMPOP 1 nothing MIN", "nil"),
        ("ZMPOP 0 a MIN", "ERR numkeys should be greater than 0"),
        ("ZMPOP 2 a MIN", SYNTAX),
        ("ZMPOP 1 a MID", SYNTAX),
        ("ZMPOP 1 a MIN COUNT 0", "ERR count should be greater than 0"),
        ("ZADD a 1 x 2 y 3 z", "3"),
        ("BZPOPMIN nothing a 0", "['a', 'x', 1f]"),
        ("BZPOPMAX nothing a 0", "['a', 'z', 3f]"),
        ("BZMPOP 0 2 nothing a MIN COUNT 3", "['a', [['y', 2f]]]"),
        ("BZPOPMIN nothing a 0", "nil"),
        ("BZMPOP 0 1 nothing MAX", "nil"),
        ("BZPOPMIN a x", "ERR timeout is not a float or out of range"),
        ("BZPOPMAX a -1", "ERR timeout is negative"),
        ("BZMPOP x 1 a MID", SYNTAX),
        ("BZMPOP x 1 a MIN", "ERR timeout is not a float or out of range"),
        ("SET s text", "OK"),
        ("BZPOPMIN nothing s a 0", WRONG_TYPE),
        ("ZMPOP 1 s MIN", WRONG_TYPE),
    ]);
}

#[test]
fn picks_at_random() {
    check(&[
        ("ZADD z 1 a", "1"),
        ("ZRANDMEMBER z", "'a'"),
        ("ZRANDMEMBER z 5", "['a']"),
        ("ZRANDMEMBER z -3", "['a', 'a', 'a']"),
        ("ZRANDMEMBER z 2 WITHSCORES", "[['a', 1f]]"),
        ("ZRANDMEMBER z -2 withscores", "[['a', 1f], ['a', 1f]]"),
        ("ZRANDMEMBER z 0", "[]"),
        ("ZRANDMEMBER nothing", "nil"),
        ("ZRANDMEMBER nothing 2", "[]"),
        ("ZRANDMEMBER nothing 2 WITHSCORES", "[]"),
        ("ZRANDMEMBER z x", NOT_AN_INTEGER),
        ("ZRANDMEMBER z 1 WITHVALUES", SYNTAX),
        ("ZRANDMEMBER z 1 WITHSCORES 2", SYNTAX),
        (
            "ZRANDMEMBER z -9223372036854775808",
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ),
        ("ZRANDMEMBER z 4611686018427387904 WITHSCORES", "ERR value is out of range"),
        ("ZRANDMEMBER z -4611686018427387904 WITHSCORES", "ERR value is out of range"),
        ("SET s text", "OK"),
        ("ZRANDMEMBER s", WRONG_TYPE),
        ("ZRANDMEMBER s x", NOT_AN_INTEGER),
    ]);
}

#[test]
fn scans_give_members_and_scores_as_text() {
    check(&[
        ("ZADD z 1 a 2.5 b inf c", "3"),
        ("ZSCAN z 0", "['0', ['a', '1', 'b', '2.5', 'c', 'inf']]"),
        ("ZSCAN z 0 MATCH [ab] COUNT 1", "['0', ['a', '1', 'b', '2.5']]"),
        ("ZSCAN z 0 MATCH nobody", "['0', []]"),
        ("ZSCAN z x", "ERR invalid cursor"),
        ("ZSCAN z 0 COUNT 0", SYNTAX),
        ("ZSCAN z 0 COUNT x", NOT_AN_INTEGER),
        ("ZSCAN z 0 TYPE zset", SYNTAX),
        ("ZSCAN nothing 0 NOPTION", "['0', []]"),
        ("ZSCAN nothing x", "ERR invalid cursor"),
        ("SET s text", "OK"),
        ("ZSCAN s 0 NOPTION", WRONG_TYPE),
    ]);
}
