//! etcd as the engine's coordinator: each request a call with a deadline, each answer an event.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jcache_etcd::{
    Change, Changes, Client, Compare, Error, ErrorKind, KeyValue, Operation, Outcome, Renewal, Response,
};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::engine::{
    CoordAnswer, CoordError, CoordEvent, CoordRequest, Key, Kv, LeaseId, Listing, RequestId, Revision, Txn, Write,
};

/// Takes what the coordinator says; never waits.
pub(crate) type Deliver = Arc<dyn Fn(CoordEvent) + Send + Sync>;

/// The engine's requests on their way to etcd.
pub(crate) struct Coordinator {
    client: Client,
    /// Of this cluster's keys, with a slash at the end.
    prefix: String,
    runtime: Handle,
    deliver: Deliver,
    /// How long a renewal may take: a third of the lease, so that one that hangs leaves time for another.
    renewal_timeout: Duration,
    renewal: Mutex<Option<(LeaseId, Arc<tokio::sync::Mutex<Renewal>>)>>,
    watch: Mutex<Option<JoinHandle<()>>>,
    /// Requests on their way.
    waiting: Arc<watch::Sender<usize>>,
}

/// How long [`Coordinator::settled`] waits at most.
const SETTLE: Duration = Duration::from_secs(1);

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.get_mut().take() {
            watch.abort();
        }
    }
}

impl Coordinator {
    /// For the keys below `prefix`, which ends with a slash.
    pub(crate) fn new(client: Client, prefix: String, lease_ms: u64, runtime: Handle, deliver: Deliver) -> Self {
        Self {
            client,
            prefix,
            runtime,
            deliver,
            renewal_timeout: Duration::from_millis(lease_ms / 3),
            renewal: Mutex::new(None),
            watch: Mutex::new(None),
            waiting: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Carries out `request` in a task of its own, and delivers its answer. Returns at once.
    pub(crate) fn ask(&self, id: RequestId, request: CoordRequest) {
        let client = self.client.clone();
        match request {
            CoordRequest::Grant { ttl_ms } => self.answer(id, async move {
                let lease = client.grant(Duration::from_millis(ttl_ms)).await?;
                Ok(CoordAnswer::Granted(lease.id.0))
            }),
            CoordRequest::KeepAlive(lease) => {
                let (renewal, timeout) = (self.renewal_of(lease), self.renewal_timeout);
                self.answer(id, async move {
                    let lives = renewal.lock().await.renew(timeout).await?;
                    Ok(if lives.is_some() { CoordAnswer::Alive } else { CoordAnswer::LeaseGone })
                });
            }
            CoordRequest::Revoke(lease) => self.answer(id, async move {
                client.revoke(jcache_etcd::LeaseId(lease)).await?;
                Ok(CoordAnswer::Revoked)
            }),
            CoordRequest::Txn(txn) => {
                let (transaction, prefix) = (self.transaction(&txn), self.prefix.clone());
                self.answer(id, async move {
                    let outcome = client.transaction(&transaction).await?;
                    Ok(if outcome.succeeded {
                        CoordAnswer::Done(outcome.revision)
                    } else {
                        CoordAnswer::Refused(read_by(&prefix, outcome))
                    })
                });
            }
            CoordRequest::List => {
                let prefix = self.prefix.clone();
                self.answer(id, async move {
                    let found = client.list(prefix.as_bytes()).await?;
                    Ok(CoordAnswer::Listing(listing(&prefix, found.revision, found.entries)))
                });
            }
            CoordRequest::Watch { from } => self.watch(id, from),
        }
    }

    fn answer(&self, id: RequestId, call: impl Future<Output = Result<CoordAnswer, Error>> + Send + 'static) {
        let (deliver, waiting) = (self.deliver.clone(), self.waiting.clone());
        waiting.send_modify(|count| *count += 1);
        self.runtime.spawn(async move {
            let answer = call.await.map_err(|error| {
                tracing::debug!(%error, "etcd");
                match error.kind() {
                    ErrorKind::Refused | ErrorKind::Denied | ErrorKind::Compacted => CoordError::Failed,
                    // Also what was never sent: the engine sends it again, which is right for both.
                    _ => CoordError::Unknown,
                }
            });
            deliver(CoordEvent::Answer(id, answer));
            waiting.send_modify(|count| *count -= 1);
        });
    }

    /// Waits, for a second at most, until every request has its answer.
    pub(crate) async fn settled(&self) {
        let mut waiting = self.waiting.subscribe();
        let _ = tokio::time::timeout(SETTLE, waiting.wait_for(|count| *count == 0)).await;
    }

    fn renewal_of(&self, lease: LeaseId) -> Arc<tokio::sync::Mutex<Renewal>> {
        let mut current = self.renewal.lock();
        match &*current {
            Some((id, renewal)) if *id == lease => renewal.clone(),
            _ => {
                let renewal = self.client.renewal(jcache_etcd::LeaseId(lease));
                let renewal = Arc::new(tokio::sync::Mutex::new(renewal));
                *current = Some((lease, renewal.clone()));
                renewal
            }
        }
    }

    /// Sets the watch in place of an earlier one.
    fn watch(&self, id: RequestId, from: Revision) {
        let mut watcher = self.client.watch(self.prefix.clone(), from);
        let (deliver, prefix) = (self.deliver.clone(), self.prefix.clone());
        let task = self.runtime.spawn(async move {
            // It begins at a revision, so nothing is missed however late it is set.
            deliver(CoordEvent::Answer(id, Ok(CoordAnswer::Watching)));
            loop {
                match watcher.next().await {
                    Ok(changes) => changed(&prefix, changes, &*deliver),
                    // The engine reads everything anew, which tells more than going on would.
                    Err(error) => {
                        tracing::debug!(%error, "etcd: the watch broke");
                        return deliver(CoordEvent::WatchLost);
                    }
                }
            }
        });
        if let Some(earlier) = self.watch.lock().replace(task) {
            earlier.abort();
        }
    }

    fn transaction(&self, txn: &Txn) -> jcache_etcd::Transaction {
        let path = |key: &Key| bytes::Bytes::from(format!("{}{}", self.prefix, key.path()));
        let guard = |(key, revision): &(Key, Revision)| match revision {
            0 => Compare::Absent(path(key)),
            revision => Compare::ModRevision(path(key), *revision),
        };
        let write = |write: &Write| match write {
            Write::Put { key, value, lease } => {
                Operation::Put(path(key), value.clone().into(), lease.map(jcache_etcd::LeaseId))
            }
            Write::Delete(key) => Operation::Delete(path(key)),
        };
        jcache_etcd::Transaction {
            when: txn.guards.iter().map(guard).collect(),
            then: txn.writes.iter().map(write).collect(),
            otherwise: vec![Operation::List(self.prefix.clone().into())],
        }
    }
}

/// What the refused transaction read instead.
fn read_by(prefix: &str, outcome: Outcome) -> Listing {
    let read = outcome.responses.into_iter().find_map(|response| match response {
        Response::Read(entries) => Some(entries),
        _ => None,
    });
    listing(prefix, outcome.revision, read.unwrap_or_default())
}

fn listing(prefix: &str, revision: Revision, entries: Vec<KeyValue>) -> Listing {
    let keys: BTreeMap<Key, Kv> = entries.into_iter().filter_map(|entry| known(prefix, entry)).collect();
    Listing { revision, keys }
}

/// The engine's key and value; `None` for a key that is not one of the engine's.
pub(crate) fn known(prefix: &str, entry: KeyValue) -> Option<(Key, Kv)> {
    let value = String::from_utf8(entry.value.into()).ok()?;
    Some((key_of(prefix, &entry.key)?, Kv { value, revision: entry.mod_revision }))
}

fn key_of(prefix: &str, key: &[u8]) -> Option<Key> {
    Key::parse(std::str::from_utf8(key).ok()?.strip_prefix(prefix)?)
}

/// Delivers the changes revision by revision, as they were made.
fn changed(prefix: &str, changes: Changes, deliver: &dyn Fn(CoordEvent)) {
    let mut by_revision: BTreeMap<Revision, Vec<(Key, Option<Kv>)>> = BTreeMap::new();
    for change in changes.changes {
        let (revision, change) = match change {
            Change::Put(entry) => {
                let revision = entry.mod_revision;
                let Some((key, kv)) = known(prefix, entry) else { continue };
                (revision, (key, Some(kv)))
            }
            Change::Deleted { key, revision } => {
                let Some(key) = key_of(prefix, &key) else { continue };
                (revision, (key, None))
            }
        };
        by_revision.entry(revision).or_default().push(change);
    }
    for (revision, changes) in by_revision {
        deliver(CoordEvent::Changed { revision, changes });
    }
}
