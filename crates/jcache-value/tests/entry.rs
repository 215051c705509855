//! `Entry`: its three kinds, its fields, its edits, and what handles see of them.

use std::cell::Cell;
use std::rc::Rc;

use jcache_value::{Entry, SHARE_MIN, Value};

type Text = Entry<()>;

const KEYS: [usize; 9] = [0, 1, 7, 20, 254, 255, 256, 257, 70_000];
const LENGTHS: [usize; 11] = [0, 1, 8, 254, 255, 256, 4095, 4096, 4097, 65536, 70_000];
const DEADLINE_MAX: u64 = (1 << 48) - 1;

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + len) as u8).collect()
}

fn value<T>(entry: &Entry<T>) -> &[u8] {
    entry.as_text().expect("a text entry")
}

#[test]
fn every_kind_keeps_key_payload_and_deadline() {
    for key in KEYS.map(bytes) {
        for len in LENGTHS {
            let expected = bytes(len);
            for entry in [
                Text::text(&key, &expected, 5),
                Text::shared(&key, Value::new(&expected), 5),
                Text::shared(&key, Value::from(expected.clone()), 5),
            ] {
                assert_eq!((entry.key(), value(&entry), entry.deadline()), (&*key, &*expected, 5));
                assert!(entry.as_object().is_none() && entry.frequency() == 0);
            }
        }
        let entry = Entry::object(&key, String::from("object"), 6);
        assert_eq!((entry.key(), entry.as_object().unwrap().as_str(), entry.deadline()), (&*key, "object", 6));
        assert!(entry.as_text().is_none());
        assert_eq!(entry.into_object().unwrap(), "object");
    }
}

#[test]
fn the_longest_key_of_redis_fits() {
    let key = vec![0; 512 << 20];
    let entry = Text::text(&key, b"value", 0);
    assert_eq!((entry.key().len(), value(&entry)), (512 << 20, b"value".as_slice()));
    assert!(entry.size() > 512 << 20);
}

#[test]
fn deadlines_saturate() {
    let mut entry = Text::text(b"key", b"value", u64::MAX);
    assert_eq!(entry.deadline(), DEADLINE_MAX);
    for deadline in [0, 1, DEADLINE_MAX, DEADLINE_MAX + 1] {
        entry.set_deadline(deadline);
        assert_eq!(entry.deadline(), deadline.min(DEADLINE_MAX));
    }
    assert_eq!((entry.key(), value(&entry)), (b"key".as_slice(), b"value".as_slice()));
}

#[test]
fn marks_rise_to_three_and_fall_to_zero() {
    for entry in [Entry::text(&[b'k'; 300], b"v", DEADLINE_MAX), Entry::object(b"key", 7, DEADLINE_MAX)] {
        let up: Vec<u8> = (0..5).map(|_| (entry.touch(), entry.frequency()).1).collect();
        let down: Vec<u8> = (0..5).map(|_| (entry.cool(), entry.frequency()).1).collect();
        assert_eq!((up, down), (vec![1, 2, 3, 3, 3], vec![2, 1, 0, 0, 0]));
        assert_eq!(entry.deadline(), DEADLINE_MAX);
    }
}

#[test]
fn large_values_are_shared_and_outlive_the_entry() {
    let large = Value::from(bytes(SHARE_MIN));
    let entry = Text::shared(b"key", large.clone(), 0);
    assert_eq!(value(&entry).as_ptr(), large.as_ptr());
    let inline = Value::new(&bytes(SHARE_MIN));
    let by_owner = Text::shared(b"key", inline.clone(), 0);
    assert_eq!(value(&by_owner).as_ptr(), inline.as_ptr());

    let hit = entry.as_text().unwrap().clone();
    let address = large.as_ptr();
    drop((entry, large));
    assert_eq!((hit.as_ptr(), hit.as_bytes()), (address, &*bytes(SHARE_MIN)));
}

#[test]
fn overwrite_wants_the_same_class_and_no_handles() {
    // Header 16, key 4, allocator 8: values of up to 4 bytes take 32, up to 20 take 48.
    let mut entry = Text::text(b"key!", b"12345", 9);
    entry.touch();
    for (new, fits) in
        [("", false), ("1234", false), ("12345", true), (&*"x".repeat(20), true), (&*"x".repeat(21), false)]
    {
        let (before, address) = (value(&entry).to_vec(), value(&entry).as_ptr());
        assert_eq!(entry.overwrite(new.as_bytes()), fits, "{new:?}");
        assert_eq!(value(&entry), if fits { new.as_bytes() } else { &before });
        assert_eq!(value(&entry).as_ptr(), address);
    }
    let handle = entry.as_text().unwrap().clone();
    assert!(!entry.overwrite(b"12345"));
    assert_eq!(handle, value(&entry));
    drop(handle);
    assert!(entry.overwrite(b"12345"));
    assert_eq!((entry.key(), entry.deadline(), entry.frequency()), (b"key!".as_slice(), 9, 1));

    assert!(!Text::shared(b"key", Value::from(bytes(SHARE_MIN)), 0).overwrite(&bytes(SHARE_MIN)));
    assert!(!Entry::object(b"key", 7, 0).overwrite(b"text"));
}

#[test]
fn set_text_and_set_shared_replace_every_kind() {
    let kinds = || {
        [
            Entry::text(b"key", b"text", 9),
            Entry::shared(b"key", Value::from(bytes(SHARE_MIN)), 9),
            Entry::object(b"key", vec![1, 2, 3], 9),
        ]
    };
    for len in LENGTHS {
        let new = bytes(len);
        for (mut by_slice, mut by_value) in kinds().into_iter().zip(kinds()) {
            by_slice.touch();
            by_value.touch();
            let (old_slice, old_value) = (by_slice.as_text().cloned(), by_value.as_text().cloned());
            by_slice.set_text(&new);
            by_value.set_shared(Value::from(new.clone()));
            for entry in [&by_slice, &by_value] {
                assert_eq!((entry.key(), value(entry), entry.deadline()), (b"key".as_slice(), &*new, 9));
                assert_eq!(entry.frequency(), 1);
            }
            assert_eq!(old_slice, old_value, "handles keep what they read");
        }
    }
    let mut entry = Text::text(b"key", b"value", 0);
    let address = value(&entry).as_ptr();
    entry.set_text(b"VALUE");
    entry.set_shared(Value::from("other"));
    assert_eq!((value(&entry), value(&entry).as_ptr()), (b"other".as_slice(), address), "in place");
    entry.set_text(&bytes(SHARE_MIN));
    let large = Value::from(bytes(SHARE_MIN));
    entry.set_shared(large.clone());
    assert_eq!(value(&entry).as_ptr(), large.as_ptr(), "by reference, though there was room");
}

#[test]
fn append_grows_every_text() {
    for key in KEYS.map(bytes) {
        for start in LENGTHS {
            for mut entry in [Text::text(&key, &bytes(start), 9), Text::shared(&key, Value::from(bytes(start)), 9)] {
                entry.touch();
                let mut model = bytes(start);
                for tail in [0, 1, 7, 8, 100, 5000] {
                    let before = entry.as_text().unwrap().clone();
                    let expected_before = model.clone();
                    if tail % 2 == 0 {
                        entry.append(&bytes(tail)); // with a handle out there
                        assert_eq!(before, *expected_before);
                    } else {
                        drop(before);
                        entry.append(&bytes(tail));
                    }
                    model.extend(bytes(tail));
                    assert_eq!(value(&entry), model);
                }
                assert_eq!((entry.key(), entry.deadline(), entry.frequency()), (&*key, 9, 1));
            }
        }
    }
}

#[test]
fn appends_move_the_text_only_now_and_then() {
    let mut entry = Text::text(b"key", b"", 0);
    let (mut moves, mut size) = (0, entry.size());
    for _ in 0..3 << 20 {
        entry.append(b"x");
        if entry.size() != size {
            (moves, size) = (moves + 1, entry.size());
        }
    }
    assert_eq!(value(&entry).len(), 3 << 20);
    assert_eq!((moves, size), (15 + 3, 4 << 20), "32 bytes to 1 MiB by doubling, then by steps of 1 MiB");
    let tail = entry.as_text().unwrap().clone();
    entry.append(&tail);
    assert_eq!(value(&entry).len(), 6 << 20);
}

#[test]
fn write_at_pads_with_zeros_and_keeps_handles() {
    for (start, offset, len) in [
        (0, 0, 1),
        (5, 0, 5),
        (5, 2, 2),
        (5, 2, 9),
        (5, 5, 3),
        (5, 9, 3),
        (0, 70_000, 1),
        (9000, 10, 3),
        (9000, 9500, 9),
    ] {
        for mut entry in [Text::text(b"key", &bytes(start), 9), Text::shared(b"key", Value::from(bytes(start)), 9)] {
            let mut model = bytes(start);
            model.resize(start.max(offset + len), 0);
            model[offset..offset + len].copy_from_slice(&bytes(len));
            let handle = entry.as_text().unwrap().clone();
            entry.write_at(offset, &bytes(len));
            assert_eq!((value(&entry), entry.key(), entry.deadline()), (&*model, b"key".as_slice(), 9));
            assert_eq!(handle.as_bytes(), bytes(start));
            entry.write_at(1 << 40, b"");
            assert_eq!(value(&entry), model, "no bytes change nothing");
        }
    }
}

#[test]
fn a_copy_that_does_not_grow_takes_no_spare_room() {
    let mut entry = Text::text(b"key", &[b'x'; 600], 0);
    let (size, _handle) = (entry.size(), entry.as_text().unwrap().clone());
    entry.write_at(0, b"y");
    assert_eq!(entry.size(), size);
}

#[test]
fn writes_past_the_end_of_lengths_leave_the_entry_whole() {
    let mut entry = Text::text(b"key", b"value", 0);
    for offset in [u32::MAX as usize, usize::MAX - 3, usize::MAX] {
        let write = std::panic::AssertUnwindSafe(|| entry.write_at(offset, b"xy"));
        assert!(std::panic::catch_unwind(write).is_err());
        assert_eq!((entry.key(), value(&entry)), (b"key".as_slice(), b"value".as_slice()));
    }
}

#[test]
#[should_panic(expected = "only text is appended to")]
fn objects_are_not_appended_to() {
    Entry::object(b"key", 7, 0).append(b"tail");
}

#[test]
fn objects_are_dropped_once() {
    struct Counted(Rc<Cell<usize>>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let drops = Rc::new(Cell::new(0));
    let make = || Entry::object(b"key", Counted(drops.clone()), 0);

    drop(make());
    assert_eq!(drops.get(), 1, "with the entry");
    let object = make().into_object().ok().unwrap();
    assert_eq!(drops.get(), 1, "not while taken out");
    drop(object);
    assert_eq!(drops.get(), 2);
    let mut entry = make();
    entry.set_text(b"text");
    assert_eq!(drops.get(), 3, "replaced");
    drop(entry.into_object().err().unwrap());
    assert_eq!(drops.get(), 3);
    assert_eq!(Rc::strong_count(&drops), 1);
}

#[test]
fn a_panic_in_an_objects_drop_frees_the_block() {
    struct Bomb(#[expect(dead_code, reason = "the leak checker must find it freed")] Vec<u8>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }
    let entry = Entry::object(b"key", Bomb(bytes(100)), 0);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(entry))).is_err());
}

#[test]
fn objects_may_be_of_any_size_and_alignment() {
    #[repr(align(128))]
    #[derive(Debug, PartialEq)]
    struct Wide([u8; 200]);
    for key in KEYS.map(bytes) {
        let wide = Entry::object(&key, Wide([7; 200]), 1);
        assert_eq!((wide.key(), wide.as_object()), (&*key, Some(&Wide([7; 200]))));
        assert_eq!(std::ptr::from_ref(wide.as_object().unwrap()).addr() % 128, 0);
        assert!(wide.size() >= 16 + key.len() + 256);
        let unit = Entry::object(&key, (), 1);
        assert_eq!((unit.key(), unit.as_object()), (&*key, Some(&())));
    }
}

#[test]
fn sizes_follow_the_allocation() {
    assert_eq!(Text::text(&[b'k'; 20], &[b'v'; 100], 0).size(), 144);
    assert_eq!(Text::text(b"", b"", 0).size(), 32);
    assert_eq!(Text::shared(&[b'k'; 20], Value::from(bytes(10_000)), 0).size(), 80 + 10_000);
    assert_eq!(Entry::object(&[b'k'; 20], [0_u64; 3], 0).size(), 80);
}

#[test]
fn debug_shows_key_deadline_and_text() {
    assert_eq!(format!("{:?}", Text::text(b"k\n", b"v", 3)), r#"Entry { key: b"k\n", deadline: 3, text: b"v" }"#);
    assert_eq!(format!("{:?}", Entry::object(b"k", 1, 0)), r#"Entry { key: b"k", deadline: 0, object: .. }"#);
}
