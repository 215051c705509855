//! How long a blocking command waits, as its arguments say it.

use std::time::Duration;

use crate::arg::{Arg, ArgSink, Args, Key};
use crate::command::{Blocking, Field, KeyList, UpTo};
use crate::error::{Error, Result};
use crate::number::parse_f64;

/// The timeout of a blocking command: seconds with a fraction, rounded up to milliseconds; zero waits for ever.
///
/// ```
/// use std::time::Duration;
/// use jcache_core::command::Timeout;
///
/// assert_eq!(Timeout::FOREVER.duration(), None);
/// assert_eq!(Timeout::from(Duration::from_millis(1500)).duration(), Some(Duration::from_millis(1500)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timeout {
    /// As it was given, so that it is written as it was read.
    seconds: f64,
}

impl Timeout {
    /// Waits for ever.
    pub const FOREVER: Timeout = Timeout { seconds: 0.0 };

    /// How long to wait; `None` for ever.
    pub fn duration(self) -> Option<Duration> {
        let millis = millis(self.seconds);
        (millis > 0.0).then(|| Duration::from_millis(millis as u64))
    }

    pub(crate) fn blocking(self) -> Option<Blocking> {
        Some(Blocking { timeout: self.duration() })
    }
}

/// A duration of zero does not wait at all in Rust, so it is taken for the shortest timeout there is.
impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Self {
        Timeout { seconds: duration.max(Duration::from_millis(1)).as_secs_f64() }
    }
}

/// Whole milliseconds, rounded up; but not because of what binary fractions add to a decimal one.
fn millis(seconds: f64) -> f64 {
    let millis = seconds * 1000.0;
    let near = millis.round();
    if (millis - near).abs() <= near.abs() * 4.0 * f64::EPSILON { near } else { millis.ceil() }
}

impl Timeout {
    fn read(text: &Arg<'_>) -> Result<Self> {
        let seconds = parse_f64(text).ok_or_else(|| Error::invalid("ERR timeout is not a float or out of range"))?;
        // Too long for 64 bits of milliseconds is negative too, as it is in Redis.
        if !(0.0..i64::MAX as f64).contains(&millis(seconds)) {
            return Err(Error::invalid("ERR timeout is negative"));
        }
        Ok(Timeout { seconds })
    }
}

impl<'a> Field<'a> for Timeout {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Self::read(&args.take()?)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.float(self.seconds);
    }
}

/// The keys that a blocking pop waits for and, as its last argument, for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Awaited<'a> {
    /// The keys, in the order in which they are tried.
    pub keys: Vec<Key<'a>>,
    /// How long to wait.
    pub timeout: Timeout,
}

impl<'a> Field<'a> for Awaited<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut keys = Vec::with_capacity(args.len());
        while args.len() > 1 {
            keys.push(args.take().map(Key)?);
        }
        Ok(Self { keys, timeout: Timeout::parse(args)? })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        self.keys.write(out);
        self.timeout.write(out);
    }

    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        self.keys.visit_keys(visit);
    }
}

/// The arguments of a blocking command that pops several elements of one of several keys:
/// `timeout numkeys key [key …] which [COUNT n]`. The timeout comes first, but its mistakes are told last.
#[derive(Debug, Clone, PartialEq)]
pub struct AwaitedMany<'a, W> {
    /// How long to wait.
    pub timeout: Timeout,
    /// The keys, in the order in which they are tried.
    pub keys: KeyList<'a>,
    /// Which elements to pop.
    pub which: W,
    /// How many at most.
    pub count: UpTo,
}

impl<'a, W: Field<'a>> Field<'a> for AwaitedMany<'a, W> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let timeout = args.take()?;
        let (keys, which, count) = (KeyList::parse(args)?, W::parse(args)?, UpTo::parse(args)?);
        if !args.is_empty() {
            return Err(Error::syntax());
        }
        Ok(Self { timeout: Timeout::read(&timeout)?, keys, which, count })
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        self.timeout.write(out);
        self.keys.write(out);
        self.which.write(out);
        self.count.write(out);
    }

    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        self.keys.visit_keys(visit);
    }
}
