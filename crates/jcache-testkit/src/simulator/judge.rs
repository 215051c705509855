//! The end of a run: faults are over, the cluster must come together, and the history is judged.

use jcache_cluster::engine::{Role, Store};

use super::network::Host;
use super::workload::{self, GROUPS};
use super::world::World;
use crate::check::convergence::{self, Copy};
use crate::check::linearizable::{self, Verdict};
use crate::check::{self, Contents, Violation};
use crate::history::{Moment, Outcome};

/// Simulated microseconds in which all copies must be together after the last fault.
const CONVERGE: Moment = 25_000_000;
/// Microseconds between two looks; engines log something every so often, and must not be caught at it each time.
const LOOK_EVERY: Moment = 36_700;
/// Microseconds by which a key may outlive its time by the clients' clock, besides what cluster time is seen to move.
const LAG: u64 = 500_000;

impl World {
    /// Brings the run to its end.
    pub(super) fn conclude(&mut self) {
        let healed = self.now;
        self.heal_all();
        self.run(healed + 2_000_000);
        self.calling = false;
        self.converge(healed);
        if self.violation.is_none() && !self.watchers.void {
            self.enjoy_the_calm(healed);
        }
        if self.violation.is_none() && !self.watchers.void {
            self.read_and_judge();
        }
        for node in 0..self.nodes.len() {
            let now = self.nodes[node].clock.read(self.now);
            if let Some(process) = &self.nodes[node].process {
                self.figures.add(&process.status(now).counters);
            }
        }
        self.figures.simulated = self.now;
        self.figures.compared = self.watchers.compared();
        let unclean = self.plan.config.unclean_after_ms.is_some();
        self.figures.void = (self.watchers.void && !unclean).into();
        self.figures.violations = self.violation.is_some().into();
    }

    fn converge(&mut self, healed: Moment) {
        loop {
            let found = self.together();
            // Where an unclean start is allowed the cluster must come together even so.
            if self.violation.is_some() || self.watchers.void && self.plan.config.unclean_after_ms.is_none() {
                return;
            }
            match found {
                Ok(()) if self.is_quiet() => break,
                Err(violation) if self.now > healed + CONVERGE => return self.violate(violation),
                _ => {}
            }
            self.look_at_calls();
            self.run(self.now + LOOK_EVERY);
        }
        self.figures.convergence = self.now - healed;
    }

    fn copies(&mut self) -> Vec<Copy> {
        let mut copies = Vec::new();
        for node in &mut self.nodes {
            let now = node.clock.read(self.now);
            let Some(process) = &mut node.process else { continue };
            let status = process.status(now);
            copies.push(Copy {
                process: process.name.clone(),
                leads: matches!(status.role, Role::Leader | Role::Fenced),
                epoch: status.epoch,
                applied: status.applied,
                end: status.leo,
                readable: status.readable,
                shards: (0..process.store.shards()).map(|shard| process.store.digest(shard)).collect(),
            });
        }
        copies
    }

    fn together(&mut self) -> Result<(), Violation> {
        if let Some(process) = self.nodes.iter().filter_map(|it| it.process.as_ref()).find(|it| it.leaving) {
            return Err(Violation::new("C9", format!("{} was asked to leave, and is still there", process.name)));
        }
        // Who left, or gave up, starts again; the minimum may need it.
        if let Some(node) = self.nodes.iter().position(|it| it.core && it.process.is_none()) {
            return Err(Violation::new("C9", format!("n{node} does not run")));
        }
        let copies = self.copies();
        convergence::check(&copies)
    }

    /// Writes go through again, everything is read once more, and then all that was seen is checked.
    fn read_and_judge(&mut self) {
        let leads = |copy: &Copy| copy.leads;
        let Some(host) = self.copies().iter().position(leads).and_then(|place| self.hosts().nth(place)) else {
            return self.violate(Violation::new("C9", "nobody leads at the end"));
        };
        self.write_once_more(host);
        self.read_all(host);
        let asked = self.now;
        while !self.pending.is_empty() && self.violation.is_none() && self.now < asked + CONVERGE {
            self.run(self.now + LOOK_EVERY);
            self.look_at_calls();
        }
        if self.violation.is_some() {
            return;
        }
        let unanswered = self
            .history
            .iter()
            .filter(|it| it.invoked >= asked)
            .find(|it| !matches!(it.outcome, Outcome::Returned(..)));
        if let Some(call) = unanswered {
            let what = format!("a call after the last fault failed: {}", call.show());
            return self.violate(Violation::new("C9", what));
        }
        if let Err(violation) = self.judge(host) {
            self.violate(violation);
        }
    }

    fn write_once_more(&mut self, host: Host) {
        let wish = workload::Wish {
            group: 0,
            command: crate::history::command(&[b"SET", b"g0:k", b"the end"]),
            intent: crate::history::Intent::Change,
            ack: Some(jcache_cluster::engine::Ack::InSync),
            lives_ms: 0,
            endless: None,
        };
        self.submit(host, 0, wish, crate::history::Promise::Strong, Default::default(), None);
    }

    fn judge(&mut self, host: Host) -> Result<(), Violation> {
        for (group, kind) in GROUPS.iter().enumerate() {
            if kind.is_counted() {
                let found = self.found(host, group);
                check::kept::check(&self.history, group, &found)?;
                check::once::check(&self.history, group, &found)?;
            }
            if *kind == workload::Kind::Counter {
                check::session::check(&self.history, group)?;
                check::session::check_own(&self.history, group)?;
            }
            if kind.is_linearizable() {
                self.figures.groups += 1;
                match linearizable::check(&self.history, group) {
                    Verdict::Linearizable => {}
                    Verdict::Violated(violation) => return Err(violation),
                    Verdict::Undecided(steps) => {
                        self.trace.line(self.now, || format!("group {group}: undecided after {steps} steps"));
                        self.figures.undecided += 1;
                    }
                }
            }
        }
        self.lives.iter().try_for_each(|life| life.check(LAG))
    }

    fn found(&self, host: Host, group: usize) -> Contents {
        let process = self.nodes[host.node].process.as_ref();
        process.map_or_else(Contents::new, |process| {
            check::contents(process.store.model(), |key| workload::belongs(key, group))
        })
    }
}
