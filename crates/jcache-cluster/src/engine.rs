//! The replication engine: events in, actions out.
//!
//! [`Engine::step`] takes one event and says what to do; the host does it. There is no clock, no random source, no I/O
//! and no task in here: the same events give the same actions, byte for byte.
//!
//! One step is one writer at a time, as in Redis: in production the engine and its store sit behind one mutex that the
//! calling thread holds for about a microsecond, while local reads go around it. The design sequences per shard (2.6);
//! one order for all is simpler, and its rightness needs no argument.
//!
//! Rules R1 to R12 of the design stand in comments where they are kept.

mod answers;
mod apply;
mod blocking;
mod calls;
pub(crate) mod codec;
mod commit;
mod config;
mod coord;
mod coordinator;
mod early;
mod election;
mod epochs;
mod event;
mod execute;
mod expiry;
mod follower;
mod forward;
mod fullsync;
mod handover;
mod isr;
mod latency;
mod leader;
mod lease;
mod log;
mod member;
mod message;
mod model_store;
mod outage;
mod pump;
mod reads;
mod record;
mod sessions;
mod status;
mod store;
mod switch;
mod time;
mod transaction;
mod uplink;
mod view;

use std::collections::{BTreeMap, BTreeSet};

pub use config::{CLOCK_DRIFT_PERMILLE, Config, ConfigError, Timing};
pub use coordinator::{
    ConfigRecord, CoordAnswer, CoordError, CoordEvent, CoordRequest, Key, Kv, LeaderRecord, LeaseId, Listing,
    MemberRecord, RequestId, Revision, StateRecord, Txn, Write,
};
pub use epochs::{History, Plan, reconcile};
pub use event::{
    Ack, Action, Admin, Answer, CallId, CallOptions, Event, Failure, Fatal, Level, Notice, Outbox, StreamId, Token,
};
pub use latency::CommitTimes;
pub use member::{Epoch, Identity, Incarnation, MemberId, NodeId, Now, Offset};
pub use message::{
    Accept, AckMessage, ForwardCall, ForwardResult, Frame, Join, Message, PeerStatus, Reject, Snap, SnapPart,
    StreamKind, Work,
};
pub use model_store::ModelStore;
pub use status::{Counters, Lag, Role, Status};
pub use store::{Removed, Side, Store};
pub use switch::Switch;
pub use transaction::Transaction;

use calls::Calls;
use coord::Coord;
use early::EarlyJoins;
use election::Candidacy;
use follower::Following;
use forward::Callers;
use leader::Leading;
use log::Log;
use sessions::Sessions;
use switch::Rules;
use time::ClusterTime;

/// The longest span, in microseconds: long enough for never, and added to a boot time it does not run over.
const ENDLESS_US: u64 = u64::MAX / 8;

/// Milliseconds as the microseconds of boot time.
#[inline]
pub(crate) const fn ms(millis: u64) -> u64 {
    let micros = millis.saturating_mul(1000);
    if micros < ENDLESS_US { micros } else { ENDLESS_US }
}

/// What a step works with besides the engine.
pub(crate) struct Cx<'a, S> {
    pub(crate) now: Now,
    pub(crate) store: &'a mut S,
    pub(crate) out: &'a mut Outbox,
}

/// The part that a process plays.
#[derive(Debug)]
enum Part {
    /// It looks for a leader.
    Seeking,
    /// It follows one.
    Following(Following),
    /// It has asked to lead, and hears nobody until it knows the answer.
    Candidate,
    /// It leads.
    Leading(Box<Leading>),
    /// It has left.
    Left,
}

/// One process's part in the cluster.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    me: Identity,
    rules: Rules,
    counters: Counters,
    clock: ClusterTime,
    last_tick: u64,
    /// The cluster's id, once known.
    cluster: Option<String>,
    /// The highest epoch that this process has seen, from the coordinator or a peer.
    promised: Epoch,
    /// When that was last raised.
    promised_at: u64,
    /// The last epoch that this process has led.
    led: Epoch,
    log: Log,
    /// The commit point, as far as this process knows.
    hw: Offset,
    /// The last record that is executed here.
    applied: Offset,
    sessions: Sessions,
    wire: u32,
    coord: Coord,
    /// The newest state seen: what a coordinator that forgot it is given back.
    last_state: Option<StateRecord>,
    /// The newest state known to have been recorded, by epoch and `n`: seen, or heard of from a peer.
    recorded: (Epoch, u64),
    /// When that was last raised.
    recorded_at: u64,
    /// Since when the coordinator is known to have lost its data.
    reset_since: Option<u64>,
    /// Since when this process, which knows no cluster, finds none at the coordinator.
    empty_since: Option<u64>,
    /// Members that the operator says are dead.
    buried: BTreeSet<MemberId>,
    part: Part,
    candidacy: Option<Candidacy>,
    /// Until when this process has granted not to elect itself.
    granted_until: u64,
    /// When the leader was last heard.
    heard_at: u64,
    /// Not before this does a process that was paused elect itself.
    awake_at: u64,
    /// The leader that excused this process from its grant.
    released_by: Option<Epoch>,
    leaving_since: Option<u64>,
    leave_asked_at: u64,
    /// Whether this process has ever held what was committed when it joined: before, it answers no read.
    synced: bool,
    next_stream: u64,
    /// Accepted streams and what they are for.
    accepted: BTreeMap<StreamId, StreamKind>,
    early: EarlyJoins,
    calls: Calls,
    callers: Callers,
    removed: Removed,
    scratch: Vec<u8>,
}

impl Engine {
    /// How often a [`Event::Tick`] is wanted, in milliseconds.
    pub const TICK_MS: u64 = 10;

    /// A process that has just started and knows nothing.
    ///
    /// # Errors
    /// Settings that cannot work.
    pub fn new(config: Config, me: Identity, now: Now) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            wire: config.wire.0,
            config,
            me,
            rules: Rules::default(),
            counters: Counters::default(),
            clock: ClusterTime::new(now),
            last_tick: now.boot_us,
            cluster: None,
            promised: 0,
            promised_at: 0,
            led: 0,
            log: Log::default(),
            hw: 0,
            applied: 0,
            sessions: Sessions::default(),
            coord: Coord::default(),
            last_state: None,
            recorded: (0, 0),
            recorded_at: 0,
            reset_since: None,
            empty_since: None,
            buried: BTreeSet::new(),
            part: Part::Seeking,
            candidacy: None,
            granted_until: 0,
            heard_at: now.boot_us,
            awake_at: 0,
            released_by: None,
            leaving_since: None,
            leave_asked_at: 0,
            synced: false,
            next_stream: 0,
            accepted: BTreeMap::new(),
            early: EarlyJoins::default(),
            calls: Calls::default(),
            callers: Callers::default(),
            removed: Removed::default(),
            scratch: Vec::new(),
        })
    }

    /// Switches a rule off: for the test of the tests.
    #[cfg(feature = "switches")]
    pub fn switch_off(&mut self, switch: Switch) {
        self.rules.switch_off(switch);
    }

    /// Takes one event, changes the store, and says what to do.
    pub fn step<S: Store>(&mut self, now: Now, event: Event<'_>, store: &mut S, out: &mut Outbox) {
        let cx = &mut Cx { now, store, out };
        match event {
            Event::Call { call, request, options } => self.on_call(cx, call, request, options),
            Event::Transact { call, transaction, options } => self.on_transaction(cx, call, transaction, options),
            Event::Message { stream, message } => self.on_message(cx, stream, message),
            Event::Tick => self.tick(cx),
            Event::Coord(event) => self.on_coord(cx, event),
            Event::Accepted { stream, kind } => drop(self.accepted.insert(stream, kind)),
            Event::Opened { stream } => self.on_opened(cx, stream),
            Event::Broken { stream } => self.on_broken(cx, stream),
            Event::Cancel { call } => self.cancel(cx, call),
            Event::Admin(admin) => self.on_admin(cx, admin),
        }
        self.settle(cx);
    }

    /// What every step ends with: calls that can go on, the commit point, frames, answers.
    fn settle<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        self.end_abandoned(cx);
        self.send_calls(cx);
        self.advance(cx);
        self.drain(cx);
        self.pump(cx);
        self.flush_answers(cx);
        self.check_invariants();
    }

    /// What must hold between any two steps.
    fn check_invariants(&self) {
        debug_assert!(self.hw <= self.log.leo(), "the commit point {} is beyond the log {}", self.hw, self.log.leo());
        debug_assert!(self.applied <= self.log.leo(), "executed what is not in the log");
        debug_assert!(self.log.epochs.last() <= self.promised, "R7: records of an epoch that was not promised");
        if let Part::Leading(lead) = &self.part {
            debug_assert!(lead.epoch == self.promised, "R7: a leader has promised its own epoch and no later one");
            debug_assert!(self.applied == self.log.leo(), "a leader executes at once");
        }
    }

    fn tick<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let late = cx.now.boot_us.saturating_sub(self.last_tick);
        self.last_tick = cx.now.boot_us;
        if late > ms(self.config.pause_ms + Self::TICK_MS) {
            self.woke_up(cx);
        }
        self.tick_coord(cx);
        self.tick_leader(cx);
        self.tick_follower(cx);
        self.tick_election(cx);
        self.tick_outage(cx);
        self.tick_leaving(cx);
        self.tick_calls(cx);
    }

    /// This process did not run for a while (2.11): what it was granted is void, and what waits in its sockets comes
    /// before any decision.
    fn woke_up<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        self.counters.pauses += 1;
        self.awake_at = cx.now.boot_us + ms(2 * self.config.timing.heartbeat_ms);
        self.end_candidacy(cx);
        self.coord.want_list();
        if let Part::Leading(lead) = &mut self.part {
            lead.lease_from = cx.now.boot_us;
        }
    }

    fn on_message<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, message: Message) {
        if matches!(self.part, Part::Left) {
            return;
        }
        match message {
            Message::Ack(ack) => self.on_ack(cx, stream, ack),
            Message::Frame(frame) => self.on_frame(cx, stream, frame),
            Message::Forward(calls) => self.on_forward(cx, stream, calls),
            Message::Forwarded { epoch, answers } => self.on_forwarded(cx, stream, epoch, answers),
            Message::Join(join) => self.on_join(cx, stream, join),
            Message::Reject(reject) => self.on_reject(cx, stream, reject),
            Message::Accept(accept) => self.on_accept(cx, stream, accept),
            Message::Snap(snap) => self.on_snap(cx, stream, snap),
            Message::Handover { epoch } => self.on_handover(cx, epoch),
            Message::Release { epoch } => self.on_release(cx, stream, epoch),
            Message::ReleaseFailed { epoch } => self.on_release_failed(epoch),
            Message::Leave => self.on_leave(cx, stream),
            Message::Hello { member, cluster, generation, promised } => {
                self.on_hello(cx, stream, member, &cluster, generation, promised);
            }
            Message::ForwardCancel { seq } => self.on_forward_cancel(stream, seq),
            Message::StatusRequest { member: _, cluster, promised } => {
                self.on_status_request(cx, stream, &cluster, promised);
            }
            Message::StatusReply(status) => self.on_status_reply(cx, stream, status),
        }
    }

    fn on_opened<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        self.replication_opened(cx, stream);
        self.uplink_opened(cx, stream);
        self.candidacy_opened(cx, stream);
    }

    fn on_broken<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        self.accepted.remove(&stream);
        self.early.remove(stream);
        self.replication_broken(cx, stream);
        self.follower_gone(cx, stream);
        self.uplink_broken(cx, stream);
        self.caller_gone(stream);
        self.candidacy_broken(cx, stream);
    }

    /// Dials a peer.
    fn connect<S: Store>(&mut self, cx: &mut Cx<'_, S>, kind: StreamKind, peer: &NodeId, addr: &str) -> StreamId {
        self.next_stream += 1;
        let stream = StreamId::Out(self.next_stream);
        cx.out.push(Action::Connect { stream, kind, peer: peer.clone(), addr: addr.to_owned() });
        stream
    }

    fn close<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        self.accepted.remove(&stream);
        self.early.remove(stream);
        cx.out.push(Action::Close { stream });
    }

    /// Takes note of an epoch (2.5): nothing smaller is followed, served or granted from now on (R7).
    fn promise<S: Store>(&mut self, cx: &mut Cx<'_, S>, epoch: Epoch) {
        if epoch <= self.promised {
            return;
        }
        let leads = matches!(self.part, Part::Leading(_));
        // A leader that is about to be elected anew, and does not know yet that it was, raises its promise itself.
        let own = leads && self.coord.intent.as_ref().is_some_and(|intent| intent.is_mine(epoch));
        if own || leads && self.rules.off(Switch::R7NoFence) {
            return;
        }
        self.promised = epoch;
        self.promised_at = cx.now.boot_us;
        self.end_candidacy(cx);
        if leads {
            self.step_down(cx);
        }
    }

    /// Whether somebody who says that it is of `cluster` is of another one than this process: nothing that it says
    /// counts, and least of all its epochs.
    fn is_foreign(&self, cluster: &str) -> bool {
        !cluster.is_empty() && self.cluster.as_deref().is_some_and(|own| own != cluster)
    }

    /// Whether reads may be answered from what is executed here (R10): a leader's, or what is committed.
    pub fn is_readable(&self) -> bool {
        match &self.part {
            Part::Leading(_) => true,
            Part::Left => false,
            _ if !self.synced => false,
            // Its copy differs, as a digest told, and comes anew.
            Part::Following(following) if following.resync => false,
            // R10: followers expose only what is committed; a deposed leader has executed more until that is.
            _ => self.applied <= self.hw || self.rules.off(Switch::R10ShowUncommitted),
        }
    }

    /// Whether `Local` reads may be answered here now, beside the engine: they would see at least what this process's own
    /// acknowledged writes left.
    pub fn answers_locally(&self) -> bool {
        let leads = matches!(self.part, Part::Leading(_));
        self.is_readable() && if leads { !self.config.committed_reads } else { self.has_own_writes() }
    }

    /// Cluster time in milliseconds, by which keys are due.
    pub fn time_ms(&self, now: Now) -> u64 {
        self.clock.time_ms(now)
    }

    fn lag_of(&self, peer: &leader::Peer, boot: u64) -> Lag {
        let acked = peer.acked.unwrap_or(0);
        let records = self.log.leo().saturating_sub(acked);
        let ms = if records == 0 { 0 } else { boot.saturating_sub(peer.whole_at) / 1000 };
        Lag { records, bytes: self.log.bytes_after(acked), ms }
    }

    /// What the engine shows of itself.
    pub fn status(&self, now: Now) -> Status {
        let me = &self.me.member;
        let view = &self.coord.view;
        let mut isr = view.state.as_ref().map(|(state, _)| state.isr.clone()).unwrap_or_default();
        let (mut pending, mut blocked, mut epoch, mut loading_bytes) = (None, 0, 0, 0);
        let mut lag = BTreeMap::new();
        let role = match &self.part {
            Part::Seeking if !self.coord.is_registered() => Role::Joining,
            Part::Seeking => Role::Seeking,
            Part::Candidate => Role::Candidate,
            Part::Left => Role::Left,
            Part::Following(following) => {
                epoch = following.epoch;
                loading_bytes = following.loading_bytes();
                match () {
                    () if following.is_loading() => Role::Syncing,
                    () if view.in_sync(me) => Role::Follower,
                    () => Role::Observer,
                }
            }
            Part::Leading(lead) => {
                epoch = lead.epoch;
                isr = lead.isr.iter().cloned().collect();
                pending = lead.pending.as_ref().map(|set| set.iter().cloned().collect());
                blocked = lead.blocked.len();
                let peers = lead.peers.values().filter(|peer| peer.joined);
                lag = peers.map(|peer| (peer.member.node.clone(), self.lag_of(peer, now.boot_us))).collect();
                if self.lease_is_valid(now) { Role::Leader } else { Role::Fenced }
            }
        };
        let leader = match &self.part {
            Part::Leading(_) => Some(me.node.clone()),
            Part::Following(following) => Some(following.leader.node.clone()),
            _ => None,
        };
        Status {
            member: me.clone(),
            role,
            epoch,
            promised: self.promised,
            leader,
            hw: self.hw,
            leo: self.log.leo(),
            last_epoch: self.log.epochs.last(),
            applied: self.applied,
            readable: self.is_readable(),
            isr,
            pending,
            lag,
            time_ms: self.clock.time_ms(now),
            log_bytes: self.log.bytes(),
            loading_bytes,
            log_first: self.log.first(),
            calls: self.calls.len(),
            blocked,
            sessions: self.sessions.len(),
            session_bytes: self.sessions.bytes(),
            registered: self.coord.is_registered(),
            coordinated: self.coord.heard_within(now.boot_us, self.config.session_lease_ms),
            counters: self.counters,
        }
    }
}
