//! What the commands of lists answer, as Redis 7.0 does.

#![allow(clippy::unwrap_used)]

mod common;

use common::check;

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

#[test]
fn pushes_go_to_either_end() {
    check(&[
        ("RPUSH l a b", "2"),
        ("LPUSH l c d", "4"),
        ("LRANGE l 0 -1", "['d', 'c', 'a', 'b']"),
        ("LLEN l", "4"),
        ("RPUSHX l e", "5"),
        ("LPUSHX l f g", "7"),
        ("LRANGE l 0 -1", "['g', 'f', 'd', 'c', 'a', 'b', 'e']"),
        ("LPUSHX nothing a", "0"),
        ("RPUSHX nothing a b", "0"),
        ("EXISTS nothing", "0"),
        (r#"RPUSH l "" "\x00\xff""#, "9"),
        ("LRANGE l -2 -1", r#"['', '\x00\xff']"#),
        ("LLEN nothing", "0"),
        ("SET s text", "OK"),
        ("LPUSH s a", WRONG_TYPE),
        ("RPUSHX s a", WRONG_TYPE),
        ("LLEN s", WRONG_TYPE),
        ("RPUSH l", "ERR wrong number of arguments for 'rpush' command"),
    ]);
}

#[test]
fn pops_take_one_or_a_number() {
    check(&[
        ("RPUSH l a b c d e f g", "7"),
        ("LPOP l", "'a'"),
        ("RPOP l", "'g'"),
        ("LPOP l 2", "['b', 'c']"),
        ("RPOP l 2", "['f', 'e']"),
        ("LPOP l 0", "[]"),
        ("RPOP l 99", "['d']"),
        ("EXISTS l", "0"),
        ("LPOP l", "nil"),
        ("LPOP l 0", "nil"),
        ("LPOP l 3", "nil"),
        ("RPOP nothing 1", "nil"),
        ("RPUSH l a", "1"),
        ("LPOP l -1", "ERR value is out of range, must be positive"),
        ("LPOP l x", "ERR value is out of range, must be positive"),
        ("LPOP l 9223372036854775808", "ERR value is out of range, must be positive"),
        ("LPOP l 1 2", "ERR wrong number of arguments for 'lpop' command"),
        ("RPOP l 1 2", "ERR wrong number of arguments for 'rpop' command"),
        ("LPOP l 9223372036854775807", "['a']"),
        ("SET s text", "OK"),
        ("LPOP s", WRONG_TYPE),
        ("LPOP s 0", WRONG_TYPE),
        ("LPOP s -1", "ERR value is out of range, must be positive"),
    ]);
}

#[test]
fn ranges_and_indexes_count_from_either_end() {
    check(&[
        ("RPUSH l a b c d e", "5"),
        ("LRANGE l 1 3", "['b', 'c', 'd']"),
        ("LRANGE l -3 -2", "['c', 'd']"),
        ("LRANGE l -99 99", "['a', 'b', 'c', 'd', 'e']"),
        ("LRANGE l 3 1", "[]"),
        ("LRANGE l 5 9", "[]"),
        ("LRANGE l 0 -6", "[]"),
        ("LRANGE l -9223372036854775808 9223372036854775807", "['a', 'b', 'c', 'd', 'e']"),
        ("LRANGE nothing 0 -1", "[]"),
        ("LRANGE l 0 x", NOT_AN_INTEGER),
        ("LRANGE nothing x 0", NOT_AN_INTEGER),
        ("LINDEX l 0", "'a'"),
        ("LINDEX l -1", "'e'"),
        ("LINDEX l 5", "nil"),
        ("LINDEX l -6", "nil"),
        ("LINDEX l x", NOT_AN_INTEGER),
        ("LINDEX nothing x", "nil"),
        ("SET s text", "OK"),
        ("LINDEX s x", WRONG_TYPE),
        ("LRANGE s 0 -1", WRONG_TYPE),
    ]);
}

#[test]
fn the_middle_of_a_list_changes() {
    check(&[
        ("RPUSH l a b c", "3"),
        ("LSET l 1 B", "OK"),
        ("LSET l -1 C", "OK"),
        ("LRANGE l 0 -1", "['a', 'B', 'C']"),
        ("LSET l 3 x", "ERR index out of range"),
        ("LSET l -4 x", "ERR index out of range"),
        ("LSET l one x", NOT_AN_INTEGER),
        ("LSET nothing one x", "ERR no such key"),
        ("LSET nothing 0 x", "ERR no such key"),
        ("LINSERT l BEFORE B x", "4"),
        ("LINSERT l after C y", "5"),
        ("LINSERT l AFTER nobody y", "-1"),
        ("LINSERT nothing BEFORE a b", "0"),
        ("LINSERT l BESIDE B x", SYNTAX),
        ("LRANGE l 0 -1", "['a', 'x', 'B', 'C', 'y']"),
        ("SET s text", "OK"),
        ("LSET s 0 x", WRONG_TYPE),
        ("LINSERT s BEFORE a b", WRONG_TYPE),
    ]);
}

#[test]
fn equal_elements_are_removed_from_either_end() {
    check(&[
        ("RPUSH l a b a c a b a", "7"),
        ("LREM l 1 a", "1"),
        ("LRANGE l 0 -1", "['b', 'a', 'c', 'a', 'b', 'a']"),
        ("LREM l -1 a", "1"),
        ("LRANGE l 0 -1", "['b', 'a', 'c', 'a', 'b']"),
        ("LREM l 0 b", "2"),
        ("LRANGE l 0 -1", "['a', 'c', 'a']"),
        ("LREM l 99 nobody", "0"),
        ("LREM nothing 0 a", "0"),
        ("LREM l x a", NOT_AN_INTEGER),
        ("LREM l -9223372036854775808 a", "2"),
        ("LRANGE l 0 -1", "['c']"),
        ("LREM l 0 c", "1"),
        ("EXISTS l", "0"),
        ("SET s text", "OK"),
        ("LREM s 0 a", WRONG_TYPE),
    ]);
}

#[test]
fn trimming_keeps_a_range() {
    check(&[
        ("RPUSH l a b c d e f", "6"),
        ("LTRIM l 1 -2", "OK"),
        ("LRANGE l 0 -1", "['b', 'c', 'd', 'e']"),
        ("LTRIM l -3 99", "OK"),
        ("LRANGE l 0 -1", "['c', 'd', 'e']"),
        ("LTRIM l x 1", NOT_AN_INTEGER),
        ("LTRIM nothing 0 1", "OK"),
        ("LTRIM nothing x 1", NOT_AN_INTEGER),
        ("LTRIM l 2 1", "OK"),
        ("EXISTS l", "0"),
        ("SET s text", "OK"),
        ("LTRIM s 0 0", WRONG_TYPE),
    ]);
}

#[test]
fn positions_of_an_element() {
    check(&[
        ("RPUSH l a b c 1 2 3 c c", "8"),
        ("LPOS l c", "2"),
        ("LPOS l nobody", "nil"),
        ("LPOS nothing c", "nil"),
        ("LPOS l c RANK 2", "6"),
        ("LPOS l c RANK -1", "7"),
        ("LPOS l c RANK 4", "nil"),
        ("LPOS l c COUNT 2", "[2, 6]"),
        ("LPOS l c COUNT 0", "[2, 6, 7]"),
        ("LPOS l c RANK -1 COUNT 2", "[7, 6]"),
        ("LPOS l c RANK 2 COUNT 0 MAXLEN 7", "[6]"),
        ("LPOS l c MAXLEN 2", "nil"),
        ("LPOS l c MAXLEN 3", "2"),
        ("LPOS l c RANK -1 MAXLEN 1 COUNT 0", "[7]"),
        ("LPOS nothing c COUNT 1", "[]"),
        (
            "LPOS l c RANK 0",
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        ),
        ("LPOS l c COUNT -1", "ERR COUNT can't be negative"),
        ("LPOS l c MAXLEN -1", "ERR MAXLEN can't be negative"),
        ("LPOS l c COUNT x", "ERR COUNT can't be negative"),
        ("LPOS l c RANK x", NOT_AN_INTEGER),
        ("LPOS l c RANK", SYNTAX),
        ("LPOS l c NEAR 1", SYNTAX),
        ("SET s text", "OK"),
        ("LPOS s c", WRONG_TYPE),
        ("LPOS s c COUNT 1", WRONG_TYPE),
    ]);
}

#[test]
fn elements_move_between_lists() {
    check(&[
        ("RPUSH a 1 2 3", "3"),
        ("LMOVE a b LEFT RIGHT", "'1'"),
        ("LMOVE a b RIGHT LEFT", "'3'"),
        ("LRANGE b 0 -1", "['3', '1']"),
        ("LMOVE a b LEFT LEFT", "'2'"),
        ("EXISTS a", "0"),
        ("LRANGE b 0 -1", "['2', '3', '1']"),
        ("LMOVE b b LEFT RIGHT", "'2'"),
        ("LRANGE b 0 -1", "['3', '1', '2']"),
        ("LMOVE b b RIGHT RIGHT", "'2'"),
        ("RPOPLPUSH b b", "'2'"),
        ("RPOPLPUSH b a", "'1'"),
        ("LRANGE b 0 -1", "['2', '3']"),
        ("LRANGE a 0 -1", "['1']"),
        ("LMOVE nothing a LEFT LEFT", "nil"),
        ("RPOPLPUSH nothing a", "nil"),
        ("SET s text", "OK"),
        ("LMOVE nothing s LEFT LEFT", "nil"),
        ("LMOVE a s LEFT LEFT", WRONG_TYPE),
        ("LMOVE s a LEFT LEFT", WRONG_TYPE),
        ("RPOPLPUSH a s", WRONG_TYPE),
        ("LRANGE a 0 -1", "['1']"),
        ("LMOVE a b UP DOWN", SYNTAX),
        ("LMOVE a b LEFT", "ERR wrong number of arguments for 'lmove' command"),
    ]);
}

#[test]
fn the_first_list_with_elements_is_popped() {
    check(&[
        ("RPUSH a 1 2 3", "3"),
        ("RPUSH b 4", "1"),
        ("LMPOP 2 nothing a LEFT", "['a', ['1']]"),
        ("LMPOP 3 nothing a b RIGHT COUNT 5", "['a', ['3', '2']]"),
        ("LMPOP 2 a b left count 1", "['b', ['4']]"),
        ("LMPOP 1 nothing LEFT", "nil"),
        ("LMPOP 0 a LEFT", "ERR numkeys should be greater than 0"),
        ("LMPOP x a LEFT", "ERR numkeys should be greater than 0"),
        ("LMPOP 2 a LEFT", SYNTAX),
        ("LMPOP 1 a UP", SYNTAX),
        ("LMPOP 1 a LEFT COUNT 0", "ERR count should be greater than 0"),
        ("LMPOP 1 a LEFT COUNT x", "ERR count should be greater than 0"),
        ("LMPOP 1 a LEFT COUNT", SYNTAX),
        ("LMPOP 1 a LEFT COUNT 1 COUNT 1", SYNTAX),
        ("LMPOP 1 a", "ERR wrong number of arguments for 'lmpop' command"),
        ("SET s text", "OK"),
        ("RPUSH a 1", "1"),
        ("LMPOP 2 s a LEFT", WRONG_TYPE),
        ("LMPOP 2 a s LEFT", "['a', ['1']]"),
    ]);
}

#[test]
fn blocking_pops_take_what_is_there() {
    check(&[
        ("RPUSH a 1 2 3", "3"),
        ("RPUSH b 4", "1"),
        ("BLPOP nothing a b 0", "['a', '1']"),
        ("BRPOP nothing a b 0", "['a', '3']"),
        ("BRPOP b a 0.5", "['b', '4']"),
        ("BLPOP nothing 0", "nil"),
        ("BLMPOP 0 2 nothing a LEFT COUNT 3", "['a', ['2']]"),
        ("BLMPOP 0 2 nothing a LEFT", "nil"),
        ("BLPOP a -1", "ERR timeout is negative"),
        ("BLPOP a x", "ERR timeout is not a float or out of range"),
        ("BLPOP a nan", "ERR timeout is not a float or out of range"),
        ("BLPOP a 1e300", "ERR timeout is negative"),
        ("BLPOP a inf", "ERR timeout is negative"),
        ("BLPOP a -0.0001", "nil"),
        ("BLMPOP -1 1 a LEFT", "ERR timeout is negative"),
        ("BLMPOP x 0 a LEFT", "ERR numkeys should be greater than 0"),
        ("BLMPOP x 1 a UP", SYNTAX),
        ("BLMPOP x 1 a LEFT COUNT 0", "ERR count should be greater than 0"),
        ("BLMPOP x 1 a LEFT COUNT 1 1", SYNTAX),
        ("BLMPOP x 1 a LEFT", "ERR timeout is not a float or out of range"),
        ("SET s text", "OK"),
        ("BLPOP nothing s 0", WRONG_TYPE),
        ("BLPOP s x", "ERR timeout is not a float or out of range"),
    ]);
}

#[test]
fn blocking_moves_take_what_is_there() {
    check(&[
        ("RPUSH a 1 2 3", "3"),
        ("BLMOVE a b LEFT RIGHT 0", "'1'"),
        ("BRPOPLPUSH a b 0", "'3'"),
        ("LRANGE b 0 -1", "['3', '1']"),
        ("BLMOVE nothing b LEFT LEFT 0", "nil"),
        ("BRPOPLPUSH nothing b 0", "nil"),
        ("BLMOVE a b UP LEFT x", SYNTAX),
        ("BLMOVE a b LEFT LEFT x", "ERR timeout is not a float or out of range"),
        ("BRPOPLPUSH a b -1", "ERR timeout is negative"),
        ("SET s text", "OK"),
        ("BLMOVE s b LEFT LEFT 0", WRONG_TYPE),
        ("BLMOVE b s LEFT LEFT 0", WRONG_TYPE),
        ("BLMOVE nothing s LEFT LEFT 0", "nil"),
    ]);
}
