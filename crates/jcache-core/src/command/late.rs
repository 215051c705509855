//! Arguments whose mistakes wait for the key.

use crate::arg::{Arg, ArgSink, Args};
use crate::command::Field;
use crate::error::{Error, Result};

/// The last arguments of a command that Redis reads only once it has found the key: an absent key, or one of another
/// type, is answered before they can be wrong (`HSCAN`, `SSCAN`, `ZSCAN`, `LCS`).
#[derive(Debug, Clone, PartialEq)]
pub enum Late<'a, T> {
    /// They are right.
    Right(T),
    /// They are wrong: as they came, and what to say once there is a key.
    Wrong(Vec<Arg<'a>>, Error),
}

impl<T> Late<'_, T> {
    /// What the arguments say.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn get(&self) -> Result<&T> {
        match self {
            Late::Right(it) => Ok(it),
            Late::Wrong(_, error) => Err(error.clone()),
        }
    }
}

impl<T> From<T> for Late<'_, T> {
    fn from(it: T) -> Self {
        Late::Right(it)
    }
}

impl<'a, T: Field<'a>> Field<'a> for Late<'a, T> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut raw = args.clone();
        let error = match T::parse(args) {
            Ok(it) if args.is_empty() => return Ok(Late::Right(it)),
            Ok(_) => Error::syntax(),
            Err(error) => error,
        };
        while !args.is_empty() {
            args.take()?;
        }
        let raw = (0..raw.len()).map(|_| raw.take()).collect::<Result<_>>()?;
        Ok(Late::Wrong(raw, error))
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        match self {
            Late::Right(it) => it.write(out),
            Late::Wrong(raw, _) => raw.iter().for_each(|arg| out.shared(arg)),
        }
    }
}
