//! Numbers, bytes and times.

use std::time::Duration;

use super::{One, Shape};

/// A whole number within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<const MIN: i64, const MAX: i64>(pub(crate) i64);

impl<const MIN: i64, const MAX: i64> One for Number<MIN, MAX> {
    const SHAPE: Shape = Shape::Number;
    const PLACE: &'static str = "N";

    fn read(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Self(number)),
            _ => Err(format!("expected a whole number from {MIN} to {MAX}, not '{text}'")),
        }
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// A number of bytes: `k`, `m` and `g` are thousands, `kb`, `mb` and `gb` are 1,024s, as in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

const UNITS: [(&str, u64); 7] =
    [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10), ("g", 1_000_000_000), ("m", 1_000_000), ("k", 1_000), ("b", 1)];

impl One for Bytes {
    const PLACE: &'static str = "BYTES";

    fn read(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let unit = UNITS.iter().find_map(|(unit, factor)| Some((lower.strip_suffix(unit)?, *factor)));
        let (digits, factor) = unit.unwrap_or((&lower, 1));
        let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        number.map(Self).ok_or_else(|| format!("expected a number of bytes such as 256mb, not '{text}'"))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// A time that Redis counts in units of `MILLIS` thousandths of a second; a text such as `5m` is taken too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time<const MILLIS: u64>(pub(crate) Duration);

/// Seconds, when only a number is given.
pub(crate) type Seconds = Time<1000>;

/// The longest time that a setting can have: some 31 years.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

impl<const MILLIS: u64> One for Time<MILLIS> {
    const SHAPE: Shape = Shape::Number;
    const PLACE: &'static str = "TIME";

    fn read(text: &str) -> Result<Self, String> {
        let unit = Duration::from_millis(MILLIS);
        let time = match text.parse::<u32>() {
            Ok(number) => unit.checked_mul(number),
            Err(_) => humantime::parse_duration(text).ok(),
        };
        let whole = |time: &Duration| time.as_nanos().is_multiple_of(unit.as_nanos()) && *time <= LONGEST;
        let what = if MILLIS == 1000 { "seconds" } else { "milliseconds" };
        time.filter(whole).map(Self).ok_or_else(|| format!("expected whole {what} or a time such as 5m, not '{text}'"))
    }

    fn show(&self) -> String {
        (self.0.as_millis() / u128::from(MILLIS)).to_string()
    }
}

/// A time such as `30s`, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life(pub(crate) Option<Duration>);

impl One for Life {
    const PLACE: &'static str = "TIME";

    fn read(text: &str) -> Result<Self, String> {
        crate::levels::read_time(text).map(Self)
    }

    fn show(&self) -> String {
        self.0.map_or_else(|| "none".to_owned(), |time| humantime::format_duration(time).to_string())
    }
}
