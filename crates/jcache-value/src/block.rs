//! The heap block behind every handle: header, key, payload.
//!
//! A [`Block`] is the bare pointer. It neither counts nor frees by itself: [`Value`](crate::Value) and
//! [`Entry`](crate::Entry) do, each for the kinds it knows. What makes the safe methods here safe is one invariant:
//!
//! **A `Block` that can be reached points to a live allocation made by this module (or to [`EMPTY`]), its header tells the
//! truth about what follows, and whoever holds it owns one of the counted references.**
//!
//! Blocks are shared between threads, so what may change while others look is atomic (the count, and the word with
//! frequency and deadline); everything else changes only through `&mut` and only while the count is one.

use std::alloc::{self, Layout};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;

use crate::layout::{self, HEADER};

mod deadline;
mod ownership;
#[cfg(test)]
mod tests;

/// The 16 bytes every block starts with.
///
/// `meta` packs the rest in one word, so that a look-up (key, kind, deadline, frequency) loads it once:
/// bits 0–1 frequency, 2–5 the flags below, 6–7 the owner's marks, 8–15 the key's length, 16–19 references in stock,
/// 20–63 the deadline.
#[repr(C)]
pub(crate) struct Header {
    /// References, those that an entry has in stock included: see [`Block::lend`].
    refs: AtomicU32,
    /// Bytes of the value; 0 for objects.
    len: u32,
    meta: AtomicU64,
}

const _: () = assert!(size_of::<Header>() == HEADER && align_of::<Header>() == layout::ALIGN);
const _: () = assert!(size_of::<usize>() == 8, "the sums of lengths below need 64 bits");

/// The frequency mark: two bits that saturate.
pub(crate) const FREQUENCY: u64 = 0b11;
/// The payload is a `Bytes`, not the bytes themselves.
pub(crate) const SHARED: u64 = 1 << 2;
/// The payload is an object; only an `Entry` may hold such a block.
pub(crate) const OBJECT: u64 = 1 << 3;
/// The text was appended to and its capacity is rounded up further.
pub(crate) const GROWN: u64 = 1 << 4;
/// The key has 256 bytes or more: its length is a `u32` between header and key.
const LONG_KEY: u64 = 1 << 5;
/// Two bits that mean what the owner of an entry wants.
pub(crate) const MARKS_SHIFT: u32 = 6;
pub(crate) const MARKS: u64 = 0b11 << MARKS_SHIFT;

const KEY_LEN_SHIFT: u32 = 8;
const STOCK_SHIFT: u32 = 16;
/// References that an entry counts at a time, of which it has so many in stock at most.
const STOCK_MAX: u64 = 15;
const STOCK: u64 = STOCK_MAX << STOCK_SHIFT;

/// The block of all empty values. It holds a reference to itself, so it is never freed nor found unshared.
static EMPTY: Header = Header { refs: AtomicU32::new(1), len: 0, meta: AtomicU64::new(0) };

/// A thin pointer to a block; see the module's invariant.
#[repr(transparent)]
pub(crate) struct Block(NonNull<Header>);

impl Block {
    /// The shared block of the empty value, counted once more.
    #[inline]
    pub(crate) fn empty() -> Block {
        Block(NonNull::from(&EMPTY)).retain()
    }

    /// A new text block: the key, and the parts one after the other as the value.
    #[inline]
    pub(crate) fn text(key: &[u8], parts: &[&[u8]], deadline: u64) -> Block {
        let len = parts.iter().fold(0, |sum: usize, part| sum.saturating_add(part.len()));
        // SAFETY: the loop writes the `len` bytes before the block is handed out.
        let (block, mut to) = unsafe { Block::text_unwritten(key, len, 0, deadline) };
        for part in parts {
            // SAFETY: `to` has room for the parts that remain, whose lengths sum up to what remains of `len`; the
            // allocation is new, so it cannot overlap `part`.
            unsafe {
                to.copy_from_nonoverlapping(part.as_ptr(), part.len());
                to = to.add(part.len());
            }
        }
        block
    }

    /// A new text block whose value has yet to be written, and where to write it. `flags` is 0 or [`GROWN`].
    ///
    /// # Safety
    /// The caller writes all `len` bytes before anything reads the value.
    #[inline]
    pub(crate) unsafe fn text_unwritten(key: &[u8], len: usize, flags: u64, deadline: u64) -> (Block, *mut u8) {
        let len = length(len);
        let key_end = key_start(length(key.len())) + key.len();
        let layout = layout::text(key_end, len as usize, flags & GROWN != 0);
        // SAFETY: the layout holds header, key and `len` bytes.
        unsafe {
            let block = Block::allocate(layout, key, len, flags, deadline);
            let value = block.base().add(key_end);
            (block, value)
        }
    }

    /// A new block with a payload of its own type: `kind` is [`SHARED`] with a `Bytes` of `len` bytes, or [`OBJECT`].
    pub(crate) fn payload<P>(key: &[u8], payload: P, kind: u64, len: usize, deadline: u64) -> Block {
        let len = length(len);
        let (layout, offset) = layout::payload::<P>(key_start(length(key.len())) + key.len());
        // SAFETY: the layout holds header, key and, at the aligned `offset`, a `P`.
        unsafe {
            let block = Block::allocate(layout, key, len, kind, deadline);
            block.base().add(offset).cast::<P>().write(payload);
            block
        }
    }

    /// Allocates a block with one reference and writes header and key.
    ///
    /// # Safety
    /// `layout` is the one that follows from the other arguments (so it holds header and key), and the caller writes the
    /// payload before anything reads it.
    #[inline]
    unsafe fn allocate(layout: Layout, key: &[u8], len: u32, flags: u64, deadline: u64) -> Block {
        let long = key.len() > u8::MAX as usize;
        let key_bits = if long { LONG_KEY } else { (key.len() as u64) << KEY_LEN_SHIFT };
        let meta = flags | key_bits | deadline::pack(deadline);
        // SAFETY: the layout's size is never zero: it holds a header.
        let base = unsafe { alloc::alloc(layout) };
        let Some(header) = NonNull::new(base.cast::<Header>()) else { alloc::handle_alloc_error(layout) };
        // SAFETY: the allocation is new, aligned for a header, and holds header, key length if long, and key.
        unsafe {
            header.write(Header { refs: AtomicU32::new(1), len, meta: AtomicU64::new(meta) });
            if long {
                base.add(HEADER).cast::<u32>().write(key.len() as u32);
            }
            base.add(key_start(key.len() as u32)).copy_from_nonoverlapping(key.as_ptr(), key.len());
        }
        Block(header)
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the block is live (module invariant), and the plain field changes only through `&mut self`.
        unsafe { self.0.as_ref() }
    }

    /// The address of the block, good for the whole allocation.
    #[inline]
    pub(crate) fn base(&self) -> *mut u8 {
        self.0.as_ptr().cast()
    }

    /// Frequency, flags, key length and deadline.
    #[inline]
    pub(crate) fn meta(&self) -> u64 {
        self.header().meta.load(Ordering::Relaxed)
    }

    /// Stores what [`Block::meta`] loads. Behind `&self` only the frequency may differ: see the callers.
    #[inline]
    pub(crate) fn set_meta(&self, meta: u64) {
        self.header().meta.store(meta, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn deadline(&self) -> u64 {
        deadline::unpack(self.meta())
    }

    #[inline]
    pub(crate) fn has_deadline(&self) -> bool {
        deadline::is_there(self.meta())
    }

    #[inline]
    pub(crate) fn set_deadline(&mut self, deadline: u64) {
        self.set_meta(deadline::without(self.meta()) | deadline::pack(deadline));
    }

    /// Bytes of the value.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.header().len as usize
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        let (start, len) = self.key_span();
        // SAFETY: header and layout say that the key's bytes are there; they are written once, at creation.
        unsafe { slice::from_raw_parts(self.base().add(start), len) }
    }

    /// Where the key ends and the payload (after padding) begins.
    #[inline]
    pub(crate) fn key_end(&self) -> usize {
        let (start, len) = self.key_span();
        start + len
    }

    #[inline]
    fn key_span(&self) -> (usize, usize) {
        let meta = self.meta();
        if meta & LONG_KEY == 0 {
            return (HEADER, short_key_len(meta));
        }
        // SAFETY: the flag says that a length was written here; blocks are aligned for it.
        let len = unsafe { self.base().add(HEADER).cast::<u32>().read() };
        (key_start(len), len as usize)
    }

    /// The bytes of a text or shared block.
    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        let meta = self.meta();
        debug_assert!(meta & OBJECT == 0, "an object has no value");
        if meta & (SHARED | LONG_KEY) != 0 {
            return self.value_uncommon();
        }
        // SAFETY: a text block's `len` value bytes follow its key. While this borrow lives they do not change: that
        // takes `&mut` and a count of one, hence this very handle.
        unsafe { slice::from_raw_parts(self.base().add(HEADER + short_key_len(meta)), self.len()) }
    }

    /// [`Block::value`] for large values and long keys.
    #[inline(never)]
    fn value_uncommon(&self) -> &[u8] {
        match self.shared() {
            Some(bytes) => bytes,
            // SAFETY: as in `value`.
            None => unsafe { slice::from_raw_parts(self.base().add(self.key_end()), self.len()) },
        }
    }

    /// The payload of a shared block.
    pub(crate) fn shared(&self) -> Option<&Bytes> {
        // SAFETY: the flag says that the payload is a `Bytes`.
        (self.meta() & SHARED != 0).then(|| unsafe { &*self.payload_ptr::<Bytes>() })
    }

    /// Where the payload of a block with a `P` behind its key is.
    #[inline]
    pub(crate) fn payload_ptr<P>(&self) -> *mut P {
        self.base().wrapping_add(layout::payload::<P>(self.key_end()).1).cast()
    }

    /// The allocation of a text or shared block.
    #[inline]
    pub(crate) fn value_layout(&self) -> Layout {
        let meta = self.meta();
        match meta & SHARED {
            0 => layout::text(self.key_end(), self.len(), meta & GROWN != 0),
            _ => layout::payload::<Bytes>(self.key_end()).0,
        }
    }

    /// Bytes that a text block takes from the allocator.
    #[inline]
    pub(crate) fn text_footprint(key_len: usize, len: usize, grown: bool) -> usize {
        layout::footprint(layout::text(key_start(length(key_len)) + key_len, len, grown))
    }

    /// Bytes the block of a value takes from the allocator; the static empty one takes none.
    #[inline]
    pub(crate) fn value_footprint(&self) -> usize {
        if std::ptr::eq(self.0.as_ptr(), &EMPTY) { 0 } else { layout::footprint(self.value_layout()) }
    }
}

/// Where a key of `len` bytes starts.
#[inline]
fn key_start(len: u32) -> usize {
    if len > u8::MAX.into() { HEADER + size_of::<u32>() } else { HEADER }
}

#[inline]
fn short_key_len(meta: u64) -> usize {
    (meta >> KEY_LEN_SHIFT) as usize & 0xff
}

/// A length as the header keeps it.
#[inline]
pub(crate) fn length(len: usize) -> u32 {
    assert!(len <= u32::MAX as usize, "a key or a value has at most {} bytes, not {len}", u32::MAX);
    len as u32
}
