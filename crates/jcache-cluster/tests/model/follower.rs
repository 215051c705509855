//! What a follower does: it joins a leader, makes its log a prefix of the leader's, takes entries, and executes what is
//! committed.

use crate::rules::{Protocol, Weakening::*};
use crate::state::*;

impl Protocol {
    /// Reconciles the logs as the leader does it, from the follower's epoch cache.
    pub(crate) fn join(&self, state: &mut State, node: u8, leader: u8) -> Option<()> {
        let source = state.process(leader).clone();
        let follower = state.process_mut(node);
        // R7.
        let stale = source.promised < follower.promised && self.keeps(R7NoFence);
        let both_lead = follower.leads(source.promised);
        if !source.leads(source.promised) || stale || both_lead || follower.loading {
            return None;
        }
        if follower.source == Some(leader) && follower.promised == source.promised {
            return None;
        }
        let was_leader = follower.role == Role::Leader || follower.tainted;
        follower.tainted = false;
        follower.follow(source.promised, Some(leader));
        let common = follower.log.common_prefix(&source.log);
        if self.without.is_none() && common != reconciled(&follower.log, &source.log) {
            state.broken = Some("the epoch caches do not tell where the logs part");
            return Some(());
        }
        let mut broken = None;
        if common < follower.log.end() && was_leader {
            broken = self.full_sync(follower, &source, common);
        } else if common < follower.log.end() {
            if follower.applied > common {
                broken = Some("R10: a follower would have to undo what it applied");
            }
            let end = if self.keeps(TruncateAtCommit) { common } else { common.min(follower.committed) };
            if self.keeps(TruncateNothing) {
                follower.log.truncate(end);
            }
        } else if !self.keeps(TruncateAtCommit) {
            follower.log.truncate(follower.committed);
        }
        let loading = follower.loading;
        state.broken = broken;
        if !loading {
            self.send_ack(state, node, leader);
        }
        Some(())
    }

    /// R8: a deposed leader executed what it has to give up. It loads the leader's state beside its own, and swaps.
    fn full_sync(&self, follower: &mut Process, source: &Process, common: u8) -> Option<&'static str> {
        if self.keeps(R8LoadInPlace) {
            follower.log = source.log;
            follower.applied = follower.applied.min(common);
        } else {
            (follower.log, follower.applied, follower.committed) = (Log::default(), 0, 0);
            follower.loading = true;
        }
        (follower.committed > common).then_some("R9: what a leader committed is not in its successor's log")
    }

    pub(crate) fn loaded(&self, state: &mut State, node: u8) -> Option<()> {
        let source = state.process(state.process(node).source?).clone();
        let follower = state.process_mut(node);
        if !source.leads(follower.promised) {
            return None;
        }
        (follower.log, follower.loading) = (source.log, false);
        Some(())
    }

    pub(crate) fn pull(&self, state: &mut State, node: u8) -> Option<()> {
        let leader = state.process(node).source?;
        let source = state.process(leader).clone();
        let follower = state.process_mut(node);
        let fenced = source.promised != follower.promised && self.keeps(R7NoFence);
        if follower.loading || !source.leads(source.promised) || fenced {
            return None;
        }
        let next = source.log.get(usize::from(follower.log.end())).copied();
        if let Some(entry) = next {
            follower.log.push(entry);
        }
        follower.committed = follower.committed.max(source.committed.min(follower.log.end()));
        // R10.
        let executes = if self.keeps(R10ApplyUncommitted) { follower.committed } else { follower.log.end() };
        follower.applied = follower.applied.max(executes);
        if next.is_some() {
            self.send_ack(state, node, leader);
        }
        Some(())
    }

    /// R11: an acknowledgement says who and in which epoch.
    fn send_ack(&self, state: &mut State, node: u8, leader: u8) {
        let epoch = state.process(leader).promised;
        let follower = state.process(node);
        let from = Member { node, incarnation: follower.incarnation };
        let ack = Message::Ack { to: leader, epoch, from, end: follower.log.end() };
        state.send(ack);
    }
}

/// Where two logs part, from the ends of their epochs alone: the earlier end of the last epoch that both have.
fn reconciled(follower: &Log, leader: &Log) -> u8 {
    let ends = |epoch| Some(follower.end_of(epoch)?.min(leader.end_of(epoch)?));
    follower.iter().rev().find_map(|entry| ends(entry.epoch)).unwrap_or(0)
}
