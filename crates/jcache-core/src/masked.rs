//! A keyspace in which some keys are out of bounds.
//!
//! A copy that is being filled holds some keys already and others not yet. What a command does to the latter has to go
//! nowhere, and must not be read either: the copy gets them whole later.

use jcache_value::Value;

use crate::arg::Arg;
use crate::error::Result;
use crate::keyspace::{Found, Keyspace, Usage};
use crate::object::{Object, ObjectRef};
use crate::time::Timestamp;

/// A keyspace in which the keys that are not admitted are not found, and what is written to them goes nowhere.
#[derive(Debug)]
pub struct Masked<'k, K, F> {
    inner: &'k mut K,
    admits: F,
}

impl<'k, K: Keyspace, F: Fn(&[u8]) -> bool> Masked<'k, K, F> {
    /// `inner` with the keys that `admits` takes.
    pub fn new(inner: &'k mut K, admits: F) -> Self {
        Self { inner, admits }
    }
}

impl<K: Keyspace, F: Fn(&[u8]) -> bool> Keyspace for Masked<'_, K, F> {
    fn find(&self, key: &[u8]) -> Option<Found<'_>> {
        if (self.admits)(key) { self.inner.find(key) } else { None }
    }

    fn usage(&self, key: &[u8]) -> Option<Usage> {
        if (self.admits)(key) { self.inner.usage(key) } else { None }
    }

    fn len(&self) -> usize {
        self.inner.len()
    }

    fn scan(&self, cursor: u64, count: usize, visit: &mut dyn FnMut(&[u8], ObjectRef<'_>)) -> u64 {
        self.inner.scan(cursor, count, &mut |key, object| {
            if (self.admits)(key) {
                visit(key, object);
            }
        })
    }

    fn random_key(&self, seed: u64) -> Option<Value> {
        self.inner.random_key(seed).filter(|key| (self.admits)(key))
    }

    fn put_text(&mut self, key: &[u8], text: &Arg<'_>, deadline: Option<Timestamp>) -> Result<()> {
        if (self.admits)(key) { self.inner.put_text(key, text, deadline) } else { Ok(()) }
    }

    fn append_text(&mut self, key: &[u8], tail: &[u8]) -> Result<()> {
        if (self.admits)(key) { self.inner.append_text(key, tail) } else { Ok(()) }
    }

    fn put(&mut self, key: &[u8], object: Object, deadline: Option<Timestamp>) -> Result<()> {
        if (self.admits)(key) { self.inner.put(key, object, deadline) } else { Ok(()) }
    }

    fn edit<R>(&mut self, key: &[u8], change: impl FnOnce(&mut Object) -> R) -> Option<R> {
        if (self.admits)(key) { self.inner.edit(key, change) } else { None }
    }

    fn set_deadline(&mut self, key: &[u8], deadline: Option<Timestamp>) -> bool {
        (self.admits)(key) && self.inner.set_deadline(key, deadline)
    }

    fn take(&mut self, key: &[u8]) -> Option<(Object, Option<Timestamp>)> {
        if (self.admits)(key) { self.inner.take(key) } else { None }
    }

    fn clear(&mut self) {
        let mut keys = Vec::new();
        self.scan(0, usize::MAX, &mut |key, _| keys.push(Value::new(key)));
        for key in keys {
            self.inner.remove(&key);
        }
    }

    fn unchanged(&mut self, key: &[u8]) {
        self.inner.unchanged(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Model, Mutation};

    #[test]
    fn what_is_out_of_bounds_is_neither_read_nor_written() {
        let run = |model: &mut Model, line: &str| {
            let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
            let mutation = Mutation::parse(&args).expect("a command");
            let mut masked = Masked::new(model, |key: &[u8]| key.starts_with(b"in"));
            mutation.run(&mut masked, Context::at(Timestamp::ZERO)).expect("no error");
        };
        let mut model = Model::default();
        let text = |text: &str| Object::String(text.into());
        for key in ["in:a", "in:b", "out:a", "out:b"] {
            model.put(key.as_bytes(), text(key), None).expect("a model has room");
        }
        for line in ["MSET in:a x out:a x", "APPEND out:b y", "DEL out:a in:b", "PEXPIRE out:a 5", "SADD out:c x"] {
            run(&mut model, line);
        }
        let keys =
            |model: &Model| model.iter().map(|(key, ..)| String::from_utf8_lossy(key).into()).collect::<Vec<String>>();
        assert_eq!(keys(&model), ["in:a", "out:a", "out:b"]);
        assert_eq!(model.text(b"in:a").expect("a string"), Some(&"x".into()));
        assert_eq!(model.find(b"out:a").map(|it| (it.object.to_object(), it.deadline)), Some((text("out:a"), None)));
        run(&mut model, "FLUSHALL");
        assert_eq!(keys(&model), ["out:a", "out:b"]);
    }
}
