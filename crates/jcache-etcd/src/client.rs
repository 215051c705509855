//! The client: each call once, with a deadline.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::config::Config;
use crate::connection::Connections;
use crate::error::Result;
use crate::generated as pb;
use crate::kv::{KeyValue, Listing, Outcome, Transaction, range_of};
use crate::lease::{Lease, LeaseId, Renewal};
use crate::watch::Watcher;

/// A client of one etcd cluster; cheap to clone, clones share the connection.
#[derive(Debug, Clone)]
pub struct Client(pub(crate) Arc<Connections>);

impl Client {
    /// A client with these settings. It connects with the first call.
    ///
    /// # Errors
    /// Configuration.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self(Arc::new(Connections::new(config)?)))
    }

    /// Runs a transaction. It is sent once: after an [uncertain](crate::Error::is_uncertain) error it may have been
    /// carried out, or be carried out later, and only sending it again, with the same conditions, can tell.
    ///
    /// # Errors
    /// Unreachable, uncertain, refused (a lease that is gone, …), or denied.
    pub async fn transaction(&self, transaction: &Transaction) -> Result<Outcome> {
        let encoded = transaction.encode();
        let answer = self.0.call("a transaction", self.0.timeout, |connection| {
            let request = connection.request(encoded.clone());
            async move { pb::kv_client::KvClient::new(connection.channel).txn(request).await }
        });
        Ok(answer.await?.into_inner().into())
    }

    /// All keys of `prefix`, by a linearizable read.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction); reading has no effect, so an uncertain error loses nothing.
    pub async fn list(&self, prefix: &[u8]) -> Result<Listing> {
        let answer = self.0.call("a listing", self.0.timeout, |connection| {
            let request = connection.request(range_of(prefix));
            async move { pb::kv_client::KvClient::new(connection.channel).range(request).await }
        });
        let answer = answer.await?.into_inner();
        Ok(Listing {
            revision: answer.header.map_or(0, |header| header.revision),
            entries: answer.kvs.into_iter().map(KeyValue::from).collect(),
        })
    }

    /// Grants a lease of at least `ttl`, in whole seconds; etcd may make it longer.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction). A lease that was granted without our knowing runs out by itself.
    pub async fn grant(&self, ttl: Duration) -> Result<Lease> {
        let seconds = i64::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(i64::MAX).max(1);
        let answer = self.0.call("a lease", self.0.timeout, |connection| {
            let request = connection.request(pb::LeaseGrantRequest { ttl: seconds, id: 0 });
            async move { pb::lease_client::LeaseClient::new(connection.channel).lease_grant(request).await }
        });
        let answer = answer.await?.into_inner();
        Ok(Lease { id: LeaseId(answer.id), ttl: Duration::from_secs(answer.ttl.max(0).unsigned_abs()) })
    }

    /// Ends a lease and deletes its keys. One that is gone already is no error.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    pub async fn revoke(&self, lease: LeaseId) -> Result<()> {
        let answer = self.0.call("a revocation", self.0.timeout, |connection| {
            let request = connection.request(pb::LeaseRevokeRequest { id: lease.0 });
            async move {
                match pb::lease_client::LeaseClient::new(connection.channel).lease_revoke(request).await {
                    Err(status) if status.code() == tonic::Code::NotFound => Ok(()),
                    other => other.map(drop),
                }
            }
        });
        answer.await
    }

    /// What renews `lease`: one call a renewal, over one stream.
    pub fn renewal(&self, lease: LeaseId) -> Renewal {
        Renewal::new(self.clone(), lease)
    }

    /// Watches the keys of `prefix` from `revision` on; [`list`](Self::list)'s revision plus one misses nothing.
    pub fn watch(&self, prefix: impl Into<Bytes>, revision: i64) -> Watcher {
        Watcher::new(self.clone(), prefix.into(), revision)
    }
}
