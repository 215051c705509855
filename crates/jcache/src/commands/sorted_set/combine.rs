//! Several sorted sets made one: how their scores are combined.

use jcache_core::command::sorted_set::{
    Aggregate, CombineOptions, Sources, ZDiff, ZInter, ZInterStore, ZUnion, ZUnionStore,
};
use jcache_core::{Error, Result};

use crate::commands::answers::scored;
use crate::commands::args::{IntoKeys, some};
use crate::commands::call::Prepared;
use crate::typed::FromValue;

/// The sets at `keys` for the command `name`, combined as they are by default.
pub(super) fn sources<'a>(name: &str, keys: impl IntoKeys<'a>) -> Result<Sources<'a>> {
    Ok(Sources { keys: some(name, keys.into_keys())?, options: CombineOptions::default().into() })
}

/// Changes the options, which are right, as none was read.
pub(super) fn change(sources: &mut Sources<'_>, set: impl FnOnce(&mut CombineOptions)) {
    let mut options = sources.options.get().cloned().unwrap_or_default();
    set(&mut options);
    sources.options = options.into();
}

/// Sets the weights, one for each set.
fn weigh(sources: &mut Sources<'_>, weights: Vec<f64>) -> Result<()> {
    if weights.iter().any(|weight| weight.is_nan()) {
        return Err(Error::invalid("ERR weight value is not a float"));
    }
    if weights.len() != sources.keys.len() {
        return Err(Error::syntax());
    }
    change(sources, |options| options.weights = weights);
    Ok(())
}

macro_rules! combined {
    ($($Command:ident),*) => {$(
        /// How scores are combined.
        impl<'a, E: ?Sized, O> Prepared<'a, E, $Command<'a>, O> {
            /// What the scores of each set are multiplied with, in the order of the sets; 1 by default. An error when
            /// there are more or fewer weights than sets.
            pub fn weights<W: Into<f64>>(self, weights: impl IntoIterator<Item = W>) -> Self {
                self.try_with(|it| weigh(&mut it.sources, weights.into_iter().map(Into::into).collect()))
            }

            /// What becomes of the scores that a member has in several sets; their sum by default.
            pub fn aggregate(self, aggregate: Aggregate) -> Self {
                self.with(|it| change(&mut it.sources, |options| options.aggregate = aggregate))
            }
        }
    )*};
}
combined!(ZUnion, ZInter, ZUnionStore, ZInterStore);

macro_rules! with_scores {
    ($($Command:ident),*) => {$(
        impl<'a, E: ?Sized, T: FromValue> Prepared<'a, E, $Command<'a>, Vec<T>> {
            /// Answers each member with its score.
            pub fn with_scores(self) -> Prepared<'a, E, $Command<'a>, Vec<(T, f64)>> {
                self.with(|it| change(&mut it.sources, |options| options.with_scores = true)).answering(scored)
            }
        }
    )*};
}
with_scores!(ZUnion, ZInter, ZDiff);
