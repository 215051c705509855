//! What the model knows of the world: three processes, etcd's two keys, and the messages under way.

use std::fmt;
use std::ops::Deref;

/// How many nodes there are.
pub(crate) const NODES: u8 = 3;

/// One process of a node: a restart is another incarnation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Member {
    pub node: u8,
    pub incarnation: u8,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.incarnation)
    }
}

/// A set of members, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Members(u16);

impl Members {
    pub(crate) fn of(members: impl IntoIterator<Item = Member>) -> Self {
        members.into_iter().fold(Self::default(), Self::with)
    }

    pub(crate) fn with(self, member: Member) -> Self {
        Self(self.0 | 1 << (member.node + NODES * member.incarnation))
    }

    pub(crate) fn without(self, member: Member) -> Self {
        Self(self.0 & !Self::default().with(member).0)
    }

    /// Without any incarnation of `node`.
    pub(crate) fn without_node(self, node: u8) -> Self {
        Self::of(self.iter().filter(|member| member.node != node))
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn contains(self, member: Member) -> bool {
        self.0 & Self::default().with(member).0 != 0
    }

    pub(crate) fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Member> {
        let members = (0..16).filter(move |bit| self.0 >> bit & 1 == 1);
        members.map(|bit| Member { node: bit % NODES, incarnation: bit / NODES })
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A write in a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Entry {
    pub epoch: u8,
    pub write: u8,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "w{}@{}", self.write, self.epoch)
    }
}

/// A log, without a heap: the checker copies it a hundred million times. Offsets count from 1, so the length is the
/// last offset.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Log {
    length: u8,
    entries: [Entry; Log::LONGEST],
}

impl Log {
    /// More than any bound allows writes.
    pub(crate) const LONGEST: usize = 6;

    pub(crate) fn end(&self) -> u8 {
        self.length
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries[usize::from(self.length)] = entry;
        self.length += 1;
    }

    pub(crate) fn truncate(&mut self, end: u8) {
        self.length = self.length.min(end);
        self.entries[usize::from(self.length)..].fill(Entry::default());
    }

    /// The last offset that `epoch` wrote.
    pub(crate) fn end_of(&self, epoch: u8) -> Option<u8> {
        (1..=self.length).rev().find(|offset| self[usize::from(offset - 1)].epoch == epoch)
    }

    pub(crate) fn common_prefix(&self, other: &Self) -> u8 {
        (0..)
            .zip(self.iter().zip(other.iter()))
            .find(|(_, (a, b))| a != b)
            .map_or(self.end().min(other.end()), |it| it.0)
    }
}

impl Deref for Log {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.entries[..usize::from(self.length)]
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Follower,
    Leader,
}

/// One process: memory only, all of it lost by a crash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub alive: bool,
    pub incarnation: u8,
    pub role: Role,
    /// The highest epoch that it has seen.
    pub promised: u8,
    pub log: Log,
    /// The commit point: the last offset known to be committed.
    pub committed: u8,
    /// The last offset that was executed, as far as readers see it.
    pub applied: u8,
    /// The leader that it streams from, in the promised epoch.
    pub source: Option<u8>,
    /// It was a leader that executed what may not survive.
    pub tainted: bool,
    /// Its full sync runs in place (only where that rule is weakened).
    pub loading: bool,
    /// As leader: its log's end when its epoch began.
    pub start: u8,
    /// As leader: the in-sync set as etcd recorded it, with its revision.
    pub in_sync: Members,
    pub revision: u8,
    /// As leader: the in-sync set that it asked etcd for.
    pub pending: Option<Members>,
    /// As leader: who acknowledged up to where, in this epoch.
    pub acked: [Option<(u8, u8)>; NODES as usize],
}

impl Process {
    pub(crate) fn fresh(incarnation: u8) -> Self {
        Self {
            alive: true,
            incarnation,
            role: Role::Follower,
            promised: 0,
            log: Log::default(),
            committed: 0,
            applied: 0,
            source: None,
            tainted: false,
            loading: false,
            start: 0,
            in_sync: Members::default(),
            revision: 0,
            pending: None,
            acked: [None; NODES as usize],
        }
    }

    /// Becomes a follower of `source` in `epoch`; the log stays.
    pub(crate) fn follow(&mut self, epoch: u8, source: Option<u8>) {
        let Self { alive, incarnation, log, committed, applied, tainted, loading, .. } = *self;
        let keep = Self::fresh(incarnation);
        *self = Self { alive, promised: epoch, log, committed, applied, tainted, loading, source, ..keep };
    }

    pub(crate) fn leads(&self, epoch: u8) -> bool {
        self.alive && self.role == Role::Leader && self.promised == epoch
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Leadership {
    pub member: Member,
    pub epoch: u8,
}

/// The keys `leader` and `state`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Etcd {
    pub leader: Option<Leadership>,
    /// Who led before the key vanished.
    pub former: Option<Member>,
    pub in_sync: Members,
    pub revision: u8,
    pub epoch: u8,
}

/// What is under way; a network may hold it back for ever, and delivers in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Message {
    Ack { to: u8, epoch: u8, from: Member, end: u8 },
    ChangeIsr { by: Leadership, to: Members, revision: u8 },
    IsrChanged { by: Leadership, to: Members, done: bool, revision: u8 },
}

/// The whole world at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub processes: [Process; NODES as usize],
    pub etcd: Etcd,
    /// Sorted, each message once.
    pub network: Vec<Message>,
    /// The writes that some leader acknowledged, a bit each.
    pub acknowledged: u16,
    pub writes: u8,
    pub crashes: u8,
    /// What no process may ever have to do, and one had to.
    pub broken: Option<&'static str>,
}

impl State {
    pub(crate) fn process(&self, node: u8) -> &Process {
        &self.processes[usize::from(node)]
    }

    pub(crate) fn process_mut(&mut self, node: u8) -> &mut Process {
        &mut self.processes[usize::from(node)]
    }

    pub(crate) fn send(&mut self, message: Message) {
        if let Err(place) = self.network.binary_search(&message) {
            self.network.insert(place, message);
        }
    }

    pub(crate) fn take(&mut self, message: Message) {
        self.network.retain(|other| *other != message);
    }

    /// Whether `log` holds every acknowledged write.
    pub(crate) fn holds_acknowledged(&self, log: &Log) -> bool {
        self.acknowledged & !log.iter().fold(0, |writes, entry| writes | 1 << entry.write) == 0
    }
}
