//! How many replies may wait for a client.

use std::time::Duration;

use jcache_server::{Limits, OutputLimit};

use super::{Bytes, One};

/// How many bytes may wait to be read by a client: Redis's `normal` and `pubsub`, each with a hard limit, a soft limit,
/// and the seconds that the soft limit may be exceeded; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    pub(crate) normal: OutputLimit,
    pub(crate) pubsub: OutputLimit,
}

impl One for OutputLimits {
    const PLACE: &'static str = "CLASS HARD SOFT SECONDS …";

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected 'normal HARD SOFT SECONDS' or 'pubsub HARD SOFT SECONDS', not '{text}'");
        let Limits { output: mut normal, subscriber_output: mut pubsub, .. } = Limits::default();
        let words: Vec<&str> = text.split_whitespace().collect();
        let (classes, []) = words.as_chunks::<4>() else { return Err(wrong()) };
        for [class, hard, soft, seconds] in classes {
            let bytes = |text: &str| usize::try_from(Bytes::read(text)?.0).map_err(|error| error.to_string());
            let soft_for = Duration::from_secs(seconds.parse().map_err(|_| wrong())?);
            let limit = OutputLimit { hard: bytes(hard)?, soft: bytes(soft)?, soft_for };
            match *class {
                "normal" => normal = limit,
                "pubsub" => pubsub = limit,
                // Redis has one for replicas, which there are none of.
                "replica" | "slave" => {}
                _ => return Err(wrong()),
            }
        }
        Ok(Self { normal, pubsub })
    }

    fn show(&self) -> String {
        let class = |name: &str, it: &OutputLimit| format!("{name} {} {} {}", it.hard, it.soft, it.soft_for.as_secs());
        format!("{} {}", class("normal", &self.normal), class("pubsub", &self.pubsub))
    }
}
