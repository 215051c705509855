//! Candidacy (2.12): who may lead, when it may try, and who tries first.

use std::collections::BTreeMap;

use super::coord::Purpose;
use super::coordinator::{Key, LeaderRecord, MemberRecord, StateRecord};
use super::event::{Notice, StreamId};
use super::member::{Epoch, MemberId, NodeId};
use super::message::{Message, PeerStatus, StreamKind};
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part, ms};

/// Why a process would lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is in sync, and the leader is gone or silent.
    Elect,
    /// Nobody in sync is left (2.21).
    Unclean { certain: bool },
    /// The coordinator lost its data, and the last leader does not write it anew (2.20).
    Reseed,
}

/// A candidate asks the others how far they are before it tries.
#[derive(Debug)]
pub(crate) struct Candidacy {
    kind: Kind,
    since: u64,
    asked: BTreeMap<StreamId, NodeId>,
    expected: usize,
    replies: Vec<PeerStatus>,
    /// When it is this candidate's turn.
    go_at: Option<u64>,
}

impl Engine {
    pub(super) fn tick_election<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if matches!(self.part, Part::Candidate) && self.coord.intent.is_none() {
            self.part = Part::Seeking;
        }
        if matches!(self.part, Part::Candidate | Part::Leading(_) | Part::Left) {
            return;
        }
        let boot = cx.now.boot_us;
        let wanted = self.wants_to_lead(boot);
        if self.candidacy.as_ref().is_some_and(|candidacy| Some(candidacy.kind) != wanted) {
            self.end_candidacy(cx);
        }
        let silent = boot >= self.heard_at + ms(self.config.timing.grant_ms);
        if silent && self.reset_since.is_none() && self.is_outdated() {
            self.coord.want_list();
        }
        let Some(kind) = wanted else { return self.found(cx) };
        if self.released_by.is_some() {
            return self.try_to_lead(cx, kind);
        }
        let Some(candidacy) = &mut self.candidacy else { return self.begin_candidacy(cx, kind) };
        let rank_us = ms(self.config.rank_ms);
        if candidacy.go_at.is_none() {
            // Where data may be lost everybody is heard, and the coordinator is read once more.
            let patience = if kind == Kind::Elect { rank_us } else { ms(self.config.timing.grant_ms) };
            let all = candidacy.replies.len() >= candidacy.expected;
            if !all && boot < candidacy.since + patience
                || kind != Kind::Elect && self.coord.listed_at <= candidacy.since
            {
                return;
            }
            let status = self.peer_status();
            let voter = |node: &NodeId| self.coord.view.members.get(node).is_some_and(|(it, _)| it.voter);
            let Some(candidacy) = &mut self.candidacy else { return };
            let key = |it: &PeerStatus| {
                let epoch = if kind == Kind::Elect { 0 } else { it.last_epoch };
                (epoch, it.leo, it.prio, std::cmp::Reverse(it.member.node.clone()))
            };
            let better = candidacy.replies.iter().filter(|it| voter(&it.member.node) && key(it) > key(&status)).count();
            candidacy.go_at = Some(boot + rank_us * better as u64);
        }
        if candidacy_due(&self.candidacy, boot) {
            self.end_candidacy(cx);
            self.try_to_lead(cx, kind);
        }
    }

    /// Whether this process should try to lead, and why.
    fn wants_to_lead(&self, boot: u64) -> Option<Kind> {
        if !self.coord.is_registered() || !self.me.voter || self.leaving_since.is_some() || self.coord.intent.is_some()
        {
            return None;
        }
        let me = &self.me.member;
        let view = &self.coord.view;
        let silent = boot >= self.heard_at + ms(self.config.timing.grant_ms);
        // The grant: having acknowledged a message, this process does not elect itself for γ.
        let granted = boot < self.granted_until.max(self.awake_at) && !self.rules.off(Switch::IgnoreGrant);
        let free = silent && !granted;
        if let Some(since) = self.reset_since {
            let before = self.last_state.as_ref()?;
            if before.isr.contains(me) {
                // Who has only heard of the newest state leaves it to those who have seen it, as long as they may live.
                let turns = if before.number() >= self.newest() { 1 } else { 2 };
                let wait = turns * ms(self.config.reseed_wait_ms);
                return (free && boot >= since + wait).then_some(Kind::Reseed);
            }
            return self.unclean(boot, before, since).filter(|_| free);
        }
        if self.is_outdated() {
            return None;
        }
        let (state, _) = view.state.as_ref()?;
        let absent = view.leader.is_none();
        // R6: only a member of the recorded in-sync set, in this very life.
        if view.in_sync(me) || self.rules.off(Switch::R6Anybody) || self.passes_for_member() {
            let excused = self.released_by == Some(self.promised) && absent;
            return (excused || !granted && (absent || silent)).then_some(Kind::Elect);
        }
        if !absent {
            return None;
        }
        self.unclean(boot, state, view.leaderless_since?).filter(|_| free)
    }

    /// Whether the state in view is older than one that is known to have been recorded: then it decides nothing.
    fn is_outdated(&self) -> bool {
        self.coord.view.state.as_ref().is_some_and(|(state, _)| state.number() < self.newest())
    }

    /// Whether nobody of the recorded in-sync set is left (2.21): for certain, or as it has seemed since `since`.
    ///
    /// Certain is only that those are dead who are *named*. Where the coordinator went back in time others were in sync
    /// since, and live. So whoever has heard of a newer state is certain of nothing, and a process without data waits, as
    /// it does before it founds a cluster, for those who know more to appear again.
    fn unclean(&self, boot: u64, recorded: &StateRecord, since: u64) -> Option<Kind> {
        let members = &self.coord.view.members;
        let dead = |member: &MemberId| {
            self.buried.contains(member) || members.get(&member.node).is_some_and(|(it, _)| it.inc != member.inc)
        };
        let settled = self.synced || boot >= since + ms(self.config.found_wait_ms);
        let certain = recorded.isr.iter().all(dead) && settled && recorded.number() >= self.newest();
        let waited = self.config.unclean_after_ms.is_some_and(|after| boot >= since + ms(after));
        (certain || waited).then_some(Kind::Unclean { certain })
    }

    /// For the test of the tests: a restarted process passes for the one before.
    fn passes_for_member(&self) -> bool {
        let same = |member: &MemberId| member.node == self.me.member.node;
        self.rules.off(Switch::KeepIdentity)
            && self.coord.view.state.as_ref().is_some_and(|(it, _)| it.isr.iter().any(same))
    }

    fn begin_candidacy<S: Store>(&mut self, cx: &mut Cx<'_, S>, kind: Kind) {
        let me = self.me.member.clone();
        if kind != Kind::Elect {
            self.coord.want_list();
        }
        let state = self.coord.view.state.as_ref().map(|(state, _)| state);
        let rival = |it: &MemberRecord| {
            let in_sync = state.is_none_or(|state| state.isr.iter().any(|member| member.node == it.node));
            // Where the record is in doubt anybody may know better.
            kind != Kind::Elect || it.voter && in_sync
        };
        let members = self.coord.view.members.values().map(|(record, _)| record);
        let others = members.filter(|it| it.node != me.node && rival(it));
        let others: Vec<_> = others.map(|it| (it.node.clone(), it.addr.clone())).collect();
        let mut asked = BTreeMap::new();
        for (node, addr) in &others {
            asked.insert(self.connect(cx, StreamKind::Status, node, addr), node.clone());
        }
        let expected = asked.len();
        let since = cx.now.boot_us;
        self.candidacy = Some(Candidacy { kind, since, asked, expected, replies: Vec::new(), go_at: None });
    }

    pub(super) fn end_candidacy<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        for stream in self.candidacy.take().into_iter().flat_map(|candidacy| candidacy.asked.into_keys()) {
            self.close(cx, stream);
        }
    }

    pub(super) fn candidacy_opened<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        if self.candidacy.as_ref().is_some_and(|candidacy| candidacy.asked.contains_key(&stream)) {
            let (member, promised) = (self.me.member.clone(), self.promised);
            let cluster = self.cluster.clone().unwrap_or_default();
            cx.out.send(stream, Message::StatusRequest { member, cluster, promised });
        }
    }

    pub(super) fn candidacy_broken<S: Store>(&mut self, _: &mut Cx<'_, S>, stream: StreamId) {
        if let Some(candidacy) = &mut self.candidacy
            && candidacy.asked.remove(&stream).is_some()
        {
            candidacy.expected -= 1;
        }
    }

    fn peer_status(&self) -> PeerStatus {
        PeerStatus {
            member: self.me.member.clone(),
            cluster: self.cluster.clone().unwrap_or_default(),
            promised: self.promised,
            recorded: self.newest(),
            last_epoch: self.log.epochs.last(),
            leo: self.log.leo(),
            prio: self.me.prio,
            leads: matches!(self.part, Part::Leading(_)),
        }
    }

    pub(super) fn on_status_request<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        stream: StreamId,
        cluster: &str,
        promised: Epoch,
    ) {
        if self.is_foreign(cluster) {
            return self.close(cx, stream);
        }
        self.promise(cx, promised);
        cx.out.send(stream, Message::StatusReply(self.peer_status()));
    }

    pub(super) fn on_status_reply<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, status: PeerStatus) {
        if self.is_foreign(&status.cluster) {
            return;
        }
        let asked = self.candidacy.as_mut().filter(|candidacy| candidacy.asked.contains_key(&stream));
        let Some(candidacy) = asked else { return };
        let (promised, recorded) = (status.promised, status.recorded);
        candidacy.replies.push(status);
        if promised > self.promised || recorded > self.newest() {
            // What this process goes by is not the newest: it reads anew, and sees.
            self.hear_of(cx.now.boot_us, recorded);
            self.promise(cx, promised);
            self.end_candidacy(cx);
            self.coord.want_list();
        }
    }

    /// Sends the transaction that would make this process leader, and hears nobody until its outcome is known.
    pub(super) fn try_to_lead<S: Store>(&mut self, cx: &mut Cx<'_, S>, kind: Kind) {
        let Some(lease) = self.coord.lease().filter(|_| self.coord.intent.is_none()) else { return };
        let me = self.me.member.clone();
        let epoch = self.next_epoch();
        let view = &self.coord.view;
        let recorded = view.state.as_ref().map(|(state, _)| state);
        // What the coordinator lost is written anew from what was last seen there.
        let before = if self.reset_since.is_some() { self.last_state.as_ref() } else { recorded };
        let Some(before) = before else { return };
        let mut state = StateRecord { epoch, leader: me.clone(), n: before.n + 1, ..before.clone() };
        match kind {
            Kind::Elect => {
                // The floor: the former leader stays in the set where the minimum needs it.
                let without: Vec<_> =
                    state.isr.iter().filter(|it| **it != before.leader || **it == me).cloned().collect();
                if without.len() >= self.config.min_insync.max(1) || self.rules.off(Switch::ElectionFloor) {
                    state.isr = without;
                }
                if self.rules.off(Switch::R6Anybody) || self.passes_for_member() {
                    state.isr.retain(|it| it.node != me.node);
                    state.isr.push(me.clone());
                }
            }
            Kind::Unclean { .. } => {
                state.isr = vec![me.clone()];
                state.unclean += 1;
            }
            Kind::Reseed => {}
        }
        // The same transaction elects when the leader's key is gone and deposes when it is there.
        let guards = vec![(Key::Leader, view.leader_revision()), (Key::State, view.state_revision())];
        let purpose = match kind {
            Kind::Elect => Purpose::Elect,
            Kind::Unclean { certain } => Purpose::Unclean { certain },
            Kind::Reseed => Purpose::Reseed,
        };
        let leader = LeaderRecord { node: me.node, inc: me.inc, epoch, addr: self.me.addr.clone() };
        if !matches!(self.part, Part::Leading(_)) {
            // From here on no grant is given and nothing acknowledged, until the outcome is known.
            self.stop_following(cx);
            self.drop_uplink(cx);
            self.part = Part::Candidate;
        }
        self.intend(cx, purpose, guards, state, Some((leader, lease)));
    }

    fn next_epoch(&self) -> Epoch {
        let recorded = self.coord.view.state.as_ref().map_or(0, |(state, _)| state.epoch);
        recorded.max(self.newest().0) + 1
    }

    /// Founds the cluster, when there is none, this process has never been in one, and nobody who was has been seen for
    /// a while: to a fresh process a coordinator that lost its data looks like a new one (2.20).
    fn found<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let view = &self.coord.view;
        let empty = view.state.is_none() && view.leader.is_none() && view.revision > 0;
        let fresh = self.cluster.is_none() && self.coord.is_registered() && self.me.voter;
        let Some(lease) = self.coord.lease().filter(|_| empty && fresh && self.coord.intent.is_none()) else {
            self.empty_since = None;
            return;
        };
        let due = *self.empty_since.get_or_insert(cx.now.boot_us) + ms(self.config.found_wait_ms);
        let known = view.members.values().any(|(record, _)| !record.cluster.is_empty());
        let hasty = self.rules.off(Switch::FoundAtOnce);
        if !hasty && (cx.now.boot_us < due || known) {
            return;
        }
        if !hasty && self.config.found_wait_ms > 0 && self.coord.listed_at < due {
            // Whom the watch did not show, a last look does.
            return self.coord.want_list();
        }
        let me = self.me.member.clone();
        let epoch = self.next_epoch();
        let state = StateRecord {
            cluster_id: format!("{:032x}", self.me.seed),
            epoch,
            leader: me.clone(),
            isr: vec![me.clone()],
            min_insync: self.config.min_insync,
            wire: self.wire,
            unclean: 0,
            n: 1,
        };
        let leader = LeaderRecord { node: me.node, inc: me.inc, epoch, addr: self.me.addr.clone() };
        let guards = vec![(Key::State, 0), (Key::Leader, 0)];
        self.part = Part::Candidate;
        self.intend(cx, Purpose::Found, guards, state, Some((leader, lease)));
    }

    /// The transaction took effect.
    pub(super) fn succeeded<S: Store>(&mut self, cx: &mut Cx<'_, S>, purpose: Purpose) {
        match purpose {
            Purpose::Change => self.changed(cx, true),
            Purpose::Handover(target) => self.handed_over(cx, &target),
            Purpose::Found | Purpose::Elect | Purpose::Reseed | Purpose::Unclean { .. } => {
                if let Purpose::Unclean { certain } = purpose {
                    self.counters.unclean_starts += 1;
                    let epoch = self.coord.view.state.as_ref().map_or(0, |(state, _)| state.epoch);
                    self.notify(cx, Notice::UncleanStart { epoch, certain });
                }
                let state = self.coord.view.state.as_ref().map(|(state, _)| state.clone());
                self.cluster = state.as_ref().map(|state| state.cluster_id.clone()).or(self.cluster.take());
                self.last_state = state.or(self.last_state.take());
                self.confirm_leadership(cx);
            }
        }
    }

    /// The transaction will never take effect.
    pub(super) fn refused<S: Store>(&mut self, cx: &mut Cx<'_, S>, purpose: Purpose) {
        match purpose {
            Purpose::Change => self.changed(cx, false),
            Purpose::Handover(_) => self.handover_failed(),
            _ => {}
        }
        self.released_by = None;
        if matches!(self.part, Part::Candidate) {
            self.part = Part::Seeking;
            self.heard_at = cx.now.boot_us;
        }
    }

    /// Whether the watch tells of this process's leadership what only a reading may decide (R12): that it has begun, or
    /// that its key is gone.
    pub(super) fn is_leadership_in_doubt(&self) -> bool {
        let shown = self.coord.view.leader.as_ref();
        match &self.part {
            Part::Leading(_) => shown.is_none(),
            Part::Left => false,
            _ => shown.is_some_and(|(it, _)| it.member() == self.me.member && it.epoch > self.led),
        }
    }

    /// R12: what was read at the coordinator, or written by the guarded transaction itself, decides who leads.
    pub(super) fn confirm_leadership<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let view = &self.coord.view;
        let mine = view.leader.as_ref().filter(|(leader, _)| leader.member() == self.me.member);
        let mine = mine.map(|(leader, revision)| (leader.epoch, *revision));
        let recorded = view.state.as_ref().is_some_and(|(state, _)| {
            mine.is_some_and(|(epoch, _)| state.epoch == epoch) && state.leader == self.me.member
        });
        if let Some((epoch, _)) = mine.filter(|(epoch, _)| recorded && *epoch > self.led && *epoch >= self.promised) {
            if self.coord.intent.as_ref().is_some_and(|it| it.state.epoch <= epoch) {
                self.coord.intent = None;
            }
            return self.become_leader(cx);
        }
        let Part::Leading(lead) = &mut self.part else { return };
        match mine {
            Some((_, revision)) if revision == lead.leader_revision => {
                // A change that was given up has landed after all.
                if let Some((state, revision)) = &view.state
                    && lead.pending.is_none()
                    && *revision > lead.state_revision
                    && recorded
                {
                    (lead.state, lead.state_revision) = (state.clone(), *revision);
                    lead.isr = state.isr.iter().cloned().collect();
                }
            }
            // The key is gone and nobody has followed: the sitting leader is elected anew, and no data moves.
            _ if view.leader.is_none()
                && view.in_sync(&self.me.member)
                && self.reset_since.is_none()
                // One that has released another takes over again where that came to nothing.
                && lead.draining.as_ref().is_none_or(super::handover::Drain::is_silent)
                && self.coord.intent.is_none() =>
            {
                self.try_to_lead(cx, Kind::Elect);
            }
            _ if view.leader.is_none()
                && view.state.is_some()
                && self.reset_since.is_none()
                && !view.in_sync(&self.me.member) =>
            {
                self.step_down(cx);
            }
            _ => {}
        }
    }
}

fn candidacy_due(candidacy: &Option<Candidacy>, boot: u64) -> bool {
    candidacy.as_ref().is_some_and(|candidacy| candidacy.go_at.is_some_and(|go_at| boot >= go_at))
}
