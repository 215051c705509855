//! Random commands of sets.

use fastrand::Rng;

use super::pool::{key, member, some};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..3) {
        0 => args!["SCARD", key(rng)],
        1 => args!["SMEMBERS", key(rng)],
        _ => [args!["SADD", key(rng)], some(rng, 4, member)].concat(),
    }
}
