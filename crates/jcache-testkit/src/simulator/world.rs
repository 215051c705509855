//! The simulated world: it keeps the time, carries out what engines ask for, and tells them what comes of it.
//!
//! Everything that happens is planned on one agenda and drawn from one seed, so a run is the same every time.

use std::collections::BTreeMap;

use fastrand::Rng;
use jcache_cluster::engine::{
    Action, Admin, CallId, CoordAnswer, CoordError, CoordRequest, Engine, Key, Outbox, RequestId, Revision,
};

use super::agenda::Agenda;
use super::both::BothStores;
use super::calm::Gone;
use super::client::{Client, Pending};
use super::coordination::Coordinator;
use super::figures::Figures;
use super::nemesis::Fault;
use super::network::{Host, Network, Parcel};
use super::plan::Plan;
use super::process::{Clock, Input, Process};
use super::scenes::{Fell, Probe};
use super::watch::Watchers;
use super::{Settings, trace};
use crate::check::Violation;
use crate::check::lifetime::Life;
use crate::history::{Moment, Operation};

/// A process that cannot leave in order leaves anyway, after ten seconds by its own clock; in microseconds.
const LEAVE: Moment = 9_900_000;

/// What is on the agenda.
#[derive(Debug)]
pub(super) enum Happening {
    Tick(Host),
    /// A request arrives at the coordinator.
    Request(Host, RequestId, CoordRequest),
    /// The coordinator's answer arrives.
    Answer(Host, RequestId, Result<CoordAnswer, CoordError>),
    /// No answer came in time.
    Deadline(Host, RequestId),
    /// A watch event arrives, of the host's watch with this number.
    Watched(Host, u64, Option<(Revision, super::etcd::Changes)>),
    /// The coordinator looks at its leases.
    Leases,
    /// The head of a stream's queue arrives.
    Arrive(u64, usize),
    /// A dial came to nothing, or a broken stream is noticed by one end.
    Noticed(u64, usize),
    /// The ends of a stream look whether the other is still there.
    Silence(u64),
    /// A client does its next thing.
    Client(usize),
    /// A caller goes away.
    Cancel(Host, CallId),
    /// The nemesis asks at a node.
    Probe(usize, Probe),
    /// The nemesis takes leadership from a node.
    Deposed(usize),
    /// The nemesis waits for the next leader.
    Fell(Fell),
    /// The next fault.
    Fault,
    /// A fault ends.
    End(Fault),
    Start(usize),
}

/// A place where a process can run.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) process: Option<Process>,
    pub(super) lives: u32,
    pub(super) clock: Clock,
    /// Microseconds that every message to it takes longer.
    pub(super) slow: u64,
    /// It is part of the cluster from the beginning.
    pub(super) core: bool,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) plan: Plan,
    pub(super) now: Moment,
    pub(super) agenda: Agenda<Happening>,
    /// For latencies.
    pub(super) random: Rng,
    pub(super) nodes: Vec<Node>,
    pub(super) coordinator: Coordinator,
    pub(super) network: Network,
    pub(super) clients: Vec<Client>,
    /// For what clients do.
    pub(super) whims: Rng,
    /// Clients make calls.
    pub(super) calling: bool,
    /// But not before this.
    pub(super) hushed_until: Moment,
    pub(super) history: Vec<Operation>,
    pub(super) lives: Vec<Life>,
    pub(super) pending: BTreeMap<CallId, Pending>,
    pub(super) calls: CallId,
    /// Calls whose callers have gone.
    pub(super) gone: Vec<Gone>,
    /// All faults are long over: every call succeeds.
    pub(super) calm: bool,
    /// For what the nemesis does.
    pub(super) malice: Rng,
    /// The nemesis waits for a change of the in-sync set.
    pub(super) trapped: bool,
    pub(super) watchers: Watchers,
    pub(super) figures: Figures,
    pub(super) trace: trace::Trace,
    pub(super) violation: Option<Violation>,
    outbox: Outbox,
}

impl World {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut seeds = Rng::with_seed(settings.seed);
        let mut plan = Plan::draw(&mut seeds, settings.nodes, settings.seconds);
        if settings.unclean {
            plan.allow_unclean_starts();
        }
        let nodes = (0..plan.nodes + plan.spare).map(|node| Node {
            process: None,
            lives: 0,
            clock: Clock {
                boot_offset: seeds.u64(..1 << 40),
                drift: seeds.i64(-2_000..2_000),
                wall_offset: seeds.i64(-200..200),
            },
            slow: 0,
            core: node < plan.nodes,
        });
        let nodes = nodes.collect();
        let mut world = Self {
            now: 0,
            agenda: Agenda::default(),
            random: seeds.fork(),
            nodes,
            coordinator: Coordinator::default(),
            network: Network::default(),
            // One more, for what the nemesis wants to know.
            clients: (0..=plan.clients).map(|_| Client::default()).collect(),
            whims: seeds.fork(),
            calling: true,
            hushed_until: 0,
            history: Vec::new(),
            lives: Vec::new(),
            pending: BTreeMap::new(),
            calls: 0,
            gone: Vec::new(),
            calm: false,
            malice: seeds.fork(),
            trapped: false,
            watchers: Watchers::new(&plan),
            figures: Figures { runs: 1, ..Figures::default() },
            trace: trace::Trace::new(settings.trace),
            violation: None,
            outbox: Outbox::default(),
            settings: settings.clone(),
            plan,
        };
        for node in 0..world.plan.nodes {
            let at = world.random.u64(..50_000);
            world.agenda.plan(at, Happening::Start(node));
        }
        for client in 0..world.plan.clients {
            let at = 500_000 + world.random.u64(..50_000);
            world.agenda.plan(at, Happening::Client(client));
        }
        world.agenda.plan(500_000, Happening::Leases);
        world
    }

    /// Lets happen what is planned up to `until`, or up to the first violation.
    pub(super) fn run(&mut self, until: Moment) {
        while self.violation.is_none()
            && let Some((at, happening)) = self.agenda.next(until)
        {
            self.now = at;
            self.happen(happening);
        }
        if self.violation.is_none() {
            self.now = until;
        }
    }

    fn happen(&mut self, happening: Happening) {
        self.trace.count(self.now, &happening);
        match happening {
            Happening::Tick(host) => self.tick(host),
            Happening::Request(host, id, request) => self.request(host, id, request),
            Happening::Answer(host, id, answer) => self.answer(host, id, answer),
            Happening::Deadline(host, id) => self.answer(host, id, Err(CoordError::Unknown)),
            Happening::Watched(host, watch, event) => self.watched(host, watch, event),
            Happening::Leases => self.look_at_leases(),
            Happening::Arrive(stream, side) => self.arrive(stream, side),
            Happening::Noticed(stream, side) => self.notice(stream, side),
            Happening::Silence(stream) => self.silence(stream),
            Happening::Client(client) => self.client(client),
            Happening::Cancel(host, call) => self.go_away(host, call),
            Happening::Probe(node, probe) => self.probe(node, probe),
            Happening::Deposed(leader) => self.depose(leader),
            Happening::Fell(fell) => self.after_the_fall(fell),
            Happening::Fault => self.fault(),
            Happening::End(fault) => self.end(fault),
            Happening::Start(node) => self.start(node),
        }
    }

    /// Writes down in what the copies differ now, for whoever reads the trace.
    pub(super) fn show_differences(&mut self) {
        if self.trace.lines.is_none() {
            return;
        }
        let copies = self.nodes.iter().filter_map(|node| node.process.as_ref());
        let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for process in copies {
            for (key, object, deadline) in process.store.model().iter() {
                let mut parts: Vec<String> =
                    crate::check::contents_of(object).iter().map(|it| it.escape_ascii().to_string()).collect();
                parts.truncate(40);
                let text = format!("{}: {parts:?} until {deadline:?}", key.escape_ascii());
                held.entry(text).or_default().push(process.name.clone());
            }
        }
        let all = self.nodes.iter().filter(|node| node.process.is_some()).count();
        for (text, names) in held.into_iter().filter(|(_, names)| names.len() < all) {
            self.trace.line(self.now, || format!("only {names:?} hold {text}"));
        }
    }

    pub(super) fn violate(&mut self, violation: Violation) {
        self.trace.line(self.now, || format!("VIOLATION {violation}"));
        self.violation.get_or_insert(violation);
    }

    pub(super) fn process(&mut self, host: Host) -> Option<&mut Process> {
        self.nodes[host.node].process.as_mut().filter(|process| process.life == host.life)
    }

    pub(super) fn host(&self, node: usize) -> Option<Host> {
        self.nodes[node].process.as_ref().map(|process| Host { node, life: process.life })
    }

    /// Every process that runs.
    pub(super) fn hosts(&self) -> impl Iterator<Item = Host> {
        (0..self.nodes.len()).filter_map(|node| self.host(node))
    }

    pub(super) fn start(&mut self, node: usize) {
        if self.nodes[node].process.is_some() {
            return;
        }
        let it = &mut self.nodes[node];
        it.lives += 1;
        let life = it.lives;
        let drawn = u128::from(self.random.u64(..)) << 64 | u128::from(life) << 8 | node as u128;
        let incarnation = if self.settings.keeps_identity() { 1 + node as u128 } else { drawn };
        let shards = self.plan.shards;
        let store = match self.settings.memory {
            true => BothStores::new(shards.next_power_of_two().ilog2().max(1)),
            false => BothStores::model_only(shards),
        };
        let process = Process::new(node, life, incarnation, &self.plan, store, it.clock.read(self.now));
        #[cfg(feature = "switches")]
        let process = {
            let mut process = process;
            self.settings.without.iter().for_each(|switch| process.switch_off(*switch));
            process
        };
        self.trace.line(self.now, || format!("{} starts as {}", process.name, process.member));
        it.process = Some(process);
        self.agenda.plan(self.now, Happening::Tick(Host { node, life }));
    }

    /// The process ends at once: memory, streams and calls are gone.
    pub(super) fn kill(&mut self, node: usize) {
        let Some(process) = self.nodes[node].process.take() else { return };
        let host = Host { node, life: process.life };
        self.trace.line(self.now, || format!("{} ends", process.name));
        self.figures.add(&process.status(self.nodes[node].clock.read(self.now)).counters);
        for stream in self.network.of(node) {
            self.hang_up(stream, node);
        }
        self.coordinator.forget(host);
        self.watchers.time.forget(host);
        self.abandon_calls(host);
        self.look_at_survivors();
    }

    fn tick(&mut self, host: Host) {
        let Some(process) = self.process(host) else { return };
        if !process.paused {
            self.input(host, Input::Tick);
        }
        self.agenda.plan(self.now + Engine::TICK_MS * 1_000, Happening::Tick(host));
    }

    pub(super) fn resume(&mut self, node: usize) {
        let Some(host) = self.host(node) else { return };
        let Some(process) = self.process(host).filter(|process| process.paused) else { return };
        process.paused = false;
        let mut waited = std::mem::take(&mut process.inbox);
        self.trace.line(self.now, || format!("n{node} goes on"));
        // The ticker may fire before or after what is waiting is read.
        if self.random.bool() {
            waited.push_front(Input::Tick);
        }
        for input in waited {
            self.input(host, input);
        }
    }

    /// Something happens to a process: now, or when it goes on.
    pub(super) fn input(&mut self, host: Host, input: Input) {
        let mut out = std::mem::take(&mut self.outbox);
        let clock = self.nodes[host.node].clock;
        let now = self.now;
        let Some(process) = self.nodes[host.node].process.as_mut().filter(|process| process.life == host.life) else {
            return;
        };
        if process.paused {
            process.inbox.push_back(input);
            return;
        }
        self.trace.input(now, &process.name, &input);
        if self.watchers.eras.wants_base() {
            process.store.keep_before();
        }
        process.step(clock.read(now), input, &mut out);
        let times = (now, clock.read(now));
        self.watchers.after_step(process, times, &self.network, host, &mut self.figures, &mut self.violation);
        let actions: Vec<Action> = out.drain().collect();
        self.outbox = out;
        for action in actions {
            // It may have ended by one of them: what it still wanted is not done.
            if self.process(host).is_some() {
                self.act(host, action);
            }
        }
    }

    fn act(&mut self, host: Host, action: Action) {
        let now = self.now;
        self.trace.action(now, host, &action);
        match action {
            Action::Coord(id, request) => self.ask(host, id, request),
            Action::Connect { stream, kind, peer, .. } => self.dial(host, stream, kind, &peer),
            Action::Send { stream, message } => {
                self.look_at_forwarded(host, &message);
                if let Some((stream, side)) = self.network.find(host, stream) {
                    self.send(stream, side, Parcel::Message(message));
                }
            }
            Action::Close { stream } => {
                if let Some((stream, side)) = self.network.find(host, stream) {
                    self.send(stream, side, Parcel::Closed);
                    self.network.leave(stream, side);
                }
            }
            Action::Answer { call, result } => self.answered(call, result),
            Action::Notify(notice) => {
                let violation = self.watchers.notice(host.node, &notice, now, self.coordinator.may_seem_reset(now));
                violation.into_iter().for_each(|it| self.violate(it));
            }
            Action::Left { .. } => {
                let since = self.process(host).and_then(|process| process.leaving_since).unwrap_or(now);
                // Where leases ended without need it may know of nobody else.
                let troubled = (0..self.nodes.len()).any(|node| self.coordinator.is_troubled(node, now));
                let excused = self.watchers.bereft || troubled || now > since + LEAVE;
                self.kill(host.node);
                if self.watchers.bereft && !excused && self.plan.config.unclean_after_ms.is_none() {
                    let what = format!("n{} leaves as the last of the in-sync set", host.node);
                    self.violate(Violation::new("C1", what));
                }
                let again = now + 200_000 + self.random.u64(..2_000_000);
                self.agenda.plan(again, Happening::Start(host.node));
            }
            Action::Fatal(fatal) => {
                let excused = Watchers::excuses(&fatal) && self.coordinator.is_troubled(host.node, now);
                self.kill(host.node);
                if !excused {
                    self.violate(Violation::new("C9", format!("n{} gave up: {fatal:?}", host.node)));
                }
                let again = now + 1_000_000 + self.random.u64(..2_000_000);
                self.agenda.plan(again, Happening::Start(host.node));
            }
        }
    }

    pub(super) fn admin(&mut self, node: usize, admin: Admin) {
        if let Some(host) = self.host(node) {
            self.input(host, Input::Admin(admin));
        }
    }

    /// Whether a process with this member id runs.
    pub(super) fn lives(&self, member: &jcache_cluster::engine::MemberId) -> bool {
        self.nodes.iter().any(|node| node.process.as_ref().is_some_and(|process| process.member == *member))
    }

    /// The promise ends for now where the in-sync set that was recorded last has nobody left, whatever a backup says that was put
    /// back; the nemesis avoids it, but a change of the set may be under way when it strikes.
    pub(super) fn look_at_survivors(&mut self) {
        let Some(state) = self.coordinator.newest.clone() else { return };
        let leaderless = self.coordinator.leaderless(self.now);
        let found = self.watchers.see_state(&state, leaderless);
        let bereft = !state.isr.iter().any(|member| self.lives(member));
        let already = std::mem::replace(&mut self.watchers.bereft, bereft);
        if bereft && !already {
            self.trace.line(self.now, || "nobody of the in-sync set is left".to_owned());
            if self.plan.amnesia {
                // Nothing happens to processes there but what spares the set.
                self.violate(Violation::new("C1", format!("nobody is left of the in-sync set {:?}", state.isr)));
            }
        }
        found.into_iter().for_each(|violation| self.violate(violation));
    }

    pub(super) fn leader(&self) -> Option<usize> {
        let value = self.coordinator.data.get(&Key::Leader)?;
        let record: jcache_cluster::engine::LeaderRecord = serde_json::from_str(value).ok()?;
        (0..self.nodes.len()).find(|node| super::process::node_id(*node) == record.node)
    }
}
