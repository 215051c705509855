//! A tiny cluster in one thread: engines, a network that delivers at once and in order, a coordinator. For tests of one
//! thing at a time; chance and long runs are the simulator's.

pub(crate) mod etcd;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use etcd::{Backup, Etcd};
use jcache_cluster::engine::*;
use jcache_core::{Arg, Query, Reply, Request};

pub(crate) type Outcome = Result<Answer, Failure>;

pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) store: ModelStore,
    pub(crate) alive: bool,
    pub(crate) name: String,
    pub(crate) inc: u128,
    pub(crate) notices: Vec<Notice>,
    pub(crate) fatal: Option<Fatal>,
    /// Whether it has left, and in order.
    pub(crate) left: Option<bool>,
    next_in: u64,
    /// Stream to (other node, its stream).
    streams: BTreeMap<StreamId, (usize, StreamId)>,
}

enum Item {
    Event(usize, Event<'static>),
    /// From, to, stream at the receiver, what: held while the way is cut.
    Net(usize, usize, StreamId, Wire),
}

enum Wire {
    Accepted(StreamKind),
    Message(Message),
    Broken,
}

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) etcd: Etcd,
    pub(crate) config: Config,
    pub(crate) boot_us: u64,
    pub(crate) wall_ms: u64,
    pub(crate) answers: BTreeMap<CallId, Outcome>,
    /// One way from, to.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    pub(crate) cut_etcd: BTreeSet<usize>,
    /// Messages that stay on their way: none, unless a test says which.
    pub(crate) withheld: fn(&Message) -> bool,
    /// Nodes that get no time.
    pub(crate) paused: BTreeSet<usize>,
    /// Messages that were sent, newest last: from, to, what.
    pub(crate) trace: Vec<(usize, usize, Message)>,
    pub(crate) keep_trace: bool,
    /// Messages on streams that lead to no node: the test may play the other end.
    pub(crate) loose: Vec<(StreamId, Message)>,
    queue: VecDeque<Item>,
    held: VecDeque<Item>,
    next_call: CallId,
    next_inc: u128,
}

pub(crate) fn config(min_insync: usize) -> Config {
    let hold_off_ms = (100, 1000);
    Config { rejoin_ms: 50, digest_ms: 100, found_wait_ms: 0, hold_off_ms, ..Config::new(min_insync, Timing::BALANCED) }
}

impl Cluster {
    pub(crate) fn new(nodes: usize, config: Config) -> Self {
        let mut cluster = Self {
            nodes: Vec::new(),
            etcd: Etcd::default(),
            config,
            boot_us: 1_000_000,
            wall_ms: 1_700_000_000_000,
            answers: BTreeMap::new(),
            cut: BTreeSet::new(),
            cut_etcd: BTreeSet::new(),
            withheld: |_| false,
            paused: BTreeSet::new(),
            trace: Vec::new(),
            keep_trace: false,
            loose: Vec::new(),
            queue: VecDeque::new(),
            held: VecDeque::new(),
            next_call: 0,
            next_inc: 100,
        };
        for index in 0..nodes {
            let node = cluster.fresh(index);
            cluster.nodes.push(node);
        }
        cluster
    }

    /// A cluster that leads, with everybody in sync.
    pub(crate) fn ready(nodes: usize, config: Config) -> Self {
        let mut cluster = Self::new(nodes, config);
        let target = nodes.min(cluster.config.isr_target);
        cluster.until("everybody in sync", 20_000, |it| {
            it.leader()
                .is_some_and(|leader| it.status(leader).isr.len() >= target && it.status(leader).pending.is_none())
        });
        cluster
    }

    fn fresh(&mut self, index: usize) -> Node {
        self.next_inc += 1;
        let name = format!("n{index}");
        let member = MemberId::new(name.as_str(), self.next_inc);
        let identity = Identity {
            member,
            addr: index.to_string(),
            zone: String::new(),
            prio: 0,
            voter: true,
            seed: self.next_inc,
        };
        let engine = Engine::new(self.config.clone(), identity, self.now()).expect("a test's own making");
        Node {
            engine,
            store: ModelStore::new(4),
            alive: true,
            name,
            inc: self.next_inc,
            notices: Vec::new(),
            fatal: None,
            left: None,
            next_in: index as u64 * 1_000_000 + self.next_inc as u64 * 1000,
            streams: BTreeMap::new(),
        }
    }

    pub(crate) fn add_node(&mut self) {
        let node = self.fresh(self.nodes.len());
        self.nodes.push(node);
    }

    pub(crate) fn now(&self) -> Now {
        Now { boot_us: self.boot_us, wall_ms: self.wall_ms }
    }

    pub(crate) fn status(&self, node: usize) -> Status {
        self.nodes[node].engine.status(self.now())
    }

    /// The living leader of the highest epoch.
    pub(crate) fn leader(&self) -> Option<usize> {
        let leads = |it: &usize| matches!(self.status(*it).role, Role::Leader | Role::Fenced);
        let living = (0..self.nodes.len()).filter(|it| self.nodes[*it].alive).filter(leads);
        living.max_by_key(|it| self.status(*it).epoch)
    }

    pub(crate) fn step(&mut self, node: usize, event: Event<'_>) {
        if !self.nodes[node].alive {
            return;
        }
        let mut out = Outbox::default();
        let now = self.now();
        let it = &mut self.nodes[node];
        it.engine.step(now, event, &mut it.store, &mut out);
        for action in out.drain() {
            self.act(node, action);
        }
    }

    fn act(&mut self, node: usize, action: Action) {
        match action {
            Action::Coord(id, request) => {
                let event = if self.cut_etcd.contains(&node) {
                    Some(CoordEvent::Answer(id, Err(CoordError::Unknown)))
                } else {
                    self.etcd.request(node, id, request, self.boot_us)
                };
                self.queue.extend(event.map(|event| Item::Event(node, Event::Coord(event))));
                self.tell_watchers();
            }
            Action::Connect { stream, kind, peer: _, addr } => {
                let peer: usize = addr.parse().expect("a test's own making");
                if !self.nodes[peer].alive {
                    return self.queue.push_back(Item::Event(node, Event::Broken { stream }));
                }
                self.nodes[peer].next_in += 1;
                let theirs = StreamId::In(self.nodes[peer].next_in);
                self.nodes[node].streams.insert(stream, (peer, theirs));
                self.nodes[peer].streams.insert(theirs, (node, stream));
                self.queue.push_back(Item::Net(node, peer, theirs, Wire::Accepted(kind)));
            }
            Action::Send { stream, message } => {
                let Some((peer, theirs)) = self.nodes[node].streams.get(&stream).copied() else {
                    return self.loose.push((stream, message));
                };
                if self.keep_trace {
                    self.trace.push((node, peer, message.clone()));
                }
                self.queue.push_back(Item::Net(node, peer, theirs, Wire::Message(message)));
            }
            Action::Close { stream } => {
                if let Some((peer, theirs)) = self.nodes[node].streams.remove(&stream) {
                    self.queue.push_back(Item::Net(node, peer, theirs, Wire::Broken));
                }
            }
            Action::Answer { call, result } => {
                assert!(self.answers.insert(call, result).is_none(), "call {call} was answered twice");
            }
            Action::Notify(notice) => self.nodes[node].notices.push(notice),
            Action::Left { in_order } => self.nodes[node].left = Some(in_order),
            Action::Fatal(why) => self.nodes[node].fatal = Some(why),
        }
    }

    fn tell_watchers(&mut self) {
        for (node, event) in self.etcd.watch_events() {
            if !self.cut_etcd.contains(&node) {
                self.queue.push_back(Item::Event(node, Event::Coord(event)));
            }
        }
    }

    /// Delivers until nothing is on its way.
    pub(crate) fn deliver(&mut self) {
        let mut steps = 0;
        while let Some(item) = self.queue.pop_front() {
            steps += 1;
            assert!(steps < 200_000, "the network does not come to rest");
            let target = match &item {
                Item::Event(node, _) => *node,
                Item::Net(from, to, ..) if self.cut.contains(&(*from, *to)) => {
                    self.held.push_back(item);
                    continue;
                }
                Item::Net(.., Wire::Message(message)) if (self.withheld)(message) => {
                    self.held.push_back(item);
                    continue;
                }
                Item::Net(_, to, ..) => *to,
            };
            if self.paused.contains(&target) {
                self.held.push_back(item);
                continue;
            }
            match item {
                Item::Event(node, event) => self.step(node, event),
                Item::Net(from, to, stream, wire) => self.arrive(from, to, stream, wire),
            }
        }
    }

    fn arrive(&mut self, from: usize, to: usize, stream: StreamId, wire: Wire) {
        let Some((_, theirs)) = self.nodes[to].streams.get(&stream).copied() else { return };
        match wire {
            Wire::Accepted(kind) => {
                self.step(to, Event::Accepted { stream, kind });
                self.queue.push_back(Item::Event(from, Event::Opened { stream: theirs }));
            }
            Wire::Message(message) => self.step(to, Event::Message { stream, message }),
            Wire::Broken => {
                self.nodes[to].streams.remove(&stream);
                self.step(to, Event::Broken { stream });
            }
        }
    }

    /// Lets `ms` milliseconds pass.
    pub(crate) fn run(&mut self, ms: u64) {
        for _ in 0..ms.div_ceil(Engine::TICK_MS) {
            self.boot_us += Engine::TICK_MS * 1000;
            self.wall_ms += Engine::TICK_MS;
            self.etcd.expire(self.boot_us);
            self.tell_watchers();
            let held = std::mem::take(&mut self.held);
            self.queue.extend(held);
            for node in 0..self.nodes.len() {
                if !self.paused.contains(&node) {
                    self.step(node, Event::Tick);
                }
            }
            self.deliver();
        }
    }

    /// Lets time pass until `test` holds.
    pub(crate) fn until(&mut self, what: &str, most_ms: u64, test: impl Fn(&Self) -> bool) {
        let from = self.boot_us;
        while !test(self) {
            assert!(self.boot_us - from < most_ms * 1000, "{what}: not within {most_ms} ms\n{}", self.describe());
            self.run(Engine::TICK_MS);
        }
    }

    pub(crate) fn describe(&self) -> String {
        let mut text = String::new();
        for node in 0..self.nodes.len() {
            text += &format!("{:?}\n", self.status(node));
        }
        text + &format!("{:?}\n", self.etcd.keys())
    }

    /// Asks, without waiting; gives the number of the call.
    pub(crate) fn ask(&mut self, node: usize, command: &str, options: CallOptions) -> CallId {
        self.next_call += 1;
        let call = self.next_call;
        let args: Vec<Arg<'_>> = command.split_whitespace().map(Arg::from).collect();
        let request = Request::parse(&args).expect("a test's own making");
        let (now, mut out) = (self.now(), Outbox::default());
        let it = &mut self.nodes[node];
        it.engine.step(now, Event::Call { call, request, options }, &mut it.store, &mut out);
        for action in out.drain() {
            self.act(node, action);
        }
        self.deliver();
        call
    }

    /// Asks for several things at once, if the watched key is as it was then; gives the number of the call.
    pub(crate) fn transact(&mut self, node: usize, commands: &[&str], watched: Option<(&str, Token)>) -> CallId {
        self.next_call += 1;
        let call = self.next_call;
        let args: Vec<Vec<Arg<'_>>> =
            commands.iter().map(|command| command.split_whitespace().map(Arg::from).collect()).collect();
        let requests: Vec<Request<'_>> =
            args.iter().map(|args| Request::parse(args).expect("a test's own making")).collect();
        let watched: Vec<_> = watched.into_iter().map(|(key, token)| (key.as_bytes(), token)).collect();
        let transaction = Transaction::new(&requests, watched.into_iter());
        self.step(node, Event::Transact { call, transaction, options: CallOptions::default() });
        self.deliver();
        call
    }

    /// A message arrives at `node` on its streams from `peer`, as if sent there.
    pub(crate) fn inject(&mut self, node: usize, peer: usize, message: &Message) {
        let streams = self.nodes[node].streams.iter().filter(|(_, (other, _))| *other == peer);
        for stream in streams.map(|(stream, _)| *stream).collect::<Vec<_>>() {
            self.step(node, Event::Message { stream, message: message.clone() });
        }
        self.deliver();
    }

    /// Asks and waits.
    pub(crate) fn call(&mut self, node: usize, command: &str, options: CallOptions) -> Outcome {
        let call = self.ask(node, command, options);
        self.until(command, 20_000, |it| it.answers.contains_key(&call));
        self.answers[&call].clone()
    }

    /// Writes and waits until everybody in sync has it.
    pub(crate) fn write(&mut self, node: usize, command: &str) -> Reply {
        self.call(node, command, CallOptions::default()).unwrap_or_else(|failure| panic!("{command}: {failure}")).reply
    }

    /// Reads at a level.
    pub(crate) fn read(&mut self, node: usize, command: &str, level: Level) -> Reply {
        let options = CallOptions { level, ..CallOptions::default() };
        self.call(node, command, options).unwrap_or_else(|failure| panic!("{command}: {failure}")).reply
    }

    pub(crate) fn crash(&mut self, node: usize) {
        self.nodes[node].alive = false;
        let streams = std::mem::take(&mut self.nodes[node].streams);
        for (peer, theirs) in streams.into_values() {
            self.queue.push_back(Item::Net(node, peer, theirs, Wire::Broken));
        }
        self.etcd.forget(node);
        self.deliver();
    }

    /// Puts a key at the coordinator, or deletes it, as nobody in the cluster did.
    pub(crate) fn put(&mut self, key: Key, value: Option<String>) {
        let write = match value {
            Some(value) => Write::Put { key, value, lease: None },
            None => Write::Delete(key),
        };
        let txn = Txn { guards: Vec::new(), writes: vec![write] };
        self.etcd.request(usize::MAX, 0, CoordRequest::Txn(txn), self.boot_us);
        self.tell_watchers();
        self.deliver();
    }

    /// The coordinator goes back to a backup, with the leases of then or without; watches end.
    pub(crate) fn restore(&mut self, backup: Backup, leases: bool) {
        self.etcd.restore(backup, leases, self.boot_us);
        let living = (0..self.nodes.len()).filter(|node| self.nodes[*node].alive);
        self.queue.extend(living.map(|node| Item::Event(node, Event::Coord(CoordEvent::WatchLost))));
    }

    /// Starts the node anew: empty, as another incarnation.
    pub(crate) fn restart(&mut self, node: usize) {
        let fresh = self.fresh(node);
        self.nodes[node] = fresh;
    }

    /// Breaks every stream between two nodes.
    pub(crate) fn disconnect(&mut self, a: usize, b: usize) {
        for (from, to) in [(a, b), (b, a)] {
            let lost: Vec<_> =
                self.nodes[from].streams.iter().filter(|(_, (peer, _))| *peer == to).map(|(id, _)| *id).collect();
            for stream in lost {
                self.nodes[from].streams.remove(&stream);
                self.queue.push_back(Item::Event(from, Event::Broken { stream }));
            }
        }
        self.deliver();
    }

    pub(crate) fn isolate(&mut self, a: usize, b: usize) {
        self.cut.extend([(a, b), (b, a)]);
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.cut_etcd.clear();
        self.paused.clear();
        self.withheld = |_| false;
    }

    /// All living nodes have executed the same, and hold the same.
    pub(crate) fn settle(&mut self) {
        self.until("the copies are equal", 30_000, |it| {
            let Some(leader) = it.leader() else { return false };
            let leo = it.status(leader).leo;
            (0..it.nodes.len()).filter(|node| it.nodes[*node].alive).all(|node| {
                let status = it.status(node);
                status.applied == leo && status.hw == leo && status.readable
            })
        });
        let living: Vec<usize> = (0..self.nodes.len()).filter(|it| self.nodes[*it].alive).collect();
        for shard in 0..4 {
            let digests: BTreeSet<u64> = living.iter().map(|it| self.nodes[*it].store.digest(shard)).collect();
            assert_eq!(digests.len(), 1, "shard {shard} differs");
        }
    }
}

/// What a copy holds at a key, as it is.
pub(crate) fn held(cluster: &mut Cluster, node: usize, command: &str) -> Reply {
    let args: Vec<Arg<'_>> = command.split_whitespace().map(Arg::from).collect();
    let context = jcache_core::Context::at(jcache_core::Timestamp::from_millis(cluster.wall_ms));
    cluster.nodes[node]
        .store
        .query(&Query::parse(&args).expect("a test's own making"), context)
        .expect("a test's own making")
}

pub(crate) fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}
