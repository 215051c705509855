//! The coordinator is down, was wiped, or went back in time (2.20).
//!
//! *Down* needs nothing: writes go on while every in-sync member acknowledges, because nobody can be elected. *Wiped or
//! restored*: the last leader writes the state anew, in a new epoch; when it is gone too, the best in-sync member does.
//!
//! What was recorded is numbered, by epoch and by writes within it. Who knows of a newer number than the coordinator shows,
//! if only from a peer or a registration, takes nothing that it shows for the truth: neither who is in sync, nor that all
//! who were are dead.

use super::coordinator::StateRecord;
use super::election::Kind;
use super::event::Notice;
use super::member::Epoch;
use super::store::Store;
use super::{Cx, Engine, Part};

impl Engine {
    /// Compares what was read, at a moment after `sent`, with what this process knows to have been there.
    pub(super) fn check_reset<S: Store>(&mut self, cx: &mut Cx<'_, S>, sent: u64) {
        let shown = self.coord.view.state.as_ref().map_or((0, 0), |(state, _)| state.number());
        if self.cluster.is_none() || shown >= self.newest() {
            self.reset_since = None;
            return;
        }
        if sent <= self.recorded_at.max(self.promised_at) {
            // What is known may be younger than what was read.
            return self.coord.want_list();
        }
        if self.reset_since.is_none() {
            self.reset_since = Some(cx.now.boot_us);
            self.notify(cx, Notice::CoordinatorReset { epoch: shown.0 });
        }
        self.reseed(cx);
    }

    /// The newest state that was ever recorded, as far as this process knows or has heard.
    pub(super) fn newest(&self) -> (Epoch, u64) {
        self.recorded.max((self.promised, 0))
    }

    /// A state was read at the coordinator, or written.
    pub(super) fn take_state(&mut self, boot: u64, state: &StateRecord) {
        if state.number() >= self.newest() {
            self.hear_of(boot, state.number());
            self.last_state = Some(state.clone());
        }
    }

    /// Somebody knows that this state was recorded.
    pub(super) fn hear_of(&mut self, boot: u64, number: (Epoch, u64)) {
        if number > self.recorded {
            (self.recorded, self.recorded_at) = (number, boot);
        }
    }

    /// The last leader writes the state as it knows it, in a new epoch.
    fn reseed<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if self.reset_since.is_none() || self.coord.intent.is_some() {
            return;
        }
        if let Part::Leading(lead) = &mut self.part {
            // The recorded set. A proposed one goes on counting beside it until the new epoch begins: it may have been
            // recorded before that was lost, and its members may know (R3).
            lead.state.isr = lead.isr.iter().cloned().collect();
            self.last_state = Some(lead.state.clone());
            self.try_to_lead(cx, Kind::Reseed);
        }
    }

    pub(super) fn tick_outage<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        self.reseed(cx);
        self.tick_release(cx);
    }
}
