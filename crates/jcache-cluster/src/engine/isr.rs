//! Who is in the in-sync set: a slow member out, a member that has caught up in, each by a guarded transaction (2.18).

use std::collections::BTreeSet;

use super::coord::Purpose;
use super::coordinator::Key;
use super::leader::{Leading, Peer};
use super::member::{MemberId, NodeId, Offset};
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part, ms};

/// How long a member that was removed stays out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HoldOff {
    until: u64,
    /// The next one, in milliseconds.
    next_ms: u64,
}

impl Engine {
    /// Notes how far followers are, and proposes at most one change.
    pub(super) fn tick_isr<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let boot = cx.now.boot_us;
        let Part::Leading(lead) = &mut self.part else { return };
        for peer in lead.peers.values_mut() {
            let lag = self.log.bytes_after(peer.acked.unwrap_or(0));
            let close = peer.acked.is_some() && peer.sending.is_none() && lag <= self.config.rejoin_lag_bytes as u64;
            peer.close_since = if close { peer.close_since.or(Some(boot)) } else { None };
            let far = lag > self.config.isr_max_lag_bytes as u64;
            peer.far_since = if far { peer.far_since.or(Some(boot)) } else { None };
        }
        let Leading { isr, peers, missing, .. } = &mut **lead;
        missing.retain(|member, _| isr.contains(member));
        for member in isr.iter().filter(|member| **member != self.me.member) {
            let here = peers.values().any(|peer| peer.joined && peer.member == *member);
            if here {
                missing.remove(member);
            } else {
                missing.entry(member.clone()).or_insert(boot);
            }
        }
        // One change at a time, and none while leadership changes hands.
        if self.coord.intent.is_some() || lead.pending.is_some() || lead.draining.is_some() {
            return;
        }
        let lost = self.lost(boot);
        if let Some(set) = self.removal(boot, &lost).or_else(|| self.addition(boot, &lost)) {
            self.propose(cx, set);
        }
    }

    /// In-sync members that are silent, stuck, far behind, leaving or dead.
    fn lost(&self, boot: u64) -> BTreeSet<MemberId> {
        let Part::Leading(lead) = &self.part else { return BTreeSet::new() };
        let evict = ms(self.config.timing.evict_ms);
        let is_lost = |member: &&MemberId| match lead.peer_of(member) {
            _ if self.buried.contains(*member) => true,
            None => lead.missing.get(*member).is_some_and(|since| boot > since + evict),
            Some(peer) => {
                peer.leaving
                    || boot > peer.acked_at + evict
                    || boot > peer.progress_at + evict
                    || peer.far_since.is_some_and(|since| boot > since + evict)
            }
        };
        lead.isr.iter().filter(|member| **member != self.me.member).filter(is_lost).cloned().collect()
    }

    /// The in-sync set without a lost member.
    fn removal(&mut self, boot: u64, lost: &BTreeSet<MemberId>) -> Option<BTreeSet<MemberId>> {
        let Part::Leading(lead) = &mut self.part else { return None };
        let out = lost.first()?.clone();
        let mut set = lead.isr.clone();
        set.remove(&out);
        // R5: the set is not shrunk below the minimum.
        if set.len() < self.config.min_insync && !self.rules.off(Switch::R5BelowFloor) {
            return None;
        }
        self.counters.evictions += 1;
        let (first, longest) = self.config.hold_off_ms;
        let hold = lead.hold_off.entry(out.node).or_insert(HoldOff { until: 0, next_ms: first });
        // One that has long behaved begins anew.
        if boot > hold.until + 2 * ms(longest) {
            hold.next_ms = first;
        }
        hold.until = boot + ms(hold.next_ms);
        hold.next_ms = (hold.next_ms * 2).min(longest);
        Some(set)
    }

    /// The in-sync set with members that have kept up: in a free place, in that of a lost one, or of their node's
    /// former life.
    fn addition(&self, boot: u64, lost: &BTreeSet<MemberId>) -> Option<BTreeSet<MemberId>> {
        let Part::Leading(lead) = &self.part else { return None };
        let view = &self.coord.view;
        let record = |node: &NodeId| view.members.get(node).map(|(record, _)| record);
        let mut set = lead.isr.clone();
        loop {
            let out_for = |member: &MemberId| {
                let former = set.iter().find(|it| it.node == member.node);
                former.or_else(|| set.iter().find(|it| lost.contains(*it)))
            };
            let fits = |peer: &&Peer| {
                let registered = record(&peer.member.node).is_some_and(|it| it.inc == peer.member.inc && it.voter);
                let held = lead.hold_off.get(&peer.member.node).is_some_and(|hold| boot < hold.until);
                let place = set.len() < self.config.isr_target || out_for(&peer.member).is_some();
                let short = set.len() < self.config.min_insync || !lost.is_empty();
                let steady = peer.close_since.is_some_and(|since| short || boot >= since + ms(self.config.rejoin_ms));
                let new = !set.contains(&peer.member) && !lost.contains(&peer.member) && !peer.leaving;
                new && registered && !held && place && steady && self.may_join(lead, peer)
            };
            // Spread over zones, then by preference.
            let rank = |peer: &&Peer| {
                let own = record(&peer.member.node);
                let zones = set.iter().filter_map(|it| record(&it.node)).map(|it| &it.zone);
                let crowd = zones.filter(|zone| own.is_some_and(|own| own.zone == **zone)).count();
                (crowd, std::cmp::Reverse(own.map_or(0, |own| own.prio)), peer.member.node.clone())
            };
            let Some(peer) = lead.peers.values().filter(fits).min_by_key(rank) else { break };
            let member = peer.member.clone();
            if let Some(out) = out_for(&member).cloned() {
                set.remove(&out);
            }
            set.insert(member);
        }
        // R5: growing towards the minimum is proposed once it is reached; until then nothing commits anyway.
        (set != lead.isr && set.len() >= self.config.min_insync).then_some(set)
    }

    /// R4: a member joins the set only when it has acknowledged, in this epoch, all that is committed and all from
    /// before the epoch.
    ///
    /// The design also keeps a member out that was just synchronised and has executed more than is committed (2.14). At
    /// the floor that would be for ever, because the dead member whose place it takes holds up the commit point; and it
    /// is safe without: whoever is elected keeps its whole log, and until then it shows nothing (R10).
    fn may_join(&self, lead: &Leading, peer: &Peer) -> bool {
        let Some(acked): Option<Offset> = peer.acked else { return false };
        let committed = acked >= self.hw || self.rules.off(Switch::R4BehindCommit);
        let from_before = acked + 1 >= lead.start || self.rules.off(Switch::R4BehindStart);
        committed && from_before
    }

    fn propose<S: Store>(&mut self, cx: &mut Cx<'_, S>, set: BTreeSet<MemberId>) {
        let Part::Leading(lead) = &mut self.part else { return };
        debug_assert!(
            set.len() >= self.config.min_insync || self.rules.off(Switch::R5BelowFloor),
            "R5: no proposal below min_insync"
        );
        debug_assert!(set.contains(&self.me.member), "a leader is in its own in-sync set");
        self.counters.additions += u64::from(set.iter().any(|member| !lead.isr.contains(member)));
        let mut state = lead.state.clone();
        state.isr = set.iter().cloned().collect();
        state.wire = self.wire;
        state.n += 1;
        let mut guards = vec![(Key::Leader, lead.leader_revision), (Key::State, lead.state_revision)];
        if self.rules.off(Switch::UnguardedChange) {
            guards.clear();
        }
        // R3: from now on both sets count.
        lead.pending = Some(set);
        self.intend(cx, Purpose::Change, guards, state, None);
    }

    /// The change is recorded, or was not.
    pub(super) fn changed<S: Store>(&mut self, cx: &mut Cx<'_, S>, done: bool) {
        let Part::Leading(lead) = &mut self.part else { return };
        lead.pending = None;
        if done && let Some((state, revision)) = &self.coord.view.state {
            lead.state = state.clone();
            lead.state_revision = *revision;
            lead.isr = state.isr.iter().cloned().collect();
            let left: Vec<_> =
                lead.peers.iter().filter(|(_, it)| it.leaving && !lead.isr.contains(&it.member)).collect();
            for (stream, _) in left {
                cx.out.send(*stream, super::Message::Leave);
            }
        }
    }

    /// A follower leaves: out of the set as soon as the floor permits.
    pub(super) fn on_leave<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: super::StreamId) {
        if let Part::Leading(lead) = &mut self.part {
            if let Some(peer) = lead.peers.get_mut(&stream) {
                peer.leaving = true;
                if !lead.isr.contains(&peer.member)
                    && !lead.pending.as_ref().is_some_and(|set| set.contains(&peer.member))
                {
                    cx.out.send(stream, super::Message::Leave);
                }
            }
        } else {
            self.left(cx, stream);
        }
    }
}
