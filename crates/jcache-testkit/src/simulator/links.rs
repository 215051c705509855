//! The world's part of the transport: latencies, and what the ends of a stream notice.

use jcache_cluster::engine::{NodeId, StreamId, StreamKind};

use super::network::{Host, Parcel};
use super::process::{Input, node_id};
use super::world::{Happening, World};
use crate::history::Moment;

/// Microseconds after which an end notices that nothing comes through any more: shortest and longest.
const NOTICED: std::ops::Range<u64> = 1_000_000..5_000_000;

impl World {
    fn latency(&mut self, from: usize, to: usize) -> Moment {
        let usual = 100 + self.random.u64(..900);
        // Now and then the network hiccups.
        let hiccup = if self.random.u8(..100) == 0 { self.random.u64(..30_000) } else { 0 };
        self.now + usual + hiccup + self.network.slowness(from, to) + self.nodes[to].slow
    }

    pub(super) fn dial(&mut self, from: Host, id: StreamId, kind: StreamKind, peer: &NodeId) {
        let to = (0..self.nodes.len()).find(|node| node_id(*node) == *peer);
        let host = to.and_then(|node| self.host(node));
        // Nobody is there: the host still has to learn it.
        let Some(host) = host else {
            let nobody = Host { node: to.unwrap_or(from.node), life: 0 };
            let stream = self.network.dial(from, id, kind, nobody);
            self.network.leave(stream, 1);
            let at = self.latency(from.node, nobody.node);
            self.agenda.plan(at, Happening::Noticed(stream, 0));
            return;
        };
        let stream = self.network.dial(from, id, kind, host);
        if self.network.is_cut(from.node, host.node) || self.network.is_cut(host.node, from.node) {
            self.network.leave(stream, 1);
            let at = self.now + 200_000 + self.random.u64(..1_300_000);
            self.agenda.plan(at, Happening::Noticed(stream, 0));
            return;
        }
        self.send(stream, 0, Parcel::Dial);
    }

    pub(super) fn send(&mut self, stream: u64, side: usize, parcel: Parcel) {
        let Some(ends) = self.network.streams.get(&stream).map(|it| [it.ends[0].host.node, it.ends[1].host.node])
        else {
            return;
        };
        let earliest = self.latency(ends[side], ends[1 - side]);
        if let Some(at) = self.network.send(stream, side, parcel, earliest) {
            self.agenda.plan(at, Happening::Arrive(stream, side));
        }
    }

    pub(super) fn arrive(&mut self, stream: u64, side: usize) {
        let Some((parcel, to, id)) = self.network.arrive(stream, side) else { return };
        match (parcel, id) {
            (Parcel::Dial, _) => {
                if self.process(to).is_none() {
                    return self.network.leave(stream, 1);
                }
                let kind = self.network.streams[&stream].kind;
                if let Some(id) = self.network.accept(stream) {
                    self.send(stream, 1, Parcel::Opened);
                    self.input(to, Input::Accepted(id, kind));
                }
            }
            (Parcel::Opened, Some(id)) => self.input(to, Input::Opened(id)),
            (Parcel::Message(message), Some(id)) => self.input(to, Input::Message(id, message)),
            (Parcel::Closed, Some(id)) => {
                self.network.leave(stream, 1 - side);
                self.input(to, Input::Broken(id));
            }
            (_, None) => {}
        }
    }

    /// An end learns that its stream is no more.
    pub(super) fn notice(&mut self, stream: u64, side: usize) {
        let Some(end) = self.network.streams.get(&stream).map(|it| &it.ends[side]).filter(|end| !end.gone) else {
            return;
        };
        let (host, id) = (end.host, end.id);
        self.network.leave(stream, side);
        if let Some(id) = id {
            self.input(host, Input::Broken(id));
        }
    }

    /// The process at one end is gone: some of what it sent is lost, and the other end learns it when the rest is read.
    pub(super) fn hang_up(&mut self, stream: u64, node: usize) {
        let Some(side) =
            self.network.streams.get(&stream).and_then(|it| it.ends.iter().position(|end| end.host.node == node))
        else {
            return;
        };
        if self.network.streams[&stream].ends[side].gone {
            return;
        }
        if self.random.bool() {
            let keep = self.random.usize(..4);
            self.network.lose(stream, 1 - side, keep);
        }
        self.send(stream, side, Parcel::Closed);
        self.network.leave(stream, side);
        self.watch_for_silence(stream);
    }

    /// Breaks a stream, as a reset does: each end notices at its own time.
    pub(super) fn reset(&mut self, stream: u64) {
        for side in 0..2 {
            let keep = self.random.usize(..3);
            self.network.lose(stream, side, keep);
            let at = self.now + self.random.u64(..20_000);
            self.agenda.plan(at, Happening::Noticed(stream, side));
        }
    }

    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.network.cut(from, to);
        for stream in self.network.between(from, to) {
            self.watch_for_silence(stream);
        }
    }

    fn watch_for_silence(&mut self, stream: u64) {
        let at = self.now + self.random.u64(NOTICED);
        self.agenda.plan(at, Happening::Silence(stream));
    }

    pub(super) fn silence(&mut self, stream: u64) {
        let Some(nodes) = self.network.streams.get(&stream).map(|it| [it.ends[0].host.node, it.ends[1].host.node])
        else {
            return;
        };
        if self.network.is_cut(nodes[0], nodes[1]) || self.network.is_cut(nodes[1], nodes[0]) {
            for side in 0..2 {
                self.network.lose(stream, side, 0);
                let at = self.now + self.random.u64(..1_000_000);
                self.agenda.plan(at, Happening::Noticed(stream, side));
            }
        }
    }

    pub(super) fn heal(&mut self, from: usize, to: usize) {
        self.network.heal(from, to);
        for (stream, side) in self.network.release(from, to) {
            let at = self.latency(from, to);
            self.agenda.plan(at, Happening::Arrive(stream, side));
        }
        // A stream that was cut while its end was gone may still have somebody waiting at the other end.
        for stream in self.network.between(from, to) {
            if self.network.streams[&stream].ends.iter().any(|end| end.gone) {
                let sides = (0..2).filter(|side| !self.network.streams[&stream].ends[*side].gone);
                for side in sides.collect::<Vec<_>>() {
                    let at = self.now + 1_500_000;
                    self.agenda.plan(at, Happening::Noticed(stream, side));
                }
            }
        }
    }
}
