//! The nemesis: what goes wrong, when, and for how long. It keeps the promise's own condition: it ends no process that
//! is the last living one of the recorded in-sync set.

use jcache_cluster::engine::{Admin, Key, MemberId};

use super::process::node_id;
use super::world::{Happening, Node, World};

/// Something that is wrong for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A process stands still.
    Pause(usize),
    /// Directed links lose everything.
    Cut(Vec<(usize, usize)>),
    /// Directed links are slow.
    Delay(Vec<(usize, usize)>),
    /// A node reads slowly.
    Slow(usize),
    /// A node's questions to the coordinator, its answers, or both are lost.
    Deaf(usize),
    /// A node's watch loses events.
    Gap(usize),
    /// A leader has walked into a trap, and ends now.
    Trap(usize),
    CoordinatorPaused,
    CoordinatorDown,
    CoordinatorSlow,
    WatchesLate,
}

const SECOND: u64 = 1_000_000;

impl World {
    /// Strikes, and plans the next time.
    pub(super) fn fault(&mut self) {
        let every = self.plan.fault_every_ms * 1_000;
        let next = self.now + every / 4 + self.malice.u64(..every * 3 / 2);
        self.agenda.plan(next, Happening::Fault);
        self.figures.faults += 1;
        if self.plan.amnesia {
            return self.forget();
        }
        let victim = self.victim();
        if self.plan.syncs {
            return self.force_syncs(victim);
        }
        match self.malice.u8(..44) {
            0..4 => self.crash(victim),
            4..7 => {
                let most = [300_000, SECOND, 6 * SECOND][self.malice.usize(..3)];
                if let Some(process) = &mut self.nodes[victim].process {
                    process.paused = true;
                }
                self.begin(Fault::Pause(victim), most);
            }
            7..9 => {
                let (a, b) = self.halves();
                let both = a.iter().flat_map(|x| b.iter().flat_map(move |y| [(*x, *y), (*y, *x)]));
                self.begin(Fault::Cut(both.collect()), 8 * SECOND);
            }
            9..11 => {
                let other = self.any_other(victim);
                let both = self.malice.bool();
                let links = if both { vec![(victim, other), (other, victim)] } else { vec![(victim, other)] };
                self.begin(Fault::Cut(links), 6 * SECOND);
            }
            11..13 => {
                let others: Vec<usize> = (0..self.nodes.len()).filter(|node| *node != victim).collect();
                let links = if self.malice.bool() {
                    others.iter().map(|other| (victim, *other)).collect()
                } else {
                    others.iter().map(|other| (*other, victim)).collect()
                };
                self.begin(Fault::Cut(links), 5 * SECOND);
            }
            13..15 => {
                let all = (0..self.nodes.len()).flat_map(|a| (0..self.nodes.len()).map(move |b| (a, b)));
                let some = all.filter(|(a, b)| a != b && (*a == victim || *b == victim));
                self.begin(Fault::Delay(some.collect()), 4 * SECOND);
            }
            15 => self.begin(Fault::Slow(victim), 4 * SECOND),
            16..18 => {
                for stream in self.network.of(victim) {
                    if self.malice.bool() {
                        self.reset(stream);
                    }
                }
            }
            18..20 => self.begin(Fault::Deaf(victim), 6 * SECOND),
            20..22 => self.end_lease(victim),
            22 => self.begin(Fault::Gap(victim), 4 * SECOND),
            23 => {
                self.trace.line(self.now, || "the coordinator compacts, and watches end".to_owned());
                self.coordinator.data.compact();
                self.lose_watches(None);
            }
            24 => self.begin(Fault::CoordinatorPaused, 4 * SECOND),
            25 => self.begin(Fault::CoordinatorDown, 8 * SECOND),
            26 => self.begin(Fault::CoordinatorSlow, 4 * SECOND),
            27 => self.begin(Fault::WatchesLate, 4 * SECOND),
            28 => {
                let hours = [-24, -1, 1, 24][self.malice.usize(..4)];
                self.trace.line(self.now, || format!("the wall clock of n{victim} is set by {hours} h"));
                self.nodes[victim].clock.wall_offset += hours * 3_600_000;
            }
            29 => self.join_or_leave(victim),
            30..33 => self.isolate(victim),
            33..35 | 40..44 => {
                // An election while the leader's lease still runs, with nobody to tell the leader.
                if let Some(leader) = self.leader() {
                    self.hush_and_depose(leader);
                }
            }
            38..40 => self.leave_a_tail(),
            35..38 => {
                self.trace.line(self.now, || "the next change of the in-sync set is a trap".to_owned());
                self.trapped = true;
            }
            _ => {
                let target = if self.malice.bool() { Some(node_id(self.any_other(victim))) } else { None };
                if let Some(leader) = self.leader() {
                    self.trace.line(self.now, || format!("n{leader} is to hand over to {target:?}"));
                    self.admin(leader, Admin::Handover(target));
                }
            }
        }
    }

    /// A node is cut from all others and from the coordinator.
    pub(super) fn isolate(&mut self, node: usize) {
        let others = (0..self.nodes.len()).filter(|other| *other != node);
        let links: Vec<_> = others.flat_map(|other| [(node, other), (other, node)]).collect();
        let most = [SECOND, 5 * SECOND][self.malice.usize(..2)];
        self.begin(Fault::Cut(links), most);
        self.coordinator.deaf_to.insert(node);
        self.coordinator.mute_to.insert(node);
        let at = self.now + most / 2 + self.malice.u64(..most);
        self.agenda.plan(at, Happening::End(Fault::Deaf(node)));
    }

    pub(super) fn end_leadership(&mut self) {
        self.trace.line(self.now, || "the leader's key vanishes".to_owned());
        self.coordinator.data.delete(&Key::Leader);
        self.publish();
    }

    /// A change of the in-sync set has landed: its leader never hears of it, somebody lags, and then the leader is gone.
    pub(super) fn spring_trap(&mut self, leader: usize) {
        self.trapped = false;
        let lags = self.any_other(leader);
        self.begin(Fault::Cut(vec![(leader, lags)]), SECOND);
        self.coordinator.mute_to.insert(leader);
        let at = self.now + self.malice.u64(50_000..900_000);
        self.agenda.plan(at, Happening::End(Fault::Trap(leader)));
    }

    /// Streams break under writes, over slow links, so that followers are synchronised again and again.
    fn force_syncs(&mut self, victim: usize) {
        match self.malice.u8(..6) {
            0 => self.begin(Fault::Slow(victim), SECOND),
            1 => {
                let other = self.any_other(victim);
                self.begin(Fault::Delay(vec![(victim, other), (other, victim)]), SECOND);
            }
            2 => self.crash(victim),
            _ => {
                for stream in self.network.of(victim) {
                    self.reset(stream);
                }
            }
        }
    }

    /// The leader half of the time: most rules are about it.
    fn victim(&mut self) -> usize {
        let leader = self.leader().filter(|_| self.malice.bool());
        leader.unwrap_or_else(|| self.malice.usize(..self.nodes.len()))
    }

    pub(super) fn any_other(&mut self, node: usize) -> usize {
        (node + 1 + self.malice.usize(..self.nodes.len() - 1)) % self.nodes.len()
    }

    fn halves(&mut self) -> (Vec<usize>, Vec<usize>) {
        let mut nodes: Vec<usize> = (0..self.nodes.len()).collect();
        self.malice.shuffle(&mut nodes);
        let rest = nodes.split_off(1 + self.malice.usize(..nodes.len() - 1));
        (nodes, rest)
    }

    pub(super) fn begin(&mut self, fault: Fault, most: u64) {
        self.trace.line(self.now, || format!("fault: {fault:?}"));
        match &fault {
            // It was stopped already.
            Fault::Pause(_) | Fault::Trap(_) => {}
            Fault::Cut(links) => links.iter().for_each(|(from, to)| self.cut(*from, *to)),
            Fault::Delay(links) => {
                for (from, to) in links {
                    let by = self.malice.u64(20_000..400_000);
                    self.network.set_slow(*from, *to, by);
                }
            }
            Fault::Slow(node) => self.nodes[*node].slow = self.malice.u64(50_000..400_000),
            Fault::Deaf(node) => {
                let which = self.malice.u8(..3);
                if which != 0 {
                    self.coordinator.deaf_to.insert(*node);
                }
                if which != 1 {
                    self.coordinator.mute_to.insert(*node);
                }
            }
            Fault::Gap(node) => drop(self.coordinator.gaps.insert(*node)),
            Fault::CoordinatorPaused => self.coordinator.paused = true,
            Fault::CoordinatorDown => {
                self.coordinator.down = true;
                if self.malice.bool() {
                    self.lose_watches(None);
                }
            }
            Fault::CoordinatorSlow => self.coordinator.slow = self.malice.u64(50_000..1_500_000),
            Fault::WatchesLate => self.coordinator.late = self.malice.u64(50_000..3_000_000),
        }
        let at = self.now + most / 20 + self.malice.u64(..most);
        self.agenda.plan(at, Happening::End(fault));
    }

    pub(super) fn end(&mut self, fault: Fault) {
        self.trace.line(self.now, || format!("over: {fault:?}"));
        if let Fault::CoordinatorPaused | Fault::CoordinatorDown | Fault::CoordinatorSlow = fault {
            self.coordinator.trouble(self.now);
        }
        match fault {
            Fault::Pause(node) => self.resume(node),
            Fault::Cut(links) | Fault::Delay(links) => links.iter().for_each(|(from, to)| self.heal(*from, *to)),
            Fault::Slow(node) => self.nodes[node].slow = 0,
            Fault::Deaf(node) => {
                self.coordinator.deafen(node, self.now);
                self.coordinator.deaf_to.remove(&node);
                if self.coordinator.mute_to.remove(&node) && self.malice.bool() {
                    self.lose_watches(Some(node));
                }
            }
            Fault::Gap(node) => drop(self.coordinator.gaps.remove(&node)),
            Fault::Trap(node) => {
                self.crash(node);
                self.coordinator.deafen(node, self.now);
                self.coordinator.mute_to.remove(&node);
            }
            Fault::CoordinatorPaused => self.resume_coordinator(),
            Fault::CoordinatorDown => self.restart_coordinator(),
            Fault::CoordinatorSlow => self.coordinator.slow = 0,
            Fault::WatchesLate => self.coordinator.late = 0,
        }
    }

    pub(super) fn crash(&mut self, node: usize) {
        if !self.may_crash(node) {
            return;
        }
        self.kill(node);
        self.start_again(node);
    }

    fn start_again(&mut self, node: usize) {
        let most = [100_000, 2 * SECOND, 6 * SECOND][self.malice.usize(..3)];
        let at = self.now + 1_000 + self.malice.u64(..most);
        self.agenda.plan(at, Happening::Start(node));
    }

    /// Whether somebody of the recorded in-sync set lives on without `node`, and of every set that is proposed. Where an
    /// unclean start is allowed, anybody may crash now and then.
    fn may_crash(&mut self, node: usize) -> bool {
        if self.plan.config.unclean_after_ms.is_some() && self.malice.u8(..4) == 0 {
            return self.nodes[node].process.is_some();
        }
        let Some(process) = &self.nodes[node].process else { return false };
        let Some(state) = &self.coordinator.newest else { return false };
        let survives = |set: &[MemberId]| set.iter().any(|member| *member != process.member && self.lives(member));
        let proposed = |node: &Node| {
            let process = node.process.as_ref()?;
            process.status(node.clock.read(self.now)).pending
        };
        survives(&state.isr) && self.nodes.iter().filter_map(proposed).all(|set| survives(&set))
    }

    /// A lease that vanishes without a reason, or the leader's key by an operator's hand.
    fn end_lease(&mut self, node: usize) {
        let key = if self.malice.bool() { Key::Leader } else { Key::Member(node_id(node)) };
        self.trace.line(self.now, || format!("{} vanishes", key.path()));
        match self.coordinator.data.lease_of(&key).filter(|_| self.malice.bool()) {
            Some(lease) => self.coordinator.data.revoke(lease),
            None => self.coordinator.data.delete(&key),
        }
        self.publish();
    }

    fn join_or_leave(&mut self, victim: usize) {
        let idle = (0..self.nodes.len()).find(|node| self.nodes[*node].process.is_none() && !self.nodes[*node].core);
        match idle {
            Some(node) => self.start(node),
            None => {
                if let Some(process) = &mut self.nodes[victim].process {
                    process.leaving = true;
                    process.leaving_since.get_or_insert(self.now);
                    self.trace.line(self.now, || format!("n{victim} is to leave"));
                    self.admin(victim, Admin::Shutdown);
                }
            }
        }
    }

    /// The coordinator loses everything, or goes back to a backup, again and again; often a process starts afresh just
    /// then, which knows nothing. Between a backup and the way back processes are started anew, up to all of them.
    fn forget(&mut self) {
        let wipes = match self.malice.u8(..10) {
            0..2 => true,
            2 => false,
            // An old backup is kept for the most part: that is what is put back in life.
            3..5 if self.coordinator.has_backup() && self.malice.u8(..4) > 0 => return,
            3..5 => return self.back_up(),
            5 => {
                let victim = self.victim();
                return self.end_lease(victim);
            }
            6..9 => return self.restart_one(),
            _ => return,
        };
        if self.coordinator.data.state().is_none() {
            return;
        }
        let victim = self.victim();
        if self.malice.bool() && self.may_crash(victim) {
            self.kill(victim);
            let at = self.now + self.malice.u64(..SECOND);
            self.agenda.plan(at, Happening::Start(victim));
        }
        let what = if wipes { "loses its data" } else { "goes back to its backup" };
        self.trace.line(self.now, || format!("the coordinator {what}"));
        self.reset_coordinator(!wipes);
        if let Some(idle) = (0..self.nodes.len()).find(|node| self.nodes[*node].process.is_none()) {
            let at = self.now + self.malice.u64(..SECOND);
            self.agenda.plan(at, Happening::Start(idle));
        }
    }

    /// One process after another starts anew, as in an upgrade: whom the backup names is soon somebody else.
    fn restart_one(&mut self) {
        let node = self.malice.usize(..self.nodes.len());
        if self.may_crash(node) {
            self.kill(node);
            self.agenda.plan(self.now + self.malice.u64(..SECOND / 2), Happening::Start(node));
        }
    }

    /// Everything that is wrong is put right, and everybody who ever took part runs.
    pub(super) fn heal_all(&mut self) {
        self.trace.line(self.now, || "all faults are over".to_owned());
        self.agenda.forget(|happening| {
            matches!(happening, Happening::Fault | Happening::End(_) | Happening::Deposed(_) | Happening::Fell(_))
        });
        self.trapped = false;
        for from in 0..self.nodes.len() {
            for to in 0..self.nodes.len() {
                self.heal(from, to);
            }
        }
        // Whatever was wrong may show in leases yet.
        self.coordinator.trouble(self.now);
        self.coordinator.deaf_to.clear();
        self.coordinator.mute_to.clear();
        self.coordinator.gaps.clear();
        (self.coordinator.slow, self.coordinator.late) = (0, 0);
        if self.coordinator.paused {
            self.resume_coordinator();
        }
        if self.coordinator.down {
            self.restart_coordinator();
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].slow = 0;
            self.resume(node);
            if self.nodes[node].core {
                self.start(node);
            }
        }
    }
}
