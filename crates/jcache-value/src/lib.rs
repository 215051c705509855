//! The value handle of jcache: one reference-counted heap block per keyspace entry, seen through thin 8-byte pointers.
//!
//! - [`Value`] is an immutable byte string; cloning it copies a pointer and counts one reference.
//! - [`Entry`] is one entry of a keyspace: a key, a deadline, a frequency mark, and either text or an object such as a
//!   list. The text of an entry *is* a [`Value`], so a cache hit hands out the entry's own block: no copy, no allocation.
//!
//! A table of entries therefore costs one pointer per slot, one allocation per entry and 16 bytes of header:
//!
//! ```text
//!          0        4        8                     16
//! Text     | refs   | len    | deadline, bits      | key | value
//! Shared   | refs   | len    | deadline, bits      | key | pad | bytes::Bytes   (large values, by reference)
//! Object   | refs   | len    | deadline, bits      | key | pad | T
//! ```
//!
//! This is the only crate of the project with `unsafe` code; nothing unsafe is exported.
//!
//! ```
//! use jcache_value::{Entry, Value};
//!
//! let mut entry = Entry::<()>::text(b"greeting", b"hello", 0);
//! let hit: Value = entry.as_text().expect("a text entry").clone(); // no copy, no allocation
//! entry.append(b" world"); // the handle is out there, so the entry moves to a block of its own
//! assert_eq!(hit, b"hello");
//! assert_eq!(entry.as_text().expect("a text entry"), b"hello world");
//! ```

mod ahead;
mod block;
mod convert;
mod edit;
mod entry;
mod layout;
mod value;

pub use ahead::fetch_ahead;
pub use entry::Entry;
pub use value::Value;

/// The length in bytes from which a value is held by reference rather than copied into its block.
///
/// Below it a copy is cheaper than the second allocation and the pointer chase that sharing costs.
pub const SHARE_MIN: usize = 4096;
