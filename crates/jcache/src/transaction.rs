//! Transactions for users: commands are put together one by one, and each gets its own typed reply.

use std::fmt;
use std::marker::PhantomData;

use jcache_core::command::check_size;
use jcache_core::{Error, ErrorKind, MutationCommand, Outcome, QueryCommand, Reply, Request, Result, Watch};

use crate::Cache;

/// Commands that are run together, from [`Cache::transaction`]: nobody sees some of them done and others not.
///
/// ```
/// use jcache::command::list::LPush;
/// use jcache::command::string::{Get, Incr};
/// use jcache::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// let mut transaction = cache.transaction();
/// let number = transaction.mutate(Incr { key: "orders".into() });
/// let queued = transaction.mutate(LPush { key: "queue".into(), elements: vec!["order".into()] });
/// let name = transaction.query(Get { key: "name".into() });
///
/// let mut replies = transaction.run().await?;
/// assert_eq!(replies.take(number)?, 1);
/// assert_eq!(replies.take(queued)?, 1);
/// assert_eq!(replies.take(name)?, None);
/// # Ok(()) }
/// ```
///
/// To write only what nobody else has changed since it was read, watch it:
///
/// ```
/// use jcache::command::string::Set;
/// use jcache::prelude::*;
/// use jcache::Watch;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> jcache::Result<()> {
/// let cache = Cache::new();
/// cache.set("stock", 3).await?;
/// loop {
///     let mut watch = Watch::new();
///     cache.watch(&["stock".into()], &mut watch).await?;
///     let stock: i64 = cache.get("stock").await?.unwrap_or(0);
///     let mut transaction = cache.transaction();
///     transaction.mutate(Set::until("stock".into(), (stock - 1).to_string().into(), None));
///     if transaction.run_if_unchanged(watch).await?.is_some() {
///         break;
///     }
/// }
/// assert_eq!(cache.get::<i64>("stock").await?, Some(2));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a transaction does nothing until it is run"]
pub struct Transaction<'a> {
    cache: &'a Cache,
    requests: Vec<Request<'a>>,
    refused: Option<Error>,
}

/// Stands for the reply of one command of a [`Transaction`], until [`Replies::take`] gives it.
pub struct Ticket<T> {
    place: usize,
    reply: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.place).finish()
    }
}

/// The replies of a [`Transaction`] that has run, each to be taken with its ticket.
#[derive(Debug)]
pub struct Replies(Vec<Option<Result<Reply>>>);

impl Cache {
    /// Starts a transaction without commands.
    pub fn transaction(&self) -> Transaction<'_> {
        Transaction { cache: self, requests: Vec::new(), refused: None }
    }
}

impl<'a> Transaction<'a> {
    /// Adds a query, which sees what the commands before it did.
    pub fn query<C: QueryCommand<'a>>(&mut self, command: C) -> Ticket<C::Reply> {
        self.refuse(check_size(&command));
        self.add(Request::Query(command.into()))
    }

    /// Adds a mutation. A blocking one does not wait: it answers nothing where it would.
    pub fn mutate<C: MutationCommand<'a>>(&mut self, command: C) -> Ticket<C::Reply> {
        self.refuse(check_size(&command));
        self.add(Request::Mutation(command.into()))
    }

    fn refuse(&mut self, checked: Result<()>) {
        self.refused = self.refused.take().or(checked.err());
    }

    fn add<T>(&mut self, request: Request<'a>) -> Ticket<T> {
        self.requests.push(request);
        Ticket { place: self.requests.len() - 1, reply: PhantomData }
    }

    /// Runs the commands. An error of one does not keep the others from running: it comes when its reply is taken.
    ///
    /// # Errors
    /// When none of them was run, as [`Cache::transact`].
    pub async fn run(self) -> Result<Replies> {
        let replies = self.run_if_unchanged(Watch::new()).await?;
        replies.ok_or_else(|| Error::new(ErrorKind::Protocol, "a transaction that watches nothing was not run"))
    }

    /// Runs the commands unless a key of `watch` has changed; `None` when one has, and nothing was run.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_if_unchanged(self, watch: Watch) -> Result<Option<Replies>> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let replies = self.cache.transact(&self.requests, watch).await?;
        Ok(replies.map(|replies| Replies(replies.into_iter().map(Some).collect())))
    }
}

impl Replies {
    /// The reply of the command that gave `ticket`.
    ///
    /// # Errors
    /// The command's own; unexpected reply for the ticket of another transaction.
    pub fn take<T: Outcome>(&mut self, ticket: Ticket<T>) -> Result<T> {
        let reply = self.0.get_mut(ticket.place).and_then(Option::take);
        reply
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Protocol, "a ticket of another transaction")))
            .and_then(T::from_reply)
    }
}
