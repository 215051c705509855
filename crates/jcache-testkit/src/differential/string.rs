//! Random commands of strings.

use fastrand::Rng;

use super::pool::{at, expiry, float, index, integer, key, millis, one_of, seconds, some, value};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..100) {
        0..5 => args!["GET", key(rng)],
        5..7 => args!["STRLEN", key(rng)],
        7..13 => args![one_of(rng, &["GETRANGE", "SUBSTR"]), key(rng), index(rng), index(rng)],
        13..17 => [args!["MGET"], some(rng, 4, key)].concat(),
        17..31 => set(rng),
        31..35 => args!["SETNX", key(rng), value(rng)],
        35..38 => args!["SETEX", key(rng), life(rng, seconds, "9223372036854775"), value(rng)],
        38..41 => args!["PSETEX", key(rng), life(rng, millis, "0"), value(rng)],
        41..44 => args!["GETSET", key(rng), value(rng)],
        44..47 => args!["GETDEL", key(rng)],
        47..54 => getex(rng),
        54..57 => [args!["MSET"], pairs(rng)].concat(),
        57..61 => [args!["MSETNX"], pairs(rng)].concat(),
        61..67 => args!["APPEND", key(rng), value(rng)],
        67..73 => args!["SETRANGE", key(rng), offset(rng), value(rng)],
        73..77 => args![one_of(rng, &["INCR", "DECR"]), key(rng)],
        77..82 => args![one_of(rng, &["INCRBY", "DECRBY"]), key(rng), integer(rng)],
        82..88 => args!["INCRBYFLOAT", key(rng), float(rng)],
        88..92 => args!["SET", key(rng), if rng.bool() { integer(rng) } else { float(rng) }],
        _ => lcs(rng),
    }
}

fn set(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut set = args!["SET", key(rng), value(rng)];
    for _ in 0..rng.u8(..4) {
        match rng.u8(..8) {
            0 => set.extend(args!["NX"]),
            1 => set.extend(args!["xx"]),
            2 => set.extend(args!["GET"]),
            3 => set.extend(args!["KEEPTTL"]),
            4 => set.extend(args![one_of(rng, &["PERSIST", "EX", "junk"])]),
            _ => set.extend(live(expiry(rng))),
        }
    }
    set
}

/// Redis counts a string that was due when it was set until something meets it, and DBSIZE shows that; so none is.
fn live(mut expiry: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if expiry[0] == b"PXAT" && expiry[1].len() < 10 {
        expiry[1] = b"-1".to_vec();
    }
    expiry
}

fn getex(rng: &mut Rng) -> Vec<Vec<u8>> {
    let options = match rng.u8(..10) {
        0..2 => args![],
        2..4 => args!["PERSIST"],
        4 => args!["PXAT", at(rng)],
        5 => [expiry(rng), expiry(rng)].concat(),
        6 => [expiry(rng), args![one_of(rng, &["PERSIST", "KEEPTTL", "EX"])]].concat(),
        _ => expiry(rng),
    };
    [args!["GETEX", key(rng)], options].concat()
}

/// A time to live; now and then one that is refused, such as `too_long`.
fn life(rng: &mut Rng, relative: fn(&mut Rng) -> Vec<u8>, too_long: &str) -> Vec<u8> {
    let wrong = ["0", "-1", "abc", "9223372036854775807", "-9223372036854775808", too_long];
    if rng.u8(..5) == 0 { one_of(rng, &wrong).into() } else { relative(rng) }
}

fn pairs(rng: &mut Rng) -> Vec<Vec<u8>> {
    (0..rng.usize(1..4)).flat_map(|_| args![key(rng), value(rng)]).collect()
}

/// An offset in a string; at times far outside, but not within what fits in a string, which would be half a gigabyte.
fn offset(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..20) {
        0 => one_of(rng, &["-1", "536870912", "9223372036854775807", "abc", "-9223372036854775808"]).into(),
        1 => rng.usize(..300).to_string().into(),
        _ => rng.usize(..12).to_string().into(),
    }
}

fn lcs(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut lcs = args!["LCS", key(rng), key(rng)];
    for _ in 0..rng.u8(..4) {
        match rng.u8(..6) {
            0..2 => lcs.extend(args!["IDX"]),
            2 => lcs.extend(args!["LEN"]),
            3 => lcs.extend(args!["WITHMATCHLEN"]),
            _ => lcs.extend(args!["MINMATCHLEN", index(rng)]),
        }
    }
    lcs
}
