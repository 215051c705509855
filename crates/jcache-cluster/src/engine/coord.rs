//! The engine's side of the coordinator: the lease, the registration, what is known of the keys, and the one guarded
//! transaction that may be on its way.
//!
//! *Unknown outcome rule*: a transaction of which no answer came is sent again, the very same, until there is a definite
//! answer. Reading again and giving up is wrong: the first copy may still land. That a *later* copy failed is no definite
//! answer either: it says nothing of the first. Only a guard that does not hold does.

use std::collections::BTreeMap;

use super::coordinator::{
    ConfigRecord, CoordAnswer, CoordError, CoordEvent, CoordRequest, Key, LeaderRecord, LeaseId, Listing, MemberRecord,
    RequestId, Revision, StateRecord, Txn, Write,
};
use super::event::{Action, Fatal, Notice};
use super::member::{Epoch, MemberId};
use super::store::Store;
use super::switch::Switch;
use super::view::View;
use super::{Cx, Engine, Part, ms};

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Asked {
    Grant,
    KeepAlive(LeaseId),
    Revoke,
    Register,
    PutConfig,
    Watch,
    /// As proof for reads up to this round.
    List {
        round: u64,
    },
    Intent,
}

/// What a guarded transaction is to achieve.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Purpose {
    /// To found the cluster.
    Found,
    /// To lead, by election or deposition.
    Elect,
    /// To lead although all in-sync members are gone.
    Unclean { certain: bool },
    /// To write anew what the coordinator lost.
    Reseed,
    /// To change the in-sync set.
    Change,
    /// To make another one lead.
    Handover(MemberId),
}

/// The guarded transaction on its way; one at a time.
#[derive(Debug)]
pub(crate) struct Intent {
    pub(crate) purpose: Purpose,
    pub(crate) txn: Txn,
    /// The state that it writes.
    pub(crate) state: StateRecord,
    /// What it would make the leader's key, unless that stays.
    pub(crate) leader: Option<LeaderRecord>,
    /// The lease that the leader's key would live with.
    lease: Option<LeaseId>,
    /// The request without an answer; `None` when it is to be sent again.
    request: Option<RequestId>,
    /// How often it was sent.
    copies: u32,
    /// When it is sent again.
    again_at: u64,
}

impl Intent {
    /// Whether this would make this process leader of `epoch`.
    pub(crate) fn is_mine(&self, epoch: Epoch) -> bool {
        matches!(self.purpose, Purpose::Elect | Purpose::Reseed) && self.state.epoch == epoch
    }
}

#[derive(Debug, Default)]
pub(crate) struct Coord {
    next_request: RequestId,
    /// What was asked, and when.
    asked: BTreeMap<RequestId, (Asked, u64)>,
    pub(crate) view: View,
    lease: Option<LeaseId>,
    /// When the last keepalive that succeeded was sent.
    renewed_at: u64,
    keepalive_at: u64,
    registered: bool,
    register_at: u64,
    /// When this process first found its node id taken.
    taken_since: Option<u64>,
    watching: bool,
    /// When the last listing came.
    pub(crate) listed_at: u64,
    list_wanted: bool,
    /// When the last answer came.
    heard_at: u64,
    pub(crate) intent: Option<Intent>,
    /// When the request was sent whose answer came last.
    pub(crate) answer_sent: u64,
    /// Listings in a row that went back in time.
    went_back: u32,
}

impl Coord {
    fn busy(&self, test: impl Fn(&Asked) -> bool) -> bool {
        self.asked.values().any(|(asked, _)| test(asked))
    }

    pub(crate) fn lease(&self) -> Option<LeaseId> {
        self.lease.filter(|_| self.registered)
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.registered
    }

    /// Whether the coordinator answered within the last `ms` milliseconds.
    pub(crate) fn heard_within(&self, boot_us: u64, within_ms: u64) -> bool {
        self.heard_at != 0 && boot_us.saturating_sub(self.heard_at) <= ms(within_ms)
    }

    /// Whether another one may lead already, by a transaction of which this process has not heard.
    pub(crate) fn hands_over(&self) -> bool {
        self.intent.as_ref().is_some_and(|intent| matches!(intent.purpose, Purpose::Handover(_)))
    }

    /// Whether a copy of the transaction that failed was the only one that can take effect: either no other was sent, or
    /// none can land any more, because the lease that it names is no more.
    fn is_over(&self, intent: &Intent) -> bool {
        let registered = |lease| self.view.members.values().any(|(record, _)| record.lease == lease);
        intent.copies == 1 || intent.lease.is_some_and(|lease| self.lease != Some(lease) && !registered(lease))
    }

    /// Wants everything read anew, soon.
    pub(crate) fn want_list(&mut self) {
        self.list_wanted = true;
    }
}

pub(crate) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("invariant: records are plain data")
}

impl Engine {
    fn ask<S: Store>(&mut self, cx: &mut Cx<'_, S>, asked: Asked, request: CoordRequest) -> RequestId {
        self.coord.next_request += 1;
        let id = self.coord.next_request;
        self.coord.asked.insert(id, (asked, cx.now.boot_us));
        cx.out.push(Action::Coord(id, request));
        id
    }

    /// Reads every key, as proof of leadership for reads up to `round`.
    pub(super) fn list<S: Store>(&mut self, cx: &mut Cx<'_, S>, round: u64) {
        if !self.coord.busy(|asked| matches!(asked, Asked::List { .. })) {
            self.coord.list_wanted = false;
            self.ask(cx, Asked::List { round }, CoordRequest::List);
        }
    }

    /// Reads every key now; or next, where a reading is under way that may have begun too early.
    pub(super) fn list_soon<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        self.coord.list_wanted = true;
        self.list(cx, 0);
    }

    /// Sends a guarded transaction, and again until its outcome is known.
    pub(super) fn intend<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        purpose: Purpose,
        guards: Vec<(Key, Revision)>,
        state: StateRecord,
        leader: Option<(LeaderRecord, LeaseId)>,
    ) {
        debug_assert!(self.coord.intent.is_none(), "one transaction at a time");
        let mut writes = vec![Write::Put { key: Key::State, value: json(&state), lease: None }];
        if let Some((leader, lease)) = &leader {
            writes.push(Write::Put { key: Key::Leader, value: json(leader), lease: Some(*lease) });
        }
        let txn = Txn { guards, writes };
        let request = Some(self.ask(cx, Asked::Intent, CoordRequest::Txn(txn.clone())));
        let (leader, lease) = leader.unzip();
        self.coord.intent = Some(Intent { purpose, txn, state, leader, lease, request, copies: 1, again_at: 0 });
    }

    /// The coordinator's clockwork: lease, registration, watch, listing, repetition.
    pub(super) fn tick_coord<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let boot = cx.now.boot_us;
        if matches!(self.part, Part::Left) {
            return;
        }
        let retry = ms(self.config.retry_ms);
        match self.coord.lease {
            None if !self.coord.busy(|asked| *asked == Asked::Grant) && boot >= self.coord.keepalive_at => {
                self.coord.keepalive_at = boot + retry;
                let ttl_ms = self.config.session_lease_ms;
                self.ask(cx, Asked::Grant, CoordRequest::Grant { ttl_ms });
            }
            Some(lease)
                if boot >= self.coord.keepalive_at
                    && !self.coord.busy(|asked| matches!(asked, Asked::KeepAlive(_))) =>
            {
                self.coord.keepalive_at = boot + ms(self.config.session_lease_ms) / 3;
                self.coord.renewed_at = boot;
                self.ask(cx, Asked::KeepAlive(lease), CoordRequest::KeepAlive(lease));
            }
            _ => {}
        }
        let stale = boot >= self.coord.listed_at + ms(self.config.relist_every_ms()) || self.coord.listed_at == 0;
        if self.coord.list_wanted || stale {
            self.list(cx, 0);
        }
        if self.coord.listed_at != 0 {
            self.register(cx);
            if !self.coord.watching && !self.coord.busy(|asked| *asked == Asked::Watch) {
                let from = self.coord.view.revision + 1;
                self.ask(cx, Asked::Watch, CoordRequest::Watch { from });
            }
        }
        let again = self.coord.intent.as_ref().filter(|it| it.request.is_none() && boot >= it.again_at);
        if let Some(txn) = again.map(|intent| intent.txn.clone()) {
            let request = self.ask(cx, Asked::Intent, CoordRequest::Txn(txn));
            if let Some(intent) = &mut self.coord.intent {
                intent.request = Some(request);
                intent.copies += 1;
            }
        }
    }

    /// Puts this process's key, bound to its lease: only where there is none, or its own.
    fn register<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let boot = cx.now.boot_us;
        let Some(lease) = self.coord.lease.filter(|_| !self.coord.registered && boot >= self.coord.register_at) else {
            return;
        };
        if self.coord.busy(|asked| *asked == Asked::Register) {
            return;
        }
        self.coord.register_at = boot + ms(self.config.retry_ms);
        let me = &self.me;
        let key = Key::Member(me.member.node.clone());
        let mut guard = 0;
        if let Some((record, revision)) = self.coord.view.members.get(&me.member.node) {
            if record.inc != me.member.inc {
                // Most likely the process before this one: its lease runs out.
                let since = *self.coord.taken_since.get_or_insert(boot);
                // As it was read, and not as it was before a pause of this process.
                if self.coord.listed_at > since + ms(3 * self.config.session_lease_ms) {
                    self.fail(cx, Fatal::DuplicateNodeId);
                }
                self.coord.list_wanted = true;
                return;
            }
            guard = *revision;
        }
        let record = MemberRecord {
            node: me.member.node.clone(),
            inc: me.member.inc,
            addr: me.addr.clone(),
            zone: me.zone.clone(),
            prio: me.prio,
            voter: me.voter,
            proto: self.config.wire,
            lease,
            cluster: self.cluster.clone().unwrap_or_default(),
            epoch: self.promised,
        };
        let write = Write::Put { key: key.clone(), value: json(&record), lease: Some(lease) };
        let txn = Txn { guards: vec![(key, guard)], writes: vec![write] };
        self.ask(cx, Asked::Register, CoordRequest::Txn(txn));
    }

    pub(super) fn revoke<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if let Some(lease) = self.coord.lease.take() {
            self.ask(cx, Asked::Revoke, CoordRequest::Revoke(lease));
        }
    }

    pub(super) fn on_coord<S: Store>(&mut self, cx: &mut Cx<'_, S>, event: CoordEvent) {
        match event {
            CoordEvent::WatchLost => {
                self.coord.watching = false;
                self.coord.list_wanted = true;
            }
            CoordEvent::Changed { revision, changes } => {
                for (key, kv) in &changes {
                    let at = kv.as_ref().map_or(revision, |kv| kv.revision);
                    if at > self.coord.view.known_revision(key) && revision > self.coord.view.revision {
                        self.coord.view.put(key, kv.as_ref());
                    }
                }
                self.coord.view.revision = self.coord.view.revision.max(revision);
                self.viewed(cx);
                if self.is_leadership_in_doubt() {
                    self.list_soon(cx);
                }
                if self.rules.off(Switch::R12WatchDecides) {
                    self.confirm_leadership(cx);
                }
            }
            CoordEvent::Answer(id, result) => {
                let Some((asked, sent)) = self.coord.asked.remove(&id) else { return };
                if !matches!(result, Err(CoordError::Unknown)) {
                    self.coord.heard_at = cx.now.boot_us.max(1);
                }
                self.coord.answer_sent = sent;
                self.on_answer(cx, id, (asked, sent), result);
            }
        }
    }

    fn on_answer<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        id: RequestId,
        (asked, sent): (Asked, u64),
        result: Result<CoordAnswer, CoordError>,
    ) {
        match (asked, result) {
            (Asked::Grant, Ok(CoordAnswer::Granted(lease))) => {
                self.coord.lease = Some(lease);
                self.coord.registered = false;
                self.coord.register_at = 0;
                self.coord.keepalive_at = cx.now.boot_us + ms(self.config.session_lease_ms) / 3;
                self.register_soon(cx);
            }
            (Asked::KeepAlive(lease), Ok(CoordAnswer::LeaseGone) | Err(CoordError::Failed))
                if self.coord.lease == Some(lease) =>
            {
                // The memory has survived: the same incarnation registers again.
                self.coord.lease = None;
                self.coord.registered = false;
                self.coord.keepalive_at = 0;
                self.coord.list_wanted = true;
                self.tick_coord(cx);
            }
            (Asked::KeepAlive(_), Err(CoordError::Unknown)) => {
                self.coord.keepalive_at = cx.now.boot_us + ms(self.config.session_lease_ms) / 6;
            }
            (Asked::Register, Ok(CoordAnswer::Done(_))) => {
                self.coord.registered = true;
                self.coord.taken_since = None;
                self.coord.list_wanted = true;
                self.tick_coord(cx);
            }
            (Asked::Register | Asked::PutConfig, Ok(CoordAnswer::Refused(listing))) => {
                self.listed(cx, &listing, sent);
            }
            (Asked::Register, Err(CoordError::Failed)) => {
                self.coord.lease = None;
                self.coord.keepalive_at = 0;
            }
            (Asked::Watch, Ok(CoordAnswer::Watching)) => self.coord.watching = true,
            (Asked::Watch, _) => self.coord.list_wanted = true,
            (Asked::List { round }, Ok(CoordAnswer::Listing(listing))) => {
                self.coord.listed_at = cx.now.boot_us.max(1);
                self.proved_by_coordinator(&listing, sent, round);
                self.listed(cx, &listing, sent);
                self.register_soon(cx);
            }
            (Asked::List { .. }, _) => self.coord.list_wanted = true,
            (Asked::Intent, result) => self.on_intent(cx, id, sent, result),
            _ => {}
        }
    }

    fn register_soon<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if self.coord.listed_at != 0 {
            self.register(cx);
        }
    }

    fn on_intent<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        id: RequestId,
        sent: u64,
        result: Result<CoordAnswer, CoordError>,
    ) {
        if self.coord.intent.as_ref().is_none_or(|intent| intent.request != Some(id)) {
            return;
        }
        match result {
            Ok(CoordAnswer::Done(revision)) => {
                let intent = self.coord.intent.take().expect("invariant: checked just before");
                let view = &mut self.coord.view;
                view.state = Some((intent.state.clone(), revision));
                if let Some(leader) = &intent.leader {
                    view.leader = Some((leader.clone(), revision));
                }
                self.take_state(cx.now.boot_us, &intent.state);
                self.succeeded(cx, intent.purpose);
            }
            Ok(CoordAnswer::Refused(listing)) => {
                let intent = self.coord.intent.take().expect("invariant: checked just before");
                // An earlier copy may have landed: then what is there is what was to be written.
                let state = listing.keys.get(&Key::State);
                let landed = state.is_some_and(|kv| kv.value == json(&intent.state));
                let state = state.and_then(|kv| serde_json::from_str(&kv.value).ok());
                let shown = state.map_or((0, 0), |state: StateRecord| state.number());
                // What it was guarded by is forgotten: this says nothing of a copy from before that.
                let forgot = shown < (intent.state.epoch, intent.state.n - 1) && intent.copies > 1;
                self.take_listing(&listing);
                match intent.purpose {
                    Purpose::Change if landed => self.succeeded(cx, intent.purpose),
                    // The proposed set counts until the state is written anew.
                    Purpose::Change if forgot => self.coord.list_wanted = true,
                    _ => self.refused(cx, intent.purpose),
                }
                self.listed(cx, &listing, sent);
            }
            Err(CoordError::Failed) if self.coord.intent.as_ref().is_some_and(|intent| self.coord.is_over(intent)) => {
                let intent = self.coord.intent.take().expect("invariant: checked just before");
                self.coord.list_wanted = true;
                self.refused(cx, intent.purpose);
            }
            _ => {
                let again_at = cx.now.boot_us + ms(self.config.retry_ms) / 3;
                if self.rules.off(Switch::GiveUpPending) {
                    let intent = self.coord.intent.take().expect("invariant: checked just before");
                    self.coord.list_wanted = true;
                    return self.refused(cx, intent.purpose);
                }
                if let Some(intent) = &mut self.coord.intent {
                    (intent.request, intent.again_at) = (None, again_at);
                }
            }
        }
    }

    /// Drops a transaction that can no longer take effect, because what it is guarded by has changed.
    pub(super) fn drop_void_intent(&mut self) {
        let view = &self.coord.view;
        let void = self.coord.intent.as_ref().is_some_and(|intent| {
            intent.txn.guards.iter().any(|(key, revision)| {
                *key == Key::State
                    && view.state_revision() > *revision
                    && view.state.as_ref().is_some_and(|(state, _)| *state != intent.state)
            })
        });
        if void {
            self.coord.intent = None;
            self.coord.list_wanted = true;
        }
    }

    fn take_listing(&mut self, listing: &Listing) -> bool {
        if listing.revision < self.coord.view.revision {
            // An answer overtaken by a later one; or, when it stays so, a coordinator restored from a backup.
            self.coord.went_back += 1;
            self.coord.list_wanted = true;
            if self.coord.went_back < 3 {
                return false;
            }
            self.coord.watching = false;
        }
        self.coord.went_back = 0;
        self.coord.view.replace(listing);
        true
    }

    /// Everything was read: what is there was so at a moment after `sent`.
    fn listed<S: Store>(&mut self, cx: &mut Cx<'_, S>, listing: &Listing, sent: u64) {
        if !self.take_listing(listing) {
            return;
        }
        let own = self.coord.view.members.get(&self.me.member.node);
        let lease = self.coord.lease;
        self.coord.registered =
            own.is_some_and(|(record, _)| record.inc == self.me.member.inc && Some(record.lease) == lease);
        self.check_config(cx);
        self.viewed(cx);
        self.check_reset(cx, sent);
        // R12: only what was read at the coordinator decides who leads.
        self.confirm_leadership(cx);
        self.answer_early(cx, sent);
    }

    /// Compares the settings that must agree; the first to come writes them.
    fn check_config<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let timing = self.config.timing;
        let own = ConfigRecord {
            min_insync: self.config.min_insync,
            isr_target: self.config.isr_target,
            timing: [timing.heartbeat_ms, timing.evict_ms, timing.lease_ms, timing.grant_ms],
        };
        match &self.coord.view.config {
            Some((theirs, _)) if *theirs != own => self.fail(cx, Fatal::ConfigMismatch),
            Some(_) => {}
            None if !self.coord.busy(|asked| *asked == Asked::PutConfig) => {
                let write = Write::Put { key: Key::Config, value: json(&own), lease: None };
                let txn = Txn { guards: vec![(Key::Config, 0)], writes: vec![write] };
                self.ask(cx, Asked::PutConfig, CoordRequest::Txn(txn));
            }
            None => {}
        }
    }

    /// Something was learned of the keys.
    fn viewed<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let view = &mut self.coord.view;
        view.look_for_leader(cx.now.boot_us);
        let seen = view.state.as_ref().map_or(0, |(state, _)| state.epoch);
        let seen = seen.max(view.leader.as_ref().map_or(0, |(leader, _)| leader.epoch));
        if let Some((state, _)) = view.state.clone() {
            match &self.cluster {
                Some(known) if *known != state.cluster_id => return self.fail(cx, Fatal::WrongCluster),
                Some(_) => {}
                None => self.cluster = Some(state.cluster_id.clone()),
            }
            self.take_state(cx.now.boot_us, &state);
        }
        // Members that have seen more than what is recorded: that went back in time.
        let members = self.coord.view.members.values().map(|(record, _)| record);
        let members = members.filter(|record| self.cluster.as_ref() == Some(&record.cluster));
        let seen = members.map(|record| record.epoch).fold(seen, u64::max);
        self.drop_void_intent();
        self.promise(cx, seen);
        self.consider(cx);
    }

    pub(super) fn fail<S: Store>(&mut self, cx: &mut Cx<'_, S>, why: Fatal) {
        if !matches!(self.part, Part::Left) {
            cx.out.push(Action::Fatal(why));
            self.leave_now(cx, false);
        }
    }

    pub(super) fn notify<S: Store>(&mut self, cx: &mut Cx<'_, S>, notice: Notice) {
        cx.out.push(Action::Notify(notice));
    }
}
