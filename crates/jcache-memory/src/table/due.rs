//! Where in a table something is due: for each bucket, no later than when its earliest entry expires.
//!
//! Eight bytes for a bucket of seven entries, and none in a table without deadlines; against some forty for an entry in
//! a queue ordered by deadline. A deadline that is set lowers its bucket's bound; one that goes away leaves the bound as
//! it is, so a bound may be too early, never too late: looking at that bucket once puts it right.

/// Buckets under one bound of the second row.
const REGION: usize = 64;

/// Never: the bound of buckets without a deadline.
pub(crate) const NEVER: u64 = u64::MAX;

#[derive(Debug, Default)]
pub(crate) struct Due {
    buckets: Vec<u64>,
    /// The least of each [`REGION`] buckets, so that looking for what is due reads one bound in 64.
    regions: Vec<u64>,
}

impl Due {
    /// With room for the bounds of `buckets` buckets from the beginning: the first deadline then takes no more memory.
    pub(crate) fn with_capacity(buckets: usize) -> Self {
        Self { buckets: Vec::with_capacity(buckets), regions: Vec::with_capacity(buckets.div_ceil(REGION)) }
    }

    /// Whether there is room for bounds.
    fn is_made(&self) -> bool {
        self.buckets.capacity() > 0
    }

    /// Says that bucket `at`, one of `buckets`, has an entry that expires at `deadline`.
    #[inline]
    pub(crate) fn note(&mut self, at: usize, deadline: u64, buckets: usize) {
        if self.buckets.is_empty() {
            self.buckets.resize(buckets, NEVER);
            self.regions.resize(buckets.div_ceil(REGION), NEVER);
        }
        if deadline < self.buckets[at] {
            self.buckets[at] = deadline;
            let region = &mut self.regions[at / REGION];
            *region = deadline.min(*region);
        }
    }

    /// Puts the bound of bucket `at` right.
    pub(crate) fn set(&mut self, at: usize, deadline: u64) {
        self.buckets[at] = deadline;
        let start = at / REGION * REGION;
        let end = self.buckets.len().min(start + REGION);
        self.regions[at / REGION] = self.buckets[start..end].iter().copied().min().unwrap_or(NEVER);
    }

    /// The first bucket from `from` on that may have something due at `now`.
    pub(crate) fn next(&self, from: usize, now: u64) -> Option<usize> {
        let mut at = from;
        while at < self.buckets.len() {
            let end = self.buckets.len().min((at / REGION + 1) * REGION);
            if self.regions[at / REGION] <= now
                && let Some(offset) = self.buckets[at..end].iter().position(|bound| *bound <= now)
            {
                return Some(at + offset);
            }
            at = end;
        }
        None
    }

    /// No later than the earliest deadline of all.
    pub(crate) fn earliest(&self) -> u64 {
        self.regions.iter().copied().min().unwrap_or(NEVER)
    }

    /// The bucket with the earliest bound, and that.
    pub(crate) fn first(&self) -> Option<(usize, u64)> {
        let (region, bound) = self.regions.iter().copied().enumerate().min_by_key(|(_, bound)| *bound)?;
        let start = region * REGION;
        let offset = self.buckets[start..].iter().take(REGION).position(|other| *other == bound)?;
        (bound != NEVER).then_some((start + offset, bound))
    }

    /// Bytes on the heap that `buckets` buckets will take; none when there is nothing here either.
    pub(crate) fn heap_size_of(&self, buckets: usize) -> usize {
        if !self.is_made() { 0 } else { (buckets + buckets.div_ceil(REGION)) * size_of::<u64>() }
    }

    /// Bytes on the heap.
    #[inline]
    pub(crate) fn heap_size(&self) -> usize {
        (self.buckets.capacity() + self.regions.capacity()) * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_buckets_that_are_due() {
        let mut due = Due::default();
        assert_eq!((due.next(0, NEVER - 1), due.earliest(), due.heap_size()), (None, NEVER, 0));
        for (at, deadline) in [(3, 50), (3, 70), (64, 40), (199, 10)] {
            due.note(at, deadline, 200);
        }
        assert_eq!(due.earliest(), 10);
        assert_eq!(
            (due.next(0, 9), due.next(0, 10), due.next(0, 45), due.next(0, 50)),
            (None, Some(199), Some(64), Some(3))
        );
        assert_eq!((due.next(4, 50), due.next(65, 50)), (Some(64), Some(199)));
        due.set(199, NEVER);
        due.set(3, 70);
        assert_eq!((due.earliest(), due.next(0, 39), due.next(65, 1000)), (40, None, None));
    }
}
