//! Who owns a block: counting the handles, and what only the last or the only one may do.

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use super::{Block, GROWN, Header, OBJECT, SHARED, length};
use crate::layout;

impl Block {
    /// Counts one more reference and returns the handle for it.
    #[inline]
    pub(crate) fn retain(&self) -> Block {
        // Relaxed: whoever clones already has a reference. Half the range is left for threads that race past the check.
        if self.header().refs.fetch_add(1, Ordering::Relaxed) > i32::MAX as u32 {
            std::process::abort();
        }
        Block(self.0)
    }

    /// Gives up a reference; true if it was the last, and then the caller frees the block.
    #[inline]
    #[must_use]
    pub(crate) fn release(&self) -> bool {
        // The only reference is ours, and only its owner could make another: no write to shared memory is needed.
        // Acquire, as below: what other threads did before they gave theirs up happens before the block is freed.
        if self.header().refs.load(Ordering::Acquire) == 1 {
            return true;
        }
        if self.header().refs.fetch_sub(1, Ordering::Release) != 1 {
            return false;
        }
        // Everything other threads did with the block happens before it is freed. A load rather than a fence: the
        // thread sanitizer understands it, and it costs the same.
        self.header().refs.load(Ordering::Acquire);
        true
    }

    /// True for a text block that nobody else sees: it may be changed through `&mut`.
    #[inline]
    pub(crate) fn is_unshared_text(&self) -> bool {
        // Acquire: the reads of handles dropped elsewhere happen before the change.
        self.meta() & (SHARED | OBJECT) == 0 && self.header().refs.load(Ordering::Acquire) == 1
    }

    /// Says that the value has `len` bytes.
    ///
    /// # Safety
    /// The block is an unshared text, and its allocation is the one that follows from `len`.
    #[inline]
    pub(crate) unsafe fn set_len(&mut self, len: usize) {
        // SAFETY: nobody else sees the block, so nobody reads the field meanwhile.
        unsafe { (*self.0.as_ptr()).len = length(len) };
    }

    /// Moves an unshared text block to a grown allocation for `len` value bytes, no fewer than it has.
    ///
    /// # Safety
    /// The block is an unshared text, and the caller writes the new bytes before anything reads the value.
    pub(crate) unsafe fn regrow(&mut self, len: usize) {
        let new = layout::text(self.key_end(), length(len) as usize, true);
        // SAFETY: the block was allocated with `value_layout`, the alignment is the same, and the size is not zero.
        let base = unsafe { alloc::realloc(self.base(), self.value_layout(), new.size()) };
        let Some(header) = NonNull::new(base.cast::<Header>()) else { alloc::handle_alloc_error(new) };
        self.0 = header;
        self.set_meta(self.meta() | GROWN);
        // SAFETY: the block is unshared, and its allocation is now that of a grown text of `len` bytes.
        unsafe { self.set_len(len) };
    }

    /// Frees the allocation without dropping a payload.
    ///
    /// # Safety
    /// The block was allocated with `layout`, and neither it nor its payload is used again.
    #[inline]
    pub(crate) unsafe fn free(&mut self, layout: Layout) {
        // SAFETY: passed on to the caller.
        unsafe { alloc::dealloc(self.base(), layout) };
    }
}
