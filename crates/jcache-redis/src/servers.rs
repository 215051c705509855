//! The server or servers behind a driver, and how a command gets to them.
//!
//! One server takes everything. In a cluster the keys decide: a command whose keys are all in one slot goes to its
//! owner; one whose parts per key are exact (`MGET`, `DEL` …) is split and joined; any other with keys in several slots
//! is refused as the server would refuse it; one without keys goes to all masters.

use std::time::Duration;

use futures_util::future::join_all;
use jcache_core::arg::Key;
use jcache_core::{Error, ErrorKind, Mutation, Query, Reply, Request, Result, Watch};
use redis::{Cmd, Value};

use crate::batch;
use crate::blocking::{self, GiveBack};
use crate::cluster::{Cluster, Spread};
use crate::link::Link;
use crate::watching::Watching;
use crate::wire;

/// The server or servers behind a driver.
#[derive(Debug)]
pub(crate) enum Servers {
    /// One server, or the master that Sentinels name.
    One(Link),
    Cluster(Cluster),
}

impl Servers {
    /// Connects now.
    ///
    /// # Errors
    /// Why that cannot be.
    pub(crate) async fn connect(&self) -> Result<()> {
        match self {
            Servers::One(link) => link.connect().await,
            Servers::Cluster(cluster) => cluster.connect().await,
        }
    }

    /// Asks a query.
    pub(crate) async fn query(&self, query: &Query<'_>) -> Result<Reply> {
        let cmd = wire::query(query)?;
        let cluster = match self {
            Servers::One(link) => return wire::reply(link.send(&cmd).await?),
            Servers::Cluster(cluster) => cluster,
        };
        match spread(|add| query.visit_keys(add)) {
            Spread::NoKey => cluster.everywhere(query.spec().name, &cmd).await,
            Spread::Slot(slot) => wire::reply(cluster.one(slot, &cmd).await?),
            Spread::Several => {
                let parts = query.parts().ok_or_else(cross_slot)?;
                let slots = slots(&parts, |part| spread(|add| part.visit_keys(add)))?;
                let values = cluster.batch(&slots, |place| wire::query(&parts[place])).await;
                query.join(parts.iter().zip(values).map(|(part, value)| part.canonical(wire::reply(value?)?)).collect())
            }
        }
    }

    /// Carries out a mutation that does not block.
    pub(crate) async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        let cmd = wire::mutation(mutation)?;
        let cluster = match self {
            Servers::One(link) => return wire::reply(link.send(&cmd).await?),
            Servers::Cluster(cluster) => cluster,
        };
        match spread(|add| mutation.visit_keys(add)) {
            Spread::NoKey => cluster.everywhere(mutation.spec().name, &cmd).await,
            Spread::Slot(slot) => wire::reply(cluster.one(slot, &cmd).await?),
            Spread::Several => {
                let parts = mutation.parts().ok_or_else(cross_slot)?;
                let slots = slots(&parts, |part| spread(|add| part.visit_keys(add)))?;
                let values = cluster.batch(&slots, |place| wire::mutation(&parts[place])).await;
                let replies = parts.iter().zip(values).map(|(part, value)| part.canonical(wire::reply(value?)?));
                mutation.join(replies.collect())
            }
        }
    }

    /// Carries out a mutation that waits for `wait` at most (`None`: for ever).
    pub(crate) async fn block(
        &self,
        mutation: &Mutation<'_>,
        wait: Option<Duration>,
        give_back: GiveBack,
    ) -> Result<Reply> {
        let cmd = wire::mutation(mutation)?;
        let value = match self {
            Servers::One(link) => blocking::run(link, cmd, false, wait, give_back).await?,
            Servers::Cluster(cluster) => match spread(|add| mutation.visit_keys(add)) {
                Spread::Slot(slot) => cluster.block(slot, &cmd, wait, &give_back).await?,
                Spread::NoKey | Spread::Several => return Err(cross_slot()),
            },
        };
        wire::reply(value)
    }

    /// Asks several queries at once, each with its own outcome.
    pub(crate) async fn query_many(&self, queries: &[Query<'_>]) -> Vec<Result<Reply>> {
        let read = |value: Result<Value>| value.and_then(wire::reply);
        let cluster = match self {
            Servers::One(link) => {
                let values = batch::independent(link, queries.iter().map(wire::query).collect()).await;
                return values.into_iter().map(read).collect();
            }
            Servers::Cluster(cluster) => cluster,
        };
        let spreads: Vec<Spread> = queries.iter().map(|query| spread(|add| query.visit_keys(add))).collect();
        let slots: Option<Vec<u16>> =
            spreads.iter().map(|it| if let Spread::Slot(slot) = it { Some(*slot) } else { None }).collect();
        match slots {
            Some(slots) => {
                let values = cluster.batch(&slots, |place| wire::query(&queries[place])).await;
                values.into_iter().map(read).collect()
            }
            None => join_all(queries.iter().map(|query| self.query(query))).await,
        }
    }

    /// Runs commands of `key` as one transaction in one round trip.
    ///
    /// # Errors
    /// When none of them was run. A command's own error stands among the values.
    pub(crate) async fn transaction(&self, key: &Key<'_>, commands: &[Cmd]) -> Result<Vec<Value>> {
        match self {
            Servers::One(link) => batch::transaction(link, commands, false).await,
            Servers::Cluster(cluster) => match spread(|add| add(key)) {
                Spread::Slot(slot) => cluster.transaction(slot, commands).await,
                Spread::NoKey | Spread::Several => Err(cross_slot()),
            },
        }
    }

    /// Runs requests as one transaction, in one round trip without watched keys; `None` when one of those has changed.
    ///
    /// # Errors
    /// When none of them was run; cross slot, in a cluster, when their keys are not all in one slot.
    pub(crate) async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Value>>> {
        let commands = requests.iter().map(wire::request).collect::<Result<Vec<_>>>()?;
        let is_watched = !watch.is_empty();
        match (self, watch.into_state::<Watching>()) {
            (Servers::One(link), Some(watching)) if watching.is_of(link) => watching.run(&commands).await,
            (_, Some(_)) => Err(foreign_watch()),
            (_, None) if is_watched => Err(foreign_watch()),
            _ if commands.is_empty() => Ok(Some(Vec::new())),
            (Servers::One(link), None) => batch::transaction(link, &commands, false).await.map(Some),
            (Servers::Cluster(cluster), None) => {
                let of_all = spread(|add| requests.iter().for_each(|request| visit_keys(request, add)));
                let keyless = requests.iter().any(|request| spread(|add| visit_keys(request, add)) == Spread::NoKey);
                match of_all {
                    Spread::Slot(slot) if !keyless => cluster.transaction(slot, &commands).await.map(Some),
                    _ => Err(cross_slot()),
                }
            }
        }
    }

    /// Adds keys to a watch.
    ///
    /// # Errors
    /// Unavailable, timeout, what the server says; unsupported in a cluster.
    pub(crate) async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        let Servers::One(link) = self else {
            return Err(Error::new(ErrorKind::Unsupported, "ERR 'WATCH' is not supported on a cluster"));
        };
        if keys.is_empty() {
            return Ok(());
        }
        if watch.is_empty() {
            let watching = Watching::begin(link).await?;
            *watch = Watch::new();
            watch.state(|| watching);
        }
        let watching = watch.state_mut::<Watching>().filter(|it| it.is_of(link)).ok_or_else(foreign_watch)?;
        let len = watching.add(keys).await?;
        watch.set_len(len);
        Ok(())
    }

    /// Whether the server answers; of a cluster, whether any master does.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) async fn probe(&self) -> Result<()> {
        match self {
            Servers::One(link) => link.ping().await,
            Servers::Cluster(cluster) => cluster.ping().await,
        }
    }
}

/// Where the keys are that `visit` shows.
fn spread<'k>(visit: impl FnOnce(&mut dyn FnMut(&'k Key<'k>))) -> Spread {
    let mut spread = Spread::NoKey;
    visit(&mut |key| spread.add(key));
    spread
}

fn visit_keys<'k>(request: &'k Request<'_>, mut add: &mut dyn FnMut(&'k Key<'k>)) {
    match request {
        Request::Query(query) => query.visit_keys(&mut add),
        Request::Mutation(mutation) => mutation.visit_keys(&mut add),
    }
}

#[cold]
fn foreign_watch() -> Error {
    Error::invalid("ERR the watched keys belong to another cache")
}

/// The slot of each part.
fn slots<T>(parts: &[T], spread: impl Fn(&T) -> Spread) -> Result<Vec<u16>> {
    let slot = |part| match spread(part) {
        Spread::Slot(slot) => Ok(slot),
        Spread::NoKey | Spread::Several => Err(cross_slot()),
    };
    parts.iter().map(slot).collect()
}

/// Redis's text.
#[cold]
fn cross_slot() -> Error {
    Error::new(ErrorKind::CrossSlot, "CROSSSLOT Keys in request don't hash to the same slot")
}
