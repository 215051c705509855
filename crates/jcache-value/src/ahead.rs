//! Memory that will be read soon, asked for in time: what the processor can fetch while something else is waited for.
//!
//! A hint and nothing more: no program can tell from its results whether it was taken. It is given where the processor
//! has an instruction for it that Rust knows, x86-64.

/// Asks the processor for the cache line that `it` begins in.
///
/// ```
/// let numbers = [1, 2, 3];
/// jcache_value::fetch_ahead(&numbers);
/// assert_eq!(numbers, [1, 2, 3]);
/// ```
#[inline]
pub fn fetch_ahead<T>(it: &T) {
    fetch(std::ptr::from_ref(it).cast());
}

/// Asks the processor for the cache line of an address, which may be any.
#[inline]
pub(crate) fn fetch(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch is a hint for any address, mapped or not: it faults on none and changes nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
