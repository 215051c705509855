//! What the four scans share: the cursor, and the options `MATCH` and `COUNT`.

use crate::arg::{Arg, ArgSink, Args};
use crate::command::Field;
use crate::error::{Error, Result};
use crate::glob;

/// Where a scan goes on; 0 starts one, and comes back when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor(pub u64);

impl<'a> Field<'a> for Cursor {
    // As C's `strtoul` reads it: an optional sign, a minus wraps around, and no digits at all are zero.
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let text = args.take()?;
        let (minus, digits) = match text.as_bytes() {
            [b'-', digits @ ..] if !digits.is_empty() => (true, digits),
            [b'+', digits @ ..] if !digits.is_empty() => (false, digits),
            digits => (false, digits),
        };
        let digit = |n: u64, &d: &u8| n.checked_mul(10)?.checked_add(char::from(d).to_digit(10)?.into());
        let cursor = digits.iter().try_fold(0, digit).ok_or_else(|| Error::invalid("ERR invalid cursor"))?;
        Ok(Cursor(if minus { cursor.wrapping_neg() } else { cursor }))
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        out.arg(self.0.to_string().as_bytes());
    }
}

/// The options `MATCH` and `COUNT`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanOptions<'a> {
    /// `MATCH`: only what fits this [pattern](glob::matches).
    pub pattern: Option<Arg<'a>>,
    /// `COUNT`: how much to look at for one page, about; at least 1.
    pub count: Option<i64>,
}

impl<'a> ScanOptions<'a> {
    /// How much a scan looks at for one page when nothing is said.
    const COUNT: usize = 10;

    /// Takes one option when one is next; says whether it was.
    pub(crate) fn take(&mut self, args: &mut Args<'a>) -> Result<bool> {
        if args.len() < 2 {
            return Ok(false);
        }
        if args.take_word("MATCH") {
            self.pattern = Some(args.take()?);
        } else if args.take_word("COUNT") {
            let count = args.take_i64()?;
            if count < 1 {
                return Err(Error::syntax());
            }
            self.count = Some(count);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// How much to look at for one page.
    pub fn count(&self) -> usize {
        self.count.map_or(Self::COUNT, |count| usize::try_from(count).unwrap_or(1))
    }

    /// Whether `name` is asked for.
    pub fn admits(&self, name: &[u8]) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| glob::matches(pattern, name))
    }
}

impl<'a> Field<'a> for ScanOptions<'a> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut options = Self::default();
        while !args.is_empty() {
            if !options.take(args)? {
                return Err(Error::syntax());
            }
        }
        Ok(options)
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        if let Some(pattern) = &self.pattern {
            out.arg(b"MATCH");
            out.shared(pattern);
        }
        if let Some(count) = self.count {
            out.arg(b"COUNT");
            out.int(count);
        }
    }
}
