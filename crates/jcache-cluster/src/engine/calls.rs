//! Calls of this process: carried out here when it leads, else forwarded to the leader, and again to the next one, until
//! there is an answer or their time is over (2.9, 2.13).
//!
//! A write has a number in this process's session, under which it is carried out at most once. An answer that says "not
//! carried out" is believed only when the call was sent once: an earlier copy may have been.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jcache_core::command::Mutation;
use jcache_core::{Query, Reply, Request};

use super::answers::{Origin, Wait};
use super::codec::{read_open_command, request_bytes};
use super::event::{Ack, Action, Answer, CallId, CallOptions, Failure, Level, StreamId, Token};
use super::execute::{CallTag, Order};
use super::member::Epoch;
use super::message::{ForwardResult, Message};
use super::reads::Proof;
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

    /// The newest write of this process that was answered.
    pub(super) fn own_token(&self) -> Token {
        self.calls.own
    }

    /// Whether a failover lost what the token stands for.
    pub(super) fn is_lost(&self, token: Token) -> bool {
        matches!(self.has_seen(token), Seen::Lost)
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

    fn on_read<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        query: &Query<'_>,
        request: &Request<'_>,
        level: Level,
        pending: impl FnOnce(Asked) -> Pending,
    ) {
        let leads = matches!(self.part, Part::Leading(_));
        let token = match level {
            Level::Local if leads && self.config.committed_reads => None,
            Level::Local if self.config.read_your_writes && !leads => Some(self.calls.own),
            Level::Local => Some(Token::default()),
            Level::Session(token) => Some(token),
            Level::Leader | Level::Linearizable => None,
        };
        let asked = match token {
            Some(token) => match self.has_seen(token) {
                Seen::Lost if level != Level::Local => Asked::Wait(token, 0, level),
                // What a failover took from this process is nothing to wait for.
                Seen::Yes | Seen::Lost if leads && level != Level::Local && self.hw < self.log.leo() => {
                    return self.session_read_at_leader(cx, query, request, pending(Asked::Read(Level::Leader)));
                }
                Seen::Yes | Seen::Lost if self.is_readable() => {
                    let reply = self.read_here(cx, query);
                    let mut pending = pending(Asked::Read(level));
                    return self.answer_read(cx, &mut pending, reply);
                }
                _ => Asked::Wait(token, cx.now.boot_us + ms(self.config.session_wait_ms), level),
            },
            None => Asked::Read(if level == Level::Local { Level::Leader } else { level }),
        };
        let mut pending = pending(asked);
        pending.command = request_bytes(&mut self.scratch, request);
        let seq = self.calls.number(false);
        self.calls.add(seq, pending);
        match asked {
            Asked::Wait(_, 0, _) => self.fail_call(cx, seq, Failure::SessionLost),
            Asked::Wait(..) => drop(self.calls.waiting.insert(seq)),
            _ => drop(self.calls.unsent.insert(seq)),
        }
    }

    /// A session never goes back, so at the leader, too, it sees only what is committed: the reply waits for that.
    fn session_read_at_leader<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        query: &Query<'_>,
        request: &Request<'_>,
        mut pending: Pending,
    ) {
        let (since, offset) = (cx.now.boot_us, self.log.leo());
        let reply = self.read_here(cx, query);
        (pending.command, pending.sends) = (request_bytes(&mut self.scratch, request), 1);
        let seq = self.calls.number(false);
        self.calls.add(seq, pending);
        let origin = Origin::Local(seq);
        match (&mut self.part, reply) {
            (Part::Leading(lead), Ok(reply)) => {
                lead.waits.push_back(Wait { offset, origin, reply, copies: 0, since });
            }
            (_, reply) => self.hold(cx, origin, reply, Proof::Change),
        }
    }

    fn answer_read<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        pending: &mut Pending,
        reply: Result<Reply, jcache_core::Error>,
    ) {
        let Some(call) = pending.call else { return };
        let token = Token { epoch: self.log.epochs.last(), offset: self.applied };
        let result = reply.map(|reply| Answer { reply, token }).map_err(Failure::Command);
        cx.out.push(Action::Answer { call, result });
    }

    /// Whether what is executed here includes the token's write; or cannot, because a failover lost it.
    fn has_seen(&self, token: Token) -> Seen {
        if self.log.epochs.is_lost(token.epoch, token.offset) {
            return Seen::Lost;
        }
        // In an epoch of which nothing is here yet, the same offset may be another write.
        let known = token.epoch <= self.log.epochs.last();
        if known && self.applied >= token.offset { Seen::Yes } else { Seen::NotYet }
    }

    /// Whether what is executed here includes what this process's answered writes left, where that is promised. What a
    /// failover took from this process is nothing to wait for.
    pub(super) fn has_own_writes(&self) -> bool {
        !self.config.read_your_writes || !matches!(self.has_seen(self.calls.own), Seen::NotYet)
    }

    /// More is executed here: reads that waited for it are answered.
    pub(super) fn calls_applied<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if self.calls.waiting.is_empty() || !self.is_readable() {
            return;
        }
        for seq in self.calls.waiting.clone() {
            let Some(Pending { work: Asked::Wait(token, _, level), .. }) = self.calls.pending.get(&seq) else {
                continue;
            };
            match self.has_seen(*token) {
                Seen::NotYet => {}
                Seen::Lost if *level != Level::Local => self.fail_call(cx, seq, Failure::SessionLost),
                Seen::Yes | Seen::Lost => {
                    let Some(mut pending) = self.calls.remove(seq) else { continue };
                    let command = pending.command.clone();
                    let args = read_open_command(&command).expect("invariant: written by this process");
                    let query = Query::parse(&args).expect("invariant: it was parsed before");
                    let reply = self.read_here(cx, &query);
                    self.answer_read(cx, &mut pending, reply);
                }
            }
        }
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

    pub(super) fn on_forwarded<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        stream: StreamId,
        epoch: Epoch,
        answers: Vec<(u64, ForwardResult)>,
    ) {
        if self.calls.uplink.as_ref().is_none_or(|uplink| uplink.stream != stream) {
            return;
        }
        self.promise(cx, epoch);
        for (seq, result) in answers {
            self.finish(cx, seq, epoch, result);
        }
    }

    /// A call has a result: answers it, or sends it again.
    pub(super) fn finish<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64, epoch: Epoch, result: ForwardResult) {
        let Some(pending) = self.calls.pending.get_mut(&seq) else { return };
        let once = pending.sends <= 1 && !matches!(pending.work, Asked::Open);
        let writes = matches!(pending.work, Asked::Write(..));
        let failure = match result {
            ForwardResult::Done { reply, offset } => {
                let is_open = matches!(pending.work, Asked::Open);
                let Some(pending) = self.calls.remove(seq) else { return };
                if is_open {
                    if let Reply::Int(id) = reply {
                        self.calls.session = u64::try_from(id).ok();
                        self.give_up_old_session(cx);
                    }
                    return;
                }
                let token = Token { epoch, offset };
                if writes {
                    self.calls.own = self.calls.own.max(token);
                }
                if let Some(call) = pending.call {
                    cx.out.push(Action::Answer { call, result: Ok(Answer { reply, token }) });
                }
                return;
            }
            ForwardResult::Command(error) => Failure::Command(error),
            ForwardResult::Unknown => Failure::Unknown,
            ForwardResult::NoSession => {
                if once {
                    // It was refused: it goes on in the next session as one that was never sent.
                    pending.sends = 0;
                }
                self.calls.session = None;
                if once { return self.again(cx, seq) } else { Failure::Unknown }
            }
            ForwardResult::Cancelled if pending.renewing && !pending.cancelled => return self.renumber(cx, seq),
            ForwardResult::Cancelled if once => Failure::Cancelled,
            ForwardResult::NotEnoughReplicas if once => Failure::NotEnoughReplicas,
            ForwardResult::Overloaded if once => Failure::Overloaded,
            ForwardResult::Fenced if once => Failure::Fenced,
            // An earlier copy may have been carried out: only an answer to the call itself will do.
            ForwardResult::Again
            | ForwardResult::Cancelled
            | ForwardResult::NotEnoughReplicas
            | ForwardResult::Overloaded
            | ForwardResult::Fenced => {
                if pending.cancelled && matches!(result, ForwardResult::Cancelled) {
                    Failure::Unknown
                } else {
                    if once && matches!(result, ForwardResult::Again) {
                        // Nobody has carried it out: it is as if it had not been sent.
                        pending.sends = 0;
                    }
                    return self.again(cx, seq);
                }
            }
        };
        self.fail_call(cx, seq, failure);
    }

    /// Writes that were sent in a session that is gone: nobody can tell any more whether they were carried out, and in
    /// the new session they would be carried out again.
    fn give_up_old_session<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let sent = |pending: &Pending| pending.sends > 0 && matches!(pending.work, Asked::Write(..));
        let old: Vec<u64> =
            self.calls.pending.iter().filter(|(_, pending)| sent(pending)).map(|(seq, _)| *seq).collect();
        old.into_iter().for_each(|seq| self.fail_call(cx, seq, Failure::Unknown));
    }

    fn again<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64) {
        let Some(pending) = self.calls.pending.get_mut(&seq) else { return };
        pending.renewing = false;
        if pending.cancelled {
            let failure = pending.given_up();
            return self.fail_call(cx, seq, failure);
        }
        self.calls.unsent.insert(seq);
        self.calls.pause_until = cx.now.boot_us + ms(PAUSE_MS);
    }

    /// Calls end that would have been sent again for callers who have gone.
    pub(super) fn end_abandoned<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        for seq in std::mem::take(&mut self.calls.abandoned) {
            let Some(failure) = self.calls.pending.get(&seq).map(Pending::given_up) else { continue };
            self.fail_call(cx, seq, failure);
        }
    }

    /// A call that waited for very long goes on under a new number, so that the old one does not hold up the session.
    fn renumber<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64) {
        let Some(mut pending) = self.calls.remove(seq) else { return };
        (pending.renewing, pending.sends) = (false, 0);
        let fresh = self.calls.number(true);
        self.calls.add(fresh, pending);
        self.again(cx, fresh);
    }

    fn fail_call<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64, failure: Failure) {
        let Some(pending) = self.calls.remove(seq) else { return };
        self.counters.unknown += u64::from(failure == Failure::Unknown);
        if let Some(call) = pending.call {
            cx.out.push(Action::Answer { call, result: Err(failure) });
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
                && matches!(pending.work, Asked::Wait(_, until, _) if until <= boot)
            {
                pending.work = Asked::Read(Level::Leader);
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

    /// The caller has gone.
    pub(super) fn cancel<S: Store>(&mut self, cx: &mut Cx<'_, S>, call: CallId) {
        let Some(seq) = self.calls.by_call.get(&call).copied() else { return };
        let Some(pending) = self.calls.pending.get_mut(&seq) else { return };
        pending.cancelled = true;
        if self.calls.unsent.contains(&seq) || self.calls.waiting.contains(&seq) {
            let failure = pending.given_up();
            return self.fail_call(cx, seq, failure);
        }
        // Where nobody answers that, either, it ends as any other.
        self.calls.hurry(seq, cx.now.boot_us.saturating_add(ms(self.config.call_ms)));
        self.withdraw(cx, seq);
    }

    /// Asks the leader to let a blocked call go.
    fn withdraw<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64) {
        if matches!(self.part, Part::Leading(_)) {
            if self.forget_blocked(Origin::Local(seq)) {
                self.finish(cx, seq, self.promised, ForwardResult::Cancelled);
            }
        } else if let Some(uplink) = self.calls.uplink.as_ref().filter(|uplink| uplink.ready) {
            cx.out.send(uplink.stream, Message::ForwardCancel { seq });
        }
    }

    /// Takes a waiter out of the queues.
    pub(super) fn forget_blocked(&mut self, origin: Origin) -> bool {
        match &mut self.part {
            Part::Leading(lead) => lead.blocked.remove(origin),
            _ => false,
        }
    }

    /// Every call ends, because this process leaves.
    pub(super) fn end_calls<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        for (seq, sends, writes) in self
            .calls
            .pending
            .iter()
            .map(|(seq, it)| (*seq, it.sends, matches!(it.work, Asked::Write(..))))
            .collect::<Vec<_>>()
        {
            let failure = if writes && sends > 0 { Failure::Unknown } else { Failure::ShuttingDown };
            self.fail_call(cx, seq, failure);
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

enum Seen {
    Yes,
    NotYet,
    Lost,
}
