//! Random commands of hashes.

use fastrand::Rng;

use super::pool::{float, integer, key, member, one_of, some, value};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..100) {
        0..12 => [args!["HSET", key(rng)], pairs(rng)].concat(),
        12..16 => [args!["HMSET", key(rng)], pairs(rng)].concat(),
        16..22 => args!["HSETNX", key(rng), member(rng), value(rng)],
        22..32 => [args!["HDEL", key(rng)], some(rng, 5, member)].concat(),
        32..42 => args!["HINCRBY", key(rng), member(rng), integer(rng)],
        42..54 => args!["HINCRBYFLOAT", key(rng), member(rng), float(rng)],
        54..59 => args!["HGET", key(rng), member(rng)],
        59..64 => [args!["HMGET", key(rng)], some(rng, 5, member)].concat(),
        64..68 => args!["HEXISTS", key(rng), member(rng)],
        68..72 => args!["HSTRLEN", key(rng), member(rng)],
        72..75 => args!["HLEN", key(rng)],
        75..79 => args!["HGETALL", key(rng)],
        79..83 => args!["HKEYS", key(rng)],
        83..87 => args!["HVALS", key(rng)],
        87..96 => {
            let form = match rng.u8(..4) {
                0 => args![],
                1 => args![count(rng)],
                _ => args![count(rng), one_of(rng, &["WITHVALUES", "withvalues", "WithValues"])],
            };
            [args!["HRANDFIELD", key(rng)], form].concat()
        }
        _ => [args!["HSCAN", key(rng), cursor(rng)], scan_options(rng)].concat(),
    }
}

/// Fields with values; now and then more than a packed hash has, and now and then one value is missing.
fn pairs(rng: &mut Rng) -> Vec<Vec<u8>> {
    if rng.u8(..100) == 0 {
        return (0..500 + rng.usize(..30)).flat_map(|n| args![format!("n{n}"), n.to_string()]).collect();
    }
    let mut pairs: Vec<_> = (0..=rng.usize(..4)).flat_map(|_| [member(rng), value(rng)]).collect();
    if rng.u8(..30) == 0 {
        pairs.pop();
    }
    pairs
}

/// How many to pick. Never far below zero: Redis would answer until its memory ends.
pub(super) fn count(rng: &mut Rng) -> Vec<u8> {
    const LIMITS: [&str; 7] = [
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "4611686018427387903",
        "4611686018427387904",
        "-9223372036854775809",
        "-600",
    ];
    match rng.u8(..20) {
        0..17 => rng.i64(-15..15).to_string().into(),
        17 => one_of(rng, &["abc", "", "1.5", " 1", "01"]).into(),
        _ => one_of(rng, &LIMITS).into(),
    }
}

/// A cursor, mostly the start: another one means something else on each side.
pub(super) fn cursor(rng: &mut Rng) -> Vec<u8> {
    const ODD: [&str; 14] = [
        "",
        "-0",
        "+0",
        "00",
        "-1",
        "18446744073709551615",
        "18446744073709551616",
        "-18446744073709551615",
        "abc",
        "1x",
        " 0",
        "-",
        "+-1",
        "0x0",
    ];
    if rng.u8(..4) == 0 { one_of(rng, &ODD).into() } else { b"0".to_vec() }
}

/// `MATCH` and `COUNT`, none, several, or wrong.
pub(super) fn scan_options(rng: &mut Rng) -> Vec<Vec<u8>> {
    const PATTERNS: [&str; 10] = ["*", "a*", "?", "[a-c]*", "*m*", "[^a]", "", "n1*", "\\a", "-*"];
    let option = |rng: &mut Rng| match rng.u8(..12) {
        0..5 => args![one_of(rng, &["MATCH", "match"]), one_of(rng, &PATTERNS)],
        5..9 => args![one_of(rng, &["COUNT", "count"]), rng.u16(1..700).to_string()],
        9 => args!["COUNT", one_of(rng, &["0", "-1", "abc", "", "9223372036854775807", "9223372036854775808"])],
        10 => args!["TYPE", "hash"],
        _ => args![one_of(rng, &["MATCH", "COUNT", "NOVALUES"])],
    };
    (0..rng.usize(..3)).flat_map(|_| option(rng)).collect()
}
