//! How much more the parts of collections take when they grow, told before they do.
//!
//! A bound in bytes only holds when whoever makes room knows what is coming, and what comes with one more element may be
//! a table twice the size. Each collection has a `growth_ahead` on top of these: never less than what its `heap_size`
//! grows by, and while a new table is filled the old one counts too, since both are there.

use hashbrown::HashTable;

use super::allocated;

/// A vector that is full gets a quarter more room: doubling would ask a large cache for a large piece at once.
pub(super) fn step(len: usize) -> usize {
    len / 4 + 4
}

/// Bytes that a vector with steps of [`step`] grows by for `more` elements of `size` bytes.
pub(super) fn of_vec(len: usize, capacity: usize, more: usize, size: usize, step: impl Fn(usize) -> usize) -> usize {
    let needed = len + more;
    if needed <= capacity {
        return 0;
    }
    // The last step starts below what is needed.
    allocated((needed + step(needed)) * size) - allocated(capacity * size)
}

/// Bytes that an index needs for `more` entries while it is moved into a larger one; 0 when there is room.
pub(super) fn of_index(index: &HashTable<u32>, more: usize) -> usize {
    if index.len() + more <= index.capacity() {
        return 0;
    }
    let old = index.allocation_size();
    let new =
        of_buckets(buckets(index.len() + more).max(2 * (old / BUCKET).checked_ilog2().map_or(2, |bits| 1 << bits)));
    // When it doubles more than once, the table before the last is there with it.
    if new > 2 * allocated(old) + 64 { new + new / 2 } else { new }
}

/// Bytes of a new index with room for `capacity` entries.
pub(super) fn of_new_index(capacity: usize) -> usize {
    of_buckets(buckets(capacity))
}

/// An id and its tag.
const BUCKET: usize = size_of::<u32>() + 1;

/// One in eight stays free.
fn buckets(capacity: usize) -> usize {
    (capacity * 8 / 7 + 1).next_power_of_two().max(4)
}

/// With the tags that a search reads beyond the last.
fn of_buckets(buckets: usize) -> usize {
    allocated(buckets * BUCKET + 32)
}
