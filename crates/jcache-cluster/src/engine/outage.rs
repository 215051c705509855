//! The coordinator is down, was wiped, or went back in time (2.20).
//!
//! *Down* needs nothing: writes go on while every in-sync member acknowledges, because nobody can be elected. *Wiped or
//! restored*: the last leader writes the state anew, in a new epoch; when it is gone too, the best in-sync member does.

use super::election::Kind;
use super::event::Notice;
use super::store::Store;
use super::{Cx, Engine, Part};

impl Engine {
    /// Compares what was read, at a moment after `sent`, with what this process knows to have been there.
    pub(super) fn check_reset<S: Store>(&mut self, cx: &mut Cx<'_, S>, sent: u64) {
        let known = match &self.part {
            Part::Leading(lead) => lead.epoch,
            _ => self.promised,
        };
        let shown = self.coord.view.state.as_ref().map_or(0, |(state, _)| state.epoch);
        let lost = self.cluster.is_some() && shown < known && sent > self.promised_at && self.last_state.is_some();
        if !lost {
            self.reset_since = None;
            return;
        }
        if self.reset_since.is_none() {
            self.reset_since = Some(cx.now.boot_us);
            self.notify(cx, Notice::CoordinatorReset { epoch: shown });
        }
        self.reseed(cx);
    }

    /// The last leader writes the state as it knows it, in a new epoch.
    fn reseed<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if self.reset_since.is_none() || self.coord.intent.is_some() {
            return;
        }
        if let Part::Leading(lead) = &mut self.part {
            // The recorded set: a proposed one never counted alone.
            lead.state.isr = lead.isr.iter().cloned().collect();
            lead.pending = None;
            self.last_state = Some(lead.state.clone());
            self.try_to_lead(cx, Kind::Reseed);
        }
    }

    pub(super) fn tick_outage<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        self.reseed(cx);
        self.tick_release(cx);
    }
}
