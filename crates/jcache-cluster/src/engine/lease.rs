//! The leader's lease (2.11): how long it may believe that nobody else leads, from the grants of those who could.
//!
//! A follower that acknowledges a message grants not to elect itself for γ from then; the leader counts δ from when it
//! *sent* that message, and δ(1+ρ) ≤ γ(1-ρ). No write depends on this.

use super::member::Now;
use super::switch::Switch;
use super::{Engine, Part, ms};

impl Engine {
    /// Whether nobody else can lead now.
    pub(super) fn lease_is_valid(&self, now: Now) -> bool {
        let Part::Leading(lead) = &self.part else { return false };
        if self.rules.off(Switch::StaleReads) || self.watch_decides() {
            return true;
        }
        let boot = now.boot_us;
        // A hand-over on its way may have been recorded, and whom it names has granted nothing beyond it.
        if self.coord.hands_over() {
            return false;
        }
        let released = lead.draining.as_ref().is_some_and(super::handover::Drain::is_released);
        if released && !self.rules.off(Switch::ReleasedLease) {
            return false;
        }
        let granted = lead.maximal().filter(|member| **member != self.me.member).all(|member| {
            // A grant counts from the sending of what it answers, and not from before a pause or this epoch.
            lead.peer_of(member).is_some_and(|peer| {
                peer.granted_at >= lead.lease_from.max(1) && boot < peer.granted_at + ms(self.config.timing.lease_ms)
            })
        });
        // Alone in the set nobody else may be elected, unless an unclean start is allowed: that takes as long without
        // the leader's key, which this leader saw when it last read it.
        let unclean = self.config.unclean_after_ms.is_none_or(|after| boot < lead.shown_at + ms(after) / 100 * 98);
        granted && unclean
    }
}
