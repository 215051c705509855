//! `Value` as a byte string: every way in, every way out, at the lengths where something changes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use jcache_value::{SHARE_MIN, Value};

const LENGTHS: [usize; 12] = [0, 1, 7, 8, 9, 254, 255, 256, 4095, 4096, 4097, 65536];

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + len) as u8).collect()
}

#[test]
fn every_constructor_keeps_the_bytes() {
    for len in LENGTHS {
        let expected = bytes(len);
        let text = "ä".repeat(len / 2);
        let made = [
            Value::new(&expected),
            Value::from(expected.as_slice()),
            Value::from(expected.clone()),
            Value::from(Bytes::from(expected.clone())),
            Value::from_parts(&[&expected[..len / 3], b"", &expected[len / 3..]]),
        ];
        for value in made {
            assert_eq!(value.as_bytes(), expected);
            assert_eq!((value.len(), value.is_empty()), (len, len == 0));
            assert_eq!(&*value, AsRef::<[u8]>::as_ref(&value));
            assert_eq!(Bytes::from(value.clone()), expected);
            assert_eq!(value.clone().to_bytes(), expected);
            assert_eq!(Vec::from(value.clone()), expected);
            assert_eq!(Vec::from(value), expected);
        }
        assert_eq!(Value::from(text.as_str()).as_bytes(), text.as_bytes());
        assert_eq!(Value::from(text.clone()).as_bytes(), text.as_bytes());
    }
    assert_eq!(Value::from(b"array").as_bytes(), b"array");
    assert_eq!(Value::from_parts(&[]), Value::default());
    assert_eq!(Value::default().as_bytes(), b"");
}

#[test]
fn large_buffers_are_held_by_reference() {
    for len in [SHARE_MIN, 65536] {
        let buffer = Bytes::from(bytes(len));
        let address = buffer.as_ptr();
        let value = Value::from(buffer);
        assert_eq!(value.as_ptr(), address, "Bytes");
        assert_eq!(value.clone().to_bytes().as_ptr(), address, "back to Bytes");
        let vector = Vec::from(value);
        assert_eq!(vector.as_ptr(), address, "back to a vector, as nobody else holds it");

        let vector = bytes(len);
        let address = vector.as_ptr();
        assert_eq!(Value::from(vector).as_ptr(), address, "Vec");

        let text = "x".repeat(len);
        let address = text.as_ptr();
        assert_eq!(Value::from(text).as_ptr(), address, "String");

        let inline = Value::new(&bytes(len));
        let address = inline.as_ptr();
        assert_eq!(inline.clone().to_bytes().as_ptr(), address, "an inline value as the owner of a Bytes");
        assert_eq!(inline.to_bytes().slice(1..).as_ptr(), address.wrapping_add(1));
    }
    let small = Bytes::from(bytes(SHARE_MIN - 1));
    assert_ne!(Value::from(small.clone()).as_ptr(), small.as_ptr());
}

#[test]
fn a_vector_somebody_else_holds_is_copied() {
    let value = Value::from(bytes(SHARE_MIN));
    let other = value.clone();
    let mut vector = Vec::from(value);
    vector[0] ^= 0xff;
    assert_eq!(other.as_bytes(), bytes(SHARE_MIN));
}

#[test]
fn clones_are_the_same_block() {
    for value in [Value::new(b"abc"), Value::from(bytes(SHARE_MIN)), Value::default()] {
        let clone = value.clone();
        assert_eq!(clone.as_ptr(), value.as_ptr());
        let expected = value.to_vec();
        drop(value);
        assert_eq!(clone.as_bytes(), expected);
    }
}

#[test]
fn values_compare_and_hash_by_bytes() {
    let state = RandomState::new();
    for (a, b) in [("", ""), ("", "a"), ("a", "b"), ("ab", "b"), ("b", "ab"), ("same", "same")] {
        let (x, y) = (Value::from(a), Value::from(b));
        assert_eq!(x == y, a == b);
        assert_eq!(x.cmp(&y), a.cmp(b));
        assert_eq!(x.partial_cmp(&y), a.partial_cmp(b));
        assert_eq!(state.hash_one(&x), state.hash_one(a.as_bytes()));
        assert_eq!(x == *b.as_bytes(), a == b);
        assert_eq!(x == b.as_bytes(), a == b);
    }
    assert!(Value::from("abc") == b"abc" && Value::from("abc") == *b"abc" && Value::from("abc") != b"abd");
    let inline = Value::new(&bytes(5000));
    assert_eq!(inline, Value::from(bytes(5000)), "inline or by reference does not matter");

    let map = HashMap::from([(Value::from("key"), 1)]);
    assert_eq!(map.get(b"key".as_slice()), Some(&1));
}

#[test]
fn debug_is_a_byte_string_literal() {
    assert_eq!(format!("{:?}", Value::from("caf\u{e9}\n\"\0")), r#"b"caf\xc3\xa9\n\"\x00""#);
    assert_eq!(format!("{:?}", Value::default()), r#"b"""#);
}

#[test]
fn sizes_count_what_is_kept() {
    for (len, size) in [(0, 0), (1, 32), (8, 32), (9, 48), (24, 48), (25, 64), (4096, 4128)] {
        let value = Value::new(&bytes(len));
        assert_eq!((value.heap_size(), value.block_size()), (size, size), "{len} bytes");
    }
    let shared = Value::from(bytes(10_000));
    assert_eq!(shared.block_size(), 64, "header and Bytes");
    assert_eq!(shared.heap_size(), 10_064);
}

#[test]
#[should_panic(expected = "a key or a value has at most 4294967295 bytes, not 4294967296")]
fn more_than_the_header_can_tell_is_refused() {
    let part = vec![0; 1 << 20];
    Value::from_parts(&vec![part.as_slice(); 4096]);
}

#[test]
fn handles_travel_between_threads() {
    fn travels<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
    travels::<Value>();
    assert_eq!((size_of::<Value>(), size_of::<Option<Value>>()), (8, 8));
}
