//! Random commands of sorted sets.

use fastrand::Rng;

use super::pool::{float, key, member};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..3) {
        0 => args!["ZCARD", key(rng)],
        1 => args!["ZRANGE", key(rng), "0", "-1", "WITHSCORES"],
        _ => args!["ZADD", key(rng), float(rng), member(rng)],
    }
}
