//! The collections a key can hold: [`Hash`](struct@Hash), [`Set`], [`List`] and [`SortedSet`].
//!
//! Most collections are small, so each one starts as a single block of bytes (`packed`) without a pointer per element,
//! and turns into its full form at the thresholds of Redis 7.0. All four share a few rules:
//!
//! - What goes in is `&[u8]`; what comes out is a [`Value`](jcache_value::Value), a handle in the full forms and a small
//!   copy in the packed ones, or is visited as `&[u8]` without a copy.
//! - They know no clock and no randomness: whoever wants a random element brings the index.
//! - `heap_size` is kept up to date by every change, because the memory bound of a cache is only as good as this figure.
//!   It counts blocks as the allocator hands them out, and not the collection's own few words. `growth_ahead` tells
//!   beforehand how much it can grow by with what is about to be added.

mod dense;
mod growth;
mod hash;
mod list;
mod packed;
mod set;
pub mod sorted_set;

pub use hash::Hash;
pub use list::List;
pub use set::Set;
pub use sorted_set::SortedSet;

/// The bytes an allocator sets aside for a block of `bytes`: eight of bookkeeping, in classes of 16, at least 32.
#[inline]
pub(crate) const fn allocated(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        _ => (bytes + 8).next_multiple_of(16),
    }
}
