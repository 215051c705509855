//! Changes to an entry: in place while nobody else sees the text, else in a new block.
//!
//! A text that was handed out as a [`Value`] is immutable, so an edit starts by asking whether this handle is the only
//! one. If not, the entry moves to a copy and the handles keep the old block.

use crate::block::{Block, FREQUENCY, GROWN, MARKS, length};
use crate::{Entry, SHARE_MIN, Value, layout};

impl<T> Entry<T> {
    /// Sets the deadline: milliseconds since the Unix epoch, 0 for none. O(1), in place.
    ///
    /// Handles to the text may exist: they do not see deadlines.
    #[inline]
    pub fn set_deadline(&mut self, deadline: u64) {
        self.block_mut().set_deadline(deadline);
    }

    /// Replaces the text in place if that is possible, and says whether it was; key, deadline, frequency and marks stay. O(n).
    ///
    /// It is possible if the entry holds text inline (not by reference), no handle to it exists, and the new length
    /// needs the same size class (16 bytes apart).
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// let mut entry = Entry::<()>::text(b"visits", b"9", 0);
    /// assert!(entry.overwrite(b"10"));
    /// let handle = entry.as_text().expect("text").clone();
    /// assert!(!entry.overwrite(b"11"), "the handle must keep reading 10");
    /// # assert_eq!(handle, b"10");
    /// ```
    #[inline]
    pub fn overwrite(&mut self, value: &[u8]) -> bool {
        self.text_mut().is_some_and(|text| text.overwrite(value))
    }

    /// Replaces text or object by a text; key, deadline, frequency and marks stay. In place if possible. O(n).
    ///
    /// # Panics
    /// If `value` is longer than `u32::MAX`.
    pub fn set_text(&mut self, value: &[u8]) {
        if !self.overwrite(value) {
            self.replace(|old| Entry::text(old.key(), value, old.deadline()));
        }
    }

    /// Replaces text or object by a value, by reference if it is large, as [`Entry::shared`]; key, deadline and
    /// frequency stay. O(1) for large values, else O(n).
    pub fn set_shared(&mut self, value: Value) {
        if value.len() >= SHARE_MIN || !self.overwrite(&value) {
            self.replace(|old| Entry::shared(old.key(), value, old.deadline()));
        }
    }

    /// Puts a new entry in the place of this one, with the frequency and the marks of this one.
    fn replace(&mut self, new: impl FnOnce(&Self) -> Self) {
        let new = new(self);
        new.block().inherit(self.block());
        *self = new;
    }

    /// Appends `tail` to the text; key, deadline, frequency and marks stay.
    ///
    /// Amortised O(tail): the block grows as a vector does, by doubling, from 1 MiB on by 1 MiB. If a handle to the
    /// text exists, or the text is held by reference, O(n): it is copied first.
    ///
    /// # Panics
    /// If the entry holds an object, or the text grows longer than `u32::MAX`.
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// let mut log = Entry::<()>::text(b"log", b"", 0);
    /// for line in 0..3 {
    ///     log.append(format!("line {line}\n").as_bytes());
    /// }
    /// assert_eq!(log.as_text().expect("text"), b"line 0\nline 1\nline 2\n");
    /// ```
    pub fn append(&mut self, tail: &[u8]) {
        let text = self.text_mut().expect("invariant: only text is appended to");
        text.write_at(text.len(), tail);
    }

    /// Writes `bytes` over the text from `offset` on; key, deadline, frequency and marks stay.
    ///
    /// The text grows as needed, and a gap between its old end and `offset` is filled with zero bytes. Writing no bytes
    /// changes nothing, wherever. Costs as [`Entry::append`], plus O(gap).
    ///
    /// # Panics
    /// If the entry holds an object, or the text grows longer than `u32::MAX`.
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// let mut entry = Entry::<()>::text(b"key", b"hello", 0);
    /// entry.write_at(7, b"world");
    /// assert_eq!(entry.as_text().expect("text"), b"hello\0\0world");
    /// ```
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        self.text_mut().expect("invariant: only text is written to").write_at(offset, bytes);
    }
}

/// The edits of an entry's text. Private: to users a `Value` is immutable.
impl Value {
    fn overwrite(&mut self, bytes: &[u8]) -> bool {
        let block = self.block_mut();
        if !block.is_unshared_text() {
            return false;
        }
        let key_end = block.key_end();
        // The same length is the most common case.
        if bytes.len() != block.len()
            && layout::text(key_end, bytes.len(), block.meta() & GROWN != 0) != block.value_layout()
        {
            return false;
        }
        // SAFETY: nobody else sees the block, and its allocation is the one that follows from the new length too, so
        // it holds the bytes. They cannot be this block's own: that borrow would exclude `&mut self`.
        unsafe {
            block.base().add(key_end).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            block.set_len(bytes.len());
        }
        true
    }

    fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let old = self.len();
        let end = length(offset.saturating_add(bytes.len())) as usize;
        // SAFETY: the block is now an unshared text of at least `end` bytes, of which `old` are written. The two writes
        // fill the rest: the gap if there is one, then the bytes, which are not this block's own: were they borrowed
        // from another handle, then `stretch` has moved this one to a new block.
        unsafe {
            let value = self.stretch(old.max(end));
            if offset > old {
                value.add(old).write_bytes(0, offset - old);
            }
            value.add(offset).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// Makes this an unshared inline text of `len` bytes, no fewer than it has, and returns where they start.
    ///
    /// # Safety
    /// The caller writes the bytes that are new before anything reads the value.
    unsafe fn stretch(&mut self, len: usize) -> *mut u8 {
        let old = self.len();
        debug_assert!(len >= old);
        let block = self.block_mut();
        let key_end = block.key_end();
        if !block.is_unshared_text() {
            let flags = if len > old { GROWN } else { 0 };
            // SAFETY: the old bytes are copied to the new block here, the caller writes the rest.
            let (new, value) = unsafe {
                let (new, value) = Block::text_unwritten(block.key(), len, flags, block.deadline());
                value.copy_from_nonoverlapping(block.value().as_ptr(), old);
                (new, value)
            };
            new.inherit(block);
            block.clear_stock();
            *self = Value::from_block(new);
            return value;
        }
        // SAFETY: the block is unshared. Either its allocation serves the new length too, or it is moved to one that
        // does; the caller writes the new bytes.
        unsafe {
            if layout::text(key_end, len, block.meta() & GROWN != 0) == block.value_layout() {
                block.set_len(len);
            } else {
                block.regrow(len);
            }
            block.base().add(key_end)
        }
    }
}

impl Block {
    /// Takes over frequency and marks of the block this one replaces; this one is new and has none.
    pub(crate) fn inherit(&self, old: &Block) {
        self.set_meta(self.meta() | (old.meta() & (FREQUENCY | MARKS)));
    }
}
