//! The world's part of the coordinator: requests and answers that take time, get lost, or land after nobody waits for
//! them any more; pauses, outages, watches that lag, lose events or end.

use std::collections::{BTreeMap, BTreeSet};

use jcache_cluster::engine::{
    CoordAnswer, CoordError, CoordEvent, CoordRequest, Epoch, Key, RequestId, Revision, StateRecord, Write,
};

use super::etcd::{Changes, Etcd};
use super::network::Host;
use super::process::Input;
use super::world::{Happening, World};
use crate::history::Moment;

/// Microseconds after which a process waits no longer for an answer.
const PATIENCE: u64 = 650_000;
/// Microseconds between two looks at the leases.
const LEASES_EVERY: u64 = 500_000;
/// Microseconds in which an answer from before the data was written anew may arrive.
const RESET_SEEN: u64 = 2 * PATIENCE + 1_500_000;
/// Microseconds for which a lease may seem to live on after something was wrong: a process waits three of them.
const LEASES_MISJUDGED: u64 = 3 * 2_000_000 + LEASES_EVERY;
/// One in so many requests is refused, and not carried out, while there is too much to do.
const REFUSED_ONE_IN: u8 = 4;
/// Longest time that a request that nobody waits for any more may take, in microseconds.
const LATEST: u64 = 5_000_000;

/// etcd with its surroundings.
#[derive(Debug, Default)]
pub(super) struct Coordinator {
    pub(super) data: Etcd,
    pub(super) down: bool,
    pub(super) paused: bool,
    /// What arrived during a pause.
    queue: Vec<(Host, RequestId, CoordRequest)>,
    /// Nodes whose requests do not arrive, and nodes that get no answers.
    pub(super) deaf_to: BTreeSet<usize>,
    pub(super) mute_to: BTreeSet<usize>,
    /// Nodes whose watches lose events.
    pub(super) gaps: BTreeSet<usize>,
    /// Longest additional time of a request or an answer, in microseconds.
    pub(super) slow: u64,
    /// Longest additional time of a watch event, in microseconds.
    pub(super) late: u64,
    watches: BTreeMap<Host, Watch>,
    watched: u64,
    /// The newest state that was ever written, whatever became of it: it says who is in sync.
    pub(super) newest: Option<StateRecord>,
    /// Since when there is no leader's key.
    leaderless_since: Option<Moment>,
    /// When it last lost its data or went back in time, until members have written it anew and all have seen that.
    reset: Option<Reset>,
    backup: Option<Etcd>,
    /// Until when a lease may be misjudged because of what was wrong here.
    troubled_until: Moment,
    /// The same for one node's way to it.
    deaf_until: BTreeMap<usize, Moment>,
}

/// A loss of data.
#[derive(Debug)]
struct Reset {
    /// The newest state from before.
    lost: (Epoch, u64),
    /// When a newer one was written.
    anew: Option<Moment>,
}

#[derive(Debug)]
struct Watch {
    number: u64,
    next: Revision,
    last: u64,
}

impl Coordinator {
    pub(super) fn forget(&mut self, host: Host) {
        self.watches.remove(&host);
    }

    /// What is wrong for a while keeps leases from ending, or from being seen to.
    pub(super) fn trouble(&mut self, now: Moment) {
        self.troubled_until = self.troubled_until.max(now + LEASES_MISJUDGED);
    }

    pub(super) fn deafen(&mut self, node: usize, now: Moment) {
        self.deaf_until.insert(node, now + LEASES_MISJUDGED);
    }

    /// Whether `node` may have waited in vain for a lease to end.
    pub(super) fn is_troubled(&self, node: usize, now: Moment) -> bool {
        let wrong = self.down || self.paused || self.slow > 0 || now < self.troubled_until;
        let deaf = self.deaf_to.contains(&node) || self.mute_to.contains(&node);
        wrong || deaf || self.deaf_until.get(&node).is_some_and(|until| now < *until)
    }

    /// The last state that was recorded, where it is lost and nobody has written a newer one.
    pub(super) fn forgotten(&self) -> Option<&StateRecord> {
        self.newest.as_ref().filter(|_| self.reset.as_ref().is_some_and(|reset| reset.anew.is_none()))
    }

    /// Whether a process may still find that data was lost: not long after it was written anew.
    pub(super) fn may_seem_reset(&self, now: Moment) -> bool {
        self.reset.as_ref().is_some_and(|reset| reset.anew.is_none_or(|anew| now < anew + RESET_SEEN))
    }

    /// For how long there has been no leader's key.
    pub(super) fn leaderless(&self, now: Moment) -> Option<Moment> {
        self.leaderless_since.map(|since| now - since)
    }

    pub(super) fn has_backup(&self) -> bool {
        self.backup.is_some()
    }

    /// Notes what is recorded now.
    fn see_state(&mut self, now: Moment) {
        let Some(state) = self.data.state() else { return };
        if let Some(reset) = self.reset.as_mut().filter(|reset| state.number() > reset.lost) {
            reset.anew.get_or_insert(now);
        }
        if self.newest.as_ref().is_none_or(|newest| state.number() >= newest.number()) {
            self.newest = Some(state);
        }
    }
}

impl World {
    fn coordinator_latency(&mut self) -> u64 {
        let slow = if self.coordinator.slow > 0 { self.random.u64(..self.coordinator.slow) } else { 0 };
        self.now + 200 + self.random.u64(..1_500) + slow
    }

    pub(super) fn ask(&mut self, host: Host, id: RequestId, request: CoordRequest) {
        if let Some(process) = self.process(host) {
            process.waiting.insert(id);
        }
        self.agenda.plan(self.now + PATIENCE, Happening::Deadline(host, id));
        let at = if self.coordinator.deaf_to.contains(&host.node) {
            if self.random.u8(..3) > 0 {
                return;
            }
            // Kept somewhere on the way, and delivered when nobody waits for it.
            self.now + self.random.u64(..LATEST)
        } else {
            self.coordinator_latency()
        };
        self.agenda.plan(at, Happening::Request(host, id, request));
    }

    pub(super) fn request(&mut self, host: Host, id: RequestId, request: CoordRequest) {
        let overloaded = self.coordinator.down || self.coordinator.slow > 0;
        let mute = self.coordinator.mute_to.contains(&host.node);
        if overloaded && !mute && self.random.u8(..REFUSED_ONE_IN) == 0 {
            // "Too many requests", "database space exceeded": this copy is not carried out, and nothing is said of others.
            let at = self.coordinator_latency();
            return self.agenda.plan(at, Happening::Answer(host, id, Err(CoordError::Failed)));
        }
        if self.coordinator.down {
            return;
        }
        if self.coordinator.paused {
            self.coordinator.queue.push((host, id, request));
            return;
        }
        let awaited = self.process(host).is_some_and(|process| process.waiting.contains(&id));
        let answer = self.coordinator.data.handle(&request, self.now);
        if !awaited && matches!((&request, &answer), (CoordRequest::Txn(_), Ok(CoordAnswer::Done(_)))) {
            self.figures.landed_late += 1;
        }
        if self.trapped && changes_in_sync_set(&request) && matches!(answer, Ok(CoordAnswer::Done(_))) {
            self.spring_trap(host.node);
        }
        if let (CoordRequest::Watch { from }, Ok(CoordAnswer::Watching)) = (&request, &answer)
            && self.process(host).is_some()
        {
            self.coordinator.watched += 1;
            let watch = Watch { number: self.coordinator.watched, next: *from, last: self.now };
            self.coordinator.watches.insert(host, watch);
        }
        if !self.coordinator.mute_to.contains(&host.node) {
            let at = self.coordinator_latency();
            if let Some(watch) =
                self.coordinator.watches.get_mut(&host).filter(|_| matches!(request, CoordRequest::Watch { .. }))
            {
                // Events come after the answer.
                watch.last = at + 1;
            }
            self.agenda.plan(at, Happening::Answer(host, id, answer));
        }
        self.publish();
    }

    /// An answer, or the end of the patience: whichever comes first counts.
    pub(super) fn answer(&mut self, host: Host, id: RequestId, answer: Result<CoordAnswer, CoordError>) {
        if self.process(host).is_some_and(|process| process.waiting.remove(&id)) {
            self.input(host, Input::Coord(CoordEvent::Answer(id, answer)));
        }
    }

    /// Tells watches of what has changed.
    pub(super) fn publish(&mut self) {
        let mut hosts: Vec<Host> = self.coordinator.watches.keys().copied().collect();
        let newest = self.coordinator.data.revision();
        hosts.retain(|host| self.coordinator.watches[host].next <= newest);
        for host in hosts {
            let Coordinator { watches, data, gaps, mute_to, late, .. } = &mut self.coordinator;
            let Some(watch) = watches.get_mut(&host) else { continue };
            let events: Vec<(Revision, Changes)> = data.changes_from(watch.next).cloned().collect();
            watch.next = newest + 1;
            if gaps.contains(&host.node) || mute_to.contains(&host.node) {
                continue;
            }
            for event in events {
                let lag = if *late > 0 { self.random.u64(..*late) } else { 0 };
                watch.last = watch.last.max(self.now + 200 + self.random.u64(..2_000) + lag);
                self.agenda.plan(watch.last, Happening::Watched(host, watch.number, Some(event)));
            }
        }
        self.coordinator.see_state(self.now);
        self.look_at_survivors();
        let since = self.coordinator.leaderless_since.unwrap_or(self.now);
        self.coordinator.leaderless_since = self.coordinator.data.get(&Key::Leader).is_none().then_some(since);
    }

    pub(super) fn watched(&mut self, host: Host, number: u64, event: Option<(Revision, Changes)>) {
        if self.coordinator.watches.get(&host).is_none_or(|watch| watch.number != number) {
            return;
        }
        let event = match event {
            Some((revision, changes)) => CoordEvent::Changed { revision, changes },
            None => {
                self.coordinator.watches.remove(&host);
                CoordEvent::WatchLost
            }
        };
        self.input(host, Input::Coord(event));
    }

    /// Ends watches, with a word or without; a node's or all.
    pub(super) fn lose_watches(&mut self, of: Option<usize>) {
        let lost: Vec<(Host, u64)> =
            self.coordinator.watches.iter().map(|(host, watch)| (*host, watch.number)).collect();
        for (host, number) in lost.into_iter().filter(|(host, _)| of.is_none_or(|node| node == host.node)) {
            let at = self.now + self.random.u64(..300_000);
            self.agenda.plan(at, Happening::Watched(host, number, None));
        }
    }

    pub(super) fn look_at_leases(&mut self) {
        if !self.coordinator.down && !self.coordinator.paused {
            self.coordinator.data.expire(self.now);
            self.publish();
        }
        self.agenda.plan(self.now + LEASES_EVERY, Happening::Leases);
    }

    /// After a pause the requests that waited race with the look at the leases.
    pub(super) fn resume_coordinator(&mut self) {
        self.coordinator.paused = false;
        if self.random.bool() {
            self.coordinator.data.expire(self.now);
        }
        for (host, id, request) in std::mem::take(&mut self.coordinator.queue) {
            let at = self.now + self.random.u64(..60_000);
            self.agenda.plan(at, Happening::Request(host, id, request));
        }
        self.publish();
    }

    pub(super) fn restart_coordinator(&mut self) {
        self.coordinator.down = false;
        self.coordinator.data.promote(self.now);
        if self.random.bool() {
            self.lose_watches(None);
        }
    }

    /// Takes a backup, to be restored later.
    pub(super) fn back_up(&mut self) {
        self.coordinator.backup = Some(self.coordinator.data.clone());
    }

    /// All data is lost, or what is there is an old backup.
    pub(super) fn reset_coordinator(&mut self, restore: bool) {
        self.coordinator.see_state(self.now);
        let lost = self.coordinator.newest.as_ref().map_or((0, 0), StateRecord::number);
        self.coordinator.reset = Some(Reset { lost, anew: None });
        self.coordinator.trouble(self.now);
        match self.coordinator.backup.take().filter(|_| restore) {
            Some(backup) => {
                self.coordinator.data.restore(backup);
                self.coordinator.data.promote(self.now);
            }
            None => self.coordinator.data.wipe(),
        }
        self.lose_watches(None);
        let newest = self.coordinator.data.revision();
        self.coordinator.watches.values_mut().for_each(|watch| watch.next = newest + 1);
    }
}

/// Whether a transaction changes the in-sync set, and leaves the leader.
fn changes_in_sync_set(request: &CoordRequest) -> bool {
    let CoordRequest::Txn(txn) = request else { return false };
    let puts = |wanted: &Key| txn.writes.iter().any(|write| matches!(write, Write::Put { key, .. } if key == wanted));
    puts(&Key::State) && !puts(&Key::Leader)
}
