//! The distributed memory driver of jcache: every process keeps a full copy, one leads, and what it acknowledges is kept.
//!
//! [`engine`] is its brain: a state machine without I/O, clock, randomness or tasks, so that whole clusters run in one
//! thread of a test, and a seed repeats a failure byte for byte.

pub mod engine;
