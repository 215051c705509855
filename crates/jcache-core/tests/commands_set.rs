//! What the commands of sets answer, as Redis 7.0 does.

#![allow(clippy::unwrap_used)]

mod common;

use common::check;
use jcache_core::command::Request;
use jcache_core::{Arg, Context, Model, Reply, Timestamp};

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

#[test]
fn members_come_and_go() {
    check(&[
        ("SADD s a b a", "2"),
        ("SADD s a c", "1"),
        ("SADD s a", "0"),
        ("SCARD s", "3"),
        ("SCARD nothing", "0"),
        ("SMEMBERS s", "#{'a', 'b', 'c'}"),
        ("SMEMBERS nothing", "#{}"),
        ("SISMEMBER s a", "1"),
        ("SISMEMBER s x", "0"),
        ("SISMEMBER nothing x", "0"),
        ("SMISMEMBER s a x c a", "[1, 0, 1, 1]"),
        ("SMISMEMBER nothing a b", "[0, 0]"),
        (r#"SADD s "" "\x00\xff""#, "2"),
        (r#"SISMEMBER s """#, "1"),
        (r#"SREM s "" x "\x00\xff" a a"#, "3"),
        ("SREM s x", "0"),
        ("SREM nothing x", "0"),
        ("SREM s b c", "2"),
        ("EXISTS s", "0"),
    ]);
}

#[test]
fn a_deadline_stays_while_the_set_does() {
    check(&[
        ("SADD s 1 2 3", "3"),
        ("PEXPIREAT s 1001000", "1"),
        ("SREM s 1", "1"),
        ("SADD s 4", "1"),
        ("PEXPIRETIME s", "1001000"),
        ("SPOP s 9", "#{'2', '3', '4'}"),
        ("SADD s 1", "1"),
        ("PEXPIRETIME s", "-1"),
        ("PEXPIREAT s 1001000", "1"),
        ("@ 1000", ""),
        ("SMEMBERS s", "#{}"),
        ("SPOP s", "nil"),
    ]);
}

#[test]
fn another_type_is_refused() {
    let session = [
        "SADD t a",
        "SREM t a",
        "SISMEMBER t a",
        "SMISMEMBER t a",
        "SMEMBERS t",
        "SCARD t",
        "SPOP t",
        "SPOP t 0",
        "SRANDMEMBER t",
        "SRANDMEMBER t 0",
        "SMOVE t s a",
        "SMOVE s t a",
        "SMOVE s t x",
        "SINTER s t",
        "SINTER nothing t",
        "SUNION s t",
        "SDIFF nothing t",
        "SINTERSTORE d s t",
        "SINTERSTORE d nothing t",
        "SUNIONSTORE d s t",
        "SDIFFSTORE d nothing t",
        "SINTERCARD 2 nothing t",
        "SSCAN t 0",
        "SSCAN t 0 NONSENSE",
    ];
    for line in session {
        check(&[("SET t text", "OK"), ("SADD s a", "1"), (line, WRONG_TYPE)]);
    }
}

#[test]
fn a_member_moves() {
    check(&[
        ("SADD s a b", "2"),
        ("SMOVE s d a", "1"),
        ("SMOVE s d a", "0"),
        ("SMEMBERS d", "#{'a'}"),
        ("SADD s a", "1"),
        ("SMOVE s d a", "1"),
        ("SMEMBERS d", "#{'a'}"),
        ("SMOVE s s b", "1"),
        ("SMOVE s s x", "0"),
        ("SMEMBERS s", "#{'b'}"),
        ("SMOVE s d b", "1"),
        ("EXISTS s", "0"),
        ("SMEMBERS d", "#{'a', 'b'}"),
        // Without a source the destination's type does not matter.
        ("SET t text", "OK"),
        ("SMOVE nothing t a", "0"),
        ("SMOVE d new x", "0"),
        ("EXISTS new", "0"),
    ]);
}

#[test]
fn spop_answers_by_its_form() {
    let range = "ERR value is out of range, must be positive";
    check(&[
        ("SPOP s", "nil"),
        ("SPOP s 2", "#{}"),
        ("SADD s a", "1"),
        ("SPOP s 0", "#{}"),
        ("SPOP s 1", "#{'a'}"),
        ("EXISTS s", "0"),
        ("SADD s a", "1"),
        ("SPOP s", "'a'"),
        ("EXISTS s", "0"),
        ("SADD s a b c", "3"),
        ("SPOP s 9223372036854775807", "#{'a', 'b', 'c'}"),
        ("EXISTS s", "0"),
        ("SPOP s -1", range),
        ("SPOP s abc", range),
        ("SPOP s 1 2", SYNTAX),
        ("SPOP s abc 2", SYNTAX),
        ("SET t text", "OK"),
        ("SPOP t -1", range),
    ]);
}

#[test]
fn srandmember_picks() {
    let range = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    check(&[
        ("SRANDMEMBER s", "nil"),
        ("SRANDMEMBER s 2", "[]"),
        ("SRANDMEMBER s -2", "[]"),
        ("SADD s a", "1"),
        ("SRANDMEMBER s", "'a'"),
        ("SRANDMEMBER s 0", "[]"),
        ("SRANDMEMBER s 2", "['a']"),
        ("SRANDMEMBER s -2", "['a', 'a']"),
        ("SRANDMEMBER s abc", NOT_AN_INTEGER),
        ("SRANDMEMBER s abc def", SYNTAX),
        ("SRANDMEMBER s -9223372036854775808", range),
        // Redis would go on until its memory ends.
        ("SRANDMEMBER s -9223372036854775807", "ERR value is out of range"),
        ("SRANDMEMBER nothing -9223372036854775807", "[]"),
    ]);
}

#[test]
fn algebra() {
    check(&[
        ("SADD a 1 2 3 x", "4"),
        ("SADD b 2 3 4 y", "4"),
        ("SADD c 3 x y", "3"),
        ("SINTER a", "#{'1', '2', '3', 'x'}"),
        ("SINTER a b", "#{'2', '3'}"),
        ("SINTER a b c", "#{'3'}"),
        ("SINTER a a", "#{'1', '2', '3', 'x'}"),
        ("SINTER a nothing", "#{}"),
        ("SUNION a", "#{'1', '2', '3', 'x'}"),
        ("SUNION a b c nothing", "#{'1', '2', '3', '4', 'x', 'y'}"),
        ("SUNION nothing", "#{}"),
        ("SDIFF a", "#{'1', '2', '3', 'x'}"),
        ("SDIFF a b", "#{'1', 'x'}"),
        ("SDIFF a b c", "#{'1'}"),
        ("SDIFF a nothing", "#{'1', '2', '3', 'x'}"),
        ("SDIFF a a", "#{}"),
        ("SDIFF nothing a", "#{}"),
        ("SINTERCARD 2 a b", "2"),
        ("SINTERCARD 2 a b LIMIT 1", "1"),
        ("SINTERCARD 2 a b LIMIT 0", "2"),
        ("SINTERCARD 2 a b limit 1 LIMIT 9", "2"),
        ("SINTERCARD 2 a nothing", "0"),
    ]);
}

#[test]
fn what_is_stored_replaces_whatever_was_there() {
    check(&[
        ("SADD a 1 2", "2"),
        ("SADD b 2 3", "2"),
        ("SET d text", "OK"),
        ("PEXPIREAT d 2000000", "1"),
        ("SINTERSTORE d a b", "1"),
        ("SMEMBERS d", "#{'2'}"),
        ("PEXPIRETIME d", "-1"),
        ("SUNIONSTORE d a b", "3"),
        ("SMEMBERS d", "#{'1', '2', '3'}"),
        ("SDIFFSTORE d a b", "1"),
        ("SMEMBERS d", "#{'1'}"),
        // The destination may be a source.
        ("SUNIONSTORE a a b", "3"),
        ("SDIFFSTORE a a b", "1"),
        ("SMEMBERS a", "#{'1'}"),
        ("SINTERSTORE b a b", "0"),
        ("EXISTS b", "0"),
        ("SET d text", "OK"),
        ("SDIFFSTORE d a a", "0"),
        ("EXISTS d", "0"),
        ("SET d text", "OK"),
        ("SUNIONSTORE d nothing", "0"),
        ("EXISTS d", "0"),
    ]);
}

#[test]
fn sintercard_words_its_errors_itself() {
    check(&[
        ("SINTERCARD abc s", "ERR numkeys should be greater than 0"),
        ("SINTERCARD 0 s", "ERR numkeys should be greater than 0"),
        ("SINTERCARD 9223372036854775807 s", "ERR Number of keys can't be greater than number of args"),
        ("SINTERCARD 2 s", "ERR Number of keys can't be greater than number of args"),
        ("SINTERCARD 1 s LIMIT", SYNTAX),
        ("SINTERCARD 1 s s", SYNTAX),
        ("SINTERCARD 1 s LIMIT -1", "ERR LIMIT can't be negative"),
        ("SINTERCARD 1 s LIMIT abc", "ERR LIMIT can't be negative"),
    ]);
}

#[test]
fn sscan_pages_and_filters() {
    check(&[
        ("SSCAN s 0 NONSENSE", "['0', []]"),
        ("SSCAN s abc", "ERR invalid cursor"),
        ("SADD s a ab b", "3"),
        ("SSCAN s 0", "['0', ['a', 'ab', 'b']]"),
        ("SSCAN s 0 MATCH a* COUNT 1", "['0', ['a', 'ab']]"),
        ("SSCAN s 0 COUNT 0", SYNTAX),
        ("SSCAN s 0 COUNT abc", NOT_AN_INTEGER),
        ("SSCAN s 0 MATCH", SYNTAX),
    ]);
}

/// Runs one command on `model`.
fn call(model: &mut Model, words: &[&str], seed: u64) -> Vec<Vec<u8>> {
    let args: Vec<Arg<'_>> = words.iter().map(|word| Arg::from(*word)).collect();
    let context = Context { now: Timestamp::ZERO, seed };
    let reply = match Request::parse(&args).unwrap() {
        Request::Query(query) => query.run(model, context).unwrap(),
        Request::Mutation(mutation) => mutation.run(model, context).unwrap(),
    };
    match reply {
        Reply::Int(_) => Vec::new(),
        list => {
            let bulk = |item| if let Reply::Bulk(text) = item { text.to_vec() } else { panic!("{item:?}") };
            list.into_items().unwrap().into_iter().map(bulk).collect()
        }
    }
}

/// Integers, packed members, and a set too large for both: what is picked is in the set, and what is popped is not.
#[test]
fn picks_and_pops_of_every_form() {
    for (form, size) in [("", 500), ("m", 100), ("m", 3_000)] {
        let names: Vec<String> = (0..size).map(|number| format!("{form}{number}")).collect();
        let mut words = vec!["SADD", "s"];
        words.extend(names.iter().map(String::as_str));
        let mut model = Model::default();
        call(&mut model, &words, 0);

        let mut all = call(&mut model, &["SMEMBERS", "s"], 0);
        all.sort_unstable();
        let half = (size / 2).to_string();
        let mut picked = call(&mut model, &["SRANDMEMBER", "s", &half], 1);
        picked.sort_unstable();
        picked.dedup();
        assert_eq!(picked.len(), size / 2);
        assert!(picked.iter().all(|member| all.binary_search(member).is_ok()));
        let repeated = call(&mut model, &["SRANDMEMBER", "s", "-4000"], 1);
        assert_eq!(repeated.len(), 4_000);
        assert!(repeated.iter().all(|member| all.binary_search(member).is_ok()));

        let popped = call(&mut model, &["SPOP", "s", &half], 2);
        assert_eq!(popped.len(), size / 2);
        let mut parts = [popped, call(&mut model, &["SMEMBERS", "s"], 0)].concat();
        parts.sort_unstable();
        assert_eq!(parts, all);
    }
}
