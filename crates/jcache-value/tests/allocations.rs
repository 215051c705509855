//! How often the allocator is asked: the point of the design.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use bytes::Bytes;
use jcache_value::{Entry, SHARE_MIN, Value};

/// Counts what each thread asks for, so that tests may run side by side.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(asked: usize, live: isize) {
    ASKED.set(ASKED.get() + asked);
    LIVE.set(LIVE.get() + live);
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as isize);
        // SAFETY: as the trait's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(0, -(layout.size() as isize));
        // SAFETY: as the trait's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as isize - layout.size() as isize);
        // SAFETY: as the trait's.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `f` and says how many allocations it made.
fn asked<R>(f: impl FnOnce() -> R) -> (usize, R) {
    let before = ASKED.get();
    let result = black_box(f());
    (ASKED.get() - before, result)
}

#[test]
fn an_entry_is_one_allocation() {
    for len in [0, 1, 100, SHARE_MIN, 100_000] {
        let value = vec![7; len];
        assert_eq!(asked(|| Entry::<()>::text(b"key", &value, 0)).0, 1);
    }
    assert_eq!(asked(|| Entry::object(b"key", [0_u64; 20], 0)).0, 1);
    assert_eq!(asked(|| Entry::<()>::text(&[b'k'; 300], b"value", 0)).0, 1);
}

#[test]
fn a_hit_is_none() {
    for entry in [
        Entry::<()>::text(b"key", b"value", 0),
        Entry::text(&[b'k'; 300], b"value", 0),
        Entry::shared(b"key", Value::from(vec![7; SHARE_MIN]), 0),
    ] {
        assert_eq!(asked(|| entry.as_text().unwrap().clone()).0, 0);
        assert_eq!(asked(|| entry.as_text().unwrap().as_bytes().len()).0, 0);
    }
}

#[test]
fn values_take_one_and_empty_ones_none() {
    assert_eq!(asked(|| Value::new(b"value")).0, 1);
    assert_eq!(asked(|| Value::from_parts(&[b"a", b"b", &[7; 5000]])).0, 1);
    assert_eq!(asked(Value::default).0, 0);
    assert_eq!(asked(|| Value::new(b"")).0, 0);
    let buffer = Bytes::from(vec![7; SHARE_MIN]).slice(..);
    assert_eq!(asked(|| Value::from(buffer)).0, 1, "the block around the buffer");
}

#[test]
fn edits_in_place_take_none() {
    let mut entry = Entry::<()>::text(b"key", &[b'x'; 60], 0);
    assert_eq!(asked(|| entry.overwrite(&[b'y'; 60])), (0, true));
    assert_eq!(asked(|| entry.set_text(&[b'y'; 58])).0, 0);
    assert_eq!(asked(|| entry.write_at(10, b"zz")).0, 0);
    assert_eq!(asked(|| entry.set_deadline(9)).0, 0);
    let (grown, ()) = asked(|| (0..100_000).for_each(|_| entry.append(b"x")));
    assert_eq!(grown, 11, "doubling from 128 bytes to 128 KiB");
}

#[test]
fn sizes_are_what_was_asked_for_and_all_is_given_back() {
    let before = LIVE.get();
    let held = |size: usize, allocations: isize| {
        assert_eq!(LIVE.get() - before, size as isize - 8 * allocations, "all but the allocator's own 8 bytes");
    };
    for key in [&b"key"[..], &[b'k'; 255], &[b'k'; 256]] {
        for len in [0, 1, 100, 5000, 1 << 20] {
            let mut entry = Entry::<u32>::text(key, black_box(&[7; 1 << 20])[..len].as_ref(), 0);
            held(entry.size(), 1);
            entry.append(b"tail");
            held(entry.size(), 1);
            entry.write_at(len / 2, &[1; 300]);
            held(entry.size(), 1);
            let handle = entry.as_text().unwrap().clone();
            entry.append(b"tail");
            held(entry.size() + handle.block_size(), 2);
            drop((entry, handle));
            held(0, 0);
        }
        let entry = Entry::object(key, [0_u64; 9], 0);
        held(entry.size(), 1);
        drop(entry);
        let shared = Entry::<u32>::shared(key, Value::new(&[7; 9000]), 0);
        assert!(LIVE.get() > before + 9000);
        drop(shared);
        held(0, 0);
    }
}
