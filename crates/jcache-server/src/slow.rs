//! Slow commands: the log of them, and the spikes that `LATENCY` tells of.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jcache_core::Arg;
use parking_lot::Mutex;

use crate::client::Client;
use crate::status::Slow;

/// Arguments that an entry keeps.
const ARGUMENTS: usize = 32;
/// Bytes of an argument that an entry keeps.
const ARGUMENT_BYTES: usize = 128;
/// Spikes that are remembered.
const SPIKES: usize = 160;

#[derive(Debug, Default)]
pub(crate) struct SlowLog {
    log: Mutex<Log>,
    spikes: Mutex<Spikes>,
}

#[derive(Debug, Default)]
struct Log {
    next: u64,
    entries: VecDeque<Slow>,
}

/// Commands above the threshold of `LATENCY`: by second, the slowest of each.
#[derive(Debug, Default)]
struct Spikes {
    latest: VecDeque<(u64, u64)>,
    max: u64,
}

impl SlowLog {
    pub(crate) fn add(&self, args: &[Arg<'_>], took: Duration, client: &Client, most: usize) {
        let shown = if args.len() > ARGUMENTS { ARGUMENTS - 1 } else { args.len() };
        let mut kept: Vec<Vec<u8>> = args[..shown].iter().map(|arg| cut_short(arg)).collect();
        if shown < args.len() {
            kept.push(format!("... ({} more arguments)", args.len() - shown).into_bytes());
        }
        let mut log = self.log.lock();
        let id = log.next;
        log.next += 1;
        log.entries.push_front(Slow {
            id,
            at: SystemTime::now(),
            took,
            args: kept,
            client: client.peer.clone(),
            client_name: client.facts.lock().name.clone(),
        });
        log.entries.truncate(most);
    }

    /// Latest first.
    pub(crate) fn entries(&self, most: usize) -> Vec<Slow> {
        self.log.lock().entries.iter().take(most).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.log.lock().entries.len()
    }

    /// How many there ever were.
    pub(crate) fn total(&self) -> u64 {
        self.log.lock().next
    }

    pub(crate) fn clear(&self) {
        self.log.lock().entries.clear();
    }

    pub(crate) fn spike(&self, took: Duration) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let millis = took.as_millis() as u64;
        let mut spikes = self.spikes.lock();
        spikes.max = spikes.max.max(millis);
        match spikes.latest.back_mut() {
            Some((second, worst)) if *second == now => *worst = millis.max(*worst),
            _ => {
                if spikes.latest.len() == SPIKES {
                    spikes.latest.pop_front();
                }
                spikes.latest.push_back((now, millis));
            }
        }
    }

    /// Seconds since 1970 and milliseconds, oldest first; and the worst ever.
    pub(crate) fn spikes(&self) -> (Vec<(u64, u64)>, u64) {
        let spikes = self.spikes.lock();
        (spikes.latest.iter().copied().collect(), spikes.max)
    }

    /// Forgets the spikes; whether there were any.
    pub(crate) fn forget_spikes(&self) -> bool {
        let mut spikes = self.spikes.lock();
        !std::mem::take(&mut *spikes).latest.is_empty()
    }
}

fn cut_short(arg: &[u8]) -> Vec<u8> {
    if arg.len() <= ARGUMENT_BYTES {
        return arg.to_vec();
    }
    let mut kept = arg[..ARGUMENT_BYTES].to_vec();
    kept.extend_from_slice(format!("... ({} more bytes)", arg.len() - ARGUMENT_BYTES).as_bytes());
    kept
}
