//! `GET` on its way: the command that is asked more often than all others, by a way of its own.
//!
//! A string that is in memory is the answer before there is any need of a request: no command is made, and nothing
//! between the caller and the table is chosen at run time but the driver. Where that way leads nowhere, `GET` is carried
//! out as a [`Call`] like any other command: what it means is told in one place, and that is not here.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use jcache_core::command::Family;
use jcache_core::command::string::Get;
use jcache_core::{Key, Value};

use super::answers::{maybe, text};
use super::call::Call;
use crate::Result;
use crate::cache::Execute;
use crate::typed::FromValue;

/// The string at a key, which is looked up when this is awaited; answers `Option<T>`.
///
/// As a [`Call`] it allocates only when it has to wait.
#[must_use = "a command is carried out when it is awaited"]
pub struct Text<'a, E: ?Sized, T>(State<'a, E, T>);

enum State<'a, E: ?Sized, T> {
    /// Not begun, or answered at once: asked again, it answers again.
    Short { cache: &'a E, key: Key<'a>, answers: PhantomData<fn() -> T> },
    /// On the long way, and waiting. In a box: who is not sent there has the less to carry.
    Long(Box<Call<'a, E, Option<T>>>),
}

impl<'a, E: Execute + ?Sized, T: FromValue> Text<'a, E, T> {
    #[inline]
    pub(super) fn new(cache: &'a E, key: Key<'a>) -> Self {
        const { assert!(E::SERVES.admits(Family::String), "this cache does not serve the family of the command") }
        Self(State::Short { cache, key, answers: PhantomData })
    }

    #[inline(never)]
    fn go_on(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<T>>>
    where
        T: 'a,
    {
        match &mut self.0 {
            State::Long(call) => Pin::new(&mut **call).poll(context),
            State::Short { cache, key, .. } => {
                let mut call = Call::query(*cache, || Ok(Get { key: key.clone() }), maybe);
                let polled = Pin::new(&mut call).poll(context);
                if polled.is_pending() {
                    self.0 = State::Long(Box::new(call));
                }
                polled
            }
        }
    }
}

// Nothing in it is pinned but what the box of a call holds.
impl<E: ?Sized, T> Unpin for Text<'_, E, T> {}

impl<'a, E: Execute + ?Sized, T: FromValue + 'a> Future for Text<'a, E, T> {
    type Output = Result<Option<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Option<T>>> {
        // A key that is too long is for the call to refuse.
        if let State::Short { cache, key, .. } = &self.0
            && let key = key.as_bytes()
            && key.len() <= Value::MAX
            && let Some(found) = cache.try_text(key)
        {
            return Poll::Ready(found.and_then(|found| text(key, found)));
        }
        self.go_on(context)
    }
}

impl<E: ?Sized, T> fmt::Debug for Text<'_, E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("Text");
        match &self.0 {
            State::Short { key, .. } => out.field(key).finish(),
            State::Long(call) => out.field(call).finish(),
        }
    }
}
