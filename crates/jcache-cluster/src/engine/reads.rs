//! Reads (2.10): where they are answered, and what proves that the answer is not old.
//!
//! A strong read is executed when it arrives at the leader, and its reply held back until all that it saw is committed
//! and leadership is proved for a moment after its arrival: by the lease (`Leader`), or without any clock by every
//! member that could be elected, or by the coordinator (`Linearizable`). The design waits for the shard's last offset;
//! here it is the log's last offset, which is simpler and never less.

use jcache_core::{Context, Error, Query, Reply, Timestamp};

use super::answers::Origin;
use super::event::Level;
use super::member::Offset;
use super::message::ForwardResult;
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part, ms};

/// What proves that a reply is not old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The leader's lease.
    Lease,
    /// A round of all who could be elected, or the coordinator.
    Round,
    /// A round of all who could be elected: for writes that changed nothing, which prove as much as those that did.
    Change,
}

/// A reply that is held back.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) origin: Origin,
    reply: Result<Reply, Error>,
    /// What it saw must be committed.
    index: Offset,
    round: u64,
    since: u64,
    needs_coordinator: bool,
}

impl Engine {
    /// Reads what is executed here, at cluster time.
    pub(super) fn read_here<S: Store>(&mut self, cx: &mut Cx<'_, S>, query: &Query<'_>) -> Result<Reply, Error> {
        let mut context: Context = self.context(cx);
        if self.rules.off(Switch::OwnClock) {
            context.now = Timestamp::from_millis(cx.now.wall_ms);
        }
        cx.store.query(query, context)
    }

    /// A strong read arrives at the leader.
    pub(super) fn strong_read<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        origin: Origin,
        level: Level,
        query: &Query<'_>,
    ) {
        if !matches!(self.part, Part::Leading(_)) {
            return self.respond(cx, origin, ForwardResult::Again);
        }
        if let Level::Session(token) = level
            && self.is_lost(token)
        {
            return self.respond(cx, origin, ForwardResult::SessionLost);
        }
        let reply = self.read_here(cx, query);
        let proof = if level == Level::Linearizable { Proof::Round } else { Proof::Lease };
        self.hold(cx, origin, reply, proof);
    }

    /// Holds a reply back until it is proved.
    pub(super) fn hold<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        origin: Origin,
        reply: Result<Reply, Error>,
        proof: Proof,
    ) {
        let index = self.log.leo();
        if proof == Proof::Change && self.rules.off(Switch::UnprovedReplies) {
            let result = match reply {
                Ok(reply) => ForwardResult::Done { reply, offset: index },
                Err(error) => ForwardResult::Command(error),
            };
            return self.respond(cx, origin, result);
        }
        let alone_and_unclean = self.config.unclean_after_ms.is_some();
        let Part::Leading(lead) = &mut self.part else { return };
        let since = cx.now.boot_us;
        let alone = lead.maximal().count() == 1;
        let needs_coordinator = proof == Proof::Round && alone && alone_and_unclean;
        match proof {
            Proof::Lease => {
                lead.leased.push_back(Held { origin, reply, index, round: 0, since, needs_coordinator: false });
            }
            Proof::Round | Proof::Change => {
                lead.round += 1;
                let round = lead.round;
                lead.proved.push_back(Held { origin, reply, index, round, since, needs_coordinator });
            }
        }
        if needs_coordinator {
            let round = lead.round;
            self.list(cx, round);
        }
    }

    /// Answers held replies that are proved by now.
    pub(super) fn answer_held<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Leading(lead) = &self.part else { return };
        if lead.leased.is_empty() && lead.proved.is_empty() {
            return;
        }
        let hw = self.hw;
        // R9: nothing strong is answered before the epoch's first record is committed, and with it what was executed at
        // the epoch's start; of a reply that came later, what it saw.
        let early = hw < lead.start && self.rules.off(Switch::R9EarlyReads);
        let ready = hw >= lead.start || early;
        let stale = early || self.rules.off(Switch::StaleReads);
        let lease = ready && self.lease_is_valid(cx.now);
        let me = &self.me.member;
        let others = lead.maximal().filter(|member| *member != me);
        let by_peers = others.map(|member| lead.peer_of(member).map_or(0, |peer| peer.acked_round)).min();
        let by_peers = by_peers.unwrap_or(u64::MAX);
        // R12: the coordinator's answer to a question proves leadership, and not what the watch has last told.
        let by_coordinator = if self.watch_decides() { lead.round } else { lead.coordinator_round };
        loop {
            let Part::Leading(lead) = &mut self.part else { return };
            let proved = |held: &Held| {
                let round = if held.needs_coordinator { by_coordinator } else { by_peers.max(by_coordinator) };
                (hw >= held.index || early) && round >= held.round
            };
            let next = if lease && lead.leased.front().is_some_and(|held| hw >= held.index || stale) {
                lead.leased.pop_front()
            } else if ready && lead.proved.front().is_some_and(proved) {
                lead.proved.pop_front()
            } else {
                return;
            };
            let Some(held) = next else { return };
            let result = match held.reply {
                Ok(reply) => ForwardResult::Done { reply, offset: held.index },
                Err(error) => ForwardResult::Command(error),
            };
            self.respond(cx, held.origin, result);
        }
    }

    /// For the test of the tests, what R12 forbids: the watch's last word is taken for the truth.
    pub(super) fn watch_decides(&self) -> bool {
        let shown = self.coord.view.leader.as_ref().map(|(leader, _)| leader.member());
        self.rules.off(Switch::R12WatchDecides) && shown.is_some_and(|member| member == self.me.member)
    }

    /// A listing that was asked for after `round` began shows who leads.
    pub(super) fn proved_by_coordinator(&mut self, listing: &super::Listing, sent: u64, round: u64) {
        let Part::Leading(lead) = &mut self.part else { return };
        let shown = listing.keys.get(&super::Key::Leader);
        if shown.is_some_and(|kv| kv.revision == lead.leader_revision) {
            lead.shown_at = lead.shown_at.max(sent);
            lead.coordinator_round = lead.coordinator_round.max(round);
        }
    }

    /// A round that the peers do not complete is proved by the coordinator instead.
    pub(super) fn tick_reads<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Leading(lead) = &self.part else { return };
        let patience = ms(self.config.timing.heartbeat_ms);
        if lead.proved.front().is_some_and(|held| {
            held.round > lead.coordinator_round && (held.needs_coordinator || cx.now.boot_us > held.since + patience)
        }) {
            let round = lead.round;
            self.list(cx, round);
        }
    }

    /// Replies that nobody can prove, and writes that never get their copies, are given up.
    pub(super) fn tick_held<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Leading(lead) = &mut self.part else { return };
        let Some(before) = cx.now.boot_us.checked_sub(ms(self.config.call_ms.saturating_mul(2))) else { return };
        let mut over = Vec::new();
        for queue in [&mut lead.leased, &mut lead.proved] {
            while queue.front().is_some_and(|held| held.since < before) {
                over.extend(queue.pop_front().map(|held| held.origin));
            }
        }
        lead.counted.retain(|wait| wait.since >= before);
        for origin in over {
            self.respond(cx, origin, ForwardResult::Fenced);
        }
    }

    /// Forgets a held reply whose caller has given up.
    pub(super) fn forget_held(&mut self, origin: Origin) {
        if let Part::Leading(lead) = &mut self.part {
            lead.leased.retain(|held| held.origin != origin);
            lead.proved.retain(|held| held.origin != origin);
        }
    }
}
