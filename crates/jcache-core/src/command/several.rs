//! Arguments of commands that take one of several keys: `numkeys key …` and `COUNT n`.

use crate::arg::{ArgSink, Args, Key};
use crate::command::Field;
use crate::error::{Error, Result};
use crate::number::parse_i64;

/// `numkeys key [key …]`, with more arguments after them (`LMPOP`, `ZMPOP`).
#[derive(Debug, Clone, PartialEq)]
pub struct KeyList<'a>(pub Vec<Key<'a>>);

impl<'a> KeyList<'a> {
    /// Takes `count` keys; a syntax error when fewer are left.
    pub(crate) fn take(args: &mut Args<'a>, count: u64) -> Result<Self> {
        let count = usize::try_from(count).ok().filter(|count| *count <= args.len()).ok_or_else(Error::syntax)?;
        (0..count).map(|_| args.take().map(Key)).collect::<Result<_>>().map(KeyList)
    }
}

impl<'a> Field<'a> for KeyList<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let count = take_at_least(args, 1, "ERR numkeys should be greater than 0")?;
        let keys = Self::take(args, count)?;
        if args.is_empty() { Err(Error::syntax()) } else { Ok(keys) }
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.int(self.0.len() as i64);
        self.0.write(out);
    }

    fn visit_keys<'s>(&'s self, visit: &mut impl FnMut(&'s Key<'s>)) {
        self.0.visit_keys(visit);
    }
}

/// `COUNT n`: up to how many elements to take from the first key that has any; 1 when it is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpTo(pub u64);

impl Default for UpTo {
    fn default() -> Self {
        UpTo(1)
    }
}

impl<'a> Field<'a> for UpTo {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        if args.is_empty() {
            return Ok(Self::default());
        }
        if args.len() < 2 || !args.take_word("COUNT") {
            return Err(Error::syntax());
        }
        take_at_least(args, 1, "ERR count should be greater than 0").map(UpTo)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if *self != Self::default() {
            out.arg(b"COUNT");
            out.int(i64::try_from(self.0).unwrap_or(i64::MAX));
        }
    }
}

/// Takes an integer of at least `least`; anything else is an error that says `otherwise`.
pub(crate) fn take_at_least(args: &mut Args<'_>, least: u64, otherwise: &'static str) -> Result<u64> {
    if args.is_empty() {
        return Err(Error::syntax());
    }
    let number = parse_i64(&args.take()?).and_then(|n| u64::try_from(n).ok());
    number.filter(|n| *n >= least).ok_or_else(|| Error::invalid(otherwise))
}

/// What is said of a count that is none, where a command has no word of its own for it.
pub(crate) const NOT_A_COUNT: &str = "ERR value is out of range, must be positive";
