//! When a string expires, as `SET`, `GETEX` and their kin say it.

use crate::arg::{Arg, ArgSink, Args};
use crate::error::{Error, Result};
use crate::number;
use crate::time::Timestamp;

/// How an option tells a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// `EX`: seconds from now.
    Seconds,
    /// `PX`: milliseconds from now.
    Millis,
    /// `EXAT`: seconds since the epoch.
    AtSeconds,
    /// `PXAT`: milliseconds since the epoch.
    At,
}

impl Unit {
    /// All units.
    const ALL: [Unit; 4] = [Unit::Seconds, Unit::Millis, Unit::AtSeconds, Unit::At];

    /// The option word.
    pub const fn word(self) -> &'static str {
        match self {
            Unit::Seconds => "EX",
            Unit::Millis => "PX",
            Unit::AtSeconds => "EXAT",
            Unit::At => "PXAT",
        }
    }

    /// Takes a unit and its number when they are next. A command may repeat a unit (the last one counts) but not mix
    /// them: after `before`, only that one is taken.
    pub(super) fn take<'a>(args: &mut Args<'a>, before: Option<Unit>) -> Result<Option<(Unit, Arg<'a>)>> {
        if args.len() < 2 {
            return Ok(None);
        }
        for unit in Self::ALL {
            if before.is_none_or(|before| before == unit) && args.take_word(unit.word()) {
                return args.take().map(|number| Some((unit, number)));
            }
        }
        Ok(None)
    }
}

/// When a string expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expiry {
    /// Never.
    #[default]
    Never,
    /// `KEEPTTL`: as it was.
    Keep,
    /// `EX`: so many seconds from now.
    Seconds(i64),
    /// `PX`: so many milliseconds from now.
    Millis(i64),
    /// `EXAT`: at this second since the epoch.
    AtSeconds(i64),
    /// `PXAT`: at this millisecond since the epoch.
    At(i64),
}

impl Expiry {
    /// Reads the number of an option of the command `name`.
    ///
    /// # Errors
    /// Not an integer; zero, negative, or too many seconds to be counted in milliseconds.
    pub(super) fn read(unit: Unit, number: &[u8], name: &str) -> Result<Self> {
        let n = number::parse_i64(number).ok_or_else(Error::not_an_integer)?;
        let expiry = match unit {
            Unit::Seconds => Expiry::Seconds(n),
            Unit::Millis => Expiry::Millis(n),
            Unit::AtSeconds => Expiry::AtSeconds(n),
            Unit::At => Expiry::At(n),
        };
        expiry.deadline(Timestamp::ZERO, None, name).map(|_| expiry)
    }

    /// The deadline that this means at `now` for the command `name`, when the key's was `old`.
    ///
    /// # Errors
    /// Invalid expire time: zero, negative, or more milliseconds than can be counted.
    pub(super) fn deadline(self, now: Timestamp, old: Option<Timestamp>, name: &str) -> Result<Option<Timestamp>> {
        let (n, unit, base) = match self {
            Expiry::Never => return Ok(None),
            Expiry::Keep => return Ok(old),
            Expiry::Seconds(n) => (n, 1000, now.as_i64()),
            Expiry::Millis(n) => (n, 1, now.as_i64()),
            Expiry::AtSeconds(n) => (n, 1000, 0),
            Expiry::At(n) => (n, 1, 0),
        };
        let millis = n.checked_mul(unit).and_then(|millis| millis.checked_add(base)).filter(|_| n > 0);
        millis.map(|at| Some(Timestamp::deadline(at))).ok_or_else(|| invalid_expire(name))
    }

    /// The same with an absolute time; as it is when it means no time.
    pub(super) fn absolute(self, now: Timestamp) -> Self {
        match self {
            Expiry::Never | Expiry::Keep => self,
            timed => match timed.deadline(now, None, "") {
                Ok(Some(at)) => Expiry::At(at.as_i64()),
                _ => self,
            },
        }
    }

    pub(super) fn write<S: ArgSink + ?Sized>(self, out: &mut S) {
        let (unit, number) = match self {
            Expiry::Never => return,
            Expiry::Keep => return out.arg(b"KEEPTTL"),
            Expiry::Seconds(n) => (Unit::Seconds, n),
            Expiry::Millis(n) => (Unit::Millis, n),
            Expiry::AtSeconds(n) => (Unit::AtSeconds, n),
            Expiry::At(n) => (Unit::At, n),
        };
        out.arg(unit.word().as_bytes());
        out.int(number);
    }
}

/// Redis's error for an expiry that cannot be.
#[cold]
pub(crate) fn invalid_expire(name: &str) -> Error {
    Error::invalid(format!("ERR invalid expire time in '{}' command", name.to_ascii_lowercase()))
}
