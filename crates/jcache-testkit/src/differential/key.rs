//! Random commands of keys of any type.

use fastrand::Rng;

use super::pool::{at, key, one_of, some};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..20) {
        0..4 => [args!["EXISTS"], some(rng, 3, key)].concat(),
        4..8 => args!["PEXPIRETIME", key(rng)],
        8..10 => [args!["DEL"], some(rng, 3, key)].concat(),
        10..12 => [args!["UNLINK"], some(rng, 3, key)].concat(),
        12..15 => args!["PEXPIREAT", key(rng), at(rng)],
        15..19 => args!["PEXPIREAT", key(rng), at(rng), one_of(rng, &["NX", "XX", "gt", "LT"])],
        _ => args![one_of(rng, &["FLUSHALL", "FLUSHDB"])],
    }
}
