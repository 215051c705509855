//! What can happen next, and what it makes of the world: the protocol as a transition system.
//!
//! Time is not modelled: the leader's key may vanish at any step, any process may look at etcd or not, and a message
//! may wait for ever. What holds here holds without a clock.

use stateright::{Model, Property};

use crate::properties;
use crate::rules::{Protocol, Weakening::*};
use crate::state::*;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Action {
    /// A client writes at a leader.
    Write(u8),
    /// R1: a leader looks how far all of its in-sync set has acknowledged.
    Commit(u8),
    /// R4: a leader asks etcd to add a node to the in-sync set.
    ProposeAdd(u8, u8),
    /// R5: a leader asks etcd to remove a node from the in-sync set.
    ProposeRemove(u8, u8),
    /// The weakened R3.
    GiveUp(u8),
    /// A follower opens a stream from a leader; their logs are reconciled.
    Join {
        follower: u8,
        leader: u8,
    },
    /// A follower takes the next entry and the commit point from its stream.
    Pull(u8),
    /// The weakened R8: a full sync ends.
    Loaded(u8),
    Deliver(Message),
    /// etcd carries a transaction out.
    Transact(Message),
    /// The leader's key vanishes.
    LeaseLost,
    /// R6: a member of the in-sync set takes the leader's key.
    Elect(u8),
    /// A process learns from etcd who leads.
    Observe(u8),
    Crash(u8),
    Restart(u8),
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        for node in 0..NODES {
            self.actions_of(state, node, actions);
        }
        if state.etcd.leader.is_some() && state.etcd.epoch < self.bounds.epochs {
            actions.push(Action::LeaseLost);
        }
        actions.extend(state.network.iter().map(|message| match message {
            Message::ChangeIsr { .. } => Action::Transact(*message),
            _ => Action::Deliver(*message),
        }));
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Write(node) => self.write(&mut state, node),
            Action::Commit(node) => self.commit(&mut state, node),
            Action::ProposeAdd(node, other) => self.propose_add(&mut state, node, other),
            Action::ProposeRemove(node, other) => self.propose_remove(&mut state, node, other),
            Action::GiveUp(node) => self.give_up(&mut state, node),
            Action::Join { follower, leader } => self.join(&mut state, follower, leader),
            Action::Pull(node) => self.pull(&mut state, node),
            Action::Loaded(node) => self.loaded(&mut state, node),
            Action::Deliver(message) => self.deliver(&mut state, message),
            Action::Transact(message) => self.transact(&mut state, message),
            Action::LeaseLost => self.lose_lease(&mut state),
            Action::Elect(node) => self.elect(&mut state, node),
            Action::Observe(node) => self.observe(&mut state, node),
            Action::Crash(node) => self.crash(&mut state, node),
            Action::Restart(node) => self.restart(&mut state, node),
        }?;
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

impl Protocol {
    /// Node 0 leads epoch 1 with an empty log.
    fn start(&self) -> State {
        let members = (0..NODES).map(|node| Member { node, incarnation: 0 });
        let in_sync = Members::of(members.take(if self.alone { 1 } else { NODES.into() }));
        let mut processes = [const { None }; NODES as usize].map(|_: Option<()>| Process::fresh(0));
        for (node, process) in processes.iter_mut().enumerate() {
            process.promised = 1;
            process.source = (node > 0 && !self.alone).then_some(0);
        }
        let leader = &mut processes[0];
        (leader.role, leader.in_sync) = (Role::Leader, in_sync);
        if !self.alone {
            leader.acked = [None, Some((0, 0)), Some((0, 0))];
        }
        let first = Leadership { member: Member { node: 0, incarnation: 0 }, epoch: 1 };
        let etcd = Etcd { leader: Some(first), former: None, in_sync, revision: 0, epoch: 1 };
        State { processes, etcd, network: Vec::new(), acknowledged: 0, writes: 0, crashes: 0, broken: None }
    }

    fn actions_of(&self, state: &State, node: u8, actions: &mut Vec<Action>) {
        let process = state.process(node);
        if !process.alive {
            actions.push(Action::Restart(node));
            return;
        }
        if state.crashes < self.bounds.crashes {
            actions.push(Action::Crash(node));
        }
        actions.push(Action::Observe(node));
        if process.loading {
            actions.push(Action::Loaded(node));
        }
        if state.etcd.leader.is_none() && state.etcd.epoch < self.bounds.epochs && self.may_lead(state, node) {
            actions.push(Action::Elect(node));
        }
        if process.role == Role::Leader {
            if state.writes < self.bounds.writes {
                actions.push(Action::Write(node));
            }
            actions.push(Action::Commit(node));
            if process.pending.is_none() && process.revision < self.bounds.isr_changes {
                let others = (0..NODES).filter(|other| *other != node);
                actions.extend(others.map(|other| Action::ProposeAdd(node, other)));
                let members = process.in_sync.iter().filter(|member| member.node != node);
                actions.extend(members.map(|member| Action::ProposeRemove(node, member.node)));
            }
            if process.pending.is_some() && !self.keeps(R3GiveUpPending) {
                actions.push(Action::GiveUp(node));
            }
        } else if process.source.is_some() {
            actions.push(Action::Pull(node));
        }
        let leaders = (0..NODES).filter(|leader| *leader != node);
        actions.extend(leaders.map(|leader| Action::Join { follower: node, leader }));
    }
}
