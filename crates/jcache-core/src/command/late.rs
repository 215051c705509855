//! Trailing options that are checked late: Redis reads them only once it has looked at the keys.

use crate::arg::{Arg, ArgSink, Args};
use crate::command::Field;
use crate::error::{Error, Result};

/// Options at the end of a command whose errors come after those of the keys (`HSCAN`, `LCS`, `ZUNION`).
///
/// Reading them never fails; [`get`](Late::get) gives the options, or the error that reading them gave. An absent or
/// wrongly typed key is so answered as Redis answers it, whatever the options are.
///
/// ```
/// use jcache_core::command::sorted_set::ZScan;
/// use jcache_core::{Arg, Context, Model, Query, Timestamp};
///
/// let absent = [Arg::from("ZSCAN"), "absent".into(), "0".into(), "no such option".into()];
/// assert!(Query::parse(&absent).unwrap().run(&Model::default(), Context::at(Timestamp::ZERO)).is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Late<'a, T> {
    /// The options.
    Right(T),
    /// Arguments that are none, and what is wrong with them.
    Wrong(Vec<Arg<'a>>, Error),
}

impl<'a, T> Late<'a, T> {
    /// The options.
    ///
    /// # Errors
    /// What was wrong with the arguments.
    pub fn get(&self) -> Result<&T> {
        match self {
            Late::Right(options) => Ok(options),
            Late::Wrong(_, error) => Err(error.clone()),
        }
    }

    /// Reads all that is left of `args`.
    pub(crate) fn read(args: &mut Args<'a>, parse: impl FnOnce(&mut Args<'a>) -> Result<T>) -> Self {
        let mut all = args.clone();
        let parsed = parse(args).and_then(|options| if args.is_empty() { Ok(options) } else { Err(Error::syntax()) });
        match parsed {
            Ok(options) => Late::Right(options),
            Err(error) => {
                while args.take().is_ok() {}
                Late::Wrong(std::iter::from_fn(|| all.take().ok()).collect(), error)
            }
        }
    }

    /// Writes the options, or the arguments that were none.
    pub(crate) fn write_with<S: ArgSink + ?Sized>(&self, out: &mut S, write: impl FnOnce(&T, &mut S)) {
        match self {
            Late::Right(options) => write(options, out),
            Late::Wrong(args, _) => args.iter().for_each(|arg| out.shared(arg)),
        }
    }
}

impl<T: Default> Default for Late<'_, T> {
    fn default() -> Self {
        Late::Right(T::default())
    }
}

impl<T> From<T> for Late<'_, T> {
    fn from(options: T) -> Self {
        Late::Right(options)
    }
}

impl<'a, T: Field<'a>> Field<'a> for Late<'a, T> {
    fn parse(args: &mut Args<'a>) -> Result<Self> {
        Ok(Self::read(args, T::parse))
    }

    fn write<S: ArgSink + ?Sized>(&self, out: &mut S) {
        self.write_with(out, |options, out| options.write(out));
    }
}
