//! Arguments of commands: bytes that are borrowed or shared, read in order by `parse` and written by `write_args`.

use std::fmt;

use bytes::Bytes;
use jcache_value::Value;

use crate::error::{Error, Result};

/// A byte string argument: borrowed for the call, or a shared [`Value`] that a driver may keep without a copy.
#[derive(Clone)]
pub enum Arg<'a> {
    /// Bytes that live as long as the call.
    Slice(&'a [u8]),
    /// A reference-counted value.
    Value(Value),
}

impl<'a> Arg<'a> {
    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Arg::Slice(bytes) => bytes,
            Arg::Value(value) => value.as_bytes(),
        }
    }

    /// The argument as a value that lives on: a clone of the handle, or one copy.
    pub fn to_value(&self) -> Value {
        match self {
            Arg::Slice(bytes) => Value::new(bytes),
            Arg::Value(value) => value.clone(),
        }
    }

    /// The same argument, free of what it was borrowed from: a clone of the handle, or one copy.
    pub fn to_static(&self) -> Arg<'static> {
        Arg::Value(self.to_value())
    }

    /// The same bytes, borrowed from this argument.
    #[inline]
    pub fn borrow(&self) -> Arg<'_> {
        Arg::Slice(self.as_bytes())
    }

    /// Whether the bytes are `word`, without regard to ASCII case: how option words are compared.
    #[inline]
    pub fn is_word(&self, word: &str) -> bool {
        self.as_bytes().eq_ignore_ascii_case(word.as_bytes())
    }
}

impl AsRef<[u8]> for Arg<'_> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl std::ops::Deref for Arg<'_> {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Arg<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Arg<'_> {}

impl fmt::Debug for Arg<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_bytes().escape_ascii())
    }
}

macro_rules! from_borrowed {
    ($($source:ty => |$it:ident| $bytes:expr),* $(,)?) => {$(
        impl<'a> From<$source> for Arg<'a> {
            #[inline]
            fn from($it: $source) -> Self { Arg::Slice($bytes) }
        }
        impl<'a> From<$source> for Key<'a> {
            #[inline]
            fn from($it: $source) -> Self { Key(Arg::Slice($bytes)) }
        }
    )*};
}
from_borrowed! {
    &'a [u8] => |it| it,
    &'a str => |it| it.as_bytes(),
    &'a String => |it| it.as_bytes(),
    &'a Vec<u8> => |it| it,
    &'a Value => |it| it.as_bytes(),
    &'a Bytes => |it| it,
}

macro_rules! from_owned {
    ($($source:ty),* $(,)?) => {$(
        impl From<$source> for Arg<'_> {
            fn from(it: $source) -> Self { Arg::Value(Value::from(it)) }
        }
        impl From<$source> for Key<'_> {
            fn from(it: $source) -> Self { Key(Arg::Value(Value::from(it))) }
        }
    )*};
}
from_owned!(Value, String, Vec<u8>, Bytes);

impl<'a, const N: usize> From<&'a [u8; N]> for Arg<'a> {
    fn from(it: &'a [u8; N]) -> Self {
        Arg::Slice(it)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Key<'a> {
    fn from(it: &'a [u8; N]) -> Self {
        Key(Arg::Slice(it))
    }
}

impl<'a> From<&'a Arg<'_>> for Arg<'a> {
    fn from(it: &'a Arg<'_>) -> Self {
        it.borrow()
    }
}

/// The name of an entry: an [`Arg`] in the place of a key, so that a command's keys are known from its fields' types.
#[derive(Clone, PartialEq, Eq)]
pub struct Key<'a>(pub Arg<'a>);

impl<'a> Key<'a> {
    /// The key's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The same key, free of what it was borrowed from: a clone of the handle, or one copy.
    pub fn to_static(&self) -> Key<'static> {
        Key(self.0.to_static())
    }

    /// The same key, borrowed.
    #[inline]
    pub fn borrow(&self) -> Key<'_> {
        Key(self.0.borrow())
    }
}

impl<'a> From<Arg<'a>> for Key<'a> {
    fn from(arg: Arg<'a>) -> Self {
        Key(arg)
    }
}

impl<'a> From<&'a Key<'_>> for Key<'a> {
    fn from(key: &'a Key<'_>) -> Self {
        key.borrow()
    }
}

impl std::ops::Deref for Key<'_> {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The arguments of one command, read from left to right.
#[derive(Debug, Clone)]
pub struct Args<'a> {
    name: &'static str,
    rest: &'a [Arg<'a>],
}

impl<'a> Args<'a> {
    /// The arguments `rest` (without the command's name) of the command `name`.
    pub fn new(name: &'static str, rest: &'a [Arg<'a>]) -> Self {
        Self { name, rest }
    }

    /// How many arguments are left.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next argument without taking it.
    pub fn peek(&self) -> Option<&'a Arg<'a>> {
        self.rest.first()
    }

    /// Takes the next argument.
    ///
    /// # Errors
    /// Wrong number of arguments when none is left.
    pub fn take(&mut self) -> Result<Arg<'a>> {
        let (first, rest) = self.rest.split_first().ok_or_else(|| self.arity_error())?;
        self.rest = rest;
        Ok(first.clone())
    }

    /// Takes the next argument when it is the option word `word` (any case).
    pub fn take_word(&mut self, word: &str) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if first.is_word(word) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes the next argument as Redis reads an integer.
    ///
    /// # Errors
    /// Not an integer, or none left.
    pub fn take_i64(&mut self) -> Result<i64> {
        crate::number::parse_i64(self.take()?.as_bytes()).ok_or_else(Error::not_an_integer)
    }

    /// Takes the number after an option word, where a missing one is a syntax error.
    ///
    /// # Errors
    /// Syntax, or not an integer.
    pub fn take_i64_or_syntax(&mut self) -> Result<i64> {
        if self.is_empty() { Err(Error::syntax()) } else { self.take_i64() }
    }

    /// Takes the next argument as Redis reads a float; never NaN.
    ///
    /// # Errors
    /// Not a float, or none left.
    pub fn take_f64(&mut self) -> Result<f64> {
        crate::number::parse_f64(self.take()?.as_bytes()).ok_or_else(Error::not_a_float)
    }

    /// The error for too few or too many arguments of this command.
    pub fn arity_error(&self) -> Error {
        Error::arity(self.name)
    }

    /// The command's name.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// Where a command writes its arguments: a Redis connection, the replication log, a list.
pub trait ArgSink {
    /// Writes one argument.
    fn arg(&mut self, bytes: &[u8]);

    /// Writes an argument that may be shared instead of copied.
    fn shared(&mut self, arg: &Arg<'_>) {
        self.arg(arg.as_bytes());
    }

    /// Writes an integer in decimal.
    fn int(&mut self, number: i64) {
        self.arg(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Writes a float so that reading it gives the same float again.
    fn float(&mut self, number: f64) {
        self.arg(crate::number::format_f64(number).as_bytes());
    }
}

/// Collects arguments in a list.
impl ArgSink for Vec<Value> {
    fn arg(&mut self, bytes: &[u8]) {
        self.push(Value::new(bytes));
    }
    fn shared(&mut self, arg: &Arg<'_>) {
        self.push(arg.to_value());
    }
}
