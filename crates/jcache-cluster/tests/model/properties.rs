//! What must hold in every state, and what must be reached somewhere, so that an exhausted model has seen something.

use stateright::Property;

use crate::rules::Protocol;
use crate::state::*;

pub(crate) fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always("a leader holds every acknowledged write", leader_completeness),
        Property::always("every live in-sync member holds every acknowledged write", candidate_completeness),
        Property::always("applied prefixes agree", applied_agree),
        Property::always("nobody has to undo", |_, state: &State| state.broken.is_none()),
        Property::always("the in-sync set keeps its floor", floor),
        Property::always("fewer crashes than min_insync leave a candidate", survival),
        Property::sometimes("a write is acknowledged", |_, state: &State| state.acknowledged != 0),
        Property::sometimes("a write is acknowledged after a failover", acknowledged_after_failover),
        Property::sometimes("a restarted node is in sync again", |_, state: &State| {
            state.etcd.in_sync.iter().any(|member| member.incarnation > 0)
        }),
        Property::sometimes("logs part", |_, state: &State| {
            let [a, b, _] = &state.processes;
            a.log.iter().zip(b.log.iter()).any(|(a, b)| a != b)
        }),
    ]
}

/// Lemma 4.
fn leader_completeness(_: &Protocol, state: &State) -> bool {
    state.etcd.leader.is_none_or(|Leadership { member, epoch }| {
        let leader = state.process(member.node);
        let leads = leader.leads(epoch) && leader.incarnation == member.incarnation;
        !leads || state.holds_acknowledged(&leader.log)
    })
}

/// Lemma 3.
fn candidate_completeness(protocol: &Protocol, state: &State) -> bool {
    (0..NODES).all(|node| {
        let process = state.process(node);
        let member = protocol.identity(node, process.incarnation);
        !process.alive || !state.etcd.in_sync.contains(member) || state.holds_acknowledged(&process.log)
    })
}

/// Lemma 6.
fn applied_agree(_: &Protocol, state: &State) -> bool {
    let agree = |a: &Process, b: &Process| {
        let end = usize::from(a.applied.min(b.applied));
        a.log.len() < end || b.log.len() < end || a.log[..end] == b.log[..end]
    };
    let [a, b, c] = &state.processes;
    agree(a, b) && agree(b, c) && agree(a, c)
}

/// R5, at elections and at changes; a bootstrap starts with one member, and grows.
fn floor(protocol: &Protocol, state: &State) -> bool {
    state.etcd.in_sync.len() >= if protocol.alone { 1 } else { protocol.floor() }
}

/// What `min_insync` is for: an acknowledged write outlives `min_insync - 1` crashes, in somebody who may lead.
fn survival(protocol: &Protocol, state: &State) -> bool {
    let candidate = |node| protocol.may_lead(state, node) && state.holds_acknowledged(&state.process(node).log);
    let few = u32::from(state.crashes) < protocol.bounds.min_insync;
    !few || state.acknowledged == 0 || (0..NODES).any(candidate)
}

fn acknowledged_after_failover(_: &Protocol, state: &State) -> bool {
    state.processes.iter().any(|process| {
        let mut committed = process.log.iter().take(process.committed.into());
        process.role == Role::Leader && committed.any(|entry| entry.epoch > 1)
    })
}
