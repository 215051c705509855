//! Random commands of lists.
//!
//! Blocking commands come with any timeout: the harness does not let them wait.

use fastrand::Rng;

use super::pool::{index, integer, key, one_of, some, value};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..100) {
        0..16 => {
            let name = one_of(rng, &["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]);
            [args![name, key(rng)], elements(rng)].concat()
        }
        16..24 => {
            let count = if rng.bool() { args![] } else { args![count(rng)] };
            [args![one_of(rng, &["LPOP", "RPOP"]), key(rng)], count].concat()
        }
        24..27 => args!["LLEN", key(rng)],
        27..33 => args!["LRANGE", key(rng), index(rng), index(rng)],
        33..38 => args!["LINDEX", key(rng), index(rng)],
        38..44 => args!["LSET", key(rng), index(rng), element(rng)],
        44..51 => args!["LINSERT", key(rng), one_of(rng, &["BEFORE", "after", "AROUND"]), element(rng), element(rng)],
        51..57 => args!["LREM", key(rng), index(rng), element(rng)],
        57..60 => args!["LTRIM", key(rng), index(rng), index(rng)],
        60..69 => [args!["LPOS", key(rng), element(rng)], pos_options(rng)].concat(),
        69..76 => args!["LMOVE", key(rng), key(rng), end(rng), end(rng)],
        76..79 => args!["RPOPLPUSH", key(rng), key(rng)],
        79..84 => [args!["LMPOP"], several(rng), args![end(rng)], up_to(rng)].concat(),
        84..91 => {
            let name = one_of(rng, &["BLPOP", "BRPOP"]);
            [args![name], some(rng, 4, key), args![timeout(rng)]].concat()
        }
        91..94 => [args!["BLMPOP", timeout(rng)], several(rng), args![end(rng)], up_to(rng)].concat(),
        94..98 => args!["BLMOVE", key(rng), key(rng), end(rng), end(rng), timeout(rng)],
        _ => args!["BRPOPLPUSH", key(rng), key(rng), timeout(rng)],
    }
}

/// An element; mostly from so few that lists hold the same one repeatedly.
fn element(rng: &mut Rng) -> Vec<u8> {
    if rng.bool() { vec![b'a' + rng.u8(..3)] } else { value(rng) }
}

/// Elements to push; now and then more than a packed list has.
fn elements(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..200) {
        0 => (0..200).map(|n| format!("{n:0100}").into()).collect(),
        1 => (0..1000).map(|n: i32| n.to_string().into()).collect(),
        _ => some(rng, 5, element),
    }
}

fn end(rng: &mut Rng) -> Vec<u8> {
    one_of(rng, &["LEFT", "RIGHT", "left", "right", "LEFT", "RIGHT", "MIDDLE"]).into()
}

/// How many to pop.
fn count(rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..8) == 0 { integer(rng) } else { rng.u8(..6).to_string().into() }
}

/// `RANK`, `COUNT` and `MAXLEN`, none, several, or wrong. The lowest rank has no positive counterpart and does on a
/// real server whatever the overflow gives.
fn pos_options(rng: &mut Rng) -> Vec<Vec<u8>> {
    let option = |rng: &mut Rng| match rng.u8(..12) {
        0..4 => args![one_of(rng, &["RANK", "rank"]), rng.i8(-4..5).to_string()],
        4..7 => args![one_of(rng, &["COUNT", "count"]), rng.u8(..4).to_string()],
        7..9 => args!["MAXLEN", rng.u8(..8).to_string()],
        9 => {
            let number = integer(rng);
            let lowest = number == i64::MIN.to_string().into_bytes();
            args![one_of(rng, &["RANK", "COUNT", "MAXLEN"]), if lowest { b"0".to_vec() } else { number }]
        }
        10 => args![one_of(rng, &["RANK", "COUNT", "MAXLEN"])],
        _ => args!["LIMIT", "1"],
    };
    (0..rng.usize(..4)).flat_map(|_| option(rng)).collect()
}

/// `numkeys key …`, whose number is now and then wrong.
pub(super) fn several(rng: &mut Rng) -> Vec<Vec<u8>> {
    let keys = some(rng, 3, key);
    let number = match rng.u8(..16) {
        0 => integer(rng),
        1 => (keys.len() + 1).to_string().into(),
        2 => (keys.len() - 1).to_string().into(),
        _ => keys.len().to_string().into(),
    };
    [vec![number], keys].concat()
}

/// `COUNT n`, or nothing, or something wrong.
pub(super) fn up_to(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..12) {
        0..5 => args![],
        5..9 => args![one_of(rng, &["COUNT", "count"]), rng.u8(1..5).to_string()],
        9 => args!["COUNT", integer(rng)],
        10 => args!["COUNT", "2", "COUNT", "1"],
        _ => args![one_of(rng, &["COUNT", "LIMIT"])],
    }
}

/// How long to block: in a transaction it makes no difference, but it may be wrong.
pub(super) fn timeout(rng: &mut Rng) -> Vec<u8> {
    const ODD: [&str; 16] = [
        "-1",
        "-0.0001",
        "-0",
        "abc",
        "",
        " 1",
        "1 ",
        "nan",
        "inf",
        "-inf",
        "1e3",
        "0x10",
        "9000000000000000",
        "9300000000000000",
        "1e300",
        "1e-300",
    ];
    match rng.u8(..10) {
        0..4 => b"0".to_vec(),
        4..8 => (f64::from(rng.u16(..1000)) / 100.0).to_string().into(),
        _ => one_of(rng, &ODD).into(),
    }
}
