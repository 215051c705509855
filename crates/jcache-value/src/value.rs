//! [`Value`]: the handle to an immutable byte string.

use crate::SHARE_MIN;
use crate::block::{Block, SHARED};

use bytes::Bytes;

/// An immutable byte string in one reference-counted block.
///
/// The handle is one pointer wide, and so is `Option<Value>`. Cloning and dropping it takes one atomic addition each,
/// whatever the length; the bytes are freed with the last handle. A value read from a keyspace is the entry's own block:
/// it stays as it was read, whatever happens to the entry.
///
/// Values compare, order and hash by their bytes, and dereference to `[u8]`.
///
/// ```
/// use jcache_value::Value;
///
/// let value = Value::from("hello");
/// let same = value.clone();
/// assert_eq!(&same[1..3], b"el");
/// assert_eq!(std::mem::size_of::<Option<Value>>(), 8);
/// ```
#[repr(transparent)]
pub struct Value(Block);

const _: () = assert!(size_of::<Option<Value>>() == 8);

// SAFETY: a value is a counted reference to bytes that do not change while another handle exists; count and mark are
// atomic, and a `Bytes` payload is `Send` and `Sync` itself. Objects, which may be neither, are never behind a `Value`.
unsafe impl Send for Value {}
// SAFETY: as above; through `&Value` nothing but the atomics changes.
unsafe impl Sync for Value {}

impl Value {
    /// The longest value a keyspace accepts, in bytes: 512 MiB, as in Redis.
    ///
    /// It is checked where commands are, not here: a handle holds up to 4 GiB − 1.
    pub const MAX: usize = 512 << 20;

    /// Copies `bytes` into a new block; the empty value needs none. O(n).
    ///
    /// Large values that are already in a [`Bytes`] or a `Vec<u8>` are better converted: that does not copy them.
    ///
    /// # Panics
    /// If `bytes` is longer than `u32::MAX`.
    ///
    /// ```
    /// # use jcache_value::Value;
    /// assert_eq!(Value::new(b"hello").as_bytes(), b"hello");
    /// ```
    #[inline]
    pub fn new(bytes: &[u8]) -> Value {
        Value::from_parts(&[bytes])
    }

    /// Concatenates `parts` in a new block: one allocation, however many parts. O(n).
    ///
    /// # Panics
    /// If the parts together are longer than `u32::MAX`.
    ///
    /// ```
    /// # use jcache_value::Value;
    /// assert_eq!(Value::from_parts(&[b"user:", b"42"]), b"user:42");
    /// ```
    #[inline]
    pub fn from_parts(parts: &[&[u8]]) -> Value {
        if parts.iter().all(|part| part.is_empty()) {
            return Value::default();
        }
        Value(Block::text(b"", parts, 0))
    }

    /// Wraps a buffer by reference if it is large, else copies it.
    pub(crate) fn share(bytes: Bytes) -> Value {
        if bytes.len() < SHARE_MIN {
            return Value::new(&bytes);
        }
        Value::from_block(shared_block(b"", bytes, 0))
    }

    /// The handle of a block the caller holds a reference to; never an object's.
    #[inline]
    pub(crate) fn from_block(block: Block) -> Value {
        Value(block)
    }

    #[inline]
    pub(crate) fn block(&self) -> &Block {
        &self.0
    }

    #[inline]
    pub(crate) fn block_mut(&mut self) -> &mut Block {
        &mut self.0
    }

    /// The bytes. O(1).
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.value()
    }

    /// The number of bytes. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are no bytes. O(1).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same bytes as a [`Bytes`]: by reference from [`SHARE_MIN`] bytes on, else copied.
    ///
    /// ```
    /// # use jcache_value::Value;
    /// let large = Value::from(vec![7; 10_000]);
    /// let address = large.as_ptr();
    /// assert_eq!(large.to_bytes().as_ptr(), address);
    /// ```
    pub fn to_bytes(self) -> Bytes {
        match self.0.shared() {
            Some(bytes) => bytes.clone(),
            None if self.len() < SHARE_MIN => Bytes::copy_from_slice(&self),
            None => Bytes::from_owner(self),
        }
    }

    /// Bytes the block takes, the allocator's rounding included; a large value held by reference is not in the block.
    /// O(1).
    ///
    /// The key and header of the entry a value was read from are part of its block.
    #[inline]
    pub fn block_size(&self) -> usize {
        self.0.value_footprint()
    }

    /// Bytes the value keeps in memory: its block, and the bytes it holds by reference. O(1).
    ///
    /// ```
    /// # use jcache_value::Value;
    /// assert_eq!(Value::new(&[0; 100]).heap_size(), 128); // 16 bytes of header, 8 of the allocator, rounded up to 16
    /// assert_eq!(Value::default().heap_size(), 0);
    /// ```
    #[inline]
    pub fn heap_size(&self) -> usize {
        self.block_size() + if self.0.meta() & SHARED == 0 { 0 } else { self.len() }
    }

    /// Frees the block: the last reference is gone, and nobody uses this one after.
    #[inline(never)]
    pub(crate) fn free(&mut self) {
        let layout = self.0.value_layout();
        // SAFETY: nobody else has the block, and nobody uses it after this. The flag says that there is a `Bytes` to
        // drop; the layout is the one the block was made with.
        unsafe {
            if self.0.meta() & SHARED != 0 {
                self.0.payload_ptr::<Bytes>().drop_in_place();
            }
            self.0.free(layout);
        }
    }
}

/// A block that holds `bytes` by reference.
pub(crate) fn shared_block(key: &[u8], bytes: Bytes, deadline: u64) -> Block {
    let len = bytes.len();
    Block::payload(key, bytes, SHARED, len, deadline)
}

impl Clone for Value {
    #[inline]
    fn clone(&self) -> Value {
        Value(self.0.retain())
    }
}

impl Drop for Value {
    #[inline]
    fn drop(&mut self) {
        if self.0.release() {
            self.free();
        }
    }
}

impl Default for Value {
    /// The empty value: all share one static block.
    #[inline]
    fn default() -> Value {
        Value(Block::empty())
    }
}
