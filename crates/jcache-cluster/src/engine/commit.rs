//! The commit point: how far every member that could be elected has the log (2.8).

use super::member::Offset;
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part};

impl Engine {
    /// Moves the commit point, and answers whoever waited for it.
    pub(super) fn advance<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let reached = self.reached();
        let Some(reached) = reached else { return };
        // R2: it never decreases. What is committed stays in every log that can be elected, so a smaller minimum only
        // means that a member has not said yet what it has.
        if reached > self.hw || self.rules.off(Switch::R2Falls) {
            self.hw = reached;
        }
        self.answer_committed(cx);
        self.answer_held(cx);
    }

    /// R1: the minimum over the recorded and the proposed in-sync set, each member as acknowledged in this epoch by
    /// that incarnation; nothing while the recorded set is below `min_insync`.
    fn reached(&self) -> Option<Offset> {
        let Part::Leading(lead) = &self.part else { return None };
        let enough = lead.isr.len() >= self.config.min_insync || self.rules.off(Switch::R1BelowMinimum);
        if !enough {
            return Some(self.hw);
        }
        let only_recorded = self.rules.off(Switch::R1IgnorePending);
        // R3: a removal counts once the coordinator has answered, an addition from the moment it is proposed.
        let early = self.rules.off(Switch::R3ShrinkEarly);
        let mut offsets: Vec<Offset> = Vec::new();
        let mut least = self.log.leo();
        for member in lead.maximal() {
            if *member == self.me.member
                || only_recorded && !lead.isr.contains(member)
                || early && lead.pending.as_ref().is_some_and(|pending| !pending.contains(member))
            {
                continue;
            }
            let acked = if self.rules.off(Switch::KeepIdentity) || self.rules.off(Switch::R11AnyAck) {
                let peer = lead.peers.values().find(|peer| peer.joined && peer.member.node == member.node);
                peer.and_then(|peer| peer.acked)
            } else {
                lead.peer_of(member).and_then(|peer| peer.acked)
            };
            let acked = acked.unwrap_or(0);
            if self.rules.off(Switch::R1IgnoreOne) {
                offsets.push(acked);
            }
            least = least.min(acked);
        }
        if self.rules.off(Switch::R1IgnoreOne) {
            offsets.sort_unstable();
            return Some(offsets.get(1).copied().unwrap_or(self.log.leo()));
        }
        Some(least)
    }
}
