//! Who owns a block: counting the handles, and what only the last or the only one may do.

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use super::{Block, FREQUENCY, GROWN, Header, OBJECT, SHARED, STOCK, STOCK_MAX, STOCK_SHIFT, length};
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

    /// References that the entry has counted and not handed out yet. It takes `&mut` to change them, so to whoever holds
    /// the entry they are known exactly; nobody else may go by them.
    #[inline]
    fn stock(&self) -> u32 {
        ((self.meta() & STOCK) >> STOCK_SHIFT) as u32
    }

    /// Counts one more reference and returns the handle for it, as [`Block::retain`]; and marks the block as read, up to
    /// the highest frequency.
    ///
    /// To count is an atomic addition, and those are what a hit takes longest for. So an entry counts several references
    /// at a time and then hands them out: to take one out of the stock is a plain store.
    ///
    /// Only for the block of an entry: to hand out from its stock is for its owner.
    #[inline]
    pub(crate) fn lend(&mut self) -> Block {
        let mut meta = self.meta();
        if meta & STOCK == 0 {
            meta += self.restock();
        }
        let read = u64::from(meta & FREQUENCY != FREQUENCY);
        self.set_meta(meta + read - (1 << STOCK_SHIFT));
        Block(self.0)
    }

    /// Counts references for the stock, and tells them as the header does.
    #[inline]
    fn restock(&mut self) -> u64 {
        // As in `retain`.
        if self.header().refs.fetch_add(STOCK_MAX as u32, Ordering::Relaxed) > i32::MAX as u32 {
            std::process::abort();
        }
        STOCK
    }

    /// Gives the stock back: for an entry that is about to show its block to nobody but as a plain value.
    #[inline]
    pub(crate) fn clear_stock(&mut self) {
        let stock = self.stock();
        if stock > 0 {
            // Relaxed: the entry's own reference stays.
            self.header().refs.fetch_sub(stock, Ordering::Relaxed);
            self.set_meta(self.meta() & !STOCK);
        }
    }

    /// Gives up a reference; true if it was the last, and then the caller frees the block.
    #[inline]
    #[must_use]
    pub(crate) fn release(&self) -> bool {
        self.release_some(1)
    }

    /// Gives up the reference of an entry and its stock; true if they were the last, and then the caller frees the block.
    #[inline]
    #[must_use]
    pub(crate) fn release_entry(&mut self) -> bool {
        self.release_some(1 + self.stock())
    }

    #[inline]
    fn release_some(&self, count: u32) -> bool {
        // The only references are ours, and only their owner could make another: no write to shared memory is needed.
        // Acquire, as below: what other threads did before they gave theirs up happens before the block is freed.
        if self.header().refs.load(Ordering::Acquire) == count {
            return true;
        }
        if self.header().refs.fetch_sub(count, Ordering::Release) != count {
            return false;
        }
        // Everything other threads did with the block happens before it is freed. A load rather than a fence: the
        // thread sanitizer understands it, and it costs the same.
        self.header().refs.load(Ordering::Acquire);
        true
    }

    /// True for the text block of an entry that nobody else sees: it may be changed through `&mut`.
    #[inline]
    pub(crate) fn is_unshared_text(&self) -> bool {
        // Acquire: the reads of handles dropped elsewhere happen before the change.
        self.meta() & (SHARED | OBJECT) == 0 && self.header().refs.load(Ordering::Acquire) == 1 + self.stock()
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
