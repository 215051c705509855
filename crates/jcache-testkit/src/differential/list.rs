//! Random commands of lists.

use fastrand::Rng;

use super::pool::{index, key, some, value};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..4) {
        0 => args!["LLEN", key(rng)],
        1 | 2 => args!["LRANGE", key(rng), index(rng), index(rng)],
        _ => [args!["RPUSH", key(rng)], some(rng, 4, value)].concat(),
    }
}
