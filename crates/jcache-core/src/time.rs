//! Time as data: core never reads a clock, it is told what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment in milliseconds since the Unix epoch.
///
/// A key's deadline is a `Timestamp`: absolute, so that it means the same on every level. The key is due when
/// `deadline <= now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch itself.
    pub const ZERO: Timestamp = Timestamp(0);
    /// The latest deadline that an entry can hold: 2^48 - 1 ms, in the year 10889. Later ones are kept as this.
    pub const MAX: Timestamp = Timestamp((1 << 48) - 1);

    /// The moment `millis` milliseconds after the epoch.
    #[inline]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The deadline that Redis's signed milliseconds mean, as an entry can hold it: what lies before the epoch is the
    /// epoch, what lies beyond [`MAX`](Timestamp::MAX) is that.
    ///
    /// ```
    /// use jcache_core::Timestamp;
    ///
    /// assert_eq!(Timestamp::deadline(-1), Timestamp::ZERO);
    /// assert_eq!(Timestamp::deadline(i64::MAX), Timestamp::MAX);
    /// ```
    pub const fn deadline(millis: i64) -> Self {
        match millis {
            ..=0 => Self::ZERO,
            _ if millis >= Self::MAX.as_i64() => Self::MAX,
            _ => Self(millis.unsigned_abs()),
        }
    }

    /// Milliseconds since the epoch.
    #[inline]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This moment as Redis counts: signed milliseconds.
    #[inline]
    pub const fn as_i64(self) -> i64 {
        self.0 as i64
    }

    /// The system's wall clock as a timestamp. Reading the clock is the caller's: core is told the result.
    pub fn from_system(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This moment plus `duration`, saturating.
    #[inline]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time left from `now` until this moment; zero when it has passed.
    #[inline]
    pub fn since(self, now: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(now.0))
    }

    /// The earlier of two optional deadlines, where `None` means never.
    #[inline]
    pub fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// What a command is told besides its arguments: the time, and a seed for commands that pick at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The time at which the command runs.
    pub now: Timestamp,
    /// Randomness for `SPOP`, `SRANDMEMBER`, `RANDOMKEY` …; the same seed on the same state picks the same.
    pub seed: u64,
}

impl Context {
    /// A context at `now` with seed zero.
    pub const fn at(now: Timestamp) -> Self {
        Self { now, seed: 0 }
    }
}
