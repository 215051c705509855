//! The end of a run: faults are over, the cluster must come together, and the history is judged.

use std::borrow::Cow;

use jcache_cluster::engine::{Role, Store};

use super::network::Host;
use super::workload::{self, GROUPS, Kind};
use super::world::World;
use crate::check::convergence::{self, Copy};
use crate::check::linearizable::{self, Verdict};
use crate::check::{self, Contents, Violation};
use crate::history::{History, Moment, Outcome};

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
        let together = self.converge(healed);
        if self.violation.is_none() && together {
            self.enjoy_the_calm(healed);
        }
        if self.violation.is_none() && together {
            self.read_and_judge();
        } else if self.violation.is_none()
            && let Err(violation) = self.judge(None)
        {
            self.violate(violation);
        }
        for node in 0..self.nodes.len() {
            let now = self.nodes[node].clock.read(self.now);
            if let Some(process) = &self.nodes[node].process {
                self.figures.add(&process.status(now).counters);
            }
        }
        self.figures.simulated = self.now;
        self.figures.compared = self.watchers.compared();
        self.figures.split = (self.watchers.eras.last() > 0).into();
        self.figures.void = (!together).into();
        self.figures.violations = self.violation.is_some().into();
    }

    /// Whether the cluster comes together: it may wait for ever where nobody of its in-sync set is left, not for certain,
    /// or nobody knows who that is, and it may not begin anew.
    fn converge(&mut self, healed: Moment) -> bool {
        loop {
            let found = self.together();
            if self.violation.is_some() {
                return false;
            }
            match found {
                Ok(()) if self.is_quiet() => break,
                Err(violation) if self.now > healed + CONVERGE => {
                    // Who is in sync only the leader may have known, when both it and the coordinator's data went.
                    let unknown = self.coordinator.forgotten().is_some_and(|state| !self.lives(&state.leader));
                    if !self.watchers.bereft && !unknown || self.plan.config.unclean_after_ms.is_some() {
                        self.violate(violation);
                    }
                    return false;
                }
                _ => {}
            }
            self.look_at_calls();
            self.run(self.now + LOOK_EVERY);
        }
        self.figures.convergence = self.now - healed;
        true
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
        if let Err(violation) = self.judge(Some(host)) {
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

    /// Judges what was seen; what is there at the end, too, where somebody leads.
    fn judge(&mut self, host: Option<Host>) -> Result<(), Violation> {
        let history = std::mem::take(&mut self.history);
        let judged = (0..GROUPS.len()).try_for_each(|group| self.judge_group(&history, group, host));
        self.history = history;
        judged?;
        self.lives.iter().try_for_each(|life| life.check(LAG))
    }

    fn judge_group(&mut self, history: &History, group: usize, host: Option<Host>) -> Result<(), Violation> {
        let kind = GROUPS[group];
        let last = self.watchers.eras.last();
        let found = host.map(|host| self.found(host, group));
        if last == 0 && kind.is_counted() {
            if let Some(found) = &found {
                check::kept::check(history, group, found)?;
            }
            check::once::check(history, group, &found.unwrap_or_default())?;
        } else if kind.is_counted() {
            let eras = &self.watchers.eras;
            if let Some(found) = &found {
                check::kept::check(&eras.kept(history), group, found)?;
            }
            check::once::check(&eras.once(history, last), group, &found.unwrap_or_default())?;
            for era in 0..last {
                check::once::check(&eras.once(history, era), group, &Contents::new())?;
            }
        }
        for era in 0..=last {
            let eras = &self.watchers.eras;
            let Some(beginning) = eras.beginning(era, group) else { continue };
            if kind == Kind::Counter {
                let told: Cow<'_, History> =
                    if last == 0 { Cow::Borrowed(history) } else { eras.told(history, era).into() };
                check::session::check(&told, group)?;
                check::session::check_own(&told, group)?;
            }
            if kind.is_linearizable() {
                let orders: Cow<'_, History> =
                    if last == 0 { Cow::Borrowed(history) } else { eras.orders(history, era).into() };
                self.figures.groups += 1;
                match linearizable::check_from(&orders, group, &beginning) {
                    Verdict::Linearizable => {}
                    Verdict::Violated(violation) => return Err(violation),
                    Verdict::Undecided(steps) => {
                        self.trace.line(self.now, || format!("group {group}: undecided after {steps} steps"));
                        self.figures.undecided += 1;
                    }
                }
            }
        }
        Ok(())
    }

    fn found(&self, host: Host, group: usize) -> Contents {
        let process = self.nodes[host.node].process.as_ref();
        process.map_or_else(Contents::new, |process| {
            check::contents(process.store.model(), |key| workload::belongs(key, group))
        })
    }
}
