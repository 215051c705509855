//! Options whose errors wait for the keys.

use crate::arg::{Arg, ArgSink, Args};
use crate::command::Field;
use crate::error::{Error, Result};

/// Options up to the end of the arguments that may be wrong: some commands look at their keys first, and tell only
/// then what is wrong with the options (`LCS`, `HSCAN`).
#[derive(Debug, Clone, PartialEq)]
pub struct Late<'a, T>(Read<'a, T>);

#[derive(Debug, Clone, PartialEq)]
enum Read<'a, T> {
    Right(T),
    Wrong(Vec<Arg<'a>>, Error),
}

impl<T> Late<'_, T> {
    /// The options.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn get(&self) -> Result<&T> {
        match &self.0 {
            Read::Right(options) => Ok(options),
            Read::Wrong(_, error) => Err(error.clone()),
        }
    }
}

impl<T> From<T> for Late<'_, T> {
    fn from(options: T) -> Self {
        Late(Read::Right(options))
    }
}

impl<T: Default> Default for Late<'_, T> {
    fn default() -> Self {
        T::default().into()
    }
}

impl<'a, T: Field<'a>> Field<'a> for Late<'a, T> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let mut rest = args.clone();
        let error = match T::parse(args) {
            Ok(options) if args.is_empty() => return Ok(options.into()),
            Ok(_) => Error::syntax(),
            Err(error) => error,
        };
        *args = Args::new(args.name(), &[]);
        let all = std::iter::from_fn(|| rest.take().ok()).collect();
        Ok(Late(Read::Wrong(all, error)))
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        match &self.0 {
            Read::Right(options) => options.write(out),
            Read::Wrong(all, _) => all.iter().for_each(|arg| out.shared(arg)),
        }
    }
}
