//! Giving leadership away: to a follower that has all (one transaction), without the coordinator when only others reach
//! it (`Release`, 2.20), and when a process leaves (2.19).

use super::coord::Purpose;
use super::coordinator::{Key, LeaderRecord, StateRecord};
use super::event::{Action, Admin, StreamId};
use super::member::{Epoch, MemberId, NodeId};
use super::message::Message;
use super::store::Store;
use super::{Cx, Engine, Part, ms};

/// A process that cannot leave in order leaves anyway after this long, in milliseconds.
const LEAVE_MS: u64 = 10_000;

/// It asks its leader again after this long, in milliseconds.
const ASK_AGAIN_MS: u64 = 200;

/// A leader that takes no more writes, until another has all.
#[derive(Debug)]
pub(crate) struct Drain {
    pub(crate) target: MemberId,
    since: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waiting for the target, to hand over by a transaction.
    ByTransaction,
    /// Waiting for the target, to release it without the coordinator: nothing is served meanwhile.
    ByRelease,
    /// The transaction is on its way.
    Sent,
    /// The target was released: nothing is served, or sent, any more.
    Released,
}

impl Drain {
    /// Whether the lease is void because another may lead without the coordinator's say.
    pub(crate) fn is_released(&self) -> bool {
        matches!(self.stage, Stage::ByRelease | Stage::Released)
    }

    /// Whether heartbeats have ended, so that followers stop granting.
    pub(crate) fn is_silent(&self) -> bool {
        self.stage == Stage::Released
    }
}

impl Engine {
    pub(super) fn on_admin<S: Store>(&mut self, cx: &mut Cx<'_, S>, admin: Admin) {
        match admin {
            Admin::Handover(target) => self.hand_over(cx, target.as_ref(), Stage::ByTransaction),
            Admin::Shutdown => {
                self.leaving_since.get_or_insert(cx.now.boot_us);
                self.tick_leaving(cx);
            }
            Admin::Bury(members) => self.buried.extend(members),
        }
    }

    /// Begins to drain for `target`, or the in-sync member that is furthest.
    fn hand_over<S: Store>(&mut self, cx: &mut Cx<'_, S>, target: Option<&NodeId>, stage: Stage) {
        let Part::Leading(lead) = &mut self.part else { return };
        if lead.draining.is_some() || stage == Stage::ByTransaction && self.coord.intent.is_some() {
            return;
        }
        let fit = lead.peers.values().filter(|peer| {
            let named = target.is_none_or(|node| *node == peer.member.node);
            let reaches = stage != Stage::ByRelease || peer.coordinated;
            named && reaches && !peer.leaving && peer.joined && lead.isr.contains(&peer.member)
        });
        let best = fit.max_by_key(|peer| (peer.acked, std::cmp::Reverse(peer.member.node.clone())));
        if let Some(target) = best.map(|peer| peer.member.clone()) {
            lead.draining = Some(Drain { target, since: cx.now.boot_us, stage });
        }
    }

    /// Hands over as soon as the target has all: looked for after every step, because writers wait meanwhile.
    pub(super) fn drain<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let boot = cx.now.boot_us;
        let leo = self.log.leo();
        let Part::Leading(lead) = &mut self.part else { return };
        let Some(drain) = &mut lead.draining else { return };
        let patience = ms(self.config.handover_ms);
        let waiting = matches!(drain.stage, Stage::ByTransaction | Stage::ByRelease);
        if waiting && boot > drain.since + patience {
            lead.draining = None;
            return;
        }
        // Without an answer writes go on, and the transaction stays on its way: it may land yet, and whom it names has
        // all that is committed until then.
        let over = self.coord.intent.is_none() || boot > drain.since + patience;
        if drain.stage == Stage::Sent && over {
            lead.draining = None;
            return;
        }
        let target = drain.target.clone();
        let ready = self.hw == leo && lead.peer_of(&target).is_some_and(|peer| peer.acked == Some(leo));
        if !ready || !waiting {
            return;
        }
        let stream = lead.peers.iter().find(|(_, peer)| peer.member == target).map(|(stream, _)| *stream);
        let Some(drain) = &mut lead.draining else { return };
        if drain.stage == Stage::ByRelease {
            drain.stage = Stage::Released;
            let epoch = lead.epoch;
            if let Some(stream) = stream {
                cx.out.send(stream, Message::Release { epoch });
            }
            return;
        }
        if self.coord.intent.is_some() {
            return;
        }
        let Some((record, _)) = self.coord.view.members.get(&target.node) else { return };
        if record.inc != target.inc {
            lead.draining = None;
            return;
        }
        drain.stage = Stage::Sent;
        // R6: only the leader hands over, guarded by its own key.
        let epoch = lead.epoch + 1;
        let state = StateRecord { epoch, leader: target.clone(), n: lead.state.n + 1, ..lead.state.clone() };
        let guards = vec![(Key::Leader, lead.leader_revision), (Key::State, lead.state_revision)];
        let leader = LeaderRecord { node: target.node.clone(), inc: target.inc, epoch, addr: record.addr.clone() };
        let lease = record.lease;
        self.intend(cx, Purpose::Handover(target), guards, state, Some((leader, lease)));
    }

    pub(super) fn handed_over<S: Store>(&mut self, cx: &mut Cx<'_, S>, target: &MemberId) {
        let Part::Leading(lead) = &self.part else { return };
        let epoch = lead.epoch + 1;
        let stream = lead.peers.iter().find(|(_, peer)| peer.member == *target).map(|(stream, _)| *stream);
        if let Some(stream) = stream {
            cx.out.send(stream, Message::Handover { epoch });
        }
        self.promise(cx, epoch);
        self.consider(cx);
    }

    pub(super) fn handover_failed(&mut self) {
        if let Part::Leading(lead) = &mut self.part {
            lead.draining = None;
        }
    }

    /// A hint that this process leads: the coordinator is asked (R12).
    pub(super) fn on_handover<S: Store>(&mut self, cx: &mut Cx<'_, S>, epoch: Epoch) {
        if epoch > self.promised {
            self.list(cx, 0);
            self.coord.want_list();
        }
    }

    /// The leader has stopped: this process need not wait for its grant to end.
    pub(super) fn on_release<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, epoch: Epoch) {
        let follows = matches!(&self.part, Part::Following(following) if following.epoch == epoch);
        if epoch != self.promised || !follows {
            return;
        }
        let able = self.coord.lease().is_some() && self.coord.view.in_sync(&self.me.member) && self.me.voter;
        if !able || self.leaving_since.is_some() {
            return cx.out.send(stream, Message::ReleaseFailed { epoch });
        }
        self.released_by = Some(epoch);
        self.granted_until = 0;
        self.list(cx, 0);
    }

    pub(super) fn on_release_failed(&mut self, epoch: Epoch) {
        if let Part::Leading(lead) = &mut self.part
            && lead.epoch == epoch
            && lead.draining.as_ref().is_some_and(Drain::is_silent)
        {
            lead.draining = None;
        }
    }

    /// Only this leader is cut off from the coordinator: somebody who is not takes over.
    pub(super) fn tick_release<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let boot = cx.now.boot_us;
        let cut_off = !self.coord.heard_within(boot, self.config.session_lease_ms + self.config.timing.grant_ms);
        let Part::Leading(lead) = &self.part else { return };
        // A proposed change may still land: while its outcome is unknown nothing is given away.
        if cut_off
            && lead.pending.is_none()
            && lead.peers.values().any(|it| it.coordinated && lead.isr.contains(&it.member))
        {
            self.hand_over(cx, None, Stage::ByRelease);
        }
    }

    /// What a process does to leave in order.
    pub(super) fn tick_leaving<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let boot = cx.now.boot_us;
        let Some(since) = self.leaving_since else { return };
        if boot > since + ms(LEAVE_MS) {
            return self.leave_now(cx, false);
        }
        match &self.part {
            Part::Left | Part::Candidate => {}
            Part::Leading(lead) => {
                let me = &self.me.member;
                let mut others = self.coord.view.members.values().map(|(record, _)| record);
                // Somebody else may still take over: it is waited for. A process that follows may not have its
                // registration yet, where its node's former life is still registered.
                let follows = lead.peers.values().any(|peer| !peer.leaving);
                if lead.isr.len() == 1 && !follows && !others.any(|it| it.voter && it.node != me.node) {
                    return self.leave_now(cx, true);
                }
                self.hand_over(cx, None, Stage::ByTransaction);
            }
            // Calls that are under way get their answers first; there are no new ones.
            _ if self.calls.has_short_ones() => {}
            Part::Following(_) => {
                if boot >= self.leave_asked_at + ms(ASK_AGAIN_MS) {
                    self.leave_asked_at = boot;
                    self.ask_to_leave(cx);
                }
            }
            Part::Seeking => {
                if !self.coord.view.in_sync(&self.me.member) {
                    self.leave_now(cx, true);
                }
            }
        }
    }

    fn ask_to_leave<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if let Some(stream) = self.leader_stream() {
            cx.out.send(stream, Message::Leave);
        }
    }

    /// The leader says that this process is out of the set.
    pub(super) fn left<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        if self.leaving_since.is_some() && self.leader_stream() == Some(stream) {
            self.leave_now(cx, true);
        }
    }

    /// Ends this process's part; in order when nobody misses it.
    pub(super) fn leave_now<S: Store>(&mut self, cx: &mut Cx<'_, S>, in_order: bool) {
        if matches!(self.part, Part::Left) {
            return;
        }
        self.stop_following(cx);
        self.step_down(cx);
        self.drop_uplink(cx);
        self.end_calls(cx);
        self.revoke(cx);
        self.part = Part::Left;
        if self.leaving_since.is_some() {
            cx.out.push(Action::Left { in_order });
        }
    }
}
