//! What a [`Value`] is to the standard library: a byte string, by its bytes.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use bytes::Bytes;

use crate::{SHARE_MIN, Value};

impl Deref for Value {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Value {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Value {
    #[inline]
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Value {
    #[inline]
    fn eq(&self, other: &Value) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Value {}

impl PartialEq<[u8]> for Value {
    #[inline]
    fn eq(&self, other: &[u8]) -> bool {
        self.as_bytes() == other
    }
}

impl PartialEq<&[u8]> for Value {
    #[inline]
    fn eq(&self, other: &&[u8]) -> bool {
        self.as_bytes() == *other
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Value {
    #[inline]
    fn eq(&self, other: &[u8; N]) -> bool {
        self.as_bytes() == other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Value {
    #[inline]
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.as_bytes() == *other
    }
}

impl PartialOrd for Value {
    #[inline]
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    #[inline]
    fn cmp(&self, other: &Value) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Value {
    /// As `[u8]` hashes, so that maps keyed by values can be asked with slices.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Value {
    /// Writes a byte string literal: `b"caf\xc3\xa9"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl From<&[u8]> for Value {
    #[inline]
    fn from(bytes: &[u8]) -> Value {
        Value::new(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    #[inline]
    fn from(bytes: &[u8; N]) -> Value {
        Value::new(bytes)
    }
}

impl From<&str> for Value {
    #[inline]
    fn from(text: &str) -> Value {
        Value::new(text.as_bytes())
    }
}

impl From<String> for Value {
    /// Takes a large string over without a copy.
    fn from(text: String) -> Value {
        Value::from(text.into_bytes())
    }
}

impl From<Vec<u8>> for Value {
    /// Takes a large vector over without a copy, spare capacity and all.
    fn from(bytes: Vec<u8>) -> Value {
        // Asked here too: a small vector would become a `Bytes` only to be copied.
        if bytes.len() < SHARE_MIN { Value::new(&bytes) } else { Value::share(Bytes::from(bytes)) }
    }
}

impl From<Bytes> for Value {
    /// Holds a large buffer by reference. If it is a part of a larger one, that one stays in memory.
    fn from(bytes: Bytes) -> Value {
        Value::share(bytes)
    }
}

impl From<Value> for Bytes {
    /// [`Value::to_bytes`].
    fn from(value: Value) -> Bytes {
        value.to_bytes()
    }
}

impl From<Value> for Vec<u8> {
    /// Gets back, without a copy, a large vector that nobody else holds; else copies.
    fn from(value: Value) -> Vec<u8> {
        match value.block().shared().cloned() {
            Some(bytes) => {
                drop(value); // so that `bytes` may be the only one left
                Vec::from(bytes)
            }
            None => value.as_bytes().to_vec(),
        }
    }
}
