//! The state that a search is in: core's model, shared until it changes, with a digest that tells states apart.

use std::hash::{BuildHasher, Hash, Hasher};
use std::rc::Rc;

use foldhash::quality::FixedState;
use jcache_core::{Context, Model, ObjectRef, Reply, Result, Timestamp};

use crate::history::Parsed;

/// A state, cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    model: Rc<Model>,
    digest: u64,
}

impl State {
    pub(super) fn new(model: &Model) -> Self {
        Self { model: Rc::new(model.clone()), digest: digest(model) }
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    /// The reply of a command here, and the state after it.
    pub(super) fn run(&self, command: &Parsed<'_>) -> (Result<Reply>, Self) {
        let context = Context::at(Timestamp::ZERO);
        match command {
            Parsed::Query(query) => (query.run(&*self.model, context), self.clone()),
            Parsed::Mutation(mutation) => {
                let mut model = Model::clone(&self.model);
                let reply = mutation.run(&mut model, context);
                let digest = digest(&model);
                (reply, Self { model: Rc::new(model), digest })
            }
        }
    }
}

/// A hash of all that a model holds, however it came to hold it.
fn digest(model: &Model) -> u64 {
    let of = |parts: &[&[u8]]| FixedState::default().hash_one(parts);
    let mut all = FixedState::default().build_hasher();
    for (key, object, deadline) in model.iter() {
        (key, deadline.map(Timestamp::as_millis)).hash(&mut all);
        match object.as_ref() {
            ObjectRef::String(text) => text.as_bytes().hash(&mut all),
            ObjectRef::List(list) => list.iter().for_each(|element| element.hash(&mut all)),
            // The order of the rest depends on how it came to be: a sum does not.
            ObjectRef::Set(set) => {
                let mut sum = 0_u64;
                set.for_each(|member| sum = sum.wrapping_add(of(&[member])));
                sum.hash(&mut all);
            }
            ObjectRef::Hash(hash) => {
                let mut sum = 0_u64;
                hash.for_each(|field, value| sum = sum.wrapping_add(of(&[field, value])));
                sum.hash(&mut all);
            }
            ObjectRef::SortedSet(sorted) => {
                for (member, score) in sorted.iter() {
                    (member.as_bytes(), score.to_bits()).hash(&mut all);
                }
            }
        }
    }
    all.finish()
}
