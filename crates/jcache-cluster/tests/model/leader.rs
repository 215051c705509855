//! What a leader does: it writes, commits, and changes its in-sync set.

use crate::rules::{Protocol, Weakening::*};
use crate::state::*;

impl Protocol {
    pub(crate) fn write(&self, state: &mut State, node: u8) -> Option<()> {
        let write = state.writes;
        state.writes += 1;
        let leader = state.process_mut(node);
        leader.log.push(Entry { epoch: leader.promised, write });
        Some(())
    }

    /// R1: up to where every member of the in-sync set, the pending one included, has acknowledged.
    pub(crate) fn commit(&self, state: &mut State, node: u8) -> Option<()> {
        let leader = state.process_mut(node);
        if leader.in_sync.len() < self.bounds.min_insync && self.keeps(R1CommitBelowMinimum) {
            return None;
        }
        let counted = match leader.pending {
            // R3: the maximal set counts.
            Some(pending) if self.keeps(R3PendingAddIgnored) && self.keeps(R3ShrinkAtOnce) => {
                leader.in_sync.union(pending)
            }
            _ => leader.in_sync,
        };
        let mut ends: Vec<u8> = counted.iter().map(|member| self.acked_by(leader, node, member)).collect();
        ends.sort_unstable();
        let all = if self.keeps(R1CommitByMajority) { 0 } else { ends.len().saturating_sub(1) / 2 };
        let end = *ends.get(all)?;
        // R2.
        if end == leader.committed || end < leader.committed && self.keeps(R2CommitPointFalls) {
            return None;
        }
        let fell = end < leader.committed;
        leader.committed = end;
        leader.applied = leader.applied.max(end);
        let committed = leader.log.iter().take(end.into()).fold(0, |writes, entry| writes | 1 << entry.write);
        state.acknowledged |= committed;
        if fell {
            state.broken = Some("R2: a commit point fell");
        }
        Some(())
    }

    /// R11: what this very incarnation acknowledged.
    fn acked_by(&self, leader: &Process, node: u8, member: Member) -> u8 {
        match leader.acked[usize::from(member.node)] {
            _ if member.node == node => leader.log.end(),
            Some((incarnation, end)) if incarnation == member.incarnation || !self.keeps(R11NoIncarnation) => end,
            _ => 0,
        }
    }

    /// R4: only who holds everything committed, and everything from before this epoch.
    pub(crate) fn propose_add(&self, state: &mut State, node: u8, other: u8) -> Option<()> {
        let leader = state.process_mut(node);
        let (incarnation, end) = leader.acked[usize::from(other)]?;
        let member = self.identity(other, incarnation);
        let behind_commit = end < leader.committed && self.keeps(R4AddBehindCommit);
        let behind_start = end < leader.start && self.keeps(R4AddBehindStart);
        if leader.in_sync.contains(member) || behind_commit || behind_start {
            return None;
        }
        let to = leader.in_sync.without_node(other).with(member);
        self.propose(state, node, to)
    }

    pub(crate) fn propose_remove(&self, state: &mut State, node: u8, other: u8) -> Option<()> {
        let leader = state.process_mut(node);
        let to = leader.in_sync.without_node(other);
        if to == leader.in_sync || to.len() < self.floor() && self.keeps(R5ShrinkBelowFloor) {
            return None;
        }
        self.propose(state, node, to)?;
        if !self.keeps(R3ShrinkAtOnce) {
            state.process_mut(node).in_sync = to;
        }
        Some(())
    }

    fn propose(&self, state: &mut State, node: u8, to: Members) -> Option<()> {
        let leader = state.process_mut(node);
        leader.pending = Some(to);
        let by = Leadership { member: Member { node, incarnation: leader.incarnation }, epoch: leader.promised };
        let change = Message::ChangeIsr { by, to, revision: leader.revision };
        state.send(change);
        Some(())
    }

    /// etcd's answer: done, or somebody else changed a key, and then this process leads no more.
    pub(crate) fn isr_changed(&self, state: &mut State, by: Leadership, to: Members, done: bool, revision: u8) {
        let leader = state.process_mut(by.member.node);
        let asked = leader.pending.is_some() || !self.keeps(R3GiveUpPending);
        if !leader.leads(by.epoch) || leader.incarnation != by.member.incarnation || !asked {
            return;
        }
        if done {
            (leader.in_sync, leader.revision, leader.pending) = (to, revision, None);
        } else {
            leader.follow(by.epoch, None);
            leader.tainted = true;
        }
    }

    pub(crate) fn acked(&self, state: &mut State, to: u8, epoch: u8, from: Member, end: u8) {
        let leader = state.process_mut(to);
        let current = leader.leads(epoch) || leader.leads(leader.promised) && !self.keeps(R11AckOfAnyEpoch);
        let known = &mut leader.acked[usize::from(from.node)];
        if current && known.is_none_or(|known| (from.incarnation, end) > known) {
            *known = Some((from.incarnation, end));
        }
    }

    /// R3 weakened: the change may still land after the set was read.
    pub(crate) fn give_up(&self, state: &mut State, node: u8) -> Option<()> {
        let etcd = state.etcd.clone();
        let leader = state.process_mut(node);
        leader.pending = None;
        let me = Member { node, incarnation: leader.incarnation };
        if etcd.leader != Some(Leadership { member: me, epoch: leader.promised }) {
            return None;
        }
        (leader.in_sync, leader.revision) = (etcd.in_sync, etcd.revision);
        Some(())
    }
}
