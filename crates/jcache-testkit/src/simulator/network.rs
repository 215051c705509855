//! The fake transport: streams that keep their order until they break, over links that can be cut one way or both.
//!
//! A cut loses nothing at first: what is sent waits, as TCP keeps it, and arrives when the cut heals soon. When it does
//! not, the ends notice at some moment, each sees its stream broken, and what was under way is lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jcache_cluster::engine::{Message, StreamId, StreamKind};

use crate::history::Moment;

/// A process: a node in one of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Host {
    pub(super) node: usize,
    pub(super) life: u32,
}

/// What travels on a stream.
#[derive(Debug)]
pub(super) enum Parcel {
    /// The one that dials arrives.
    Dial,
    /// The one that was dialled has accepted.
    Opened,
    Message(Message),
    /// The other end has closed, or its process is gone.
    Closed,
}

/// One end of a stream; it has a number once its host knows of the stream.
#[derive(Debug)]
pub(super) struct End {
    pub(super) host: Host,
    pub(super) id: Option<StreamId>,
    /// Its host has closed it, or was told that it is broken.
    pub(super) gone: bool,
}

/// One direction of a stream.
#[derive(Debug, Default)]
struct Way {
    parcels: VecDeque<Parcel>,
    /// When the last parcel arrives: nothing overtakes it.
    last: Moment,
    /// Arrivals that a cut held up.
    held: usize,
    /// Something was lost: nothing that is sent later may arrive, but that the stream is closed.
    severed: bool,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) kind: StreamKind,
    /// Who dialled, and who was dialled.
    pub(super) ends: [End; 2],
    ways: [Way; 2],
}

/// All streams and links.
#[derive(Debug, Default)]
pub(super) struct Network {
    pub(super) streams: BTreeMap<u64, Stream>,
    by_end: BTreeMap<(Host, StreamId), (u64, usize)>,
    dialled: u64,
    accepted: u64,
    /// Links that lose everything, by direction.
    cut: BTreeSet<(usize, usize)>,
    /// Links that are slow, by direction: added microseconds.
    slow: BTreeMap<(usize, usize), u64>,
}

impl Network {
    pub(super) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cut.contains(&(from, to))
    }

    pub(super) fn slowness(&self, from: usize, to: usize) -> u64 {
        self.slow.get(&(from, to)).copied().unwrap_or(0)
    }

    pub(super) fn set_slow(&mut self, from: usize, to: usize, by: u64) {
        self.slow.insert((from, to), by);
    }

    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    pub(super) fn heal(&mut self, from: usize, to: usize) {
        self.cut.remove(&(from, to));
        self.slow.remove(&(from, to));
    }

    /// A stream that `from` dials to the process `to`.
    pub(super) fn dial(&mut self, from: Host, id: StreamId, kind: StreamKind, to: Host) -> u64 {
        self.dialled += 1;
        let ends = [End { host: from, id: Some(id), gone: false }, End { host: to, id: None, gone: false }];
        self.streams.insert(self.dialled, Stream { kind, ends, ways: Default::default() });
        self.by_end.insert((from, id), (self.dialled, 0));
        self.dialled
    }

    /// Names the end that was dialled.
    pub(super) fn accept(&mut self, stream: u64) -> Option<StreamId> {
        self.accepted += 1;
        let id = StreamId::In(self.accepted);
        let end = &mut self.streams.get_mut(&stream)?.ends[1];
        end.id = Some(id);
        self.by_end.insert((end.host, id), (stream, 1));
        Some(id)
    }

    /// The stream that a host knows by this number, and which end is the host's.
    pub(super) fn find(&self, host: Host, id: StreamId) -> Option<(u64, usize)> {
        self.by_end.get(&(host, id)).copied()
    }

    /// Sends from end `side`; says when it arrives.
    pub(super) fn send(&mut self, stream: u64, side: usize, parcel: Parcel, earliest: Moment) -> Option<Moment> {
        let way = &mut self.streams.get_mut(&stream)?.ways[side];
        if way.severed && !matches!(parcel, Parcel::Closed) {
            return None;
        }
        way.parcels.push_back(parcel);
        way.last = way.last.max(earliest);
        Some(way.last)
    }

    /// What arrives now from end `side`, and at which end; `None` when a cut holds it up, or nobody is there any more.
    pub(super) fn arrive(&mut self, stream: u64, side: usize) -> Option<(Parcel, Host, Option<StreamId>)> {
        let it = self.streams.get_mut(&stream)?;
        let (from, to) = (it.ends[side].host.node, it.ends[1 - side].host.node);
        if self.cut.contains(&(from, to)) {
            it.ways[side].held += 1;
            return None;
        }
        let parcel = it.ways[side].parcels.pop_front()?;
        let end = &it.ends[1 - side];
        let found = (!end.gone).then_some((parcel, end.host, end.id));
        if found.is_none() {
            self.forget_if_done(stream);
        }
        found
    }

    /// After a cut: the arrivals that it held up, to be planned again.
    pub(super) fn release(&mut self, from: usize, to: usize) -> Vec<(u64, usize)> {
        let mut held = Vec::new();
        for (id, stream) in &mut self.streams {
            for side in 0..2 {
                if (stream.ends[side].host.node, stream.ends[1 - side].host.node) == (from, to) {
                    let count = std::mem::take(&mut stream.ways[side].held);
                    held.extend(std::iter::repeat_n((*id, side), count));
                }
            }
        }
        held
    }

    /// Streams between two nodes, in either direction.
    pub(super) fn between(&self, a: usize, b: usize) -> Vec<u64> {
        let nodes = |it: &Stream| [it.ends[0].host.node, it.ends[1].host.node];
        let found = self.streams.iter().filter(|(_, it)| nodes(it) == [a, b] || nodes(it) == [b, a]);
        found.map(|(id, _)| *id).collect()
    }

    /// Streams of a node.
    pub(super) fn of(&self, node: usize) -> Vec<u64> {
        let found = self.streams.iter().filter(|(_, it)| it.ends.iter().any(|end| end.host.node == node));
        found.map(|(id, _)| *id).collect()
    }

    /// One end is done with the stream: nothing more is brought to it.
    pub(super) fn leave(&mut self, stream: u64, side: usize) {
        if let Some(it) = self.streams.get_mut(&stream) {
            let end = &mut it.ends[side];
            end.gone = true;
            if let Some(id) = end.id {
                self.by_end.remove(&(end.host, id));
            }
            self.forget_if_done(stream);
        }
    }

    /// What is under way to end `side` is lost, but for the first `keep`, and so is all that is sent later; arrivals for
    /// it find nothing.
    pub(super) fn lose(&mut self, stream: u64, side: usize, keep: usize) {
        if let Some(it) = self.streams.get_mut(&stream) {
            let way = &mut it.ways[1 - side];
            way.parcels.truncate(keep);
            way.severed = true;
        }
    }

    fn forget_if_done(&mut self, stream: u64) {
        if self.streams.get(&stream).is_some_and(|it| it.ends.iter().all(|end| end.gone)) {
            self.streams.remove(&stream);
        }
    }

    /// Records and pieces of snapshots that are under way on one stream, the most of all streams.
    pub(super) fn most_under_way(&self, from: Host) -> u64 {
        let ways = self.streams.values().flat_map(|it| (0..2).map(move |side| (it, side)));
        let own = ways.filter(|(it, side)| it.ends[*side].host == from && !it.ends[1 - *side].gone);
        // Heartbeats carry nothing that could pile up.
        let weighs = |parcel: &&Parcel| match parcel {
            Parcel::Message(Message::Frame(frame)) => frame.count > 0,
            Parcel::Message(Message::Snap(_)) => true,
            _ => false,
        };
        let count = |way: &Way| way.parcels.iter().filter(weighs).count();
        own.map(|(it, side)| count(&it.ways[side]) as u64).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Host = Host { node: 0, life: 1 };
    const B: Host = Host { node: 1, life: 1 };

    fn network() -> (Network, u64) {
        let mut network = Network::default();
        let stream = network.dial(A, StreamId::Out(1), StreamKind::Replicate, B);
        (network, stream)
    }

    #[test]
    fn nothing_overtakes() {
        let (mut network, stream) = network();
        assert_eq!(network.send(stream, 0, Parcel::Dial, 9), Some(9));
        assert_eq!(network.send(stream, 0, Parcel::Message(Message::Leave), 5), Some(9));
        assert!(matches!(network.arrive(stream, 0), Some((Parcel::Dial, B, None))));
        assert!(matches!(network.arrive(stream, 0), Some((Parcel::Message(_), B, None))));
    }

    #[test]
    fn a_cut_holds_one_way_up_and_healing_lets_go() {
        let (mut network, stream) = network();
        network.cut(0, 1);
        network.send(stream, 0, Parcel::Message(Message::Leave), 1);
        network.send(stream, 1, Parcel::Message(Message::Leave), 1);
        assert!(network.arrive(stream, 0).is_none());
        assert!(network.arrive(stream, 1).is_some());
        network.heal(0, 1);
        assert_eq!(network.release(0, 1), [(stream, 0)]);
        assert!(network.arrive(stream, 0).is_some());
    }

    #[test]
    fn what_comes_after_a_loss_is_lost_too() {
        let (mut network, stream) = network();
        for _ in 0..3 {
            network.send(stream, 0, Parcel::Message(Message::Leave), 1);
        }
        network.lose(stream, 1, 1);
        assert_eq!(network.send(stream, 0, Parcel::Message(Message::Leave), 1), None);
        network.send(stream, 0, Parcel::Closed, 1);
        assert!(matches!(network.arrive(stream, 0), Some((Parcel::Message(_), ..))));
        assert!(matches!(network.arrive(stream, 0), Some((Parcel::Closed, ..))));
    }

    #[test]
    fn an_end_that_left_gets_nothing() {
        let (mut network, stream) = network();
        network.send(stream, 0, Parcel::Message(Message::Leave), 1);
        network.leave(stream, 1);
        assert!(network.arrive(stream, 0).is_none());
        network.leave(stream, 0);
        assert!(network.streams.is_empty());
    }
}
