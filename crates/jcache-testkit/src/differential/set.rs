//! Random commands of sets.

use fastrand::Rng;

use super::hash::{count, cursor, scan_options};
use super::pool::{integer, key, member, one_of, some};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..100) {
        0..18 => [args!["SADD", key(rng)], members(rng)].concat(),
        18..26 => [args!["SREM", key(rng)], some(rng, 5, member)].concat(),
        26..34 => args!["SMOVE", key(rng), key(rng), member(rng)],
        34..38 => args!["SISMEMBER", key(rng), member(rng)],
        38..43 => [args!["SMISMEMBER", key(rng)], some(rng, 5, member)].concat(),
        43..47 => args!["SMEMBERS", key(rng)],
        47..50 => args!["SCARD", key(rng)],
        50..53 => args!["SPOP", key(rng)],
        53..57 => args!["SPOP", key(rng), pop_count(rng)],
        57..60 => args!["SRANDMEMBER", key(rng)],
        60..66 => args!["SRANDMEMBER", key(rng), count(rng)],
        66..78 => [args![one_of(rng, &["SINTER", "SUNION", "SDIFF"])], some(rng, 4, key)].concat(),
        78..90 => {
            let name = one_of(rng, &["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]);
            [args![name, key(rng)], some(rng, 4, key)].concat()
        }
        90..96 => intersect_card(rng),
        _ => [args!["SSCAN", key(rng), cursor(rng)], scan_options(rng)].concat(),
    }
}

/// Members of any kind, or integers only; now and then more than a set of integers or a packed one has.
fn members(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..100) {
        0 => (0..500 + rng.usize(..30)).map(|n| n.to_string().into()).collect(),
        1 => (0..120 + rng.usize(..20)).map(|n| format!("n{n}").into()).collect(),
        2..30 => some(rng, 6, integer),
        _ => some(rng, 6, member),
    }
}

/// How many to pop.
fn pop_count(rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..10) == 0 { count(rng) } else { rng.u8(..8).to_string().into() }
}

/// `SINTERCARD`, whose number of keys is now and then wrong.
fn intersect_card(rng: &mut Rng) -> Vec<Vec<u8>> {
    let keys = some(rng, 3, key);
    let number = match rng.u8(..12) {
        0 => integer(rng),
        1 => (keys.len() + 1).to_string().into(),
        _ => keys.len().to_string().into(),
    };
    let limit = |rng: &mut Rng| match rng.u8(..10) {
        0 => args!["LIMIT"],
        1 => args!["LIMIT", integer(rng)],
        2 => args!["NONSENSE", "1"],
        _ => args![one_of(rng, &["LIMIT", "limit"]), rng.u8(..6).to_string()],
    };
    let limits: Vec<_> = (0..rng.usize(..3)).flat_map(|_| limit(rng)).collect();
    [args!["SINTERCARD", number], keys, limits].concat()
}
