//! What a level says to a read: a reply, and whether it had what was asked for.

use crate::reply::Reply;

/// The answer of a driver to a query.
///
/// `hit` says whether the driver holds the keys that were asked for: a hash without the asked field is a hit with a
/// nil reply, an absent hash is a miss with the same nil reply. Levels ask the next one only after a miss.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The reply to give when this answer stands.
    pub reply: Reply,
    /// Whether the driver has the keys.
    pub hit: bool,
}

impl Answer {
    /// An answer from a driver that has the keys.
    #[inline]
    pub fn hit(reply: Reply) -> Self {
        Self { reply, hit: true }
    }

    /// An answer from a driver that does not have them.
    #[inline]
    pub fn miss(reply: Reply) -> Self {
        Self { reply, hit: false }
    }
}

/// A reply alone: something is a hit; nil, zero or an empty list may mean either, and counts as a miss, which is
/// always safe (the next level is asked).
impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let hit = !reply.is_nothing();
        Self { reply, hit }
    }
}
