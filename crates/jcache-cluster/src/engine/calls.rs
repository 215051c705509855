//! Calls of this process: carried out here when it leads, else forwarded to the leader, and again to the next one, until
//! there is an answer or their time is over (2.9, 2.13).
//!
//! A write has a number in this process's session, under which it is carried out at most once. An answer that says "not
//! carried out" is believed only when the call was sent once: an earlier copy may have been.

mod reads;
mod results;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jcache_core::command::Mutation;
use jcache_core::{Query, Request};

use super::answers::Origin;
use super::codec::{read_open_command, request_bytes};
use super::event::{Ack, Action, CallId, CallOptions, Failure, Level, Token};
use super::execute::{CallTag, Order};
use super::sessions::Known;
use super::store::Store;
use super::transaction::Transaction;
use super::uplink::Uplink;
use super::{Cx, Engine, Part, ms};

/// Numbers from here on are of calls that need no session: reads, and the opening of one.
const UNNUMBERED: u64 = 1 << 63;

/// After a "not here, not now" the next try waits this long, in milliseconds.
pub(crate) const PAUSE_MS: u64 = 5;

#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) next: u64,
    pub(crate) session: Option<u64>,
    pub(crate) opening: bool,
    pub(crate) pending: BTreeMap<u64, Pending>,
    pub(crate) by_call: BTreeMap<CallId, u64>,
    pub(crate) unsent: BTreeSet<u64>,
    pub(crate) deadlines: BTreeSet<(u64, u64)>,
    /// Reads that wait until this process has seen enough.
    pub(crate) waiting: BTreeSet<u64>,
    /// Calls that would be sent again, and whose callers have gone: they end with the step.
    abandoned: Vec<u64>,
    pub(crate) uplink: Option<Uplink>,
    pub(crate) generation: u64,
    pub(crate) pause_until: u64,
    /// The newest write of this process that was answered.
    pub(crate) own: Token,
}

#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) call: Option<CallId>,
    pub(crate) work: Asked,
    pub(crate) command: Bytes,
    /// Whether the command is a transaction.
    pub(crate) several: bool,
    pub(crate) deadline: u64,
    pub(crate) sends: u32,
    /// The leader is asked to let it go because it has waited for so long: its caller is still there.
    pub(crate) renewing: bool,
    /// Its caller has gone: whatever becomes of it, it is not sent again.
    pub(crate) cancelled: bool,
}

impl Pending {
    fn new(call: Option<CallId>, work: Asked, command: Bytes, deadline: u64) -> Self {
        Self { call, work, command, several: false, deadline, sends: 0, renewing: false, cancelled: false }
    }

    /// How a call ends that is not sent again.
    fn given_up(&self) -> Failure {
        let sent = self.sends > 0 && matches!(self.work, Asked::Write(..));
        if sent { Failure::Unknown } else { Failure::Cancelled }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Open,
    Read(Level),
    /// A read from here that waits for this token, until this time; only one that asked for the token itself is told when
    /// it is lost.
    Wait(Token, u64, Level),
    /// A write; a blocking one until this boot time.
    Write(Ack, Blocks),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Blocks {
    No,
    Until(u64),
    Forever,
}

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.by_call.len()
    }

    /// Whether callers wait for answers that come soon, unlike those that wait for an element.
    pub(crate) fn has_short_ones(&self) -> bool {
        let waits = |pending: &Pending| matches!(pending.work, Asked::Write(_, Blocks::Until(_) | Blocks::Forever));
        self.by_call.values().any(|seq| self.pending.get(seq).is_some_and(|pending| !waits(pending)))
    }

    /// All numbers below are finished for their callers.
    pub(crate) fn low(&self) -> u64 {
        self.pending.range(..UNNUMBERED).next().map_or(self.next + 1, |(seq, _)| *seq)
    }

    fn number(&mut self, numbered: bool) -> u64 {
        self.next += 1;
        if numbered { self.next } else { self.next | UNNUMBERED }
    }

    fn add(&mut self, seq: u64, pending: Pending) {
        self.deadlines.insert((pending.deadline, seq));
        if let Some(call) = pending.call {
            self.by_call.insert(call, seq);
        }
        self.pending.insert(seq, pending);
    }

    fn remove(&mut self, seq: u64) -> Option<Pending> {
        let pending = self.pending.remove(&seq)?;
        self.deadlines.remove(&(pending.deadline, seq));
        self.unsent.remove(&seq);
        self.waiting.remove(&seq);
        match pending.call {
            Some(call) => drop(self.by_call.remove(&call)),
            None => self.opening = false,
        }
        Some(pending)
    }

    /// Leadership is lost here: what was carried out and not answered is asked of the next leader.
    pub(crate) fn leader_lost(&mut self) {
        self.again_all(|_| false);
    }

    /// Whatever was sent is to be sent again, except what `waits` for its answer already; and what nobody waits for any
    /// more: at the next leader it could take what others need.
    pub(crate) fn again_all(&mut self, waits: impl Fn(u64) -> bool) {
        let Self { pending, unsent, waiting, abandoned, .. } = self;
        for (seq, pending) in pending.iter_mut().filter(|(seq, _)| !waiting.contains(seq) && !waits(**seq)) {
            // Who was asked to let it go has not answered, and is asked no more.
            pending.renewing = false;
            if pending.cancelled {
                abandoned.push(*seq);
            } else {
                unsent.insert(*seq);
            }
        }
    }

    /// A call is to end at `deadline` if that is earlier than it would have.
    fn hurry(&mut self, seq: u64, deadline: u64) {
        if let Some(pending) = self.pending.get_mut(&seq).filter(|it| deadline < it.deadline) {
            self.deadlines.remove(&(pending.deadline, seq));
            self.deadlines.insert((deadline, seq));
            pending.deadline = deadline;
        }
    }
}

impl Engine {
    /// A caller in this process asks something.
    pub(super) fn on_call<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        call: CallId,
        request: Request<'_>,
        options: CallOptions,
    ) {
        if let Some(failure) = self.refuses() {
            return cx.out.push(Action::Answer { call, result: Err(failure) });
        }
        let timeout = ms(options.timeout_ms.unwrap_or(self.config.call_ms));
        let deadline = cx.now.boot_us + timeout;
        let command = Bytes::new();
        let pending = |work| Pending::new(Some(call), work, command, deadline);
        match &request {
            Request::Query(query) => self.on_read(cx, query, &request, options.level, pending),
            Request::Mutation(mutation) => {
                let blocks = match mutation.blocking().map(|blocking| blocking.timeout) {
                    None => Blocks::No,
                    Some(None) => Blocks::Forever,
                    Some(Some(wait)) => {
                        let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
                        Blocks::Until(cx.now.boot_us + wait)
                    }
                };
                let mut pending = pending(Asked::Write(options.ack, blocks));
                match blocks {
                    Blocks::No => {}
                    Blocks::Until(until) => pending.deadline = until + timeout,
                    Blocks::Forever => pending.deadline = u64::MAX,
                }
                let seq = self.calls.number(true);
                self.calls.add(seq, pending);
                let direct = self.serves() && self.calls.unsent.is_empty() && self.calls.session.is_some();
                if direct && self.in_window(seq) {
                    self.write_here(cx, seq, Order::One(mutation));
                } else {
                    self.calls.unsent.insert(seq);
                }
                if let Some(pending) = self.calls.pending.get_mut(&seq) {
                    pending.command = request_bytes(&mut self.scratch, &request);
                }
            }
        }
    }

    /// Whether a write is answered in the step that brings it: one that takes the word of the leader, which is this
    /// process, and for which nothing has to be awaited before.
    pub fn answers_at_once(&self, mutation: &Mutation<'_>, options: &CallOptions) -> bool {
        let word = options.ack == Ack::Leader && mutation.blocking().is_none();
        let Some(session) = self.calls.session.filter(|_| word && self.calls.unsent.is_empty()) else { return false };
        let seq = self.calls.next + 1;
        self.serves()
            && self.in_window(seq)
            && !matches!(self.sessions.find(Some(&self.me.member), session, seq), Known::NoSession)
    }

    /// Why no call is taken.
    fn refuses(&self) -> Option<Failure> {
        match &self.part {
            Part::Left => Some(Failure::ShuttingDown),
            _ if self.leaving_since.is_some() => Some(Failure::ShuttingDown),
            _ if self.calls.len() >= self.config.max_calls => Some(Failure::Overloaded),
            _ => None,
        }
    }

    /// A caller in this process asks for several things at once.
    pub(super) fn on_transaction<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        call: CallId,
        transaction: Transaction,
        options: CallOptions,
    ) {
        if let Some(failure) = self.refuses() {
            return cx.out.push(Action::Answer { call, result: Err(failure) });
        }
        let deadline = cx.now.boot_us + ms(options.timeout_ms.unwrap_or(self.config.call_ms));
        let mut pending = Pending::new(Some(call), Asked::Write(options.ack, Blocks::No), transaction.0, deadline);
        pending.several = true;
        let seq = self.calls.number(true);
        self.calls.add(seq, pending);
        self.calls.unsent.insert(seq);
    }

    /// Whether, as far as is known, too few members are in step for any commit.
    fn is_short(&self) -> bool {
        self.coord.view.state.as_ref().is_some_and(|(state, _)| state.isr.len() < self.config.min_insync)
    }

    /// Whether this process carries out writes now.
    fn serves(&self) -> bool {
        matches!(&self.part, Part::Leading(lead) if lead.draining.is_none())
    }

    fn in_window(&self, seq: u64) -> bool {
        seq - self.calls.low().min(seq) < self.config.session_window
    }

    fn write_here<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64, order: Order<'_>) {
        let (Some(session), low) = (self.calls.session, self.calls.low()) else { return };
        let boot = cx.now.boot_us;
        let time_ms = self.clock.time_ms(cx.now);
        let Some(pending) = self.calls.pending.get_mut(&seq) else { return };
        pending.sends += 1;
        let Asked::Write(ack, blocks) = pending.work else { return };
        let until = until_ms(blocks, boot, time_ms);
        self.write(cx, Origin::Local(seq), CallTag { session, seq, low }, ack, until, order);
    }

    /// Sends what can be sent, in order.
    pub(super) fn send_calls<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if self.calls.unsent.is_empty() || cx.now.boot_us < self.calls.pause_until {
            return;
        }
        let wants_session = self.calls.unsent.first().is_some_and(|seq| *seq < UNNUMBERED);
        if wants_session && self.calls.session.is_none() && !self.calls.opening {
            self.calls.opening = true;
            let seq = self.calls.number(false);
            let deadline = cx.now.boot_us + ms(self.config.call_ms);
            let (call, command, work) = (None, Bytes::new(), Asked::Open);
            self.calls.add(seq, Pending::new(call, work, command, deadline));
            self.calls.unsent.insert(seq);
        }
        if matches!(self.part, Part::Leading(_)) {
            return self.run_calls(cx);
        }
        self.forward_calls(cx);
    }

    /// The first call from `from` on that may go now: writes need a session, and a place in its window.
    pub(super) fn next_unsent(&self, from: u64) -> Option<u64> {
        let seq = self.calls.unsent.range(from..).next().copied()?;
        let may_go = seq >= UNNUMBERED || self.calls.session.is_some() && self.in_window(seq);
        if may_go { Some(seq) } else { self.calls.unsent.range(UNNUMBERED..).next().copied() }
    }

    /// Carries out what waits, as leader.
    fn run_calls<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let mut from = 0;
        while let Some(seq) = self.next_unsent(from) {
            from = seq + 1;
            let serves = self.serves();
            if !matches!(self.part, Part::Leading(_)) {
                return;
            }
            let Some(pending) = self.calls.pending.get_mut(&seq) else { continue };
            if !serves && !matches!(pending.work, Asked::Read(_)) {
                continue;
            }
            self.calls.unsent.remove(&seq);
            let (work, command, several) = (pending.work, pending.command.clone(), pending.several);
            match work {
                Asked::Open => {
                    let me = self.me.member.clone();
                    self.open_session(cx, Origin::Local(seq), &me);
                }
                Asked::Read(level) => {
                    let args = read_open_command(&command).expect("invariant: written by this process");
                    let query = Query::parse(&args).expect("invariant: it was parsed before");
                    self.strong_read(cx, Origin::Local(seq), level, &query);
                }
                Asked::Write(..) if several => self.write_here(cx, seq, Order::Several(&command)),
                Asked::Write(..) => {
                    let args = read_open_command(&command).expect("invariant: written by this process");
                    let mutation = Mutation::parse(&args).expect("invariant: it was parsed before");
                    self.write_here(cx, seq, Order::One(&mutation));
                }
                Asked::Wait(..) => {}
            }
        }
    }

    /// Deadlines, reads that have waited long enough here, and blocked calls that are to be renewed.
    pub(super) fn tick_calls<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let boot = cx.now.boot_us;
        while let Some((deadline, seq)) = self.calls.deadlines.first().copied().filter(|(at, _)| *at <= boot) {
            let Some(pending) = self.calls.pending.get(&seq) else {
                self.calls.deadlines.remove(&(deadline, seq));
                continue;
            };
            let failure = match pending.work {
                Asked::Write(..) if pending.sends > 0 => Failure::Unknown,
                Asked::Read(_) if pending.sends > 0 || self.serves() => Failure::Fenced,
                // No session could be opened: it had to be committed.
                Asked::Write(..) if self.is_short() => Failure::NotEnoughReplicas,
                _ => Failure::NoLeader,
            };
            self.forget_held(Origin::Local(seq));
            self.forget_counted(Origin::Local(seq));
            self.forget_blocked(Origin::Local(seq));
            self.fail_call(cx, seq, failure);
        }
        for seq in self.calls.waiting.clone() {
            if let Some(pending) = self.calls.pending.get_mut(&seq)
                && let Asked::Wait(_, until, level) = pending.work
                && until <= boot
            {
                pending.work = reads::asked_of_leader(level);
                self.calls.waiting.remove(&seq);
                self.calls.unsent.insert(seq);
            }
        }
        self.calls_applied(cx);
        if self.calls.uplink.as_ref().is_some_and(|it| !it.ready && boot > it.since + ms(self.config.timing.evict_ms)) {
            self.drop_uplink(cx);
        }
        // What its session keeps for retries this process knows as every other does.
        let low = self.calls.low();
        let kept = self.calls.session.map_or(0, |session| self.sessions.bytes_held_by(session, low));
        let old = self.calls.next.saturating_sub(low) > self.config.session_window / 2;
        if (old || kept > self.config.session_bytes / 2)
            && let Some(pending) = self.calls.pending.get_mut(&low)
        {
            let blocks = matches!(pending.work, Asked::Write(_, blocks) if blocks != Blocks::No);
            if blocks && !pending.renewing && pending.sends > 0 && !self.calls.unsent.contains(&low) {
                pending.renewing = true;
                self.withdraw(cx, low);
            }
        }
    }
}

/// A boot time as cluster time.
pub(crate) fn until_ms(blocks: Blocks, boot: u64, time_ms: u64) -> Option<u64> {
    match blocks {
        Blocks::Until(until) => Some(time_ms + until.saturating_sub(boot).div_ceil(1000)),
        Blocks::No | Blocks::Forever => None,
    }
}
