//! Joins that come early: a follower may learn who leads before that process does.
//!
//! The coordinator's watch tells everybody at once, and the new leader still has to read that it leads for certain.
//! To turn early followers away would cost them a pause before they come again, and the first commit waits for them. So
//! their joins wait here, as if they were still on their way; each on its own stream, and no longer than the follower
//! does.

use std::collections::BTreeMap;

use super::event::StreamId;
use super::message::Join;
use super::store::Store;
use super::{Cx, Engine, Part};

/// Joins that wait, and since when.
#[derive(Debug, Default)]
pub(crate) struct EarlyJoins(BTreeMap<StreamId, (Join, u64)>);

impl EarlyJoins {
    pub(crate) fn has(&self, stream: StreamId) -> bool {
        self.0.contains_key(&stream)
    }

    pub(crate) fn remove(&mut self, stream: StreamId) {
        self.0.remove(&stream);
    }
}

impl Engine {
    /// Whether this process may lead the epoch that the follower has seen, and not know yet.
    pub(super) fn is_early(&self, join: &Join) -> bool {
        let shown = self.coord.view.leader.as_ref();
        let other = shown.is_some_and(|(it, _)| it.epoch >= join.promised && it.member() != self.me.member);
        match &self.part {
            Part::Leading(lead) => join.promised > lead.epoch,
            Part::Left => false,
            _ => join.promised > self.led && !other,
        }
    }

    /// Lets a join wait, until the coordinator has said who leads.
    pub(super) fn keep_early<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId, join: Join) {
        self.early.0.insert(stream, (join, cx.now.boot_us));
        self.list_soon(cx);
    }

    /// Answers early joins: those of the epoch that this process leads by now, and those that came before `read_at`, the
    /// time as of which the coordinator has shown who leads.
    pub(super) fn answer_early<S: Store>(&mut self, cx: &mut Cx<'_, S>, read_at: u64) {
        let led = if let Part::Leading(lead) = &self.part { lead.epoch } else { 0 };
        let due = self.early.0.extract_if(.., |_, (join, since)| join.promised <= led || *since <= read_at);
        for (stream, (join, _)) in due.collect::<Vec<_>>() {
            self.take_join(cx, stream, join);
        }
    }
}
