//! What an operator is told of peers that cannot be reached: each reason once, and again after a while.
//!
//! A peer is dialled anew every few milliseconds while it is away; a log line each time would bury the reason.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// After so long a reason that still holds is told again.
const AGAIN: Duration = Duration::from_secs(30);
/// Addresses that are remembered; a cluster has fewer.
const MOST: usize = 256;

/// Which reasons were told, by address.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    told: Mutex<BTreeMap<String, (String, Instant)>>,
}

impl Complaints {
    /// Whether `reason` is news of `addr` at the moment `now`.
    pub(super) fn is_news(&self, addr: &str, reason: &str, now: Instant) -> bool {
        let mut told = self.told.lock();
        let known = told.get(addr).is_some_and(|(before, at)| before == reason && now.duration_since(*at) < AGAIN);
        if !known {
            if told.len() >= MOST {
                told.clear();
            }
            told.insert(addr.to_owned(), (reason.to_owned(), now));
        }
        !known
    }

    /// The peer answers: what is wrong next is news.
    pub(super) fn settle(&self, addr: &str) {
        self.told.lock().remove(addr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_once_and_again_later() {
        let (complaints, start) = (Complaints::default(), Instant::now());
        let news = |addr, reason, seconds| complaints.is_news(addr, reason, start + Duration::from_secs(seconds));
        for (addr, reason, seconds, expected) in [
            ("a", "refused", 0, true),
            ("a", "refused", 1, false),
            ("b", "refused", 1, true),
            ("a", "expired", 2, true),
            ("a", "expired", 3, false),
            ("a", "expired", 32, true),
        ] {
            assert_eq!(news(addr, reason, seconds), expected, "{addr} {reason} {seconds}");
        }
        complaints.settle("a");
        assert!(complaints.is_news("a", "expired", start + Duration::from_secs(33)));
        (0..2 * MOST).for_each(|number| assert!(complaints.is_news(&format!("c{number}"), "refused", start)));
        assert!(complaints.told.lock().len() <= MOST);
    }
}
