//! A cluster: every command goes to the master that owns the slot of its keys.
//!
//! Routing is done here, not by the client library, because it has to be exact: the library repeats a command after a
//! broken connection or a timeout, so that a counter may count twice, and repeats a whole batch when one part was
//! redirected. Here a command goes again only when the server said that it did not run it (`MOVED`, `ASK`).
//!
//! The slot map is read again, at most once at a time and not more often than [`REFRESH_PAUSE`], when a node redirects
//! or cannot be reached.

mod slots;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, select_ok};
use jcache_core::{Error, ErrorKind, Reply, Result};
use parking_lot::{Mutex, RwLock};
use redis::{Cmd, Value};

use crate::batch;
use crate::blocking::{self, GiveBack};
use crate::endpoint::Endpoint;
use crate::error;
use crate::link::Link;
use crate::settings::Settings;
use crate::stream::Address;
use crate::wire;
pub(crate) use slots::Spread;
use slots::{Node, Redirect, SlotMap};

/// The shortest time between two readings of the slot map.
const REFRESH_PAUSE: Duration = Duration::from_millis(100);
/// Redirects that one command follows.
const MAX_REDIRECTS: usize = 5;
/// Nodes that are asked for the slot map at once.
const ASKED_AT_ONCE: usize = 3;

/// A cluster. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seeds: Vec<Address>,
    settings: Arc<Settings>,
    links: Mutex<HashMap<Address, Link>>,
    map: RwLock<Arc<SlotMap>>,
    /// Held while the map is read; when that was last tried.
    refresh: tokio::sync::Mutex<Option<Instant>>,
}

/// What is sent to one node.
enum Job<'a> {
    One(&'a Cmd),
    Transaction(&'a [Cmd]),
    Block(&'a Cmd, Option<Duration>, &'a GiveBack),
}

impl Job<'_> {
    /// Runs the job; a transaction gives an array.
    async fn run(&self, link: &Link, asking: bool) -> Result<Value> {
        match self {
            Job::One(cmd) if asking => batch::after_asking(link, cmd).await,
            Job::One(cmd) => link.send(cmd).await,
            Job::Transaction(commands) => batch::transaction(link, commands, asking).await.map(Value::Array),
            Job::Block(cmd, wait, give_back) => {
                blocking::run(link, (*cmd).clone(), asking, *wait, (*give_back).clone()).await
            }
        }
    }
}

impl Cluster {
    /// A cluster that is known by `seeds`; nothing is connected yet.
    pub(crate) fn new(seeds: Vec<Address>, settings: Arc<Settings>) -> Self {
        Self(Arc::new(Inner {
            seeds,
            settings,
            links: Mutex::default(),
            map: RwLock::new(Arc::new(SlotMap::empty())),
            refresh: tokio::sync::Mutex::new(None),
        }))
    }

    /// Reads the slot map.
    ///
    /// # Errors
    /// Why no node can tell it.
    pub(crate) async fn connect(&self) -> Result<()> {
        self.refresh(Duration::ZERO).await
    }

    /// Sends one command to the owner of `slot`.
    pub(crate) async fn one(&self, slot: u16, cmd: &Cmd) -> Result<Value> {
        self.run(slot, Job::One(cmd)).await
    }

    /// Runs commands as one transaction on the owner of `slot`.
    pub(crate) async fn transaction(&self, slot: u16, commands: &[Cmd]) -> Result<Vec<Value>> {
        match self.run(slot, Job::Transaction(commands)).await? {
            Value::Array(values) => Ok(values),
            other => wire::reply(other).map(|_| Vec::new()),
        }
    }

    /// Runs a blocking command on the owner of `slot`.
    pub(crate) async fn block(
        &self,
        slot: u16,
        cmd: &Cmd,
        wait: Option<Duration>,
        give_back: &GiveBack,
    ) -> Result<Value> {
        self.run(slot, Job::Block(cmd, wait, give_back)).await
    }

    async fn run(&self, slot: u16, job: Job<'_>) -> Result<Value> {
        let mut node = self.owner(slot).await?;
        let mut asking = false;
        for _ in 0..=MAX_REDIRECTS {
            let outcome = job.run(&node.link, asking).await;
            let redirect = match &outcome {
                Ok(Value::ServerError(refused)) => Redirect::read(error::server(refused).message(), &node.address),
                Ok(_) => None,
                Err(error) => Redirect::read(error.message(), &node.address),
            };
            let Some(redirect) = redirect else {
                if outcome.as_ref().is_err_and(Error::is_retryable) {
                    self.refresh_soon();
                }
                return outcome;
            };
            if !redirect.ask {
                self.refresh_soon();
            }
            asking = redirect.ask;
            node = self.node(redirect.address);
        }
        Err(Error::new(ErrorKind::Unavailable, format!("slot {slot} was redirected more than {MAX_REDIRECTS} times")))
    }

    /// Sends commands, each to the owner of its slot, those of one node in one go. `encode` makes the command at a
    /// place; again for one that was redirected.
    pub(crate) async fn batch(&self, slots: &[u16], encode: impl Fn(usize) -> Result<Cmd>) -> Vec<Result<Value>> {
        let mut outcomes: Vec<Option<Result<Value>>> = Vec::new();
        outcomes.resize_with(slots.len(), || None);
        let mut groups: HashMap<Address, (Link, Vec<usize>)> = HashMap::new();
        for (place, &slot) in slots.iter().enumerate() {
            match self.owner(slot).await {
                Ok(node) => groups.entry(node.address).or_insert_with(|| (node.link, Vec::new())).1.push(place),
                Err(error) => outcomes[place] = Some(Err(error)),
            }
        }
        let sent = groups.iter().map(|(address, (link, places))| {
            let commands = places.iter().map(|&place| encode(place)).collect();
            async move { (address, places, batch::independent(link, commands).await) }
        });
        for (address, places, values) in join_all(sent).await {
            for (&place, value) in places.iter().zip(values) {
                let redirected = matches!(&value, Ok(Value::ServerError(refused))
                    if Redirect::read(error::server(refused).message(), address).is_some());
                outcomes[place] = if redirected { None } else { Some(value) };
            }
        }
        let mut all = Vec::with_capacity(slots.len());
        for (place, outcome) in outcomes.into_iter().enumerate() {
            all.push(match outcome {
                Some(outcome) => outcome,
                None => match encode(place) {
                    Ok(cmd) => self.one(slots[place], &cmd).await,
                    Err(error) => Err(error),
                },
            });
        }
        if all.iter().any(|it| it.as_ref().is_err_and(Error::is_retryable)) {
            self.refresh_soon();
        }
        all
    }

    /// Sends a command without keys to every master and joins the replies: counts add up, lists follow each other.
    ///
    /// # Errors
    /// The first error of any node; unsupported, for a command whose replies do not join (`SCAN`).
    pub(crate) async fn everywhere(&self, name: &str, cmd: &Cmd) -> Result<Reply> {
        self.refresh(REFRESH_PAUSE).await?;
        let map = self.map();
        let replies = join_all(map.masters().iter().map(|node| node.link.send(cmd))).await;
        let replies = replies.into_iter().map(|value| wire::reply(value?)).collect::<Result<Vec<_>>>()?;
        join(replies).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("ERR '{name}' is not supported on a cluster as a whole"))
        })
    }

    /// Whether any master answers: as long as one does, some keys can be read.
    ///
    /// # Errors
    /// Why none does.
    pub(crate) async fn ping(&self) -> Result<()> {
        if self.map().masters().is_empty() {
            self.refresh(REFRESH_PAUSE).await?;
        }
        let map = self.map();
        if map.masters().is_empty() {
            return Err(no_nodes());
        }
        let answered = select_ok(map.masters().iter().map(|node| Box::pin(node.link.ping()))).await;
        if answered.is_err() {
            self.refresh_soon();
        }
        answered.map(|((), _)| ())
    }

    fn map(&self) -> Arc<SlotMap> {
        self.0.map.read().clone()
    }

    async fn owner(&self, slot: u16) -> Result<Node> {
        if let Some(node) = self.map().owner(slot) {
            return Ok(node.clone());
        }
        self.refresh(REFRESH_PAUSE).await?;
        let map = self.map();
        map.owner(slot)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, format!("CLUSTERDOWN Hash slot not served: {slot}")))
    }

    /// The node at `address`, with the one link to it.
    fn node(&self, address: Address) -> Node {
        let mut links = self.0.links.lock();
        let link = links
            .entry(address.clone())
            .or_insert_with(|| Link::new(Endpoint::Fixed(address.clone()), self.0.settings.clone()))
            .clone();
        Node { address, link }
    }

    /// Reads the slot map again in the background.
    fn refresh_soon(&self) {
        if let Ok(guard) = self.0.refresh.try_lock() {
            let recent = guard.is_some_and(|last| last.elapsed() < REFRESH_PAUSE);
            drop(guard);
            if !recent {
                let cluster = self.clone();
                tokio::spawn(async move { cluster.refresh(REFRESH_PAUSE).await });
            }
        }
    }

    /// Reads the slot map again, unless that was done less than `pause` ago.
    async fn refresh(&self, pause: Duration) -> Result<()> {
        let mut last = self.0.refresh.lock().await;
        if last.is_some_and(|last| last.elapsed() < pause) && !self.map().masters().is_empty() {
            return Ok(());
        }
        let told = self.read_map().await;
        *last = Some(Instant::now());
        let map = told?;
        let keep = |address: &Address| {
            self.0.seeds.contains(address) || map.masters().iter().any(|node| node.address == *address)
        };
        self.0.links.lock().retain(|address, _| keep(address));
        *self.0.map.write() = Arc::new(map);
        Ok(())
    }

    /// Asks the masters we know, then the seeds, a few at once.
    async fn read_map(&self) -> Result<SlotMap> {
        let mut known: Vec<Address> = self.map().masters().iter().map(|node| node.address.clone()).collect();
        fastrand::shuffle(&mut known);
        known.extend(self.0.seeds.iter().filter(|seed| !known.contains(seed)).cloned().collect::<Vec<_>>());
        let mut why = no_nodes();
        for some in known.chunks(ASKED_AT_ONCE) {
            match select_ok(some.iter().map(|address| Box::pin(self.ask_map(address)))).await {
                Ok((map, _)) => return Ok(map),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    async fn ask_map(&self, address: &Address) -> Result<SlotMap> {
        let node = self.node(address.clone());
        let mut question = redis::cmd("CLUSTER");
        question.arg("SLOTS");
        match node.link.send(&question).await? {
            Value::ServerError(refused) => Err(error::server(&refused)),
            reply => SlotMap::read(&reply, address, |address| self.node(address))
                .ok_or_else(|| Error::new(ErrorKind::Protocol, format!("the slot map of {address} cannot be read"))),
        }
    }
}

#[cold]
fn no_nodes() -> Error {
    Error::new(ErrorKind::Unavailable, "no node of the cluster is known")
}

/// One reply of the replies of all nodes; `None` when they do not join.
fn join(replies: Vec<Reply>) -> Option<Reply> {
    let mut replies = replies.into_iter();
    let mut joined = replies.next()?;
    for reply in replies {
        joined = match (joined, reply) {
            (Reply::Ok, Reply::Ok) => Reply::Ok,
            (Reply::Int(a), Reply::Int(b)) => Reply::Int(a.checked_add(b)?),
            (Reply::Array(mut a) | Reply::Set(mut a), Reply::Array(b) | Reply::Set(b)) => {
                a.extend(b);
                Reply::Array(a)
            }
            (Reply::Nil, other) | (other @ Reply::Bulk(_), Reply::Nil | Reply::Bulk(_)) => other,
            _ => return None,
        };
    }
    // A cursor belongs to one node.
    let nested = |items: &[Reply]| items.iter().any(|it| matches!(it, Reply::Array(_) | Reply::Set(_) | Reply::Map(_)));
    match &joined {
        Reply::Array(items) | Reply::Set(items) if nested(items) => None,
        _ => Some(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_nodes_join_where_that_is_exact() {
        let bulk = |text: &str| Reply::Bulk(text.into());
        let list = |items: &[&str]| Reply::Array(items.iter().map(|it| bulk(it)).collect());
        let page = || Reply::Array(vec![bulk("17"), list(&["a"])]);
        let cases = [
            (vec![Reply::Ok, Reply::Ok], Some(Reply::Ok)),
            (vec![Reply::Int(2), Reply::Int(3)], Some(Reply::Int(5))),
            (vec![list(&["a"]), list(&[]), list(&["b"])], Some(list(&["a", "b"]))),
            (vec![Reply::Nil, bulk("k"), Reply::Nil], Some(bulk("k"))),
            (vec![Reply::Nil, Reply::Nil], Some(Reply::Nil)),
            (vec![page(), page()], None),
            (vec![page()], None),
            (vec![Reply::Ok, Reply::Int(1)], None),
            (vec![], None),
        ];
        for (replies, expected) in cases {
            assert_eq!(join(replies.clone()), expected, "{replies:?}");
        }
    }
}
