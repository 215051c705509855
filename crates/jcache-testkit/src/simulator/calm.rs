//! Callers that wait without end, and the calm after the faults, in which every call succeeds.
//!
//! A caller that has gone must be answered in a call's time, and must not be sent to another leader: what it took there
//! nobody would get. One that stays must not hold up its process, whatever has become of leaders since it came: in the
//! calm, with such callers still waiting, every process can write.

use jcache_cluster::engine::{CallId, Failure, Message, Work};

use super::client::Pending;
use super::network::Host;
use super::process::Input;
use super::world::{Happening, World};
use crate::check::Violation;
use crate::history::Moment;

/// Microseconds from the last fault to the calm: leases that were not renewed have ended, and who follows whom is clear.
const SETTLED: Moment = 5_000_000;
/// Microseconds of calls.
const CALM: Moment = 700_000;
/// A caller in a process that is paused goes away so many microseconds later at the earliest.
const PAUSED: Moment = 50_000;
/// Microseconds by which a call's answer may be later than its own time.
const CALL_SLACK: Moment = 3_000_000;
/// Microseconds between two looks.
const LOOK_EVERY: Moment = 36_700;

/// A call whose caller has gone.
#[derive(Debug)]
pub(super) struct Gone {
    host: Host,
    /// What no other call has in its command.
    mark: Vec<u8>,
}

impl Pending {
    /// From when on an answer is due in a call's time; `None` while its caller waits without end.
    fn due(&self) -> Option<Moment> {
        self.cancelled.or_else(|| (!self.endless).then_some(self.invoked + self.blocks))
    }
}

impl World {
    /// The caller of a call goes away.
    pub(super) fn go_away(&mut self, host: Host, call: CallId) {
        if self.process(host).is_some_and(|process| process.paused) {
            return self.agenda.plan(self.now + PAUSED, Happening::Cancel(host, call));
        }
        let now = self.now;
        if let Some(pending) = self.pending.get_mut(&call).filter(|it| it.host == host) {
            pending.cancelled.get_or_insert(now);
            self.gone.extend(pending.mark.clone().map(|mark| Gone { host, mark }));
        }
        self.input(host, Input::Cancel(call));
    }

    /// Who sends a call to a leader whose caller has gone would have it carried out for nobody.
    pub(super) fn look_at_forwarded(&mut self, host: Host, message: &Message) {
        let Message::Forward(calls) = message else { return };
        for call in calls {
            let Work::Write { command, .. } = &call.work else { continue };
            let is_in = |mark: &[u8]| command.windows(mark.len()).any(|it| it == mark);
            if let Some(gone) = self.gone.iter().find(|gone| gone.host == host && is_in(&gone.mark)) {
                let what = format!("a call is sent whose caller has gone: {}", gone.mark.escape_ascii());
                return self.violate(Violation::new("C5", what));
            }
        }
    }

    /// A call of a running process is answered in its time, whatever happens.
    pub(super) fn look_at_calls(&mut self) {
        let limit = self.plan.config.call_ms * 1_000 + CALL_SLACK;
        let late = self.pending.iter().find(|(_, it)| it.due().is_some_and(|due| self.now > due + limit));
        if let Some((call, pending)) = late {
            self.violate(Violation::new("C9", format!("call {call} has no answer: {pending:?}")));
        }
    }

    /// Whether nobody waits for an answer but those who wait without end.
    pub(super) fn is_quiet(&self) -> bool {
        self.pending.values().all(|it| it.due().is_none())
    }

    /// The cluster is together, and nothing is wrong: clients call as before, and every call succeeds. Then those go away
    /// who have waited without end.
    pub(super) fn enjoy_the_calm(&mut self, healed: Moment) {
        self.run(self.now.max(healed + SETTLED));
        (self.calling, self.calm) = (true, true);
        for client in 0..self.plan.clients {
            if std::mem::take(&mut self.clients[client].rests) {
                self.agenda.plan(self.now + self.clients.len() as u64, Happening::Client(client));
            }
        }
        self.run(self.now + CALM);
        self.calling = false;
        self.until_quiet();
        let waiting: Vec<(CallId, Host)> = self.pending.iter().map(|(call, it)| (*call, it.host)).collect();
        for (call, host) in waiting {
            self.go_away(host, call);
        }
        self.until_quiet();
        self.calm = false;
    }

    fn until_quiet(&mut self) {
        while self.violation.is_none() && !self.is_quiet() {
            self.run(self.now + LOOK_EVERY);
            self.look_at_calls();
        }
    }

    /// Looks at a failure in the calm.
    pub(super) fn look_at_failure(&mut self, call: CallId, pending: &Pending, failure: &Failure) {
        let excused = match failure {
            Failure::Command(_) | Failure::SessionLost => true,
            // More than is to be kept at once, by settings that keep little.
            Failure::Overloaded => true,
            _ => pending.cancelled.is_some(),
        };
        if self.calm && pending.calm && !excused {
            let what = format!("call {call} failed in the calm: {failure:?}: {pending:?}");
            self.violate(Violation::new("C9", what));
        }
    }
}
