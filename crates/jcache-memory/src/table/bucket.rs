//! One cache line: seven entries, and a byte of each one's hash to look at before the entry itself.

use jcache_core::Object;
use jcache_value::Entry;

/// What the tables hold.
pub(crate) type Item = Entry<Object>;

/// Entries in a bucket.
pub(crate) const SLOTS: usize = 7;

/// The byte of `tags` behind those of the slots.
const PASSED: usize = SLOTS;

const LOW_BITS: u64 = 0x0001_0101_0101_0101;
const HIGH_BITS: u64 = 0x0080_8080_8080_8080;
const OTHER_BITS: u64 = 0x007f_7f7f_7f7f_7f7f;

#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Bucket {
    /// A tag for each slot, 0 for a free one. The last byte counts the entries that found this bucket full and went on
    /// to the next: a search goes on after them only while it is not zero. At 255 it stays there.
    tags: [u8; SLOTS + 1],
    slots: [Option<Item>; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// The byte of a hash that a bucket keeps: bits that neither the shard nor the home bucket is chosen by; never 0.
#[inline]
pub(crate) fn tag(hash: u64) -> u8 {
    ((hash >> 8) as u8).max(1)
}

/// Slots in ascending order, as bits of a mask that has the eighth bit of byte `i` set for slot `i`.
pub(crate) struct SlotSet(u64);

impl Iterator for SlotSet {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        let slot = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0.wrapping_sub(1);
        (slot < SLOTS).then_some(slot)
    }
}

impl Bucket {
    #[inline]
    fn word(&self) -> u64 {
        u64::from_le_bytes(self.tags)
    }

    /// The slots whose tag is `tag`, and rarely others: all seven are compared in a few instructions, and a borrow in
    /// the subtraction may mark the byte after a match.
    #[inline]
    pub(crate) fn matches(&self, tag: u8) -> SlotSet {
        let differs = self.word() ^ (LOW_BITS * u64::from(tag));
        SlotSet(differs.wrapping_sub(LOW_BITS) & !differs & HIGH_BITS)
    }

    /// The entry of `key`, whose hash has this tag, and its slot.
    #[inline(always)]
    pub(crate) fn find(&self, tag: u8, key: &[u8]) -> Option<(usize, &Item)> {
        for slot in self.matches(tag) {
            if let Some(item) = self.get(slot) {
                item.fetch_ahead();
                if item.is_of(key) {
                    return Some((slot, item));
                }
            }
        }
        None
    }

    /// The slots that hold an entry.
    #[inline]
    pub(crate) fn occupied(&self) -> SlotSet {
        // A byte is not zero when its lower bits carry into the highest, or the highest is set itself.
        let carried = (self.word() & OTHER_BITS) + OTHER_BITS;
        SlotSet((carried | self.word()) & HIGH_BITS)
    }

    /// Asks the processor for all entries at once: whoever looks at each of them would else wait for one after the other.
    #[inline]
    pub(crate) fn fetch_entries_ahead(&self) {
        self.slots.iter().flatten().for_each(Item::fetch_header_ahead);
    }

    /// A free slot.
    #[inline]
    pub(crate) fn free(&self) -> Option<usize> {
        // The lowest mark is exact: there is no match below it to borrow from.
        self.matches(0).next()
    }

    #[inline]
    pub(crate) fn get(&self, slot: usize) -> Option<&Item> {
        self.slots[slot].as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut Item> {
        self.slots[slot].as_mut()
    }

    #[inline]
    pub(crate) fn put(&mut self, slot: usize, tag: u8, item: Item) {
        debug_assert!(self.slots[slot].is_none());
        self.tags[slot] = tag;
        self.slots[slot] = Some(item);
    }

    #[inline]
    pub(crate) fn take(&mut self, slot: usize) -> Option<Item> {
        self.tags[slot] = 0;
        self.slots[slot].take()
    }

    /// Whether an entry went on from here to the next bucket.
    #[inline]
    pub(crate) fn is_passed(&self) -> bool {
        self.tags[PASSED] != 0
    }

    /// Counts an entry that goes on from here.
    #[inline]
    pub(crate) fn pass(&mut self) {
        self.tags[PASSED] = self.tags[PASSED].saturating_add(1);
    }

    /// Forgets an entry that went on from here; not once the count is saturated and says nothing any more.
    #[inline]
    pub(crate) fn unpass(&mut self) {
        if self.tags[PASSED] != u8::MAX {
            self.tags[PASSED] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &[u8]) -> Item {
        Entry::text(key, b"", 0)
    }

    #[test]
    fn slots_are_found_by_tag() {
        for tags in [[1, 2, 3, 1, 2, 3, 1], [255; 7], [0, 255, 0, 128, 127, 0, 1], [0; 7]] {
            let mut bucket = Bucket::default();
            (0..200).for_each(|_| bucket.pass());
            for (slot, tag) in tags.into_iter().enumerate().filter(|(_, tag)| *tag != 0) {
                bucket.put(slot, tag, item(&[slot as u8]));
            }
            for tag in 1..=255 {
                let marked: Vec<_> = bucket.matches(tag).collect();
                for slot in 0..SLOTS {
                    assert!(tags[slot] != tag || marked.contains(&slot), "{tags:?} {tag} {slot}");
                }
            }
            let occupied: Vec<_> = (0..SLOTS).filter(|slot| tags[*slot] != 0).collect();
            assert_eq!(bucket.occupied().collect::<Vec<_>>(), occupied);
            assert_eq!(bucket.free(), tags.iter().position(|tag| *tag == 0));
        }
    }

    #[test]
    fn the_count_of_passed_entries_sticks_when_saturated() {
        let mut bucket = Bucket::default();
        bucket.pass();
        bucket.unpass();
        assert!(!bucket.is_passed());
        (0..300).for_each(|_| bucket.pass());
        (0..300).for_each(|_| bucket.unpass());
        assert!(bucket.is_passed());
    }
}
