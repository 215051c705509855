//! Random commands of hashes.

use fastrand::Rng;

use super::pool::{key, member, value};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..4) {
        0 => args!["HGET", key(rng), member(rng)],
        1 => args!["HGETALL", key(rng)],
        2 => args!["HLEN", key(rng)],
        _ => args!["HSET", key(rng), member(rng), value(rng), member(rng), value(rng)],
    }
}
