//! Typed values: conversions between what programs hold and the byte strings that caches store.
//!
//! | Rust | stored as |
//! | --- | --- |
//! | `String`, `&str`, `Vec<u8>`, `&[u8]`, [`Bytes`], [`Value`] | the bytes |
//! | integers | decimal text, so that `INCRBY` works on them |
//! | `f64`, `f32` | the shortest decimal text that reads back as the same number |
//! | `bool` | `1` and `0`; `true` and `false` are read too |
//! | [`SystemTime`] | RFC 3339 in UTC with nanoseconds, as the Go library writes it |
//! | [`Duration`] | whole nanoseconds, as the Go library writes it |
//! | [`Json<T>`](Json), [`MsgPack<T>`](MsgPack) | any serde type through that codec |
//!
//! A stored value that does not convert is an error of kind [`Conversion`](ErrorKind::Conversion) that names the key,
//! never a default value.

mod codec;
mod fields;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use jcache_core::{Arg, Error, ErrorKind, Result, Value};

pub use codec::{Json, MsgPack};
pub use fields::{FromFields, IntoFields, Struct};

/// Why a stored value does not convert; the caller adds the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionError(String);

impl ConversionError {
    /// An error that says what was expected, and what is wrong.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The error for the value at `key`, optionally in the field or at the element `part`.
    pub(crate) fn at(self, key: &[u8], part: Option<&[u8]>) -> Error {
        let part = part.map_or_else(String::new, |part| format!(", at '{}'", part.escape_ascii()));
        let text = format!("cannot convert the value of key '{}'{part}: {}", key.escape_ascii(), self.0);
        Error::new(ErrorKind::Conversion, text)
    }
}

/// A type that a stored value converts to.
///
/// Implement it for types of your own that have a text or byte form.
pub trait FromValue: Sized {
    /// Converts a stored value.
    ///
    /// # Errors
    /// When the bytes are no value of this type; no default is ever made up.
    fn from_value(value: Value) -> Result<Self, ConversionError>;
}

/// A type that can be stored as a value, or given as a member, an element or a field.
pub trait ToArg<'a> {
    /// The bytes to store, borrowed where that is possible.
    ///
    /// # Errors
    /// Conversion, when a codec refuses the value.
    fn to_arg(self) -> Result<Arg<'a>>;
}

macro_rules! plain_args {
    ($($Type:ty),* $(,)?) => {$(
        impl<'a> ToArg<'a> for $Type {
            #[inline]
            fn to_arg(self) -> Result<Arg<'a>> { Ok(Arg::from(self)) }
        }
    )*};
}
plain_args!(&'a [u8], &'a str, &'a String, &'a Vec<u8>, &'a Value, &'a Bytes, Value, String, Vec<u8>, Bytes, Arg<'a>);

impl<'a, const N: usize> ToArg<'a> for &'a [u8; N] {
    fn to_arg(self) -> Result<Arg<'a>> {
        Ok(Arg::Slice(self))
    }
}

impl FromValue for Value {
    #[inline]
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        Ok(value)
    }
}

impl FromValue for Bytes {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        Ok(value.to_bytes())
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        Ok(value.as_bytes().to_vec())
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        text(&value, "a string").map(str::to_owned)
    }
}

fn text<'v>(value: &'v Value, expected: &str) -> Result<&'v str, ConversionError> {
    std::str::from_utf8(value).map_err(|error| ConversionError(format!("expected {expected}, but {error}")))
}

/// The value as it is shown in an error: its start, escaped.
fn shown(value: &[u8]) -> String {
    let start = value[..value.len().min(40)].escape_ascii();
    if value.len() > 40 { format!("'{start}…' ({} bytes)", value.len()) } else { format!("'{start}'") }
}

macro_rules! numbers {
    ($($Type:ty => $expected:literal),* $(,)?) => {$(
        impl FromValue for $Type {
            fn from_value(value: Value) -> Result<Self, ConversionError> {
                let parsed = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
                parsed.ok_or_else(|| ConversionError(format!("expected {}, found {}", $expected, shown(&value))))
            }
        }
        impl<'a> ToArg<'a> for $Type {
            fn to_arg(self) -> Result<Arg<'a>> { Ok(Arg::from(self.to_string())) }
        }
    )*};
}
numbers! {
    i8 => "an i8", i16 => "an i16", i32 => "an i32", i64 => "an i64", i128 => "an i128", isize => "an isize",
    u8 => "a u8", u16 => "a u16", u32 => "a u32", u64 => "a u64", u128 => "a u128", usize => "a usize",
    f32 => "an f32", f64 => "an f64",
}

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        match value.as_bytes() {
            b"1" | b"true" => Ok(true),
            b"0" | b"false" => Ok(false),
            other => Err(ConversionError(format!("expected a bool (1, 0, true, false), found {}", shown(other)))),
        }
    }
}

impl<'a> ToArg<'a> for bool {
    fn to_arg(self) -> Result<Arg<'a>> {
        Ok(Arg::Slice(if self { b"1" } else { b"0" }))
    }
}

impl FromValue for SystemTime {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        let wrong = |why: String| ConversionError(format!("expected an RFC 3339 time, found {}{why}", shown(&value)));
        let text = std::str::from_utf8(&value).map_err(|_| wrong(String::new()))?;
        let time: jiff::Timestamp = text.parse().map_err(|error| wrong(format!(" ({error})")))?;
        Ok(time.into())
    }
}

impl<'a> ToArg<'a> for SystemTime {
    fn to_arg(self) -> Result<Arg<'a>> {
        let time = jiff::Timestamp::try_from(self)
            .map_err(|error| Error::new(ErrorKind::Conversion, format!("a time that RFC 3339 cannot say: {error}")))?;
        Ok(Arg::from(time.to_string()))
    }
}

impl FromValue for Duration {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        u64::from_value(value).map(Duration::from_nanos)
    }
}

impl<'a> ToArg<'a> for Duration {
    fn to_arg(self) -> Result<Arg<'a>> {
        let nanos = u64::try_from(self.as_nanos())
            .map_err(|_| Error::new(ErrorKind::Conversion, "a duration of more than 584 years"))?;
        nanos.to_arg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: FromValue + for<'a> ToArg<'a> + Clone + PartialEq + std::fmt::Debug>(values: &[T]) {
        for value in values {
            let stored = value.clone().to_arg().expect("it can be stored").to_value();
            assert_eq!(T::from_value(stored).as_ref(), Ok(value));
        }
    }

    #[test]
    fn everything_comes_back_as_it_was() {
        round_trip(&[i64::MIN, -1, 0, i64::MAX]);
        round_trip(&[u128::MAX]);
        round_trip(&[0.1f64, -0.0, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY]);
        round_trip(&[true, false]);
        round_trip(&["text".to_owned(), String::new(), "\u{10FFFF}".to_owned()]);
        round_trip(&[Vec::from_iter(0..=255u8), Vec::new()]);
        round_trip(&[SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789)]);
        round_trip(&[Duration::from_nanos(1), Duration::from_secs(1 << 33)]);
    }

    #[test]
    fn times_are_read_as_the_go_library_writes_them() {
        let time = SystemTime::from_value("2023-11-14T23:13:20.5+01:00".into()).expect("RFC 3339 with an offset");
        assert_eq!(time, SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500));
    }

    #[test]
    fn what_does_not_convert_is_an_error_that_names_the_key() {
        let error = i64::from_value("12x".into()).expect_err("not an integer").at(b"user:1", None);
        assert_eq!(error.kind(), ErrorKind::Conversion);
        assert_eq!(error.message(), "cannot convert the value of key 'user:1': expected an i64, found '12x'");
        assert!(String::from_value(Value::new(b"\xff")).is_err());
        assert!(bool::from_value("yes".into()).is_err());
        assert!(u8::from_value("256".into()).is_err());
        assert!(SystemTime::from_value("yesterday".into()).is_err());
    }
}
