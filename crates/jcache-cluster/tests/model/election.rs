//! Who leads: etcd's transactions, and what processes make of them.

use crate::rules::{Protocol, Weakening::*};
use crate::state::*;

impl Protocol {
    /// The member that a process counts as.
    pub(crate) fn identity(&self, node: u8, incarnation: u8) -> Member {
        Member { node, incarnation: if self.keeps(R11NoIncarnation) { incarnation } else { 0 } }
    }

    /// R6: only a member of the recorded in-sync set, the same incarnation.
    pub(crate) fn may_lead(&self, state: &State, node: u8) -> bool {
        let process = state.process(node);
        let member = self.identity(node, process.incarnation);
        process.alive && (state.etcd.in_sync.contains(member) || !self.keeps(R6AnyCandidate))
    }

    pub(crate) fn lose_lease(&self, state: &mut State) -> Option<()> {
        state.etcd.former = state.etcd.leader.take().map(|former| former.member);
        Some(())
    }

    /// One transaction: the key is absent, so the candidate puts it with the next epoch; the former leader leaves the
    /// in-sync set unless that makes it too small.
    pub(crate) fn elect(&self, state: &mut State, node: u8) -> Option<()> {
        let incarnation = state.process(node).incarnation;
        let etcd = &mut state.etcd;
        etcd.epoch += 1;
        etcd.revision += 1;
        etcd.leader = Some(Leadership { member: Member { node, incarnation }, epoch: etcd.epoch });
        if let Some(former) = etcd.former.take().filter(|former| former.node != node) {
            let rest = etcd.in_sync.without(self.identity(former.node, former.incarnation));
            if rest.len() >= self.floor() || rest.len() > 0 && !self.keeps(R5ElectBelowFloor) {
                etcd.in_sync = rest;
            }
        }
        Some(())
    }

    /// R7: a higher epoch ends whatever the process was.
    pub(crate) fn observe(&self, state: &mut State, node: u8) -> Option<()> {
        let etcd = state.etcd.clone();
        let Leadership { member, epoch } = etcd.leader?;
        let process = state.process_mut(node);
        if epoch <= process.promised {
            return None;
        }
        if member == (Member { node, incarnation: process.incarnation }) {
            // R9: it keeps its whole log.
            process.follow(epoch, None);
            process.tainted = false;
            (process.role, process.in_sync, process.revision) = (Role::Leader, etcd.in_sync, etcd.revision);
            if !self.keeps(R9LeaderTruncates) {
                process.log.truncate(process.committed);
            }
            process.start = process.log.end();
        } else {
            if !self.keeps(R7NoFence) {
                return None;
            }
            process.tainted |= process.role == Role::Leader;
            process.follow(epoch, None);
        }
        Some(())
    }

    /// R12: the transaction itself compares the leader's key and the revision of what the leader read.
    pub(crate) fn transact(&self, state: &mut State, message: Message) -> Option<()> {
        let Message::ChangeIsr { by, to, revision } = message else { return None };
        state.take(message);
        let etcd = &mut state.etcd;
        let done = etcd.leader == Some(by) && etcd.revision == revision || !self.keeps(R12UnguardedIsr);
        if done {
            etcd.in_sync = to;
            etcd.revision += 1;
        }
        let answer = Message::IsrChanged { by, to, done, revision: etcd.revision };
        state.send(answer);
        Some(())
    }

    pub(crate) fn deliver(&self, state: &mut State, message: Message) -> Option<()> {
        state.take(message);
        match message {
            Message::Ack { to, epoch, from, end } => self.acked(state, to, epoch, from, end),
            Message::IsrChanged { by, to, done, revision } => self.isr_changed(state, by, to, done, revision),
            Message::ChangeIsr { .. } => return None,
        }
        Some(())
    }

    /// Everything is lost: there is no disk.
    pub(crate) fn crash(&self, state: &mut State, node: u8) -> Option<()> {
        state.crashes += 1;
        let incarnation = state.process(node).incarnation;
        *state.process_mut(node) = Process { alive: false, ..Process::fresh(incarnation) };
        for other in &mut state.processes {
            other.source = other.source.filter(|source| *source != node);
        }
        Some(())
    }

    pub(crate) fn restart(&self, state: &mut State, node: u8) -> Option<()> {
        let incarnation = state.process(node).incarnation;
        *state.process_mut(node) = Process::fresh(incarnation + 1);
        Some(())
    }
}
