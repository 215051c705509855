//! Random commands of sorted sets.
//!
//! A range of members means something only where all scores are equal: for those there are keys of their own, which
//! no other generator uses.

use fastrand::Rng;

use super::hash::{count, cursor, scan_options};
use super::list::{several, timeout, up_to};
use super::pool::{float, index, integer, key, member, one_of, some};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..100) {
        0..20 => [args!["ZADD", key(rng)], add_options(rng), pairs(rng)].concat(),
        20..25 => args!["ZINCRBY", key(rng), float(rng), member(rng)],
        25..29 => [args!["ZREM", key(rng)], some(rng, 5, member)].concat(),
        29..31 => args!["ZCARD", key(rng)],
        31..34 => args!["ZCOUNT", key(rng), bound(rng), bound(rng)],
        34..38 => args![one_of(rng, &["ZRANK", "ZREVRANK", "ZSCORE"]), key(rng), member(rng)],
        38..40 => [args!["ZMSCORE", key(rng)], some(rng, 5, member)].concat(),
        40..54 => range(rng),
        54..58 => remove_range(rng),
        58..64 => match rng.u8(..3) {
            0 => args![one_of(rng, &["ZPOPMIN", "ZPOPMAX"]), key(rng)],
            _ => args![one_of(rng, &["ZPOPMIN", "zpopmax"]), key(rng), pop_count(rng)],
        },
        64..67 => [args!["ZMPOP"], several(rng), args![extreme(rng)], up_to(rng)].concat(),
        67..70 => [args!["BZMPOP", timeout(rng)], several(rng), args![extreme(rng)], up_to(rng)].concat(),
        70..73 => [args![one_of(rng, &["BZPOPMIN", "BZPOPMAX"])], some(rng, 3, key), args![timeout(rng)]].concat(),
        73..77 => pick(rng),
        77..80 => [args!["ZSCAN", key(rng), cursor(rng)], scan_options(rng)].concat(),
        80..90 => combine(rng),
        _ => lex(rng),
    }
}

/// Scores and members; now and then more than a packed sorted set has, and now and then one is missing.
fn pairs(rng: &mut Rng) -> Vec<Vec<u8>> {
    if rng.u8(..100) == 0 {
        return (0..120 + rng.usize(..20)).flat_map(|n| args![(n % 30).to_string(), format!("n{n}")]).collect();
    }
    let mut pairs: Vec<_> = (0..=rng.usize(..4)).flat_map(|_| [float(rng), member(rng)]).collect();
    if rng.u8(..30) == 0 {
        pairs.pop();
    }
    pairs
}

fn add_options(rng: &mut Rng) -> Vec<Vec<u8>> {
    if rng.u8(..3) == 0 {
        return args![];
    }
    let option = |rng: &mut Rng| one_of(rng, &["NX", "XX", "GT", "LT", "CH", "INCR", "xx", "ch", "gt"]).into();
    some(rng, 2, option)
}

/// An end of a range of scores.
fn bound(rng: &mut Rng) -> Vec<u8> {
    const ODD: [&str; 14] =
        ["-inf", "+inf", "inf", "(-inf", "(inf", "(", " 1", "1 ", "nan", "(nan", "((1", "1e400", "-1e-400", "2\0x"];
    match rng.u8(..10) {
        0..4 => float(rng),
        4..7 => [b"(".to_vec(), float(rng)].concat(),
        7 => one_of(rng, &["-inf", "+inf"]).into(),
        8 => rng.i64(-5..10).to_string().into(),
        _ => one_of(rng, &ODD).into(),
    }
}

/// `WITHSCORES`, `LIMIT` and `extra`, in any order and number.
fn range_options(rng: &mut Rng, extra: &[&str]) -> Vec<Vec<u8>> {
    let option = |rng: &mut Rng| match rng.u8(..8) {
        0..2 => args![one_of(rng, &["WITHSCORES", "withscores"])],
        2..4 => args![one_of(rng, &["LIMIT", "limit"]), rng.i8(-2..5).to_string(), rng.i8(-2..5).to_string()],
        4 => args!["LIMIT", integer(rng), integer(rng)],
        5 if rng.u8(..3) == 0 => args![one_of(rng, &["LIMIT", "NONSENSE", "REV"])],
        // Never by member alone: the scores differ here.
        5 if rng.bool() => args!["BYLEX", "BYSCORE"],
        _ if extra.is_empty() => args![],
        _ => args![one_of(rng, extra)],
    };
    (0..rng.usize(..4)).flat_map(|_| option(rng)).collect()
}

/// A range that is read, or stored.
fn range(rng: &mut Rng) -> Vec<Vec<u8>> {
    let (by_rank, by_score) = (args![index(rng), index(rng)], args![bound(rng), bound(rng)]);
    let (head, bounds, options) = match rng.u8(..12) {
        0..3 => (args!["ZRANGE", key(rng)], by_rank, range_options(rng, &["REV", "rev"])),
        3..5 => (args!["ZRANGE", key(rng)], by_score, [args!["BYSCORE"], range_options(rng, &["REV"])].concat()),
        5 => (args!["ZRANGESTORE", key(rng), key(rng)], by_rank, range_options(rng, &["REV", "rev"])),
        6 => {
            let options = [args!["BYSCORE"], range_options(rng, &["REV"])].concat();
            (args!["ZRANGESTORE", key(rng), key(rng)], by_score, options)
        }
        7..9 => (args!["ZREVRANGE", key(rng)], by_rank, range_options(rng, &[])),
        9..11 => {
            let name = one_of(rng, &["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"]);
            (args![name, key(rng)], by_score, range_options(rng, &[]))
        }
        _ => (args!["ZRANGE", key(rng)], by_score, range_options(rng, &["REV", "BYSCORE", "BYSCORE"])),
    };
    [head, bounds, options].concat()
}

fn remove_range(rng: &mut Rng) -> Vec<Vec<u8>> {
    if rng.bool() {
        args!["ZREMRANGEBYRANK", key(rng), index(rng), index(rng)]
    } else {
        args!["ZREMRANGEBYSCORE", key(rng), bound(rng), bound(rng)]
    }
}

fn pop_count(rng: &mut Rng) -> Vec<u8> {
    if rng.u8(..8) == 0 { integer(rng) } else { rng.u8(..5).to_string().into() }
}

fn extreme(rng: &mut Rng) -> Vec<u8> {
    one_of(rng, &["MIN", "MAX", "min", "max", "MIN", "MAX", "MID"]).into()
}

fn pick(rng: &mut Rng) -> Vec<Vec<u8>> {
    let form = match rng.u8(..4) {
        0 => args![],
        1 => args![count(rng)],
        _ => args![count(rng), one_of(rng, &["WITHSCORES", "withscores", "WITHSCORES", "WITHVALUES"])],
    };
    [args!["ZRANDMEMBER", key(rng)], form].concat()
}

/// Union, intersection or difference, read, stored or counted.
fn combine(rng: &mut Rng) -> Vec<Vec<u8>> {
    let names = ["ZUNION", "ZINTER", "ZDIFF", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZINTERCARD"];
    let name = one_of(rng, &names);
    let head = if name.ends_with("STORE") { args![name, key(rng)] } else { args![name] };
    let sources = several(rng);
    let weights = sources.len() - 1;
    let option = |rng: &mut Rng| match rng.u8(..16) {
        0..4 => args![one_of(rng, &["WITHSCORES", "withscores"])],
        4..8 => [args!["WEIGHTS"], (0..weights).map(|_| float(rng)).collect()].concat(),
        8..11 => args!["AGGREGATE", one_of(rng, &["SUM", "MIN", "MAX", "min", "max"])],
        11..14 => args!["LIMIT", rng.u8(..4).to_string()],
        14 => args![one_of(rng, &["AGGREGATE", "LIMIT", "WEIGHTS"]), one_of(rng, &["-1", "MID", ""])],
        _ => args![one_of(rng, &["AGGREGATE", "LIMIT", "WEIGHTS", "NONSENSE"])],
    };
    let options: Vec<_> = (0..rng.usize(..3)).flat_map(|_| option(rng)).collect();
    [head, sources, options].concat()
}

/// A command about ranges of members, on keys whose members all have one score.
fn lex(rng: &mut Rng) -> Vec<Vec<u8>> {
    let key = |rng: &mut Rng| Vec::from(one_of(rng, &["lex0", "lex1", "lex2"]));
    let bounds = args![lex_bound(rng), lex_bound(rng)];
    match rng.u8(..20) {
        0..7 => {
            [args!["ZADD", key(rng)], some(rng, 5, member).into_iter().flat_map(|it| args!["0", it]).collect()].concat()
        }
        7 => [args!["ZADD", key(rng)], (0..140).flat_map(|n| args!["0", format!("n{n}")]).collect()].concat(),
        8 => args!["DEL", key(rng)],
        9 => args!["SET", key(rng), "a string"],
        10..12 => [args!["ZLEXCOUNT", key(rng)], bounds].concat(),
        12 => [args!["ZREMRANGEBYLEX", key(rng)], bounds].concat(),
        13..16 => {
            let name = one_of(rng, &["ZRANGEBYLEX", "ZREVRANGEBYLEX"]);
            [args![name, key(rng)], bounds, range_options(rng, &[])].concat()
        }
        16..19 => [args!["ZRANGE", key(rng)], bounds, args!["BYLEX"], range_options(rng, &["REV"])].concat(),
        _ => [args!["ZRANGESTORE", key(rng), key(rng)], bounds, args!["BYLEX"], range_options(rng, &["REV"])].concat(),
    }
}

/// An end of a range of members.
fn lex_bound(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..10) {
        0..4 => [b"[".to_vec(), member(rng)].concat(),
        4..7 => [b"(".to_vec(), member(rng)].concat(),
        7..9 => one_of(rng, &["-", "+"]).into(),
        _ => one_of(rng, &["-", "+", "", "a", "-x", "+\0x", "[", "("]).into(),
    }
}
