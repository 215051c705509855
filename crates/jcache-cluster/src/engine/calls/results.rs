//! How calls end: with a result, by being sent again until there is one, or because their callers have gone.

use jcache_core::Reply;

use super::super::answers::Origin;
use super::super::event::{Action, Answer, CallId, Failure, StreamId, Token};
use super::super::member::Epoch;
use super::super::message::{ForwardResult, Message};
use super::super::store::Store;
use super::super::{Cx, Engine, Part, ms};
use super::{Asked, PAUSE_MS, Pending};

impl Engine {
    pub(in super::super) fn on_forwarded<S: Store>(
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
    pub(in super::super) fn finish<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        seq: u64,
        epoch: Epoch,
        result: ForwardResult,
    ) {
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
            ForwardResult::SessionLost => Failure::SessionLost,
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
    pub(in super::super) fn end_abandoned<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
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

    pub(super) fn fail_call<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64, failure: Failure) {
        let Some(pending) = self.calls.remove(seq) else { return };
        self.counters.unknown += u64::from(failure == Failure::Unknown);
        if let Some(call) = pending.call {
            cx.out.push(Action::Answer { call, result: Err(failure) });
        }
    }

    /// The caller has gone.
    pub(in super::super) fn cancel<S: Store>(&mut self, cx: &mut Cx<'_, S>, call: CallId) {
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
    pub(super) fn withdraw<S: Store>(&mut self, cx: &mut Cx<'_, S>, seq: u64) {
        if matches!(self.part, Part::Leading(_)) {
            if self.forget_blocked(Origin::Local(seq)) {
                self.finish(cx, seq, self.promised, ForwardResult::Cancelled);
            }
        } else if let Some(uplink) = self.calls.uplink.as_ref().filter(|uplink| uplink.ready) {
            cx.out.send(uplink.stream, Message::ForwardCancel { seq });
        }
    }

    /// Takes a waiter out of the queues.
    pub(in super::super) fn forget_blocked(&mut self, origin: Origin) -> bool {
        match &mut self.part {
            Part::Leading(lead) => lead.blocked.remove(origin),
            _ => false,
        }
    }

    /// Every call ends, because this process leaves.
    pub(in super::super) fn end_calls<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
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
