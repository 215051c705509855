//! A whole key as mutations of a bounded size: how a keyspace goes over a wire without a message as large as a key.

use crate::Value;
use crate::arg::{Arg, Key};
use crate::command::Mutation;
use crate::command::hash::HSet;
use crate::command::key::PExpireAt;
use crate::command::list::RPush;
use crate::command::set::SAdd;
use crate::command::sorted_set::ZAdd;
use crate::command::string::{Append, Set};
use crate::object::ObjectRef;
use crate::time::Timestamp;

/// What an element takes besides its bytes, about: its length, a score.
const OVERHEAD: usize = 8;

/// Visits, in order, the mutations that make `key`, absent so far, hold `object` until `deadline`; each carries about
/// `most` bytes, and one element or part of a text at least.
///
/// ```
/// use jcache_core::portions::portions;
/// use jcache_core::{Context, Keyspace, Model, Object, Timestamp};
///
/// let text = Object::String("x".repeat(1000).into());
/// let (mut count, mut model) = (0, Model::default());
/// portions(b"key", text.as_ref(), None, 300, &mut |mutation| {
///     mutation.run(&mut model, Context::at(Timestamp::ZERO)).expect("a model has room");
///     count += 1;
/// });
/// assert_eq!(count, 4);
/// assert_eq!(model.text(b"key")?.map(|text| text.len()), Some(1000));
/// # Ok::<(), jcache_core::Error>(())
/// ```
pub fn portions(
    key: &[u8],
    object: ObjectRef<'_>,
    deadline: Option<Timestamp>,
    most: usize,
    visit: &mut dyn FnMut(&Mutation<'_>),
) {
    let most = most.max(1);
    match object {
        ObjectRef::String(text) => {
            let (first, rest) = text.split_at(text.len().min(most));
            visit(&Set::until(Key::from(key), first.into(), deadline).into());
            for tail in rest.chunks(most) {
                visit(&Append { key: Key::from(key), tail: tail.into() }.into());
            }
            return;
        }
        ObjectRef::Hash(hash) => {
            let pairs = hash.iter().map(|(field, value)| (Arg::Slice(field), Arg::Slice(value)));
            each(
                pairs,
                |(field, value)| field.len() + value.len(),
                most,
                |pairs| {
                    visit(&HSet { key: Key::from(key), pairs: pairs.into_iter().collect() }.into());
                },
            );
        }
        ObjectRef::List(list) => each(
            list.iter().map(Arg::Slice),
            |it| it.len(),
            most,
            |elements| {
                visit(&RPush { key: Key::from(key), elements }.into());
            },
        ),
        ObjectRef::Set(set) => each(
            set.iter().map(Arg::Value),
            |it| it.len(),
            most,
            |members| {
                visit(&SAdd { key: Key::from(key), members }.into());
            },
        ),
        ObjectRef::SortedSet(sorted) => {
            // As the members lie in memory: in the order of their scores each would have to be fetched from far away.
            let (mut members, mut bytes) = (Vec::new(), 0);
            sorted.scan(0, usize::MAX, &mut |member, score| {
                bytes += member.len() + OVERHEAD;
                members.push((score, Arg::Value(Value::new(member))));
                if bytes >= most {
                    visit(&ZAdd::plain(Key::from(key), std::mem::take(&mut members)).into());
                    bytes = 0;
                }
            });
            if !members.is_empty() {
                visit(&ZAdd::plain(Key::from(key), members).into());
            }
        }
    }
    if let Some(at) = deadline {
        visit(&PExpireAt::at(Key::from(key), at).into());
    }
}

/// Hands the elements on in runs of about `most` bytes.
fn each<E>(elements: impl Iterator<Item = E>, size: impl Fn(&E) -> usize, most: usize, mut run: impl FnMut(Vec<E>)) {
    let (mut gathered, mut bytes) = (Vec::new(), 0);
    for element in elements {
        bytes += size(&element) + OVERHEAD;
        gathered.push(element);
        if bytes >= most {
            run(std::mem::take(&mut gathered));
            bytes = 0;
        }
    }
    if !gathered.is_empty() {
        run(gathered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Keyspace, Model, Object};

    #[test]
    fn every_kind_of_key_comes_out_as_it_went_in() {
        let mut model = Model::default();
        let lines = [
            "SET text abcdefghij PXAT 5000",
            "SET empty",
            "HSET hash a 1 b 2 c 3",
            "RPUSH list x y x z",
            "SADD ints 1 2 3",
            "SADD words one two three",
            "ZADD sorted -inf a 0.1 b +inf c",
            "PEXPIREAT sorted 7000",
        ];
        for line in lines {
            let mut args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
            args.resize(args.len().max(3), Arg::from(""));
            Mutation::parse(&args).expect(line).run(&mut model, Context::at(Timestamp::ZERO)).expect(line);
        }
        assert_eq!(model.len(), 7);
        for most in [0, 1, 10, 20, 1000] {
            let (mut copy, mut largest) = (Model::default(), 0);
            for (key, object, deadline) in model.iter() {
                portions(key, object.as_ref(), deadline, most, &mut |mutation| {
                    let bytes: usize = crate::Encoded::mutation(mutation).args().iter().map(|arg| arg.len()).sum();
                    largest = largest.max(bytes);
                    mutation.run(&mut copy, Context::at(Timestamp::ZERO)).expect("a model has room");
                });
            }
            let all = |model: &Model| -> Vec<(Vec<u8>, Object, Option<Timestamp>)> {
                model.iter().map(|(key, object, deadline)| (key.to_vec(), object.clone(), deadline)).collect()
            };
            assert_eq!(all(&copy), all(&model), "in portions of {most}");
            assert!(largest <= most + 40, "{largest} bytes in portions of {most}");
        }
    }
}
