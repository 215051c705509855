//! The fake coordinator: etcd's few operations with etcd's semantics, in memory.
//!
//! Transactions compare `mod_revision`s and are carried out one after the other; each that writes has a revision of its
//! own. A lease lives at least two seconds and is looked at every half second, and its keys go with it. History can be
//! compacted, the whole can be wiped, or put back to an earlier state, as a restore from a backup does.

use std::collections::{BTreeMap, VecDeque};

use jcache_cluster::engine::{
    CoordAnswer, CoordError, CoordRequest, Key, Kv, LeaseId, Listing, Revision, StateRecord, Txn, Write,
};

use crate::history::Moment;

/// The shortest lease that etcd grants with its default election timeout, in microseconds.
const SHORTEST_LEASE: u64 = 2_000_000;
/// Changes that are kept for watches; older ones are compacted away.
const MOST_CHANGES: usize = 1_000;

/// Keys that changed at a revision; `None` was deleted.
pub(super) type Changes = Vec<(Key, Option<Kv>)>;

/// The data.
#[derive(Debug, Clone, Default)]
pub(super) struct Etcd {
    keys: BTreeMap<Key, (Kv, Option<LeaseId>)>,
    leases: BTreeMap<LeaseId, Lease>,
    granted: LeaseId,
    revision: Revision,
    changes: VecDeque<(Revision, Changes)>,
    compacted: Revision,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    ttl: u64,
    expires: Moment,
}

impl Etcd {
    /// Carries a request out at `now`.
    pub(super) fn handle(&mut self, request: &CoordRequest, now: Moment) -> Result<CoordAnswer, CoordError> {
        match request {
            CoordRequest::Grant { ttl_ms } => {
                let ttl = (ttl_ms * 1_000).max(SHORTEST_LEASE);
                self.granted += 1;
                self.leases.insert(self.granted, Lease { ttl, expires: now + ttl });
                Ok(CoordAnswer::Granted(self.granted))
            }
            CoordRequest::KeepAlive(id) => Ok(match self.leases.get_mut(id) {
                Some(lease) => {
                    lease.expires = now + lease.ttl;
                    CoordAnswer::Alive
                }
                None => CoordAnswer::LeaseGone,
            }),
            CoordRequest::Revoke(id) => {
                self.revoke(*id);
                Ok(CoordAnswer::Revoked)
            }
            CoordRequest::Txn(txn) => self.transact(txn),
            CoordRequest::List => Ok(CoordAnswer::Listing(self.listing())),
            CoordRequest::Watch { from } if *from <= self.compacted => Err(CoordError::Failed),
            CoordRequest::Watch { .. } => Ok(CoordAnswer::Watching),
        }
    }

    fn transact(&mut self, txn: &Txn) -> Result<CoordAnswer, CoordError> {
        let held = |(key, revision): &(Key, Revision)| self.keys.get(key).map_or(0, |(kv, _)| kv.revision) == *revision;
        if !txn.guards.iter().all(held) {
            return Ok(CoordAnswer::Refused(self.listing()));
        }
        let dead = |write: &Write| matches!(write, Write::Put { lease: Some(id), .. } if !self.leases.contains_key(id));
        if txn.writes.iter().any(dead) {
            return Err(CoordError::Failed);
        }
        if txn.writes.is_empty() {
            return Ok(CoordAnswer::Done(self.revision));
        }
        let revision = self.revision + 1;
        let mut changes = Changes::new();
        for write in &txn.writes {
            match write {
                Write::Put { key, value, lease } => {
                    let kv = Kv { value: value.clone(), revision };
                    self.keys.insert(key.clone(), (kv.clone(), *lease));
                    changes.push((key.clone(), Some(kv)));
                }
                Write::Delete(key) => {
                    if self.keys.remove(key).is_some() {
                        changes.push((key.clone(), None));
                    }
                }
            }
        }
        if !changes.is_empty() {
            self.log(changes);
        }
        Ok(CoordAnswer::Done(self.revision))
    }

    fn log(&mut self, changes: Changes) {
        self.revision += 1;
        self.changes.push_back((self.revision, changes));
        if self.changes.len() > MOST_CHANGES
            && let Some((revision, _)) = self.changes.pop_front()
        {
            self.compacted = revision;
        }
    }

    fn listing(&self) -> Listing {
        let keys = self.keys.iter().map(|(key, (kv, _))| (key.clone(), kv.clone())).collect();
        Listing { revision: self.revision, keys }
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// Changes from `from` on.
    pub(super) fn changes_from(&self, from: Revision) -> impl Iterator<Item = &(Revision, Changes)> {
        self.changes.iter().filter(move |(revision, _)| *revision >= from)
    }

    pub(super) fn get(&self, key: &Key) -> Option<&str> {
        self.keys.get(key).map(|(kv, _)| kv.value.as_str())
    }

    /// The record of epoch and in-sync set.
    pub(super) fn state(&self) -> Option<StateRecord> {
        serde_json::from_str(self.get(&Key::State)?).ok()
    }

    /// The lease that `key` lives with.
    pub(super) fn lease_of(&self, key: &Key) -> Option<LeaseId> {
        self.keys.get(key)?.1
    }

    /// Ends a lease: its keys go.
    pub(super) fn revoke(&mut self, id: LeaseId) {
        if self.leases.remove(&id).is_some() {
            let gone: Vec<Key> = self.keys.iter().filter(|(_, it)| it.1 == Some(id)).map(|it| it.0.clone()).collect();
            let changes: Changes = gone.into_iter().map(|key| (key, None)).collect();
            changes.iter().for_each(|(key, _)| drop(self.keys.remove(key)));
            if !changes.is_empty() {
                self.log(changes);
            }
        }
    }

    /// Deletes a key, as an operator's hand does.
    pub(super) fn delete(&mut self, key: &Key) {
        if self.keys.remove(key).is_some() {
            self.log(vec![(key.clone(), None)]);
        }
    }

    /// Ends the leases that are due.
    pub(super) fn expire(&mut self, now: Moment) {
        let due: Vec<LeaseId> = self.leases.iter().filter(|(_, it)| it.expires <= now).map(|it| *it.0).collect();
        due.into_iter().for_each(|id| self.revoke(id));
    }

    /// A new leader of etcd prolongs every lease.
    pub(super) fn promote(&mut self, now: Moment) {
        self.leases.values_mut().for_each(|lease| lease.expires = now + lease.ttl);
    }

    pub(super) fn compact(&mut self) {
        self.compacted = self.revision;
        self.changes.clear();
    }

    /// Goes back to an earlier state. A lease's number is drawn by chance in etcd, and never given twice.
    pub(super) fn restore(&mut self, backup: Self) {
        *self = Self { granted: self.granted, ..backup };
    }

    /// Everything is lost.
    pub(super) fn wipe(&mut self) {
        *self = Self { granted: self.granted, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: Key, lease: Option<LeaseId>) -> Write {
        Write::Put { key, value: "v".into(), lease }
    }

    fn txn(guards: Vec<(Key, Revision)>, writes: Vec<Write>) -> CoordRequest {
        CoordRequest::Txn(Txn { guards, writes })
    }

    #[test]
    fn a_transaction_compares_and_writes_at_one_revision() {
        let mut etcd = Etcd::default();
        let elect = txn(vec![(Key::Leader, 0)], vec![put(Key::Leader, None), put(Key::State, None)]);
        assert_eq!(etcd.handle(&elect, 0), Ok(CoordAnswer::Done(1)));
        assert!(matches!(etcd.handle(&elect, 0), Ok(CoordAnswer::Refused(listing)) if listing.keys.len() == 2));
        let change = txn(vec![(Key::Leader, 1), (Key::State, 1)], vec![put(Key::State, None)]);
        assert_eq!(etcd.handle(&change, 0), Ok(CoordAnswer::Done(2)));
        assert!(matches!(etcd.handle(&change, 0), Ok(CoordAnswer::Refused(_))));
        assert_eq!(etcd.changes_from(2).count(), 1);
    }

    #[test]
    fn a_lease_is_raised_to_two_seconds_and_takes_its_keys_along() {
        let mut etcd = Etcd::default();
        assert_eq!(etcd.handle(&CoordRequest::Grant { ttl_ms: 1 }, 0), Ok(CoordAnswer::Granted(1)));
        etcd.handle(&txn(vec![], vec![put(Key::Leader, Some(1))]), 0).unwrap();
        etcd.expire(1_999_999);
        assert_eq!(etcd.handle(&CoordRequest::KeepAlive(1), 1_999_999), Ok(CoordAnswer::Alive));
        etcd.expire(2_500_000);
        assert!(etcd.get(&Key::Leader).is_some());
        etcd.expire(4_000_000);
        assert!(etcd.get(&Key::Leader).is_none());
        assert_eq!(etcd.handle(&CoordRequest::KeepAlive(1), 4_000_000), Ok(CoordAnswer::LeaseGone));
        assert_eq!(etcd.handle(&txn(vec![], vec![put(Key::Leader, Some(1))]), 0), Err(CoordError::Failed));
    }

    #[test]
    fn a_watch_cannot_start_before_the_compaction() {
        let mut etcd = Etcd::default();
        etcd.handle(&txn(vec![], vec![put(Key::State, None)]), 0).unwrap();
        etcd.compact();
        assert_eq!(etcd.handle(&CoordRequest::Watch { from: 1 }, 0), Err(CoordError::Failed));
        assert_eq!(etcd.handle(&CoordRequest::Watch { from: 2 }, 0), Ok(CoordAnswer::Watching));
    }
}
