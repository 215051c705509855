//! Following: one leader at a time, in its epoch; the log at once, execution up to the commit point only (D4).

use super::event::{Fatal, StreamId};
use super::fullsync::Loading;
use super::log::{Run, is_whole};
use super::member::{Epoch, MemberId, Offset};
use super::message::{Accept, AckMessage, Frame, Join, Message, Reject, StreamKind};
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part, ms};

/// A follower redials after this long, in milliseconds.
const REDIAL_MS: u64 = 50;

#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) epoch: Epoch,
    pub(crate) leader: MemberId,
    /// Where the leader listens.
    pub(crate) addr: String,
    stream: Option<StreamId>,
    state: State,
    /// When the present state began.
    since: u64,
    /// The last message of the leader on this stream.
    seq: u64,
    pub(crate) resync: bool,
    /// Number of the last join.
    attempt: u64,
    /// Whether the leader has answered a join: before, it may not know yet that it leads, and takes no calls.
    pub(crate) answered: bool,
    /// What was committed when the leader accepted this process, once known.
    goal: Option<Offset>,
}

#[derive(Debug)]
enum State {
    /// Not before this time.
    Waiting(u64),
    Dialling,
    /// The join is on its way.
    Joining,
    Streaming,
    Loading(Box<Loading>),
}

impl Following {
    pub(crate) fn is_loading(&self) -> bool {
        matches!(self.state, State::Loading(_))
    }

    /// Bytes that a full synchronisation keeps until it is whole.
    pub(crate) fn loading_bytes(&self) -> usize {
        match &self.state {
            State::Loading(loading) => loading.bytes(),
            _ => 0,
        }
    }

    fn is_attached(&self) -> bool {
        matches!(self.state, State::Streaming | State::Loading(_))
    }
}

impl Engine {
    /// Follows the leader that the coordinator shows, if that is not this process.
    pub(super) fn consider<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if matches!(self.part, Part::Leading(_)) && self.coord.view.leader.is_none() {
            // The leader's key may be gone: to be read for certain (R12).
            self.coord.want_list();
            return;
        }
        let Some((leader, _)) = &self.coord.view.leader else { return };
        let member = leader.member();
        let stale = leader.epoch < self.promised && !self.rules.off(Switch::R7NoFence);
        if stale || member == self.me.member || matches!(self.part, Part::Leading(_) | Part::Candidate | Part::Left) {
            return;
        }
        let (epoch, addr) = (leader.epoch, leader.addr.clone());
        if let Part::Following(following) = &mut self.part
            && following.leader == member
        {
            if following.epoch < epoch {
                // Elected anew: the stream stays, the join is repeated.
                following.epoch = epoch;
                if following.is_attached() {
                    self.join(cx);
                }
            }
            return;
        }
        self.stop_following(cx);
        // A leader that fell silent breaks no stream: what was sent to it is sent to the new one at once, and what the
        // former one put off need not wait either.
        self.drop_uplink(cx);
        self.calls.pause_until = 0;
        // A new leader gets its time before it is suspected.
        self.heard_at = cx.now.boot_us;
        self.end_candidacy(cx);
        self.released_by = None;
        let since = cx.now.boot_us;
        let state = State::Waiting(0);
        let following = Following {
            epoch,
            leader: member,
            addr,
            stream: None,
            state,
            since,
            seq: 0,
            attempt: 0,
            answered: false,
            resync: false,
            goal: None,
        };
        self.part = Part::Following(following);
        self.dial(cx);
    }

    /// Leaves the leader's stream, and what was half loaded.
    pub(super) fn stop_following<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Following(following) = &mut self.part else { return };
        if matches!(following.state, State::Loading(_)) {
            cx.store.load_abort();
        }
        let stream = following.stream;
        self.part = Part::Seeking;
        if let Some(stream) = stream {
            self.close(cx, stream);
        }
    }

    fn dial<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Following(following) = &self.part else { return };
        let (node, addr) = (following.leader.node.clone(), following.addr.clone());
        let stream = self.connect(cx, StreamKind::Replicate, &node, &addr);
        if let Part::Following(following) = &mut self.part {
            (following.stream, following.state, following.since) = (Some(stream), State::Dialling, cx.now.boot_us);
        }
    }

    fn follows(&self, stream: StreamId) -> bool {
        matches!(&self.part, Part::Following(following) if following.stream == Some(stream))
    }

    pub(super) fn replication_opened<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        if self.follows(stream) {
            self.join(cx);
        }
    }

    /// Says what this process has; the leader finds the point of divergence.
    fn join<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let tainted = self.applied > self.hw;
        let Part::Following(following) = &mut self.part else { return };
        let Some(stream) = following.stream else { return };
        if matches!(following.state, State::Loading(_)) {
            cx.store.load_abort();
        }
        (following.state, following.since, following.seq) = (State::Joining, cx.now.boot_us, 0);
        following.attempt += 1;
        let join = Join {
            cluster: self.cluster.clone().unwrap_or_default(),
            member: self.me.member.clone(),
            attempt: following.attempt,
            promised: self.promised,
            leo: self.log.leo(),
            applied: self.applied,
            tainted,
            resync: following.resync,
            epochs: self.log.epochs.pairs().to_vec(),
            wire: self.config.wire,
            leaving: self.leaving_since.is_some() || !self.me.voter,
        };
        cx.out.send(stream, Message::Join(join));
    }

    fn wait_and_redial<S: Store>(&mut self, cx: &mut Cx<'_, S>, after_ms: u64) {
        let Part::Following(following) = &mut self.part else { return };
        if matches!(following.state, State::Loading(_)) {
            cx.store.load_abort();
        }
        following.stream = None;
        following.state = State::Waiting(cx.now.boot_us + ms(after_ms));
    }

    pub(super) fn replication_broken<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        if self.follows(stream) {
            self.wait_and_redial(cx, REDIAL_MS);
            self.coord.want_list();
        }
    }

    pub(super) fn tick_follower<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        self.consider(cx);
        let boot = cx.now.boot_us;
        let patience = ms(self.config.timing.evict_ms);
        let Part::Following(following) = &self.part else { return };
        match following.state {
            State::Waiting(until) if boot >= until => self.dial(cx),
            State::Streaming | State::Loading(_) if following.epoch < self.promised => self.join(cx),
            State::Dialling | State::Joining if boot > following.since + patience => {
                if let Some(stream) = following.stream {
                    self.close(cx, stream);
                }
                self.wait_and_redial(cx, 0);
            }
            _ => {}
        }
    }

    pub(super) fn on_reject<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, reject: Reject) {
        if !self.follows(stream) {
            return;
        }
        match reject {
            Reject::StaleEpoch(epoch) => {
                self.promise(cx, epoch);
                // The leader of that epoch is the one who says so, or will be shown.
                self.join(cx);
            }
            Reject::NotLeader(_) => {
                self.list_soon(cx);
                self.close(cx, stream);
                self.wait_and_redial(cx, REDIAL_MS);
            }
            Reject::Busy => {
                self.heard_at = cx.now.boot_us;
                self.close(cx, stream);
                self.wait_and_redial(cx, 2 * REDIAL_MS);
                self.greet(cx);
            }
            Reject::Cluster => self.fail(cx, Fatal::WrongCluster),
            Reject::Wire => self.fail(cx, Fatal::Wire),
        }
    }

    pub(super) fn on_accept<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, accept: Accept) {
        // Only the last join's answer: records may have been taken, and acknowledged, since an earlier one.
        let awaited = |it: &Following| matches!(it.state, State::Joining) && it.attempt == accept.attempt;
        if !self.follows(stream) || !matches!(&self.part, Part::Following(it) if awaited(it)) {
            return;
        }
        self.promise(cx, accept.epoch);
        // R7: only the leader of the highest epoch seen is followed.
        if accept.epoch != self.promised && !self.rules.off(Switch::R7NoFence) {
            return;
        }
        if self.cluster.get_or_insert_with(|| accept.cluster.clone()) != &accept.cluster {
            return self.fail(cx, Fatal::WrongCluster);
        }
        self.clock.hear(cx.now, accept.time_ms);
        let base = accept.truncate_to;
        if accept.full {
            cx.store.load_begin();
            if self.rules.off(Switch::R8InPlace) {
                // What R8 forbids: the old copy goes before the new one is whole.
                cx.store.load_swap();
                cx.store.load_begin();
                self.log = super::Log::default();
                (self.hw, self.applied) = (0, 0);
            }
        } else {
            let dropped = self.log.leo().saturating_sub(base);
            if dropped > 0 && !self.rules.off(Switch::NoTruncation) {
                self.counters.truncated += dropped;
                self.log.truncate(base);
            }
            // After an unclean start the cluster may know less than this process.
            self.hw = self.hw.min(self.log.leo());
            self.applied = self.applied.min(self.log.leo());
        }
        let Part::Following(following) = &mut self.part else { return };
        following.epoch = accept.epoch;
        following.goal = None;
        following.since = cx.now.boot_us;
        following.state = if accept.full { State::Loading(Box::new(Loading::new(base))) } else { State::Streaming };
        self.acknowledge(cx, accept.seq);
        self.greet(cx);
    }

    /// Whether a message of the leader may be taken: from the one stream, in the one epoch.
    fn takes(&self, stream: StreamId, epoch: Epoch) -> bool {
        let Part::Following(following) = &self.part else { return false };
        // R7: what a leader of a smaller epoch sends is dropped.
        let current = epoch == self.promised && epoch == following.epoch || self.rules.off(Switch::R7NoFence);
        following.stream == Some(stream) && following.is_attached() && current
    }

    pub(super) fn on_frame<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, frame: Frame) {
        self.promise(cx, frame.epoch);
        if !self.takes(stream, frame.epoch) {
            return;
        }
        self.clock.hear(cx.now, frame.time_ms);
        let run = Run { epoch: frame.written, first: frame.first, count: frame.count, bytes: frame.records };
        let Part::Following(following) = &mut self.part else { return };
        let goal = *following.goal.get_or_insert(frame.hw);
        let leo = match &following.state {
            State::Loading(loading) => loading.log.leo(),
            _ => self.log.leo(),
        };
        // Nobody wrote in an epoch that was not yet.
        let whole = is_whole(&run.bytes, run.count) && run.epoch <= frame.epoch;
        if run.count > 0 && (run.first != leo + 1 || !whole) {
            if self.rules.off(Switch::NoTruncation) && whole && run.first <= leo {
                let fresh = leo + 1 - run.first;
                return if fresh >= u64::from(run.count) { self.acknowledge(cx, frame.seq) } else { self.rejoin(cx) };
            }
            return self.rejoin(cx);
        }
        if let State::Loading(loading) = &mut following.state {
            loading.hw = loading.hw.max(frame.hw);
            if run.count > 0 {
                if loading.take(cx.store, &run, self.rules).is_err() {
                    return self.rejoin(cx);
                }
                loading.log.extend(run);
                loading.log.trim(self.config.backlog_bytes, loading.hw);
            }
            return self.acknowledge(cx, frame.seq);
        }
        if run.count > 0 {
            self.log.extend(run);
        }
        // R2: the commit point never decreases.
        self.hw = self.hw.max(frame.hw.min(self.log.leo()));
        let upto = if self.rules.off(Switch::ApplyUncommitted) { self.log.leo() } else { self.hw };
        self.apply_up_to(cx, upto);
        self.synced |= self.hw >= goal;
        self.acknowledge(cx, frame.seq);
        self.calls_applied(cx);
    }

    /// The stream to the leader, once it has accepted this process.
    pub(super) fn leader_stream(&self) -> Option<StreamId> {
        match &self.part {
            Part::Following(following) if following.is_attached() => following.stream,
            _ => None,
        }
    }

    /// Something does not fit: leaves the stream and joins anew.
    pub(super) fn rejoin<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if let Part::Following(following) = &self.part
            && let Some(stream) = following.stream
        {
            self.close(cx, stream);
        }
        self.wait_and_redial(cx, REDIAL_MS);
    }

    /// Tells the leader what is here, and grants not to elect for γ from now.
    pub(super) fn acknowledge<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64) {
        let coordinated = self.coord.heard_within(cx.now.boot_us, self.config.session_lease_ms);
        let Part::Following(following) = &mut self.part else { return };
        let Some(stream) = following.stream else { return };
        following.seq = following.seq.max(seq);
        // R8: while everything comes anew, what is here counts for nothing.
        let received = if following.is_loading() { 0 } else { self.log.leo() };
        // R11: epoch and incarnation say for what this counts.
        let epoch = following.epoch;
        let ack = AckMessage {
            epoch,
            member: self.me.member.clone(),
            received,
            applied: self.applied,
            seq: following.seq,
            coordinated,
        };
        debug_assert!(
            epoch == self.promised || self.rules.off(Switch::R7NoFence),
            "R7: no acknowledgement for a smaller epoch"
        );
        self.heard_at = cx.now.boot_us;
        self.granted_until = self.granted_until.max(cx.now.boot_us + ms(self.config.timing.grant_ms));
        cx.out.send(stream, Message::Ack(ack));
    }

    /// The loaded copy takes the place of the old one. R8: not before it is whole.
    pub(super) fn loaded<S: Store>(&mut self, cx: &mut Cx<'_, S>, done: super::fullsync::Done) {
        let Part::Following(following) = &mut self.part else { return };
        let State::Loading(loading) = std::mem::replace(&mut following.state, State::Streaming) else { return };
        following.resync = false;
        self.clock.take_over(cx.now);
        cx.store.load_swap();
        let mut log = loading.log;
        log.epochs = done.epochs;
        self.sessions = done.sessions;
        self.log = log;
        // The copy is what the leader had executed, maybe more than is committed: not readable until that is.
        self.applied = self.log.leo();
        self.hw = self.hw.max(loading.hw).min(self.log.leo());
    }

    pub(super) fn loading(&mut self, stream: StreamId, epoch: Epoch) -> Option<&mut Loading> {
        if !self.takes(stream, epoch) {
            return None;
        }
        match &mut self.part {
            Part::Following(Following { state: State::Loading(loading), .. }) => Some(loading),
            _ => None,
        }
    }
}
