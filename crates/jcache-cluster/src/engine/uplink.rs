//! The way of this process's calls to the leader: one stream at a time, many calls in a message (2.13).

use super::calls::{Asked, until_ms};
use super::event::StreamId;
use super::member::{Epoch, MemberId};
use super::message::{ForwardCall, Message, StreamKind, Work};
use super::store::Store;
use super::{Cx, Engine, Part, ms};

/// Calls in one message at most.
const BATCH: usize = 256;

#[derive(Debug)]
pub(crate) struct Uplink {
    pub(crate) stream: StreamId,
    leader: MemberId,
    epoch: Epoch,
    opened: bool,
    pub(crate) ready: bool,
    pub(crate) since: u64,
}

impl Engine {
    /// Forwards what waits to the leader.
    pub(super) fn forward_calls<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let leader = match &self.part {
            Part::Following(it) => Some((it.leader.clone(), it.addr.clone(), it.epoch)),
            _ => None,
        };
        let Some((leader, addr, epoch)) = leader.filter(|(_, _, epoch)| *epoch >= self.promised) else { return };
        match &self.calls.uplink {
            Some(uplink) if uplink.leader == leader && uplink.epoch == epoch => {}
            _ => {
                self.drop_uplink(cx);
                let stream = self.connect(cx, StreamKind::Forward, &leader.node, &addr);
                let since = cx.now.boot_us;
                self.calls.uplink = Some(Uplink { stream, leader, epoch, opened: false, ready: false, since });
            }
        }
        let Some(stream) = self.calls.uplink.as_ref().filter(|it| it.ready).map(|it| it.stream) else { return };
        let (boot, time_ms, low) = (cx.now.boot_us, self.clock.time_ms(cx.now), self.calls.low());
        let session = self.calls.session;
        let mut batch = Vec::new();
        let mut from = 0;
        while let Some(seq) = self.next_unsent(from).filter(|_| batch.len() < BATCH) {
            from = seq + 1;
            let Some(pending) = self.calls.pending.get_mut(&seq) else { continue };
            let (command, several) = (pending.command.clone(), pending.several);
            let work = match (pending.work, session) {
                (Asked::Open, _) => Work::OpenSession,
                (Asked::Read(level), _) => Work::Read { level, command },
                (Asked::Write(ack, blocks), Some(session)) => {
                    let until_ms = until_ms(blocks, boot, time_ms);
                    Work::Write { session, low, ack, until_ms, command, several }
                }
                _ => continue,
            };
            pending.sends += 1;
            self.calls.unsent.remove(&seq);
            batch.push(ForwardCall { seq, work });
        }
        if !batch.is_empty() {
            cx.out.send(stream, Message::Forward(batch));
        }
    }

    pub(super) fn uplink_opened<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        let Some(uplink) = self.calls.uplink.as_mut().filter(|uplink| uplink.stream == stream) else { return };
        uplink.opened = true;
        if matches!(&self.part, Part::Following(it) if it.answered) {
            self.say_hello(cx);
        }
    }

    /// The leader has answered this process's join, so it knows that it leads: calls may go there.
    pub(super) fn greet<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Part::Following(following) = &mut self.part else { return };
        following.answered = true;
        if self.calls.uplink.as_ref().is_some_and(|uplink| uplink.opened && !uplink.ready) {
            self.say_hello(cx);
        }
    }

    fn say_hello<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        let Some(uplink) = &mut self.calls.uplink else { return };
        uplink.ready = true;
        let stream = uplink.stream;
        // Streams of a smaller generation are void at the leader: no late copy of a call is carried out.
        self.calls.generation += 1;
        let hello = Message::Hello {
            member: self.me.member.clone(),
            cluster: self.cluster.clone().unwrap_or_default(),
            generation: self.calls.generation,
            promised: self.promised,
        };
        cx.out.send(stream, hello);
    }

    pub(super) fn uplink_broken<S: Store>(&mut self, cx: &mut Cx<'_, S>, stream: StreamId) {
        if self.calls.uplink.as_ref().is_some_and(|uplink| uplink.stream == stream) {
            self.calls.uplink = None;
            self.calls.leader_lost();
            self.calls.pause_until = cx.now.boot_us + ms(super::calls::PAUSE_MS);
        }
    }

    /// Leaves the leader's forward stream; what was sent there is sent again elsewhere.
    pub(super) fn drop_uplink<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if let Some(uplink) = self.calls.uplink.take() {
            self.close(cx, uplink.stream);
            self.calls.leader_lost();
        }
    }
}
