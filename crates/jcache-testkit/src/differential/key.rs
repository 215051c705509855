//! Random commands of keys of any type.

use fastrand::Rng;

use super::pool::{at, far_seconds, key, millis, one_of, seconds, some};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..100) {
        0..5 => [args!["EXISTS"], some(rng, 3, key)].concat(),
        5..7 => [args!["TOUCH"], some(rng, 3, key)].concat(),
        7..11 => [args![one_of(rng, &["DEL", "UNLINK"])], some(rng, 3, key)].concat(),
        11..15 => args!["TYPE", key(rng)],
        15..30 => args![one_of(rng, &["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]), key(rng)],
        30..55 => expire(rng),
        55..60 => args!["PERSIST", key(rng)],
        60..70 => args![one_of(rng, &["RENAME", "RENAMENX"]), key(rng), key(rng)],
        70..80 => copy(rng),
        80..82 => args!["RANDOMKEY"],
        82..84 => args!["DBSIZE"],
        84..88 => args!["KEYS", pattern(rng)],
        88..99 => scan(rng),
        _ => flush(rng),
    }
}

fn expire(rng: &mut Rng) -> Vec<Vec<u8>> {
    const WRONG: [&str; 8] = [
        "abc",
        "",
        "1.5",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775",
        "-9223372036854776",
        "9223372036854775808",
    ];
    let odd = rng.u8(..10) == 0;
    let (name, time) = match rng.u8(..8) {
        0 | 1 => ("EXPIRE", if odd { one_of(rng, &["0", "-1", "-100000000000"]).into() } else { seconds(rng) }),
        2 | 3 => ("PEXPIRE", if odd { one_of(rng, &["0", "-1", "-9000000000000000000"]).into() } else { millis(rng) }),
        4 | 5 => ("EXPIREAT", if odd { one_of(rng, &["0", "-1", "1000000000"]).into() } else { far_seconds(rng) }),
        _ => ("PEXPIREAT", at(rng)),
    };
    let wrong = one_of(rng, &WRONG);
    // Far beyond what an entry can hold the deadline is cut off, which Redis does not do: only what both refuse.
    let refused = name == "EXPIRE" || name == "PEXPIRE" && wrong.len() > 16 || !wrong.starts_with("92");
    let time = if refused && rng.u8(..20) == 0 { wrong.into() } else { time };
    let mut expire = args![name, key(rng), time];
    for _ in 0..one_of(rng, &[0, 0, 1, 1, 1, 2]) {
        expire.extend(args![one_of(rng, &["NX", "XX", "gt", "LT", "XX", "GT", "lt", "junk"])]);
    }
    expire
}

fn copy(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut copy = args!["COPY", key(rng), key(rng)];
    for _ in 0..rng.u8(..3) {
        match rng.u8(..4) {
            0..3 => copy.extend(args!["REPLACE"]),
            _ => copy.extend(args!["DB", one_of(rng, &["0", "0", "99", "-1", "abc", "99999999999"])]),
        }
    }
    copy
}

fn scan(rng: &mut Rng) -> Vec<Vec<u8>> {
    let cursor = one_of(rng, &["0", "0", "0", "0", "0", "0", "", "+0", "-0", "abc", "99999999999999999999", " 0", "-"]);
    let mut scan = args!["SCAN", cursor];
    for _ in 0..rng.u8(..3) {
        match rng.u8(..3) {
            0 => scan.extend(args!["MATCH", pattern(rng)]),
            1 => scan.extend(args!["COUNT", one_of(rng, &["1", "3", "100", "0", "-1", "abc"])]),
            _ => {
                let kind = one_of(rng, &["string", "hash", "LIST", "set", "zset", "stream", "none"]);
                scan.extend(args!["TYPE", kind]);
            }
        }
    }
    scan
}

/// A pattern for the pool's keys: a common one, or a few random pieces.
fn pattern(rng: &mut Rng) -> Vec<u8> {
    const COMMON: [&str; 8] = ["*", "**", "k*", "k?", "*[0-4]", "k[^3-7]", "", "absent"];
    const PIECES: [&[u8]; 22] = [
        b"k",
        b"k",
        b"*",
        b"?",
        b"[",
        b"]",
        b"^",
        b"-",
        b"\\",
        b"0",
        b"5",
        b"9",
        b"[0-5]",
        b"[^k]",
        b"[a-z]",
        b"\xff",
        b"\x00",
        b"a",
        b"t",
        b"[\x80-z]",
        b"[9-0",
        b"\\k",
    ];
    if rng.bool() {
        return one_of(rng, &COMMON).into();
    }
    (0..rng.usize(1..6)).flat_map(|_| one_of(rng, &PIECES).to_vec()).collect()
}

fn flush(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut flush = args![one_of(rng, &["FLUSHALL", "FLUSHDB"])];
    flush.extend(one_of(rng, &[None, Some("ASYNC"), Some("sync"), Some("junk")]).map(Vec::from));
    flush
}
