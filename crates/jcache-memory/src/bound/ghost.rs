//! Who was evicted lately: two bytes of the hash for each, in sets of eight where the oldest gives way.

const WAYS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Ghost {
    /// A power of two of them, or none; the newest of each is first. 0 for nobody.
    sets: Vec<[u16; WAYS]>,
}

impl Ghost {
    pub(super) fn heap_size(&self) -> usize {
        self.sets.capacity() * size_of::<[u16; WAYS]>()
    }

    #[inline]
    fn set(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.sets.len() - 1)
    }

    /// Bits that no set is chosen by.
    #[inline]
    fn print(hash: u64) -> u16 {
        ((hash >> 16) as u16).max(1)
    }

    /// Remembers `hash`, where about `entries` are to be remembered.
    pub(super) fn insert(&mut self, hash: u64, entries: usize) {
        let wanted = entries.div_ceil(WAYS).next_power_of_two();
        if wanted > self.sets.len() {
            // Whoever was in a set is now in all sets that it became: the wrong ones will be forgotten.
            let times = if self.sets.is_empty() { 1 } else { wanted / self.sets.len() };
            let mut sets = Vec::with_capacity(wanted);
            (0..times).for_each(|_| sets.extend_from_slice(&self.sets));
            sets.resize(wanted, [0; WAYS]);
            self.sets = sets;
        } else if wanted * 4 <= self.sets.len() {
            self.sets.truncate(wanted);
            self.sets.shrink_to_fit();
        }
        let set = self.set(hash);
        let set = &mut self.sets[set];
        set.rotate_right(1);
        set[0] = Self::print(hash);
    }

    /// Forgets `hash`, and says whether it was remembered.
    pub(super) fn remove(&mut self, hash: u64) -> bool {
        if self.sets.is_empty() {
            return false;
        }
        let set = self.set(hash);
        let set = &mut self.sets[set];
        let Some(way) = set.iter().position(|print| *print == Self::print(hash)) else { return false };
        set[way..].rotate_left(1);
        set[WAYS - 1] = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::mix;

    #[test]
    fn remembers_about_as_many_as_it_is_told_to() {
        let mut ghost = Ghost::default();
        assert!(!ghost.remove(mix(1)));
        for i in 0..10_000 {
            ghost.insert(mix(i), 1024);
        }
        let recent = (9_500..10_000).filter(|i| ghost.remove(mix(*i))).count();
        let old = (0..8_000).filter(|i| ghost.remove(mix(*i))).count();
        assert!(recent > 450 && old < 20, "{recent} of 500, {old} of 8,000");
    }

    #[test]
    fn forgets_nobody_when_it_grows() {
        let mut ghost = Ghost::default();
        (0..30).for_each(|i| ghost.insert(mix(i), 64));
        ghost.insert(mix(99), 1_000);
        assert_eq!((0..30).filter(|i| ghost.remove(mix(*i))).count(), 30);
        ghost.insert(mix(100), 8);
        assert!(ghost.heap_size() < 64);
    }
}
