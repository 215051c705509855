//! What a leader does as time passes: expiry, digests, sessions of members that are gone, the wire version.

use jcache_core::Timestamp;

use super::codec::put_varint;
use super::event::Notice;
use super::execute::Logged;
use super::record::Kind;
use super::store::Store;
use super::{Cx, Engine, Part, ms};

impl Engine {
    pub(super) fn tick_leader<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        self.trim_log();
        if !matches!(self.part, Part::Leading(_)) {
            return;
        }
        if let Some(ahead_ms) = self.clock.slew(cx.now) {
            self.counters.clock_jumps += 1;
            self.notify(cx, Notice::ClockJump { ahead_ms });
        }
        self.tick_isr(cx);
        self.tick_reads(cx);
        self.tick_held(cx);
        // What is logged below could not be committed, or would hold up a hand-over.
        let Part::Leading(lead) = &self.part else { return };
        if lead.draining.is_some() || self.log.bytes_after(self.hw) > self.config.max_unreplicated_bytes as u64 {
            return;
        }
        self.tick_blocked(cx);
        // Only the leader lets keys expire (2.16); followers hide them.
        let now = Timestamp::from_millis(self.clock.time_ms(cx.now));
        let due = cx.store.due(now, self.config.expire_per_tick);
        self.expire(cx, &due);
        self.tick_digest(cx);
        self.tick_sessions(cx);
        self.raise_wire();
    }

    /// Logs the digest of one shard after another, which every follower compares as it applies.
    fn tick_digest<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Leading(lead) = &mut self.part else { return };
        if self.config.digest_ms == 0 || cx.now.boot_us < lead.digest_at || lead.peers.is_empty() {
            return;
        }
        lead.digest_at = cx.now.boot_us + ms(self.config.digest_ms);
        let shard = lead.digest_shard % cx.store.shards();
        lead.digest_shard = shard + 1;
        let digest = cx.store.digest(shard);
        self.append(Logged::own(Kind::Digest), |out| {
            put_varint(out, shard as u64);
            put_varint(out, digest);
        });
    }

    /// Closes sessions whose member has been gone for long.
    fn tick_sessions<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let boot = cx.now.boot_us;
        let Part::Leading(lead) = &mut self.part else { return };
        let members = &self.coord.view.members;
        let lives = |member: &super::MemberId| members.get(&member.node).is_some_and(|(it, _)| it.inc == member.inc);
        let mut over = Vec::new();
        for (id, member) in self.sessions.members() {
            if lives(member) || *member == self.me.member {
                lead.orphans.remove(&id);
            } else if boot >= *lead.orphans.entry(id).or_insert(boot) + ms(self.config.session_ttl_ms) {
                over.push(id);
            }
        }
        for id in over {
            if let Part::Leading(lead) = &mut self.part {
                lead.orphans.remove(&id);
            }
            self.sessions.close(id);
            self.append(Logged::own(Kind::SessionClose), |out| put_varint(out, id));
        }
        let sessions = &self.sessions;
        if let Part::Leading(lead) = &mut self.part {
            lead.orphans.retain(|id, _| sessions.has(*id));
        }
        // Without a session no late copy of a write is carried out: which of its streams was the newest is no matter.
        if self.callers.remembers_more_than(sessions.len()) {
            self.callers.forget(|member| sessions.members().any(|(_, it)| it == member));
        }
    }

    /// Raises the wire version once every member speaks it: so followers are upgraded first.
    fn raise_wire(&mut self) {
        let members = &self.coord.view.members;
        let Some(common) = members.values().map(|(record, _)| record.proto.1).min() else { return };
        let common = common.min(self.config.wire.1);
        if common > self.wire {
            self.wire = common;
            self.append(Logged::own(Kind::Wire), |out| put_varint(out, u64::from(common)));
        }
    }
}
