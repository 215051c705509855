//! Scenes that chance alone plays too rarely: the moments at which a rule is all that stands between a reader and an
//! answer that is wrong. The nemesis sets the scene, and asks what it wants to know.

use jcache_cluster::engine::{Ack, CallOptions, Level};

use super::nemesis::Fault;
use super::workload::Wish;
use super::world::{Happening, World};
use crate::history::{Intent, Promise, command};

/// What the nemesis asks: always of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    Write,
    Read(Level),
}

/// A leader fell, and left a tail that one follower has and another has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fell {
    /// Who has the tail.
    heir: usize,
    /// Until when it may come to lead.
    until: u64,
}

/// The heir is looked at this often, in microseconds.
const LOOK_EVERY: u64 = 15_000;
/// In so many microseconds everything that was called is answered, unless something is wrong.
const QUIET: u64 = 120_000;

impl World {
    pub(super) fn probe(&mut self, node: usize, probe: Probe) {
        let Some(host) = self.host(node).filter(|_| self.calling) else { return };
        let client = self.plan.clients;
        let unique = format!("v{}", self.calls + 1);
        let (words, intent, ack): (Vec<&[u8]>, _, _) = match probe {
            Probe::Write => (vec![b"SET", b"g0:k", unique.as_bytes()], Intent::Change, Some(Ack::InSync)),
            Probe::Read(_) => (vec![b"GET", b"g0:k"], Intent::Read, None),
        };
        let level = if let Probe::Read(level) = probe { level } else { Level::Local };
        let wish = Wish { group: 0, command: command(&words), intent, ack, lives_ms: 0, endless: None };
        self.submit(host, client, wish, Promise::Strong, CallOptions { level, ..CallOptions::default() }, None);
    }

    /// Soon the leader loses its key and everybody's ear. Until then, often, no client says a word: a leader with a write
    /// that nobody acknowledges answers no strong read, and would keep the rule by chance.
    pub(super) fn hush_and_depose(&mut self, leader: usize) {
        let quiet = if self.malice.u8(..4) > 0 { QUIET } else { 0 };
        self.hushed_until = self.now + 8 * quiet;
        self.agenda.plan(self.now + quiet, Happening::Deposed(leader));
    }

    pub(super) fn depose(&mut self, leader: usize) {
        if self.leader() == Some(leader) {
            self.isolate(leader);
            self.end_leadership();
            self.ask_old_and_new(leader);
        }
    }

    /// Writes where a new leader will be, and reads at the one that does not know of it.
    fn ask_old_and_new(&mut self, old: usize) {
        for round in 0..24 {
            let at = self.now + round * 30_000 + self.malice.u64(..30_000);
            let level = if self.malice.bool() { Level::Leader } else { Level::Linearizable };
            self.agenda.plan(at, Happening::Probe(old, Probe::Read(level)));
            if round % 4 == 0 {
                let other = self.any_other(old);
                self.agenda.plan(at, Happening::Probe(other, Probe::Write));
            }
        }
    }

    /// The leader falls after one follower, and only one, has got its last writes.
    pub(super) fn leave_a_tail(&mut self) {
        let Some(leader) = self.leader() else { return };
        let heir = self.any_other(leader);
        let without = (0..self.nodes.len()).filter(|node| *node != leader && *node != heir);
        let links = without.flat_map(|node| [(leader, node), (heir, node), (node, heir)]);
        self.begin(Fault::Cut(links.collect()), 4_000_000);
        for round in 0..8 {
            let at = self.now + 5_000 + round * 5_000;
            self.agenda.plan(at, Happening::Probe(leader, Probe::Write));
        }
        let falls = self.now + self.malice.u64(60_000..140_000);
        self.agenda.plan(falls, Happening::End(Fault::Trap(leader)));
        let fell = Fell { heir, until: falls + 4_000_000 };
        self.agenda.plan(falls, Happening::Fell(fell));
    }

    /// Once the heir leads it is asked, and soon it falls, too.
    pub(super) fn after_the_fall(&mut self, fell: Fell) {
        let Fell { heir, until } = fell;
        if self.now > until || self.host(heir).is_none() {
            return;
        }
        if self.leader() != Some(heir) {
            return self.agenda.plan(self.now + LOOK_EVERY, Happening::Fell(fell));
        }
        for round in 0..12 {
            let at = self.now + round * LOOK_EVERY;
            self.agenda.plan(at, Happening::Probe(heir, Probe::Read(Level::Linearizable)));
            self.agenda.plan(at + 1, Happening::Probe(heir, Probe::Read(Level::Leader)));
        }
        let falls = self.now + self.malice.u64(100_000..600_000);
        self.agenda.plan(falls, Happening::End(Fault::Trap(heir)));
        for round in 0..4 {
            let at = falls + round * 400_000;
            let other = self.any_other(heir);
            self.agenda.plan(at, Happening::Probe(other, Probe::Read(Level::Linearizable)));
        }
    }
}
