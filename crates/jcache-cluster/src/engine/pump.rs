//! What goes to the followers: records, and in turn with them pieces of a snapshot; else a heartbeat when one is due.
//!
//! Nothing is delayed on purpose: while messages are on their way, records gather and go together in the next frame.

use bytes::Bytes;

use super::leader::{Peer, Sent};
use super::member::{Epoch, Offset};
use super::message::{Frame, Message};
use super::store::Store;
use super::switch::Switch;
use super::{Cx, Engine, Part, ms};

/// Heartbeats that go out although as many messages as may be under way are.
const EXTRA_HEARTBEATS: usize = 2;

impl Peer {
    /// Notes that a message goes out, and gives its number; `leo` is the end of the log.
    pub(crate) fn next_seq(&mut self, boot: u64, round: u64, hw: Offset, leo: Offset) -> u64 {
        self.seq += 1;
        let whole = self.sending.is_none() && self.cursor > leo;
        self.sent.push_back(Sent { seq: self.seq, at: boot, round, whole });
        (self.sent_at, self.sent_hw, self.sent_round) = (boot, hw, round);
        self.seq
    }
}

impl Engine {
    /// Sends every follower what it can take.
    pub(super) fn pump<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Leading(lead) = &mut self.part else { return };
        if lead.draining.as_ref().is_some_and(super::handover::Drain::is_silent) {
            return;
        }
        let boot = cx.now.boot_us;
        let leo = self.log.leo();
        let time_ms = self.clock.time_ms(cx.now);
        let (epoch, round, hw) = (lead.epoch, lead.round, self.hw);
        let heartbeat = ms(self.config.timing.heartbeat_ms);
        let frame = |seq, run: Option<super::log::Run>, next: Offset, written: Epoch| {
            let (written, first, count, records) =
                run.map_or((written, next, 0, Bytes::new()), |run| (run.epoch, run.first, run.count, run.bytes));
            Message::Frame(Frame { epoch, written, first, count, hw, time_ms, seq, records })
        };
        let mut lost = Vec::new();
        for (stream, peer) in &mut lead.peers {
            if !peer.joined {
                continue;
            }
            let mut wants_snap = false;
            loop {
                let behind = peer.cursor <= leo;
                let syncs = peer.sending.as_ref().filter(|sending| !sending.is_done());
                let ends = syncs.is_some_and(|sending| sending.is_at_its_end(cx.store.shards()));
                // The end goes with the records that it closes: else new ones would always come before it.
                let room = self.config.frames_in_flight + usize::from(ends && !behind);
                if peer.sent.len() >= room {
                    break;
                }
                let piece = syncs.is_some_and(|sending| !behind || sending.waited && !ends);
                if behind && !piece {
                    match self.log.read(peer.cursor, self.config.frame_bytes) {
                        Some(run) => {
                            peer.cursor += u64::from(run.count);
                            if let Some(sending) = &mut peer.sending {
                                sending.waited = true;
                            }
                            let seq = peer.next_seq(boot, round, hw, leo);
                            cx.out.send(*stream, frame(seq, Some(run), 0, 0));
                        }
                        // It fell out of the backlog: it joins again, and gets everything.
                        None => {
                            lost.push(*stream);
                            break;
                        }
                    }
                } else if let Some(sending) = peer.sending.as_mut().filter(|_| piece) {
                    wants_snap = true;
                    let part = sending.next(cx.store, leo, self.config.frame_bytes, &self.sessions, &self.log.epochs);
                    let seq = peer.next_seq(boot, round, hw, leo);
                    cx.out.send(*stream, Message::Snap(super::message::Snap { epoch, seq, part }));
                } else {
                    break;
                }
            }
            let idle = boot >= peer.sent_at + heartbeat;
            let news = (peer.sent_hw < hw && peer.sent.is_empty()) || peer.sent_round < round;
            let extra = if idle { EXTRA_HEARTBEATS } else { 0 };
            let room = peer.sent.len() < self.config.frames_in_flight + extra;
            if (idle || news) && room && !wants_snap {
                let seq = peer.next_seq(boot, round, hw, leo);
                cx.out.send(*stream, frame(seq, None, peer.cursor, epoch));
            }
        }
        for stream in lost {
            lead.peers.remove(&stream);
            cx.out.send(stream, Message::Reject(super::Reject::StaleEpoch(epoch)));
        }
    }

    /// Drops records that nobody needs any more: the oldest beyond the backlog, but none that is not committed, and none
    /// that an in-sync member has not got.
    pub(super) fn trim_log(&mut self) {
        let mut safe = self.hw.min(self.applied);
        if let Part::Leading(lead) = &self.part {
            for member in lead.maximal().filter(|member| **member != self.me.member) {
                if let Some(acked) = lead.peer_of(member).and_then(|peer| peer.acked) {
                    safe = safe.min(acked);
                }
            }
        }
        if !self.rules.off(Switch::NoTrim) {
            self.log.trim(self.config.backlog_bytes, safe);
        }
    }
}
