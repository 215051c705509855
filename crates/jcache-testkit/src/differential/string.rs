//! Random commands of strings.

use fastrand::Rng;

use super::pool::{expiry, key, value};
use crate::args;

/// One random invocation.
pub fn command(rng: &mut Rng) -> Vec<Vec<u8>> {
    match rng.u8(..4) {
        0 => args!["GET", key(rng)],
        1 => args!["STRLEN", key(rng)],
        2 => args!["SET", key(rng), value(rng)],
        _ => [args!["SET", key(rng), value(rng)], expiry(rng)].concat(),
    }
}
