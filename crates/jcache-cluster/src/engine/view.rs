//! What is known of the coordinator's keys: as they were last read, and what the watch has told since.

use std::collections::BTreeMap;

use super::coordinator::{ConfigRecord, Key, Kv, LeaderRecord, Listing, MemberRecord, Revision, StateRecord};
use super::member::{MemberId, NodeId};

/// What is known of the coordinator's keys: a hint, unless it was just read.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) revision: Revision,
    pub(crate) members: BTreeMap<NodeId, (MemberRecord, Revision)>,
    pub(crate) leader: Option<(LeaderRecord, Revision)>,
    pub(crate) state: Option<(StateRecord, Revision)>,
    pub(crate) config: Option<(ConfigRecord, Revision)>,
    /// Since when the leader's key is known to be absent, in boot microseconds.
    pub(crate) leaderless_since: Option<u64>,
    /// The revision of the state at the last look at that.
    leaderless_state: Revision,
}

impl View {
    pub(crate) fn put(&mut self, key: &Key, kv: Option<&Kv>) {
        fn read<T: serde::de::DeserializeOwned>(kv: Option<&Kv>) -> Option<(T, Revision)> {
            kv.and_then(|kv| serde_json::from_str(&kv.value).ok().map(|value| (value, kv.revision)))
        }
        match key {
            Key::Leader => self.leader = read(kv),
            Key::State => self.state = read(kv),
            Key::Config => self.config = read(kv),
            Key::Member(node) => match read(kv) {
                Some(record) => drop(self.members.insert(node.clone(), record)),
                None => drop(self.members.remove(node)),
            },
        }
    }

    pub(crate) fn known_revision(&self, key: &Key) -> Revision {
        match key {
            Key::Leader => self.leader.as_ref().map_or(0, |it| it.1),
            Key::State => self.state.as_ref().map_or(0, |it| it.1),
            Key::Config => self.config.as_ref().map_or(0, |it| it.1),
            Key::Member(node) => self.members.get(node).map_or(0, |it| it.1),
        }
    }

    pub(crate) fn replace(&mut self, listing: &Listing) {
        let Self { leaderless_since, leaderless_state, .. } = *self;
        *self = Self { revision: listing.revision, leaderless_since, leaderless_state, ..Self::default() };
        for (key, kv) in &listing.keys {
            self.put(key, Some(kv));
        }
    }

    /// Looks whether there is a leader. Only a leader writes the state: where that has changed somebody has led, though
    /// this process saw the leader's key neither come nor go.
    pub(crate) fn look_for_leader(&mut self, boot: u64) {
        let state = self.state_revision();
        let led = std::mem::replace(&mut self.leaderless_state, state) != state;
        self.leaderless_since = match self.leaderless_since {
            _ if self.leader.is_some() => None,
            Some(since) if !led => Some(since),
            _ => Some(boot),
        };
    }

    /// Whether `member` is in the recorded in-sync set.
    pub(crate) fn in_sync(&self, member: &MemberId) -> bool {
        self.state.as_ref().is_some_and(|(state, _)| state.isr.contains(member))
    }

    pub(crate) fn leader_revision(&self) -> Revision {
        self.known_revision(&Key::Leader)
    }

    pub(crate) fn state_revision(&self) -> Revision {
        self.known_revision(&Key::State)
    }
}
