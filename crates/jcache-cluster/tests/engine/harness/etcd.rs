//! A coordinator in memory: guarded transactions, leases, watches; answers can be withheld.

use std::collections::BTreeMap;

use jcache_cluster::engine::*;

type Changes = Vec<(Key, Option<Kv>)>;

#[derive(Default)]
pub(crate) struct Etcd {
    revision: Revision,
    keys: BTreeMap<Key, (Kv, Option<LeaseId>)>,
    leases: BTreeMap<LeaseId, (u64, u64)>,
    next_lease: LeaseId,
    watchers: BTreeMap<usize, Revision>,
    history: Vec<(Revision, Changes)>,
    /// What becomes of the next transactions.
    pub(crate) script: Vec<Fate>,
    /// Transactions that land later.
    late: Vec<Txn>,
}

/// What becomes of a transaction on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    /// It is lost.
    LostBefore,
    /// It takes effect, and its answer is lost.
    LostAfter,
    /// It takes effect later; its answer is lost.
    Late,
    /// It is refused for a reason of its own, as by a coordinator with too much to do: nothing is said of other copies.
    Failed,
}

/// What a restore brings back.
#[derive(Clone)]
pub(crate) struct Backup {
    keys: BTreeMap<Key, (Kv, Option<LeaseId>)>,
    leases: BTreeMap<LeaseId, (u64, u64)>,
}

impl Etcd {
    pub(crate) fn keys(&self) -> BTreeMap<String, String> {
        self.keys.iter().map(|(key, (kv, _))| (key.path(), kv.value.clone())).collect()
    }

    pub(crate) fn state(&self) -> StateRecord {
        serde_json::from_str(&self.keys[&Key::State].0.value).expect("a test's own making")
    }

    fn listing(&self) -> Listing {
        let keys = self.keys.iter().map(|(key, (kv, _))| (key.clone(), kv.clone())).collect();
        Listing { revision: self.revision, keys }
    }

    pub(crate) fn request(
        &mut self,
        node: usize,
        id: RequestId,
        request: CoordRequest,
        boot_us: u64,
    ) -> Option<CoordEvent> {
        let result = match request {
            CoordRequest::Grant { ttl_ms } => {
                self.next_lease += 1;
                self.leases.insert(self.next_lease, (ttl_ms, boot_us + ttl_ms * 1000));
                Ok(CoordAnswer::Granted(self.next_lease))
            }
            CoordRequest::KeepAlive(lease) => match self.leases.get_mut(&lease) {
                Some((ttl, until)) => {
                    *until = boot_us + *ttl * 1000;
                    Ok(CoordAnswer::Alive)
                }
                None => Ok(CoordAnswer::LeaseGone),
            },
            CoordRequest::Revoke(lease) => {
                self.end_lease(lease);
                Ok(CoordAnswer::Revoked)
            }
            CoordRequest::List => Ok(CoordAnswer::Listing(self.listing())),
            CoordRequest::Watch { from } => {
                self.watchers.insert(node, from);
                Ok(CoordAnswer::Watching)
            }
            CoordRequest::Txn(txn) => {
                let leads = txn.guards.iter().any(|(key, _)| *key == Key::State);
                let fate = if leads && !self.script.is_empty() { Some(self.script.remove(0)) } else { None };
                match fate {
                    None => self.transact(txn),
                    Some(Fate::LostBefore) => Err(CoordError::Unknown),
                    Some(Fate::LostAfter) => {
                        let _ = self.transact(txn);
                        Err(CoordError::Unknown)
                    }
                    Some(Fate::Late) => {
                        self.late.push(txn);
                        Err(CoordError::Unknown)
                    }
                    Some(Fate::Failed) => Err(CoordError::Failed),
                }
            }
        };
        Some(CoordEvent::Answer(id, result))
    }

    fn transact(&mut self, txn: Txn) -> Result<CoordAnswer, CoordError> {
        let holds =
            |(key, revision): &(Key, Revision)| self.keys.get(key).map_or(0, |(kv, _)| kv.revision) == *revision;
        if !txn.guards.iter().all(holds) {
            return Ok(CoordAnswer::Refused(self.listing()));
        }
        let dead = |write: &Write| matches!(write, Write::Put { lease: Some(it), .. } if !self.leases.contains_key(it));
        if txn.writes.iter().any(dead) {
            return Err(CoordError::Failed);
        }
        self.revision += 1;
        let mut changes = Vec::new();
        for write in txn.writes {
            match write {
                Write::Put { key, value, lease } => {
                    let kv = Kv { value, revision: self.revision };
                    self.keys.insert(key.clone(), (kv.clone(), lease));
                    changes.push((key, Some(kv)));
                }
                Write::Delete(key) => {
                    self.keys.remove(&key);
                    changes.push((key, None));
                }
            }
        }
        self.history.push((self.revision, changes));
        Ok(CoordAnswer::Done(self.revision))
    }

    /// Lets the late transactions land.
    pub(crate) fn land(&mut self) -> Vec<Result<CoordAnswer, CoordError>> {
        std::mem::take(&mut self.late).into_iter().map(|txn| self.transact(txn)).collect()
    }

    pub(crate) fn end_lease(&mut self, lease: LeaseId) {
        self.leases.remove(&lease);
        let lost: Vec<Key> =
            self.keys.iter().filter(|(_, (_, it))| *it == Some(lease)).map(|(key, _)| key.clone()).collect();
        if !lost.is_empty() {
            self.delete(&lost);
        }
    }

    pub(crate) fn delete(&mut self, keys: &[Key]) {
        self.revision += 1;
        let changes = keys.iter().map(|key| (key.clone(), None)).collect();
        self.keys.retain(|key, _| !keys.contains(key));
        self.history.push((self.revision, changes));
    }

    /// Everything is lost.
    pub(crate) fn wipe(&mut self) {
        let keys: Vec<Key> = self.keys.keys().cloned().collect();
        self.delete(&keys);
    }

    /// A backup, and going back to it.
    pub(crate) fn backup(&self) -> Backup {
        Backup { keys: self.keys.clone(), leases: self.leases.clone() }
    }

    /// Goes back; with the leases of then, which live anew, or without them and what they held.
    pub(crate) fn restore(&mut self, backup: Backup, leases: bool, boot_us: u64) {
        (self.keys, self.leases) = (backup.keys, backup.leases);
        if !leases {
            self.leases.clear();
            self.keys.retain(|_, (_, lease)| lease.is_none());
        }
        for (ttl, until) in self.leases.values_mut() {
            *until = boot_us + *ttl * 1000;
        }
        self.revision = self.keys.values().map(|(kv, _)| kv.revision).max().unwrap_or(0);
        self.history.clear();
        self.watchers.clear();
    }

    pub(crate) fn lease_of(&self, key: &Key) -> Option<LeaseId> {
        self.keys.get(key).and_then(|(_, lease)| *lease)
    }

    pub(crate) fn expire(&mut self, boot_us: u64) {
        let over: Vec<LeaseId> =
            self.leases.iter().filter(|(_, (_, until))| *until <= boot_us).map(|(id, _)| *id).collect();
        for lease in over {
            self.end_lease(lease);
        }
    }

    pub(crate) fn forget(&mut self, node: usize) {
        self.watchers.remove(&node);
    }

    pub(crate) fn watch_events(&mut self) -> Vec<(usize, CoordEvent)> {
        let mut events = Vec::new();
        for (node, from) in &mut self.watchers {
            for (revision, changes) in self.history.iter().filter(|(revision, _)| revision >= from) {
                events.push((*node, CoordEvent::Changed { revision: *revision, changes: changes.clone() }));
            }
            *from = (*from).max(self.revision + 1);
        }
        events
    }
}
