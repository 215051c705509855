//! Replies that are told element by element, from where the elements lie, instead of being built.

/// Takes a reply as it is told: first how many elements, then each of them.
pub trait ReplySink {
    /// A reply of `len` elements begins; of so many pairs, for a map.
    fn list(&mut self, shape: Shape, len: usize);

    /// The next element.
    fn bulk(&mut self, bytes: &[u8]);
}

/// What kind of list a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Elements in order: [`Reply::Array`](crate::Reply::Array).
    Array,
    /// Unique members: [`Reply::Set`](crate::Reply::Set).
    Set,
    /// Fields and values, one after the other: [`Reply::Map`](crate::Reply::Map).
    Map,
}
