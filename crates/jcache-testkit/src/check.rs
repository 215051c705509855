//! Checkers: what a cache that promises to keep data must never show, each as a function or a watcher of its own.
//!
//! | | promise | where |
//! | --- | --- | --- |
//! | C1 | what was acknowledged is there | [`kept`] |
//! | C2 | strong operations are linearizable, key by key | [`linearizable`] |
//! | C3 | a client sees what it wrote and never less than it saw | [`session`] |
//! | C4 | copies are equal at equal offsets | [`digest`] |
//! | C5 | each write is carried out once at most | [`once`] |
//! | C6 | one committer an epoch; what is committed stays committed | [`progress`] |
//! | C7 | a follower never takes back what it showed | [`progress`] |
//! | C8 | keys live as long as they were told to | [`lifetime`] |
//! | C9 | after the last fault all copies come together again | [`convergence`] |
//! | C10 | memory stays within its bounds | [`bound`] |

pub mod bound;
pub mod convergence;
pub mod digest;
pub mod kept;
pub mod lifetime;
pub mod linearizable;
pub mod once;
pub mod progress;
pub mod session;

use std::collections::BTreeMap;
use std::fmt;

use jcache_core::{Model, Object, ObjectRef, Reply};

/// Something that was promised and did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The checker: `C1` to `C10`.
    pub check: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    /// `check` saw `what`.
    pub fn new(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.what)
    }
}

/// How often each element is found in the keys of a group, whatever they hold.
pub type Contents = BTreeMap<Vec<u8>, usize>;

/// The elements in those keys of `model` that `of` admits: a string's value, a list's elements, the members of sets and
/// sorted sets, the fields of hashes.
pub fn contents(model: &Model, of: impl Fn(&[u8]) -> bool) -> Contents {
    let mut contents = Contents::new();
    for (_, object, _) in model.iter().filter(|(key, ..)| of(key)) {
        contents_of(object).into_iter().for_each(|element| *contents.entry(element).or_default() += 1);
    }
    contents
}

/// The elements of one key.
pub(crate) fn contents_of(object: &Object) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    let mut add = |element: &[u8]| elements.push(element.to_vec());
    match object.as_ref() {
        ObjectRef::String(text) => add(text),
        ObjectRef::List(list) => list.iter().for_each(&mut add),
        ObjectRef::Set(set) => set.for_each(&mut add),
        ObjectRef::SortedSet(sorted) => sorted.iter().for_each(|(member, _)| add(member.as_bytes())),
        ObjectRef::Hash(hash) => hash.for_each(|field, _| add(field)),
    }
    elements
}

/// Every byte string in a reply.
pub(crate) fn elements(reply: &Reply, found: &mut Vec<Vec<u8>>) {
    match reply {
        Reply::Bulk(value) => found.push(value.to_vec()),
        Reply::Array(items) | Reply::Set(items) => items.iter().for_each(|item| elements(item, found)),
        Reply::Map(pairs) | Reply::Pairs(pairs) => pairs.iter().for_each(|(key, value)| {
            elements(key, found);
            elements(value, found);
        }),
        _ => {}
    }
}
