//! Channels within the node: who is subscribed to what, and messages to them.
//!
//! A message is written once for each protocol and shared by all who get it. It goes to the mailbox of each connection,
//! whose bound is the output limit of subscribers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use jcache_core::{Reply, Value, glob};
use jcache_resp::{Output, Protocol};
use parking_lot::RwLock;

use crate::client::Client;
use crate::settings::OutputLimit;

/// What one can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Channel,
    Pattern,
    /// A channel of `SPUBLISH`; in a node that is no cluster another space of names, and no more.
    Shard,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Channel, Kind::Pattern, Kind::Shard];

    /// What a confirmation is called, and a message.
    pub(crate) const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Kind::Channel => ("subscribe", "unsubscribe", "message"),
            Kind::Pattern => ("psubscribe", "punsubscribe", "pmessage"),
            Kind::Shard => ("ssubscribe", "sunsubscribe", "smessage"),
        }
    }
}

type Subscribers = BTreeMap<u64, Arc<Client>>;

#[derive(Debug, Default)]
pub(crate) struct Channels([RwLock<HashMap<Value, Subscribers>>; 3]);

impl Channels {
    pub(crate) fn subscribe(&self, kind: Kind, name: Value, client: &Arc<Client>) {
        self.0[kind as usize].write().entry(name).or_default().insert(client.id, client.clone());
    }

    pub(crate) fn unsubscribe(&self, kind: Kind, name: &Value, client: &Client) {
        let mut names = self.0[kind as usize].write();
        if let Some(subscribers) = names.get_mut(name) {
            subscribers.remove(&client.id);
            if subscribers.is_empty() {
                names.remove(name);
            }
        }
    }

    /// Sends a message; returns how many get it. A client that is subscribed in several ways gets it several times.
    pub(crate) fn publish(&self, kind: Kind, channel: &Value, message: &Value, limit: OutputLimit) -> i64 {
        let mut reached = 0;
        let bulk = |value: &Value| Reply::Bulk(value.clone());
        if let Some(subscribers) = self.0[kind as usize].read().get(channel) {
            let letter = Letter::new(vec![bulk(&word(kind)), bulk(channel), bulk(message)]);
            reached += letter.post(subscribers, limit);
        }
        if kind == Kind::Channel {
            let patterns = self.0[Kind::Pattern as usize].read();
            for (pattern, subscribers) in patterns.iter().filter(|(pattern, _)| glob::matches(pattern, channel)) {
                let parts = vec![bulk(&word(Kind::Pattern)), bulk(pattern), bulk(channel), bulk(message)];
                reached += Letter::new(parts).post(subscribers, limit);
            }
        }
        reached
    }

    /// The names of channels that somebody is subscribed to, those that fit `pattern`.
    pub(crate) fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Value> {
        let names = self.0[kind as usize].read();
        let fits = |name: &&Value| pattern.is_none_or(|pattern| glob::matches(pattern, name));
        names.keys().filter(fits).cloned().collect()
    }

    /// How many are subscribed to the channel `name`.
    pub(crate) fn subscribers(&self, kind: Kind, name: &Value) -> usize {
        self.0[kind as usize].read().get(name).map_or(0, BTreeMap::len)
    }

    /// How many names there are.
    pub(crate) fn len(&self, kind: Kind) -> usize {
        self.0[kind as usize].read().len()
    }
}

fn word(kind: Kind) -> Value {
    Value::from(kind.words().2)
}

/// A message as bytes, for each protocol that somebody needs.
struct Letter {
    message: Reply,
    written: [std::cell::OnceCell<Bytes>; 2],
}

impl Letter {
    fn new(parts: Vec<Reply>) -> Self {
        Self { message: Reply::Push(parts), written: Default::default() }
    }

    fn post(&self, subscribers: &Subscribers, limit: OutputLimit) -> i64 {
        for client in subscribers.values() {
            let protocol = client.protocol();
            let bytes = self.written[(protocol == Protocol::Resp3) as usize].get_or_init(|| {
                let mut output = Output::new();
                output.reply(&self.message, protocol);
                output.to_vec().into()
            });
            client.post(bytes.clone(), limit);
        }
        subscribers.len() as i64
    }
}
