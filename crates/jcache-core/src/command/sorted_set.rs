//! Commands of sorted sets.

mod add;
mod algebra;
mod bounds;
mod combine;
mod named;
mod pop;
mod pop_first;
mod range;
mod ranked;
mod read;
mod remove_range;
mod select;
mod store;

pub use add::{Added, ZAdd, ZAddOptions, ZIncrBy, ZRem};
pub use algebra::{ZDiff, ZDiffStore, ZInter, ZInterCard, ZInterStore, ZUnion, ZUnionStore};
pub use bounds::{LexBound, ScoreBound};
pub use combine::{Aggregate, CombineOptions, Sources};
pub use named::{ByLex, ByRank, ByScore};
pub use pop::{Extreme, ZPopCount, ZPopMax, ZPopMin, ZPopped};
pub use pop_first::{BZMPop, BZPopMax, BZPopMin, ZMPop};
pub use range::{ZRange, ZRangeByLex, ZRangeByScore, ZRevRange, ZRevRangeByLex, ZRevRangeByScore};
pub use ranked::Ranked;
pub use read::{ZCard, ZCount, ZLexCount, ZMScore, ZPick, ZRandMember, ZRank, ZRevRank, ZScan, ZScore};
pub use remove_range::{ZRemRangeByLex, ZRemRangeByRank, ZRemRangeByScore};
pub use select::{Limit, Selection, Shown, Span};
pub use store::ZRangeStore;
