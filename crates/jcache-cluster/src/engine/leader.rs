//! Leading: taking over, letting followers join, and stepping down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::answers::{Origin, Wait};
use super::blocking::Blocked;
use super::coordinator::{LeaderRecord, Revision, StateRecord};
use super::epochs::{History, Plan, reconcile};
use super::event::{Notice, StreamId};
use super::execute::Logged;
use super::fullsync::Sending;
use super::handover::Drain;
use super::isr::HoldOff;
use super::member::{Epoch, MemberId, NodeId, Offset};
use super::message::{Accept, AckMessage, Join, Message, Reject, StreamKind};
use super::reads::Held;
use super::record::Kind;
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part};

/// What a leader keeps.
#[derive(Debug)]
pub(crate) struct Leading {
    pub(crate) epoch: Epoch,
    /// The offset of the epoch's first record.
    pub(crate) start: Offset,
    pub(crate) leader_revision: Revision,
    pub(crate) state_revision: Revision,
    /// The recorded state.
    pub(crate) state: StateRecord,
    /// The recorded in-sync set.
    pub(crate) isr: BTreeSet<MemberId>,
    /// The proposed one, from before it is sent until its outcome is known (R3).
    pub(crate) pending: Option<BTreeSet<MemberId>>,
    pub(crate) peers: BTreeMap<StreamId, Peer>,
    /// Executed writes that wait for the commit point, by offset.
    pub(crate) waits: VecDeque<Wait>,
    /// Executed writes that wait for so many copies.
    pub(crate) counted: Vec<Wait>,
    /// Replies that wait for the lease, and for proof without clocks.
    pub(crate) leased: VecDeque<Held>,
    pub(crate) proved: VecDeque<Held>,
    /// Grows with every reply that wants proof; frames carry it, and acknowledging them is proof.
    pub(crate) round: u64,
    /// Rounds up to this one are proved by the coordinator.
    pub(crate) coordinator_round: u64,
    pub(crate) blocked: Blocked,
    pub(crate) draining: Option<Drain>,
    pub(crate) hold_off: BTreeMap<NodeId, HoldOff>,
    /// In-sync members without a stream, and since when.
    pub(crate) missing: BTreeMap<MemberId, u64>,
    /// Heartbeats sent before this count for no lease.
    pub(crate) lease_from: u64,
    /// When a listing last showed this leadership; as of its sending.
    pub(crate) shown_at: u64,
    /// Sessions whose member is gone, and since when.
    pub(crate) orphans: BTreeMap<u64, u64>,
    pub(crate) digest_at: u64,
    pub(crate) digest_shard: usize,
}

/// A follower, as its leader sees it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) member: MemberId,
    pub(crate) joined: bool,
    pub(crate) leaving: bool,
    /// The next record to send.
    pub(crate) cursor: Offset,
    /// Messages that are not acknowledged.
    pub(crate) sent: VecDeque<Sent>,
    pub(crate) seq: u64,
    pub(crate) sent_at: u64,
    pub(crate) sent_hw: Offset,
    pub(crate) sent_round: u64,
    /// Its last record, acknowledged in this epoch by this incarnation (R11).
    pub(crate) acked: Option<Offset>,
    pub(crate) applied: Offset,
    pub(crate) acked_round: u64,
    /// When the last acknowledged message was sent: from then on its grant counts.
    pub(crate) granted_at: u64,
    pub(crate) acked_at: u64,
    /// When what it has was all that there was, in boot microseconds.
    pub(crate) whole_at: u64,
    /// When it last had all, or more than before.
    pub(crate) progress_at: u64,
    /// Since when it is close behind.
    pub(crate) close_since: Option<u64>,
    /// Since when it is far behind.
    pub(crate) far_since: Option<u64>,
    pub(crate) sending: Option<Sending>,
    pub(crate) coordinated: bool,
}

/// A message on its way to a follower.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) round: u64,
    /// Whoever has this one has all that there was when it was sent.
    pub(crate) whole: bool,
}

impl Leading {
    pub(crate) fn peer_of(&self, member: &MemberId) -> Option<&Peer> {
        self.peers.values().find(|peer| peer.joined && peer.member == *member)
    }

    /// The recorded and the proposed in-sync set together (R1).
    pub(crate) fn maximal(&self) -> impl Iterator<Item = &MemberId> {
        let added = self.pending.iter().flatten().filter(|member| !self.isr.contains(*member));
        self.isr.iter().chain(added)
    }
}

impl Engine {
    /// The coordinator has recorded this process as leader of the epoch in the view. R9: the log is kept whole.
    pub(super) fn become_leader<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let view = &self.coord.view;
        let (Some((leader, leader_revision)), Some((state, state_revision))) = (&view.leader, &view.state) else {
            return;
        };
        let (leader, state): (LeaderRecord, StateRecord) = (leader.clone(), state.clone());
        let (leader_revision, state_revision) = (*leader_revision, *state_revision);
        let epoch = leader.epoch;
        debug_assert!(epoch >= self.promised && epoch > self.led, "R7: a new epoch is larger than every one seen");
        if self.rules.off(Switch::R9DropTail) && !matches!(self.part, Part::Leading(_)) {
            let keep = self.hw.max(self.applied);
            self.log.truncate(keep);
        }
        self.stop_following(cx);
        self.end_candidacy(cx);
        self.synced = true;
        (self.promised, self.led) = (epoch, epoch);
        self.promised_at = cx.now.boot_us;
        self.reset_since = None;
        self.released_by = None;
        self.counters.elections += 1;
        self.clock.lead(cx.now, self.rules.off(Switch::WallClock));
        // R9: the tail is executed before anything new.
        let leo = self.log.leo();
        self.apply_up_to(cx, leo);
        if matches!(self.part, Part::Left) {
            // It cannot read what it would lead with; its key goes with its lease, and others may lead.
            return;
        }
        let isr = state.isr.iter().cloned().collect();
        let boot = cx.now.boot_us;
        let mut next = Leading {
            epoch,
            start: leo + 1,
            leader_revision,
            state_revision,
            state,
            isr,
            pending: None,
            peers: BTreeMap::new(),
            waits: VecDeque::new(),
            counted: Vec::new(),
            leased: VecDeque::new(),
            proved: VecDeque::new(),
            round: 0,
            coordinator_round: 0,
            blocked: Blocked::default(),
            draining: None,
            hold_off: BTreeMap::new(),
            missing: BTreeMap::new(),
            lease_from: boot,
            shown_at: self.coord.answer_sent,
            orphans: BTreeMap::new(),
            digest_at: boot,
            digest_shard: 0,
        };
        if let Part::Leading(before) = &mut self.part {
            // Elected anew: callers go on waiting, followers join again where they are.
            next.round = before.round;
            std::mem::swap(&mut next.waits, &mut before.waits);
            std::mem::swap(&mut next.counted, &mut before.counted);
            std::mem::swap(&mut next.leased, &mut before.leased);
            std::mem::swap(&mut next.proved, &mut before.proved);
            std::mem::swap(&mut next.blocked, &mut before.blocked);
            std::mem::swap(&mut next.hold_off, &mut before.hold_off);
            // Those that know it already are answered below.
            for stream in before.peers.keys().filter(|stream| !self.early.has(**stream)) {
                cx.out.send(*stream, Message::Reject(Reject::StaleEpoch(epoch)));
            }
        }
        self.part = Part::Leading(Box::new(next));
        // R9: an epoch begins with a record of its own.
        self.append(Logged::own(Kind::NoOp), |_| {});
        self.took_over(cx);
        self.answer_early(cx, 0);
    }

    /// Another one leads, or will. What was executed beyond the commit point may not survive: while `applied` is above
    /// `hw`, this process is tainted.
    pub(super) fn step_down<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Leading(lead) = std::mem::replace(&mut self.part, Part::Seeking) else { return };
        self.counters.depositions += 1;
        self.heard_at = cx.now.boot_us;
        for stream in lead.peers.keys() {
            cx.out.send(*stream, Message::Reject(Reject::NotLeader(None)));
        }
        self.drop_callers(cx);
        self.calls.leader_lost();
        if self.coord.intent.as_ref().is_some_and(|intent| intent.purpose == super::coord::Purpose::Change) {
            // Its guard names the leader's key, which is no more, or soon.
            self.coord.intent = None;
        }
        self.coord.want_list();
    }

    /// A follower asks to join: finds where its log and this one part.
    pub(super) fn on_join<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, join: Join) {
        if self.accepted.get(&stream) != Some(&StreamKind::Replicate) {
            return;
        }
        if self.is_foreign(&join.cluster) {
            return cx.out.send(stream, Message::Reject(Reject::Cluster));
        }
        self.promise(cx, join.promised);
        if self.is_early(&join) {
            return self.keep_early(cx, stream, join);
        }
        self.take_join(cx, stream, join);
    }

    /// Answers a join.
    pub(super) fn take_join<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, join: Join) {
        let reject = |cx: &mut Cx<'_, S>, why| cx.out.send(stream, Message::Reject(why));
        // One that came early may have come before this process knew its own cluster.
        if self.is_foreign(&join.cluster) {
            return reject(cx, Reject::Cluster);
        }
        let syncs = match &self.part {
            Part::Leading(lead) => lead.peers.iter().filter(|(id, it)| **id != stream && it.sending.is_some()).count(),
            _ => {
                let hint = self.coord.view.leader.as_ref().map(|(leader, _)| leader.node.clone());
                return reject(cx, Reject::NotLeader(hint.filter(|node| *node != self.me.member.node)));
            }
        };
        let cluster = self.cluster.clone().unwrap_or_default();
        if join.wire.1 < self.wire || join.wire.0 > self.wire {
            return reject(cx, Reject::Wire);
        }
        let Part::Leading(lead) = &mut self.part else { return };
        if join.promised < lead.epoch {
            return reject(cx, Reject::StaleEpoch(lead.epoch));
        }
        if join.promised > lead.epoch {
            // It knows already that this leader is elected anew.
            return reject(cx, Reject::Busy);
        }
        if lead.draining.as_ref().is_some_and(|drain| drain.is_released() && drain.target == join.member) {
            // It comes back as a follower, so its election came to nothing.
            lead.draining = None;
        }
        let ours = History { epochs: self.log.epochs.pairs().to_vec(), leo: self.log.leo(), ..History::default() };
        let tainted = join.tainted && !self.rules.off(Switch::NoTaint);
        let theirs = History { epochs: join.epochs, leo: join.leo, applied: join.applied, tainted };
        let (point, plan) = reconcile(&ours, self.log.first(), &theirs);
        let full = plan != Plan::Partial(point) || join.resync;
        if plan == Plan::Beyond && !self.rules.off(Switch::NoTaint) {
            // Members never execute what may not survive; only an unclean start can bring this about.
            self.counters.beyond_divergence += 1;
            cx.out.push(super::Action::Notify(Notice::AppliedBeyondDivergence { member: join.member.clone() }));
        }
        let full = full && !(plan == Plan::Beyond && self.rules.off(Switch::NoTaint) && point + 1 >= self.log.first());
        if full && syncs >= self.config.full_syncs {
            return reject(cx, Reject::Busy);
        }
        // An earlier stream of the same node is dead, or its process is.
        let old = lead.peers.iter().filter(|(id, peer)| **id != stream && peer.member.node == join.member.node);
        let old: Vec<StreamId> = old.map(|(id, _)| *id).collect();
        for old in &old {
            lead.peers.remove(old);
            cx.out.push(super::Action::Close { stream: *old });
        }
        let boot = cx.now.boot_us;
        let truncate_to = if full { self.log.leo() } else { point };
        let mut peer = Peer {
            member: join.member,
            joined: true,
            leaving: join.leaving,
            cursor: truncate_to + 1,
            sent: VecDeque::new(),
            seq: 1,
            sent_at: boot,
            sent_hw: 0,
            sent_round: lead.round,
            acked: None,
            applied: 0,
            acked_round: 0,
            granted_at: 0,
            acked_at: boot,
            whole_at: boot,
            progress_at: boot,
            close_since: None,
            far_since: None,
            sending: full.then(Sending::new),
            coordinated: false,
        };
        peer.sent.push_back(Sent {
            seq: 1,
            at: boot,
            round: lead.round,
            whole: !full && truncate_to == self.log.leo(),
        });
        let epoch = lead.epoch;
        lead.peers.insert(stream, peer);
        let counted = if full { &mut self.counters.full_syncs } else { &mut self.counters.partial_syncs };
        *counted += 1;
        let (attempt, time_ms) = (join.attempt, self.clock.time_ms(cx.now));
        let accept = Accept { epoch, cluster, attempt, truncate_to, full, time_ms, seq: 1 };
        cx.out.send(stream, Message::Accept(accept));
        for old in old {
            self.accepted.remove(&old);
        }
    }

    /// A follower says what it has.
    pub(super) fn on_ack<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, ack: AckMessage) {
        if ack.epoch > self.promised {
            return self.promise(cx, ack.epoch);
        }
        let any = self.rules.off(Switch::R11AnyAck);
        let leo = self.log.leo();
        let Part::Leading(lead) = &mut self.part else { return };
        let Some(peer) = lead.peers.get_mut(&stream) else { return };
        // R11: an acknowledgement counts in its epoch, for its incarnation.
        if !any && (ack.epoch != lead.epoch || ack.member != peer.member) {
            return;
        }
        let boot = cx.now.boot_us;
        while let Some(sent) = peer.sent.pop_front_if(|sent| sent.seq <= ack.seq) {
            peer.granted_at = sent.at;
            peer.acked_round = sent.round;
            if sent.whole {
                peer.whole_at = sent.at;
            }
        }
        peer.acked_at = boot;
        peer.coordinated = ack.coordinated;
        if peer.sending.as_ref().is_some_and(|sending| !sending.is_done()) {
            peer.progress_at = boot;
            return;
        }
        if peer.sending.is_some() && ack.received > 0 {
            peer.sending = None;
        }
        let received = ack.received.min(leo);
        if received == leo || peer.acked.is_none_or(|before| received > before) {
            peer.progress_at = boot;
        }
        if ack.received > 0 || peer.sending.is_none() {
            peer.acked = Some(peer.acked.unwrap_or(0).max(received));
        }
        peer.applied = ack.applied;
    }

    pub(super) fn follower_gone<S: Store>(&mut self, _: &mut Cx<'_, S>, stream: StreamId) {
        if let Part::Leading(lead) = &mut self.part {
            lead.peers.remove(&stream);
        }
    }

    /// Calls of this process that had waited for a leader are now carried out here.
    fn took_over<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        self.drop_uplink(cx);
        self.calls.again_all(|origin| match &self.part {
            Part::Leading(lead) => lead.waits_for(&Origin::Local(origin)),
            _ => false,
        });
    }
}
