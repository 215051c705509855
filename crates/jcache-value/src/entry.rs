//! [`Entry`]: one entry of a keyspace, or one field of a hash.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;

use crate::block::{Block, FREQUENCY, MARKS, MARKS_SHIFT, OBJECT};
use crate::value::shared_block;
use crate::{SHARE_MIN, Value, ahead, layout};

/// A key with a deadline, a frequency mark, and either text or a `T`, in one heap block.
///
/// The handle is one pointer wide, and so is `Option<Entry<T>>`: a table of entries is a table of pointers. An entry
/// owns its object, but only shares its text: [`Entry::as_text`] shows the entry itself as a [`Value`], and clones of it
/// may outlive the entry. Text that is out there like this is never changed; edits then move the entry to a new block.
///
/// Deadlines are milliseconds since the Unix epoch, 0 for none, saturating at 2⁴⁸ − 1; those after the year 2248 are kept
/// up to 39 ms late, whole seconds exactly. The entry only keeps them: it knows no clock. `T` is what the keyspace holds
/// besides text; `Entry<()>` is a plain pair of key and value.
///
/// ```
/// use jcache_value::Entry;
///
/// let text = Entry::<Vec<u32>>::text(b"name", b"jcache", 0);
/// let list = Entry::object(b"numbers", vec![1, 2, 3], 1_700_000_000_000);
/// assert_eq!(text.as_text().expect("text"), b"jcache");
/// assert_eq!(list.key(), b"numbers");
/// assert_eq!(list.as_object().expect("an object").len(), 3);
/// ```
#[repr(transparent)]
pub struct Entry<T> {
    /// The entry's block. Truly a value only while it holds text; so it is dropped by hand.
    value: ManuallyDrop<Value>,
    /// The entry owns a `T`: it is as `Send` and `Sync` as one.
    object: PhantomData<T>,
}

const _: () = assert!(size_of::<Option<Entry<Vec<u8>>>>() == 8);

impl<T> Entry<T> {
    /// Makes a text entry: copies key and value into one block. O(n), one allocation.
    ///
    /// # Panics
    /// If key or value is longer than `u32::MAX`.
    #[inline]
    pub fn text(key: &[u8], value: &[u8], deadline: u64) -> Self {
        Self::from_block(Block::text(key, &[value], deadline))
    }

    /// Makes a text entry that holds a value of [`SHARE_MIN`] bytes or more by reference; a smaller one is copied.
    ///
    /// ```
    /// use jcache_value::{Entry, Value};
    ///
    /// let large = Value::from(vec![7; 10_000]);
    /// let entry = Entry::<()>::shared(b"blob", large.clone(), 0);
    /// assert_eq!(entry.as_text().expect("text").as_ptr(), large.as_ptr());
    /// ```
    ///
    /// # Panics
    /// If the key is longer than `u32::MAX`.
    pub fn shared(key: &[u8], value: Value, deadline: u64) -> Self {
        if value.len() < SHARE_MIN {
            return Self::text(key, &value, deadline);
        }
        Self::from_block(shared_block(key, value.to_bytes(), deadline))
    }

    /// Makes an entry that owns an object, in one block with the key.
    ///
    /// # Panics
    /// If the key is longer than `u32::MAX`.
    pub fn object(key: &[u8], object: T, deadline: u64) -> Self {
        Self::from_block(Block::payload(key, object, OBJECT, 0, deadline))
    }

    /// The entry of a block the caller holds a reference to: text, or a `T`.
    #[inline]
    fn from_block(block: Block) -> Self {
        Entry { value: ManuallyDrop::new(Value::from_block(block)), object: PhantomData }
    }

    #[inline]
    pub(crate) fn block(&self) -> &Block {
        self.value.block()
    }

    #[inline]
    pub(crate) fn block_mut(&mut self) -> &mut Block {
        self.value.block_mut()
    }

    #[inline]
    pub(crate) fn is_object(&self) -> bool {
        self.block().meta() & OBJECT != 0
    }

    /// The key. O(1).
    #[inline]
    pub fn key(&self) -> &[u8] {
        self.block().key()
    }

    /// Asks the processor for the two cache lines after the entry's first: with a short key they hold most small values,
    /// and whoever reads one would else wait twice, first for its length. Changes nothing. O(1).
    #[inline]
    pub fn fetch_ahead(&self) {
        let base = self.block().base();
        ahead::fetch(base.wrapping_add(64));
        ahead::fetch(base.wrapping_add(128));
    }

    /// Asks the processor for the entry's first cache line. Changes nothing. O(1).
    #[inline]
    pub fn fetch_header_ahead(&self) {
        ahead::fetch(self.block().base());
    }

    /// Whether this is the key. O(n), without a call for keys of up to 32 bytes.
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// let entry = Entry::<()>::text(b"key", b"value", 0);
    /// assert!(entry.is_of(b"key") && !entry.is_of(b"kez"));
    /// ```
    #[inline]
    pub fn is_of(&self, key: &[u8]) -> bool {
        same(self.key(), key)
    }

    /// The deadline in milliseconds since the Unix epoch, 0 if there is none. O(1).
    #[inline]
    pub fn deadline(&self) -> u64 {
        self.block().deadline()
    }

    /// Whether there is a deadline. O(1), and faster than to ask for it.
    #[inline]
    pub fn has_deadline(&self) -> bool {
        self.block().has_deadline()
    }

    /// The text, if this is a text entry. O(1).
    ///
    /// Cloning it makes a handle to this very block, which keeps the block alive, key included.
    #[inline]
    pub fn as_text(&self) -> Option<&Value> {
        if self.is_object() { None } else { Some(&self.value) }
    }

    /// A handle to the text, if this is a text entry, as a clone of [`Entry::as_text`]; and counts a hit, as
    /// [`Entry::touch`]. O(1).
    ///
    /// It is the faster way to both: mostly no atomic addition is needed, only the entry for oneself.
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// let mut entry = Entry::<()>::text(b"key", b"value", 0);
    /// assert_eq!(entry.lend_text().expect("text"), b"value");
    /// assert_eq!(entry.frequency(), 1);
    /// ```
    #[inline]
    pub fn lend_text(&mut self) -> Option<Value> {
        if self.is_object() { None } else { Some(Value::from_block(self.block_mut().lend())) }
    }

    /// The text for edits. Callers keep the entry's key and deadline.
    #[inline]
    pub(crate) fn text_mut(&mut self) -> Option<&mut Value> {
        if self.is_object() { None } else { Some(&mut self.value) }
    }

    /// The object, if this is an object entry. O(1).
    #[inline]
    pub fn as_object(&self) -> Option<&T> {
        // SAFETY: the block holds a `T`: `object` is the only maker of such blocks, and it is of this type's `T`.
        self.is_object().then(|| unsafe { &*self.block().payload_ptr::<T>() })
    }

    /// The object for changes, if this is an object entry. O(1).
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// let mut list = Entry::object(b"numbers", vec![1], 0);
    /// list.object_mut().expect("an object").push(2);
    /// assert_eq!(list.as_object(), Some(&vec![1, 2]));
    /// ```
    #[inline]
    pub fn object_mut(&mut self) -> Option<&mut T> {
        // SAFETY: as in `as_object`; the entry is the only owner and is borrowed mutably.
        self.is_object().then(|| unsafe { &mut *self.block().payload_ptr::<T>() })
    }

    /// Takes the object out and frees the block. O(1).
    ///
    /// # Errors
    /// Gives a text entry back.
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// assert_eq!(Entry::object(b"key", 42, 0).into_object().expect("an object"), 42);
    /// assert!(Entry::<i32>::text(b"key", b"42", 0).into_object().is_err());
    /// ```
    pub fn into_object(self) -> Result<T, Self> {
        if !self.is_object() {
            return Err(self);
        }
        // SAFETY: the block holds a `T`, and `ManuallyDrop` keeps the entry from being used or dropped after.
        Ok(unsafe { ManuallyDrop::new(self).take_object() })
    }

    /// Moves the object out and frees the block.
    ///
    /// # Safety
    /// The entry holds an object and is not used again, not even dropped.
    unsafe fn take_object(&mut self) -> T {
        let (layout, _) = layout::payload::<T>(self.block().key_end());
        // SAFETY: the block holds a `T` and was made with this layout; an object's block has no other owner.
        unsafe {
            let object = self.block().payload_ptr::<T>().read();
            self.block_mut().free(layout);
            object
        }
    }

    /// How often the entry was touched lately: 0 to 3. O(1).
    #[inline]
    pub fn frequency(&self) -> u8 {
        (self.block().meta() & FREQUENCY) as u8
    }

    /// Counts a hit: raises [`Entry::frequency`] by one, up to 3. O(1).
    ///
    /// A plain store, and none once the mark is at 3: of hits that race, one may count for all.
    #[inline]
    pub fn touch(&self) {
        let meta = self.block().meta();
        // The rest of the word changes through `&mut self` only, so the store cannot undo anything but other marks.
        if meta & FREQUENCY != FREQUENCY {
            self.block().set_meta(meta + 1);
        }
    }

    /// Counts a miss of the eviction hand: lowers [`Entry::frequency`] by one, down to 0. O(1).
    #[inline]
    pub fn cool(&self) {
        let meta = self.block().meta();
        if meta & FREQUENCY != 0 {
            self.block().set_meta(meta - 1);
        }
    }

    /// The two bits that the entry's owner keeps in it, for what an eviction policy has to know; 0 at first. O(1).
    #[inline]
    pub fn marks(&self) -> u8 {
        ((self.block().meta() & MARKS) >> MARKS_SHIFT) as u8
    }

    /// Sets [`Entry::marks`]; only the lower two bits count. O(1).
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// let mut entry = Entry::<()>::text(b"key", b"value", 7);
    /// entry.set_marks(0b10);
    /// entry.set_text(b"a text of another size class, in a new block");
    /// assert_eq!((entry.marks(), entry.deadline()), (0b10, 7));
    /// ```
    #[inline]
    pub fn set_marks(&mut self, marks: u8) {
        let rest = self.block().meta() & !MARKS;
        self.block().set_meta(rest | u64::from(marks) << MARKS_SHIFT & MARKS);
    }

    /// Takes over frequency and marks of the entry that this new one replaces. O(1).
    pub fn inherit(&mut self, old: &Self) {
        self.block().inherit(old.block());
    }

    /// Bytes that [`Entry::size`] will tell of a text entry with a key and a value of these lengths, held inline. O(1).
    ///
    /// `grown` is for texts that were [appended](Entry::append) to.
    #[inline]
    pub fn text_size(key_len: usize, value_len: usize, grown: bool) -> usize {
        Block::text_footprint(key_len, value_len, grown)
    }

    /// Bytes the entry keeps in memory: its block, the allocator's rounding included, and large text held by reference.
    /// O(1).
    ///
    /// What an object has on the heap besides is not counted.
    ///
    /// ```
    /// # use jcache_value::Entry;
    /// let entry = Entry::<()>::text(&[b'k'; 20], &[b'v'; 100], 0);
    /// assert_eq!(entry.size(), 144); // 16 bytes of header, 120 of payload, 8 of the allocator
    /// ```
    #[inline]
    pub fn size(&self) -> usize {
        match self.as_text() {
            Some(text) => text.heap_size(),
            None => layout::footprint(layout::payload::<T>(self.block().key_end()).0),
        }
    }
}

/// Whether the bytes are the same. Most keys are short, and for them the call of a general comparison takes longer than
/// two words from either end.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    /// Words of `N` bytes from both ends, which may overlap; for `N` to 2 `N` bytes.
    #[inline(always)]
    fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
        match (a.first_chunk::<N>(), b.first_chunk::<N>(), a.last_chunk::<N>(), b.last_chunk::<N>()) {
            (Some(first), Some(other_first), Some(last), Some(other_last)) => {
                (first == other_first) & (last == other_last)
            }
            _ => false,
        }
    }
    a.len() == b.len()
        && match a.len() {
            16..=32 => ends::<16>(a, b),
            8..16 => ends::<8>(a, b),
            4..8 => ends::<4>(a, b),
            _ => a == b,
        }
}

impl<T> Drop for Entry<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the entry is not used after its drop; each kind is released as what it is.
        unsafe {
            if self.is_object() {
                drop(self.take_object());
            } else if self.block_mut().release_entry() {
                self.value.free();
            }
        }
    }
}

impl<T> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Entry");
        out.field("key", &format_args!("b\"{}\"", self.key().escape_ascii())).field("deadline", &self.deadline());
        match self.as_text() {
            Some(text) => out.field("text", text).finish(),
            None => out.field("object", &format_args!("..")).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_of_its_key_and_of_no_other() {
        for len in 0..70 {
            let key: Vec<u8> = (0..len).collect();
            let entry = Entry::<()>::text(&key, b"value", 0);
            assert!(entry.is_of(&key));
            for at in 0..key.len() {
                let mut other = key.clone();
                other[at] ^= 1;
                assert!(!entry.is_of(&other), "{at} of {len}");
            }
            assert!(!entry.is_of(&[&key[..], b"x"].concat()) && (key.is_empty() || !entry.is_of(&key[1..])));
        }
    }
}
