//! What the commands of hashes answer, as Redis 7.0 does.

#![allow(clippy::unwrap_used)]

mod common;

use common::check;
use jcache_core::command::Request;
use jcache_core::{Arg, Context, Model, Reply, Timestamp};

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
const SYNTAX: &str = "ERR syntax error";

#[test]
fn fields_are_set_and_read() {
    check(&[
        ("HSET h a 1 b 2", "2"),
        ("HSET h a 9 c 3", "1"),
        ("HSET h d 1 d 2", "1"),
        ("HGET h d", "'2'"),
        ("HGET h nothing", "nil"),
        ("HGET nothing a", "nil"),
        ("HMGET h a x b a", "['9', nil, '2', '9']"),
        ("HMGET nothing a b", "[nil, nil]"),
        ("HGETALL h", "{'a': '9', 'b': '2', 'c': '3', 'd': '2'}"),
        ("HGETALL nothing", "{}"),
        ("HKEYS h", "['a', 'b', 'c', 'd']"),
        ("HVALS h", "['9', '2', '3', '2']"),
        ("HKEYS nothing", "[]"),
        ("HVALS nothing", "[]"),
        ("HLEN h", "4"),
        ("HLEN nothing", "0"),
        ("HEXISTS h a", "1"),
        ("HEXISTS h x", "0"),
        ("HEXISTS nothing a", "0"),
        (r#"HSET h "" "\x00\xff\r\n""#, "1"),
        (r#"HGET h """#, r"'\x00\xff\r\n'"),
        (r#"HSTRLEN h """#, "4"),
        ("HSTRLEN h x", "0"),
        ("HSTRLEN nothing x", "0"),
        ("HMSET h a 5 e 6", "OK"),
        ("HMGET h a e", "['5', '6']"),
    ]);
}

#[test]
fn odd_pairs_are_a_wrong_number_of_arguments() {
    check(&[
        ("HSET h a", "ERR wrong number of arguments for 'hset' command"),
        ("HSET h a 1 b", "ERR wrong number of arguments for 'hset' command"),
        ("HMSET h a 1 b", "ERR wrong number of arguments for 'hmset' command"),
        ("HGETALL h x", "ERR wrong number of arguments for 'hgetall' command"),
        ("EXISTS h", "0"),
    ]);
}

#[test]
fn hsetnx_looks_at_the_field() {
    check(&[
        ("HSETNX h a 1", "1"),
        ("HSETNX h a 2", "0"),
        ("HSETNX h b 2", "1"),
        ("HGETALL h", "{'a': '1', 'b': '2'}"),
    ]);
}

#[test]
fn the_key_goes_with_its_last_field_and_keeps_its_deadline_until_then() {
    check(&[
        ("HSET h a 1 b 2 c 3", "3"),
        ("PEXPIREAT h 1001000", "1"),
        ("HDEL h a x a", "1"),
        ("HDEL h x", "0"),
        ("HSET h d 4", "1"),
        ("PEXPIRETIME h", "1001000"),
        ("HDEL h b c d", "3"),
        ("EXISTS h", "0"),
        ("HDEL h b", "0"),
        ("HSET h a 1", "1"),
        ("PEXPIRETIME h", "-1"),
        ("PEXPIREAT h 1001000", "1"),
        ("@ 1000", ""),
        ("HGETALL h", "{}"),
        ("HSETNX h a 2", "1"),
        ("PEXPIRETIME h", "-1"),
    ]);
}

#[test]
fn another_type_is_refused() {
    let session = [
        "HSET s a 1",
        "HMSET s a 1",
        "HSETNX s a 1",
        "HGET s a",
        "HMGET s a",
        "HGETALL s",
        "HDEL s a",
        "HEXISTS s a",
        "HKEYS s",
        "HVALS s",
        "HLEN s",
        "HSTRLEN s a",
        "HINCRBY s a 1",
        "HINCRBYFLOAT s a 1",
        "HRANDFIELD s",
        "HRANDFIELD s 0",
        "HRANDFIELD s 2 WITHVALUES",
        "HSCAN s 0",
        "HSCAN s 0 NONSENSE",
    ];
    for line in session {
        check(&[("SET s text", "OK"), (line, WRONG_TYPE)]);
    }
}

#[test]
fn hincrby_counts_within_64_bits() {
    check(&[
        ("HINCRBY h n 5", "5"),
        ("HINCRBY h n -7", "-2"),
        ("HGET h n", "'-2'"),
        ("HINCRBY h n 9223372036854775807", "9223372036854775805"),
        ("HINCRBY h n 3", "ERR increment or decrement would overflow"),
        ("HGET h n", "'9223372036854775805'"),
        ("HINCRBY h m -9223372036854775808", "-9223372036854775808"),
        ("HINCRBY h m -1", "ERR increment or decrement would overflow"),
        ("HINCRBY h n 1.5", NOT_AN_INTEGER),
        ("HINCRBY h n 01", NOT_AN_INTEGER),
        (r#"HSET h text abc blank "" space " 1""#, "3"),
        ("HINCRBY h text 1", "ERR hash value is not an integer"),
        ("HINCRBY h blank 1", "ERR hash value is not an integer"),
        ("HINCRBY h space 1", "ERR hash value is not an integer"),
        ("SET s text", "OK"),
        ("HINCRBY s a abc", NOT_AN_INTEGER),
    ]);
}

#[test]
fn hincrbyfloat_tells_whose_number_is_wrong() {
    check(&[
        ("HINCRBYFLOAT h n 10.5", "'10.5'"),
        ("HINCRBYFLOAT h n 0.1", "'10.6'"),
        ("HINCRBYFLOAT h n -5", "'5.6'"),
        ("HINCRBYFLOAT h n 5.0e3", "'5005.60000000000000009'"),
        ("HINCRBYFLOAT h n 0.4", "'5006'"),
        ("HGET h n", "'5006'"),
        ("HINCRBYFLOAT h n abc", "ERR value is not a valid float"),
        ("HINCRBYFLOAT h n nan", "ERR value is not a valid float"),
        ("HINCRBYFLOAT h n inf", "ERR value is NaN or Infinity"),
        ("HINCRBYFLOAT nothing n -inf", "ERR value is NaN or Infinity"),
        ("EXISTS nothing", "0"),
        (r#"HSET h text abc blank "" endless inf"#, "3"),
        ("HINCRBYFLOAT h text 1", "ERR hash value is not a float"),
        ("HINCRBYFLOAT h blank 1", "ERR hash value is not a float"),
        ("HINCRBYFLOAT h endless 1", "ERR increment would produce NaN or Infinity"),
        ("SET s text", "OK"),
        ("HINCRBYFLOAT s a abc", "ERR value is not a valid float"),
    ]);
}

#[test]
fn hrandfield_picks() {
    check(&[
        ("HRANDFIELD h", "nil"),
        ("HRANDFIELD h 3", "[]"),
        ("HRANDFIELD h -3 WITHVALUES", "[]"),
        ("HSET h a 1", "1"),
        ("HRANDFIELD h", "'a'"),
        ("HRANDFIELD h 0", "[]"),
        ("HRANDFIELD h 3", "['a']"),
        ("HRANDFIELD h -3", "['a', 'a', 'a']"),
        ("HRANDFIELD h 3 WITHVALUES", "[['a', '1']]"),
        ("HRANDFIELD h -2 withvalues", "[['a', '1'], ['a', '1']]"),
        ("HSET h b 2 c 3", "2"),
        ("HRANDFIELD h 3 WITHVALUES", "[['a', '1'], ['b', '2'], ['c', '3']]"),
    ]);
}

#[test]
fn hrandfield_reads_its_count_before_the_key() {
    let range = "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    check(&[
        ("HRANDFIELD h abc", NOT_AN_INTEGER),
        ("HRANDFIELD h abc nonsense", NOT_AN_INTEGER),
        ("HRANDFIELD h -9223372036854775808", range),
        ("HRANDFIELD h 9223372036854775807", "[]"),
        ("HRANDFIELD h 9223372036854775807 WITHVALUES", "ERR value is out of range"),
        ("HRANDFIELD h 4611686018427387903 WITHVALUES", "[]"),
        ("HRANDFIELD h 1 nonsense", SYNTAX),
        ("HRANDFIELD h 1 WITHVALUES nonsense", SYNTAX),
        // Redis would go on until its memory ends.
        ("HSET h a 1", "1"),
        ("HRANDFIELD h -9223372036854775807", "ERR value is out of range"),
    ]);
}

#[test]
fn hscan_pages_and_filters() {
    check(&[
        ("HSCAN h 0", "['0', []]"),
        ("HSCAN h 0 NONSENSE", "['0', []]"),
        ("HSCAN h 0 COUNT abc", "['0', []]"),
        ("HSCAN h abc", "ERR invalid cursor"),
        ("HSET h a 1 ab 2 b 3", "3"),
        ("HSCAN h 0", "['0', ['a', '1', 'ab', '2', 'b', '3']]"),
        ("HSCAN h 0 MATCH a*", "['0', ['a', '1', 'ab', '2']]"),
        ("HSCAN h 0 match a* COUNT 1 MATCH b", "['0', ['b', '3']]"),
        ("HSCAN h 0 COUNT 0", SYNTAX),
        ("HSCAN h 0 COUNT", SYNTAX),
        ("HSCAN h 0 COUNT abc", NOT_AN_INTEGER),
        ("HSCAN h 0 TYPE hash", SYNTAX),
        ("HSCAN h 0 NOVALUES", SYNTAX),
        // Cursors are read as C reads unsigned numbers.
        (r#"HSCAN h "" MATCH b"#, "['0', ['b', '3']]"),
        ("HSCAN h -1 MATCH b", "['0', ['b', '3']]"),
        ("HSCAN h +0 MATCH b", "['0', ['b', '3']]"),
        ("HSCAN h 18446744073709551615 MATCH b", "['0', ['b', '3']]"),
        ("HSCAN h 18446744073709551616", "ERR invalid cursor"),
        (r#"HSCAN h " 1""#, "ERR invalid cursor"),
        ("HSCAN h -", "ERR invalid cursor"),
        ("HSCAN h +-1", "ERR invalid cursor"),
    ]);
}

/// Runs one command on `model`.
fn call(model: &mut Model, words: &[&str], seed: u64) -> Reply {
    let args: Vec<Arg<'_>> = words.iter().map(|word| Arg::from(*word)).collect();
    let context = Context { now: Timestamp::ZERO, seed };
    match Request::parse(&args).unwrap() {
        Request::Query(query) => query.run(model, context).unwrap(),
        Request::Mutation(mutation) => mutation.run(model, context).unwrap(),
    }
}

fn bulks(reply: Reply) -> Vec<Vec<u8>> {
    let items = reply.into_items().unwrap().into_iter();
    items.map(|item| if let Reply::Bulk(text) = item { text.to_vec() } else { panic!("{item:?}") }).collect()
}

#[test]
fn ten_thousand_fields_in_one_command_are_scanned_whole_and_picked_from() {
    let fields: Vec<String> = (0..10_000).map(|number| format!("field{number}")).collect();
    let mut words = vec!["HSET", "h"];
    words.extend(fields.iter().flat_map(|field| [field.as_str(), "value"]));
    let mut model = Model::default();
    assert_eq!(call(&mut model, &words, 0), Reply::Int(10_000));
    assert_eq!(call(&mut model, &["HLEN", "h"], 0), Reply::Int(10_000));

    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::from("0"), 0);
    loop {
        let [next, page] =
            call(&mut model, &["HSCAN", "h", &cursor, "COUNT", "1000"], 0).into_items().unwrap().try_into().unwrap();
        seen.extend(bulks(page).into_iter().step_by(2));
        pages += 1;
        let Reply::Bulk(next) = next else { panic!("{next:?}") };
        cursor = String::from_utf8(next.to_vec()).unwrap();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(pages, 10);
    seen.sort_unstable();
    let mut all: Vec<Vec<u8>> = fields.iter().map(|field| field.clone().into_bytes()).collect();
    all.sort_unstable();
    assert_eq!(seen, all);

    let mut picked = bulks(call(&mut model, &["HRANDFIELD", "h", "9000"], 7));
    picked.sort_unstable();
    picked.dedup();
    assert_eq!(picked.len(), 9_000);
    assert_eq!(bulks(call(&mut model, &["HRANDFIELD", "h", "-20000"], 7)).len(), 20_000);
    let once = call(&mut model, &["HRANDFIELD", "h", "3"], 1);
    assert_eq!(call(&mut model, &["HRANDFIELD", "h", "3"], 1), once, "the same seed picks the same");
    assert_ne!(call(&mut model, &["HRANDFIELD", "h", "3"], 2), once);
}
