//! From replies to what methods answer.

use jcache_core::reply::{Flat, Page};
use jcache_core::{Error, Outcome, Query, Reply, Request, Result, Value};

use super::call::Finish;
use crate::typed::{FromFields, FromValue};

/// The key at which elements were popped, and these; `None` when there were none.
pub type PoppedFrom<T> = Option<(Value, Vec<T>)>;

/// What is stored at `key`, or is a part of that, as the caller's type.
#[inline]
pub(super) fn element<T: FromValue>(key: &[u8], value: Value) -> Result<T> {
    T::from_value(value).map_err(|error| error.at(key, None))
}

/// The bytes of the key that `request` is about: the first one, or none for a command about all keys.
pub(super) fn key<'r>(request: &'r Request<'_>) -> &'r [u8] {
    let key = match request {
        Request::Query(query) => query.first_key(),
        Request::Mutation(mutation) => mutation.first_key(),
    };
    key.map_or(b"", |key| key.as_bytes())
}

/// A value. The key is looked for only when there is something to say of it.
#[inline]
pub(super) fn one<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<T> {
    T::from_value(Value::from_reply(reply)?).map_err(|error| error.at(key(request), None))
}

/// A value or nothing.
pub(super) fn maybe<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Option<T>> {
    match reply {
        Reply::Bulk(value) => match T::from_value(value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.at(key(request), None)),
        },
        Reply::Nil | Reply::NilArray => Ok(None),
        value => one(request, value).map(Some),
    }
}

/// The string at a key, or nothing.
#[inline]
pub(super) fn text<T: FromValue>(key: &[u8], text: Option<Value>) -> Result<Option<T>> {
    match text {
        None => Ok(None),
        Some(text) => element(key, text).map(Some),
    }
}

/// A list of values.
pub(super) fn many<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Vec<T>> {
    reply.into_items()?.into_iter().map(|item| one(request, item)).collect()
}

/// A list where something may be missing; an error names what the place in the list was asked with.
pub(super) fn places<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Vec<Option<T>>> {
    let place = |(index, item): (usize, Reply)| match item {
        Reply::Nil => Ok(None),
        item => {
            let value = Value::from_reply(item)?;
            T::from_value(value).map(Some).map_err(|error| match request {
                Request::Query(Query::MGet(command)) => error.at(&command.keys[index], None),
                Request::Query(Query::HMGet(command)) => error.at(&command.key, Some(&command.fields[index])),
                _ => error.at(key(request), None),
            })
        }
    };
    reply.into_items()?.into_iter().enumerate().map(place).collect()
}

/// Names with their values, in whatever form servers send them.
pub(super) fn pairs<F: FromValue, V: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Vec<(F, V)>> {
    FromFields::from_fields(key(request), Flat::from_reply(reply)?.0)
}

/// Members with their scores, in whatever form servers send them.
pub(super) fn scored<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Vec<(T, f64)>> {
    let members = Flat::<Value, f64>::from_reply(reply)?.0;
    let named = |member| T::from_value(member).map_err(|error| error.at(key(request), None));
    members.into_iter().map(|(member, score)| Ok((named(member)?, score))).collect()
}

/// A list of what replies may be read as.
pub(super) fn as_listed<R: Outcome>(_: &Request<'_>, reply: Reply) -> Result<Vec<R>> {
    Outcome::from_reply(reply)
}

/// A number of things, of which there cannot be less than none.
pub(super) fn count(_: &Request<'_>, reply: Reply) -> Result<u64> {
    u64::from_reply(reply)
}

/// `OK`, or nil when a condition did not hold.
pub(super) fn done(_: &Request<'_>, reply: Reply) -> Result<bool> {
    match reply {
        Reply::Ok => Ok(true),
        Reply::Nil => Ok(false),
        other => Err(Error::unexpected_reply("OK or nil", &other)),
    }
}

/// A key.
fn name<T: FromValue>(name: Value) -> Result<T> {
    T::from_value(name.clone()).map_err(|error| error.at(&name, None))
}

/// A key or nothing.
pub(super) fn maybe_name<T: FromValue>(_: &Request<'_>, reply: Reply) -> Result<Option<T>> {
    Option::<Value>::from_reply(reply)?.map(name).transpose()
}

/// Keys.
pub(super) fn names<T: FromValue>(_: &Request<'_>, reply: Reply) -> Result<Vec<T>> {
    Vec::<Value>::from_reply(reply)?.into_iter().map(name).collect()
}

/// A page of a scan, whose items `read` reads.
fn page<T>(request: &Request<'_>, reply: Reply, read: Finish<Vec<T>>) -> Result<Page<Vec<T>>> {
    let Page { cursor, items } = Page::<Reply>::from_reply(reply)?;
    Ok(Page { cursor, items: read(request, items)? })
}

/// A page of keys.
pub(super) fn page_of_names<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Page<Vec<T>>> {
    page(request, reply, names)
}

/// A page of members.
pub(super) fn page_of_many<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Page<Vec<T>>> {
    page(request, reply, many)
}

/// A page of fields with their values.
pub(super) fn page_of_pairs<F: FromValue, V: FromValue>(
    request: &Request<'_>,
    reply: Reply,
) -> Result<Page<Vec<(F, V)>>> {
    page(request, reply, pairs)
}

/// A page of members with their scores.
pub(super) fn page_of_scored<T: FromValue>(request: &Request<'_>, reply: Reply) -> Result<Page<Vec<(T, f64)>>> {
    page(request, reply, scored)
}
