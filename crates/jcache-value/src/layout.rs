//! The sizes of blocks: pure functions from lengths to allocations.
//!
//! A block does not store its capacity. What its allocation looks like follows from what its header says (the lengths
//! and the kind), so the layout handed to the allocator when a block is freed is the one it was made with, and a value
//! may change in place exactly as long as the layout stays the same.

use std::alloc::Layout;

/// Bytes of the header every block starts with.
pub(crate) const HEADER: usize = 16;

/// Alignment of every block but those of objects that ask for more.
pub(crate) const ALIGN: usize = 8;

/// What a general-purpose allocator keeps per allocation (glibc's figure).
const OVERHEAD: usize = 8;

/// Granularity and least size of allocations, overhead included (glibc's figures).
const CLASS: usize = 16;
const CLASS_MIN: usize = 32;

/// A growing text doubles up to this many bytes and grows in steps of it from there.
const STEP: usize = 1 << 20;

/// The allocation of a text block whose key ends at `key_end` and whose value has `len` bytes.
///
/// `grown` is for texts that were appended to: their capacity is rounded up further, so that a run of appends moves the
/// bytes only now and then.
#[inline]
pub(crate) fn text(key_end: usize, len: usize, grown: bool) -> Layout {
    layout(key_end + len, ALIGN, grown)
}

/// The allocation of a block that holds a `P` behind a key that ends at `key_end`, and the offset of the `P`.
#[inline]
pub(crate) fn payload<P>(key_end: usize) -> (Layout, usize) {
    let offset = key_end.next_multiple_of(align_of::<P>());
    (layout(offset + size_of::<P>(), ALIGN.max(align_of::<P>()), false), offset)
}

/// Bytes an allocation takes, the allocator's own included.
#[inline]
pub(crate) fn footprint(layout: Layout) -> usize {
    layout.size() + OVERHEAD
}

/// Rounds `used` up to what the allocator would hand out anyway, or further when `grown`.
#[inline]
fn layout(used: usize, align: usize, grown: bool) -> Layout {
    let used = used + OVERHEAD;
    let rounded = match grown {
        false => used.next_multiple_of(CLASS).max(CLASS_MIN),
        true if used <= STEP => used.next_power_of_two().max(CLASS_MIN),
        true => used.next_multiple_of(STEP),
    };
    Layout::from_size_align(rounded - OVERHEAD, align).expect("invariant: lengths fit in 32 bits, sizes in 63")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fill_allocator_classes() {
        assert_eq!(footprint(text(HEADER, 0, false)), 32);
        assert_eq!(footprint(text(HEADER, 8, false)), 32);
        assert_eq!(footprint(text(HEADER, 9, false)), 48);
        assert_eq!(footprint(text(HEADER + 20, 100, false)), 144);
    }

    #[test]
    fn every_layout_holds_its_bytes() {
        for grown in [false, true] {
            for len in (0..9000).chain([STEP - 24, STEP - 23, STEP, 5 * STEP - 1, u32::MAX as usize]) {
                let layout = text(HEADER, len, grown);
                assert!(layout.size() >= HEADER + len && layout.align() == ALIGN);
                assert_eq!(footprint(layout) % CLASS, 0);
            }
        }
    }

    #[test]
    fn grown_texts_double_then_step() {
        let moves = |to: usize| (1..to).filter(|&len| text(HEADER, len, true) != text(HEADER, len - 1, true)).count();
        assert_eq!(moves(STEP), 16, "32 bytes to 1 MiB by doubling, then one step");
        assert_eq!(footprint(text(HEADER, 3 * STEP, true)), 4 * STEP);
    }

    #[test]
    fn payloads_are_aligned() {
        #[repr(align(64))]
        struct Wide;
        assert_eq!(payload::<u64>(HEADER + 3).1, 24);
        let (layout, offset) = payload::<Wide>(HEADER + 3);
        assert_eq!((layout.align(), offset), (64, 64));
        assert!(layout.size() >= 64);
        assert_eq!(payload::<()>(HEADER + 3).1, HEADER + 3);
    }
}
