//! One process of the simulated cluster: an engine, its store, its clock, and what waits while it is paused.

use std::collections::{BTreeSet, VecDeque};

use jcache_cluster::engine::{
    Action, Admin, CallId, CallOptions, CoordEvent, Engine, Event, Identity, MemberId, Message, NodeId, Now, Outbox,
    RequestId, Status, StreamId, StreamKind,
};
use jcache_core::{Encoded, Request};

use super::both::BothStores;
use super::plan::Plan;
use crate::history::Moment;

/// The wall clock when a simulation starts, in milliseconds since the epoch.
const WALL_START: u64 = 1_800_000_000_000;

/// A node's clocks: its boot clock runs a little wrong, its wall clock can be set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) boot_offset: u64,
    /// Parts per million.
    pub(super) drift: i64,
    /// Milliseconds.
    pub(super) wall_offset: i64,
}

impl Clock {
    pub(super) fn read(&self, now: Moment) -> Now {
        let drifted = (now as i64 + now as i64 / 1_000 * self.drift / 1_000) as u64;
        let wall = WALL_START as i64 + (now / 1_000) as i64 + self.wall_offset;
        Now { boot_us: self.boot_offset + drifted, wall_ms: wall.max(0) as u64 }
    }
}

/// What happens to a process: an event that can wait.
#[derive(Debug)]
pub(super) enum Input {
    Tick,
    Coord(CoordEvent),
    Accepted(StreamId, StreamKind),
    Opened(StreamId),
    Message(StreamId, Message),
    Broken(StreamId),
    Call(CallId, Encoded, CallOptions),
    Cancel(CallId),
    Admin(Admin),
}

#[derive(Debug)]
pub(super) struct Process {
    pub(super) life: u32,
    pub(super) member: MemberId,
    /// Node and life, for messages.
    pub(super) name: String,
    engine: Engine,
    pub(super) store: BothStores,
    pub(super) paused: bool,
    /// What happened while it was paused.
    pub(super) inbox: VecDeque<Input>,
    /// Questions to the coordinator without an answer yet.
    pub(super) waiting: BTreeSet<RequestId>,
    /// It was asked to leave, and when first.
    pub(super) leaving: bool,
    pub(super) leaving_since: Option<Moment>,
}

impl Process {
    pub(super) fn new(node: usize, life: u32, incarnation: u128, plan: &Plan, store: BothStores, now: Now) -> Self {
        let id = node_id(node);
        let member = MemberId::new(id.clone(), incarnation);
        let identity = Identity {
            member: member.clone(),
            addr: format!("{id}:1"),
            zone: format!("zone-{}", node % 3),
            prio: plan.prios[node],
            voter: plan.observer != Some(node),
            seed: incarnation ^ 0x5eed,
        };
        let engine =
            Engine::new(plan.config.clone(), identity, now).expect("invariant: the simulator's settings are valid");
        Self {
            life,
            member,
            name: format!("{id}.{life}"),
            engine,
            store,
            paused: false,
            inbox: VecDeque::new(),
            waiting: BTreeSet::new(),
            leaving: false,
            leaving_since: None,
        }
    }

    #[cfg(feature = "switches")]
    pub(super) fn switch_off(&mut self, switch: jcache_cluster::engine::Switch) {
        self.engine.switch_off(switch);
    }

    pub(super) fn step(&mut self, now: Now, input: Input, out: &mut Outbox) {
        let Self { engine, store, .. } = self;
        let command;
        let mut at_once = None;
        let event = match input {
            Input::Tick => Event::Tick,
            Input::Coord(event) => Event::Coord(event),
            Input::Accepted(stream, kind) => Event::Accepted { stream, kind },
            Input::Opened(stream) => Event::Opened { stream },
            Input::Message(stream, message) => Event::Message { stream, message },
            Input::Broken(stream) => Event::Broken { stream },
            Input::Call(call, encoded, options) => {
                command = encoded;
                let request = Request::parse(command.args()).expect("invariant: it was encoded from a command");
                if let Request::Mutation(mutation) = &request {
                    at_once = engine.answers_at_once(mutation, &options).then_some(call);
                }
                Event::Call { call, request, options }
            }
            Input::Cancel(call) => Event::Cancel { call },
            Input::Admin(admin) => Event::Admin(admin),
        };
        engine.step(now, event, store, out);
        if let Some(expected) = at_once {
            let answers = |action: &Action| matches!(action, Action::Answer { call, .. } if *call == expected);
            assert!(out.actions.iter().any(answers), "call {expected} is not answered at once, as the engine said");
        }
    }

    /// The deadline of a key in this copy.
    pub(super) fn deadline(&self, name: &str) -> Option<u64> {
        let mut keys = self.store.model().iter();
        keys.find(|(key, ..)| *key == name.as_bytes())?.2.map(jcache_core::Timestamp::as_millis)
    }

    pub(super) fn status(&self, now: Now) -> Status {
        self.engine.status(now)
    }
}

pub(super) fn node_id(node: usize) -> NodeId {
    NodeId::new(format!("n{node}"))
}
