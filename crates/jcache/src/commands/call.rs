//! A command on its way: the future that every method gives, and the form whose options may still be set.
//!
//! Both are plain types without a lifetime relation in their bounds, unlike an `async fn` that takes
//! `impl Into<Key<'a>>`: futures of the latter kind cannot be sent to another thread from inside an `async fn` of the
//! caller, because the compiler then asks for the relation of *any* two lifetimes (rust-lang/rust#110338).

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use jcache_core::command::check_size;
use jcache_core::{Error, MutationCommand, Outcome, QueryCommand, Reply, Request, Result};

use crate::cache::Execute;

/// Makes a typed answer of a reply; told the command for what it has to say of a value that does not convert.
pub(crate) type Finish<O> = fn(&Request<'_>, Reply) -> Result<O>;

/// A command that is carried out when it is awaited, and answers `O`.
///
/// It allocates only when it has to wait: a level that answers at once is asked without a box.
#[must_use = "a command is carried out when it is awaited"]
pub struct Call<'a, E: ?Sized, O>(State<'a, E, O>);

enum State<'a, E: ?Sized, O> {
    /// Not begun; or, without the cache, answered at once: then the request is left for the drop to come.
    Ready {
        cache: Option<&'a E>,
        request: Request<'a>,
        finish: Finish<O>,
    },
    Refused(Error),
    Waiting(BoxFuture<'a, Result<O>>),
    Done,
}

impl<'a, E: Execute + ?Sized, O> Call<'a, E, O> {
    /// A query with an answer of its own.
    #[inline]
    pub(crate) fn query<C: QueryCommand<'a>>(
        cache: &'a E,
        command: impl FnOnce() -> Result<C>,
        finish: Finish<O>,
    ) -> Self {
        const { assert!(E::SERVES.admits(C::SPEC.family), "this cache does not serve the family of the command") }
        Self::new(cache, command().and_then(query), finish)
    }

    /// A mutation with an answer of its own.
    #[inline]
    pub(crate) fn mutation<C: MutationCommand<'a>>(
        cache: &'a E,
        command: impl FnOnce() -> Result<C>,
        finish: Finish<O>,
    ) -> Self {
        const { assert!(E::SERVES.admits(C::SPEC.family), "this cache does not serve the family of the command") }
        Self::new(cache, command().and_then(mutation), finish)
    }
}

impl<'a, E: ?Sized, O> Call<'a, E, O> {
    #[inline]
    fn new(cache: &'a E, request: Result<Request<'a>>, finish: Finish<O>) -> Self {
        Self(match request {
            Ok(request) => State::Ready { cache: Some(cache), request, finish },
            Err(error) => State::Refused(error),
        })
    }
}

/// The command as a request, unless an argument is too large.
#[inline]
fn query<'a, C: QueryCommand<'a>>(command: C) -> Result<Request<'a>> {
    check_size(&command)?;
    Ok(Request::Query(command.into()))
}

/// The command as a request, unless an argument is too large.
#[inline]
fn mutation<'a, C: MutationCommand<'a>>(command: C) -> Result<Request<'a>> {
    check_size(&command)?;
    Ok(Request::Mutation(command.into()))
}

/// The answer that is the command's reply.
pub(crate) fn as_is<R: Outcome>(_: &Request<'_>, reply: Reply) -> Result<R> {
    R::from_reply(reply)
}

impl<E: ?Sized, O> fmt::Debug for Call<'_, E, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("Call");
        match &self.0 {
            State::Ready { request, .. } => out.field(request),
            State::Refused(error) => out.field(error),
            State::Waiting(_) => out.field(&"waiting"),
            State::Done => out.field(&"done"),
        };
        out.finish()
    }
}

// Nothing in it is pinned but what the box holds.
impl<E: ?Sized, O> Unpin for Call<'_, E, O> {}

impl<'a, E: Execute + ?Sized, O: 'a> Future for Call<'a, E, O> {
    type Output = Result<O>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<O>> {
        if let State::Ready { cache, request, finish } = &mut self.0
            && let Some(ready) = *cache
            && let Some(reply) = ready.try_call(request)
        {
            *cache = None;
            return Poll::Ready(reply.and_then(|reply| finish(request, reply)));
        }
        self.wait(context)
    }
}

/// Carries the request out, however long that takes.
fn in_a_box<'a, E: Execute + ?Sized, O: 'a>(
    cache: &'a E,
    request: Request<'a>,
    finish: Finish<O>,
) -> BoxFuture<'a, Result<O>> {
    Box::pin(async move {
        let reply = cache.call(&request).await?;
        finish(&request, reply)
    })
}

impl<'a, E: Execute + ?Sized, O: 'a> Call<'a, E, O> {
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Result<O>> {
        let mut waiting: BoxFuture<'a, Result<O>> = match std::mem::replace(&mut self.0, State::Done) {
            State::Ready { cache: Some(cache), request, finish } => in_a_box(cache, request, finish),
            State::Waiting(waiting) => waiting,
            State::Refused(error) => return Poll::Ready(Err(error)),
            State::Ready { cache: None, .. } | State::Done => panic!("polled after it was done"),
        };
        let polled = waiting.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = State::Waiting(waiting);
        }
        polled
    }
}

/// A command whose options may still be set; awaited, it is carried out and answers `O`.
///
/// `C` is the command, which says what options there are; some change what it answers.
///
/// ```
/// use std::time::Duration;
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.set("lock", "me").ttl(Duration::from_secs(10)).await?;
/// let mine: bool = cache.set("lock", "you").nx().await?;
/// assert!(!mine);
/// # Ok(()) }
/// ```
#[must_use = "a command is carried out when it is awaited"]
pub struct Prepared<'a, E: ?Sized, C, O> {
    cache: &'a E,
    command: Result<C>,
    seal: fn(C) -> Result<Request<'a>>,
    finish: Finish<O>,
}

impl<'a, E: Execute + ?Sized, C, O> Prepared<'a, E, C, O> {
    /// A query with options.
    pub(crate) fn query(cache: &'a E, command: impl FnOnce() -> Result<C>, finish: Finish<O>) -> Self
    where
        C: QueryCommand<'a>,
    {
        const { assert!(E::SERVES.admits(C::SPEC.family), "this cache does not serve the family of the command") }
        Self { cache, command: command(), seal: query, finish }
    }

    /// A mutation with options.
    pub(crate) fn mutation(cache: &'a E, command: impl FnOnce() -> Result<C>, finish: Finish<O>) -> Self
    where
        C: MutationCommand<'a>,
    {
        const { assert!(E::SERVES.admits(C::SPEC.family), "this cache does not serve the family of the command") }
        Self { cache, command: command(), seal: mutation, finish }
    }
}

impl<'a, E: ?Sized, C, O> Prepared<'a, E, C, O> {
    /// The same with an option set.
    pub(crate) fn with(mut self, set: impl FnOnce(&mut C)) -> Self {
        if let Ok(command) = &mut self.command {
            set(command);
        }
        self
    }

    /// The same with an option set that may be refused.
    pub(crate) fn try_with(mut self, set: impl FnOnce(&mut C) -> Result<()>) -> Self {
        self.command = self.command.and_then(|mut command| set(&mut command).map(|()| command));
        self
    }

    /// The same with another answer.
    pub(crate) fn answering<P>(self, finish: Finish<P>) -> Prepared<'a, E, C, P> {
        Prepared { cache: self.cache, command: self.command, seal: self.seal, finish }
    }
}

impl<'a, E: Execute + ?Sized, C, O: 'a> IntoFuture for Prepared<'a, E, C, O> {
    type Output = Result<O>;
    type IntoFuture = Call<'a, E, O>;

    #[inline]
    fn into_future(self) -> Call<'a, E, O> {
        let Self { cache, command, seal, finish } = self;
        Call::new(cache, command.and_then(seal), finish)
    }
}

impl<E: ?Sized, C: fmt::Debug, O> fmt::Debug for Prepared<'_, E, C, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prepared").field(&self.command).finish()
    }
}
