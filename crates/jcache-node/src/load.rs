//! `jcache bench`: loads a server for a bounded time, and tells throughput and latencies.

use std::str::FromStr;

/// How many reads go with how many writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub(crate) reads: u32,
    pub(crate) writes: u32,
}

impl FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().ok().filter(|number: &u32| *number <= 1_000_000);
        let parts = text.split_once(':').and_then(|(reads, writes)| Some((number(reads)?, number(writes)?)));
        match parts {
            Some((reads, writes)) if reads + writes > 0 => Ok(Self { reads, writes }),
            _ => Err("expected READS:WRITES such as 9:1".to_owned()),
        }
    }
}
