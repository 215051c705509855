//! Clients: each makes one call after the other, at some node, and writes down what it sees.

use jcache_cluster::engine::{Ack, Answer, CallId, CallOptions, Failure, Level, Token};

use super::network::Host;
use super::process::Input;
use super::workload::{self, GROUPS, MORTAL, Wish};
use super::world::{Happening, World};
use crate::check::lifetime::{Life, Look, Times};
use crate::history::{Intent, Operation, Outcome, Promise, command};

/// Keys with a deadline that are still read.
const MORTALS: usize = 20;
/// Milliseconds that a follower's idea of cluster time may be behind the leader's: what slow links add.
pub(super) const MOST_BEHIND_MS: u64 = 900;

/// A client between two calls.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// Where it made its last call.
    node: usize,
    /// The last point in history that it has seen.
    token: Token,
    /// Turns at its own list.
    turn: usize,
}

/// A call without an answer.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) host: Host,
    client: usize,
    /// Its place in the history.
    operation: usize,
    /// The key with a deadline that it writes, or reads.
    life: Option<usize>,
    pub(super) invoked: u64,
    /// The leader's time then.
    leaders_time: Option<u64>,
    /// The called process's own idea of it.
    own_time: Option<u64>,
    /// How long it may block, in microseconds.
    pub(super) blocks: u64,
}

impl World {
    pub(super) fn client(&mut self, client: usize) {
        if !self.calling {
            return;
        }
        if self.now < self.hushed_until {
            let at = self.hushed_until + self.whims.u64(..20_000);
            return self.agenda.plan(at, Happening::Client(client));
        }
        let Some(host) = self.choose_node(client) else {
            self.agenda.plan(self.now + 100_000, Happening::Client(client));
            return;
        };
        self.clients[client].node = host.node;
        let unique = self.calls + 1;
        if self.whims.u8(..20) == 0
            && let Some(life) = self.lives.len().checked_sub(1 + self.whims.usize(..MORTALS))
        {
            let words = ["GET".as_bytes(), self.lives[life].name.clone().as_bytes()].map(<[u8]>::to_vec);
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let wish = Wish { group: MORTAL, command: command(&words), intent: Intent::Read, ack: None, lives_ms: 0 };
            return self.call(host, client, wish, Some(life));
        }
        let turn = &mut self.clients[client].turn;
        let wish = workload::wish(&mut self.whims, unique, self.plan.syncs, (client, turn));
        let life = (wish.lives_ms > 0).then(|| {
            let name = String::from_utf8_lossy(&wish.command.args()[1]).into_owned();
            self.lives.push(Life { name, invoked: self.now, lives: wish.lives_ms * 1_000, ..Life::default() });
            self.lives.len() - 1
        });
        self.call(host, client, wish, life);
    }

    fn choose_node(&mut self, client: usize) -> Option<Host> {
        let usable = |world: &World, node: usize| {
            world.nodes[node].process.as_ref().is_some_and(|process| !process.paused && !process.leaving)
        };
        let last = self.clients[client].node;
        if self.whims.u8(..8) > 0 && usable(self, last) {
            return self.host(last);
        }
        let nodes: Vec<usize> = (0..self.nodes.len()).filter(|node| usable(self, *node)).collect();
        let node = *nodes.get(self.whims.usize(..nodes.len().max(1)))?;
        self.host(node)
    }

    fn call(&mut self, host: Host, client: usize, wish: Wish, life: Option<usize>) {
        let (promise, ack, level) = match wish.ack {
            Some(ack) => (if ack == Ack::InSync { Promise::Strong } else { Promise::Weak }, ack, Level::Local),
            None => match self.whims.u8(..8) {
                0..2 => (Promise::Strong, Ack::InSync, Level::Linearizable),
                2..4 => (Promise::Strong, Ack::InSync, Level::Leader),
                4..6 => (Promise::Session, Ack::InSync, Level::Session(self.clients[client].token)),
                _ => (Promise::Own, Ack::InSync, Level::Local),
            },
        };
        let timeout_ms = if self.whims.u8(..6) == 0 { Some(200 + self.whims.u64(..1_500)) } else { None };
        let call = self.submit(host, client, wish, promise, CallOptions { ack, level, timeout_ms }, life);
        if self.whims.u8(..50) == 0 && self.pending.contains_key(&call) {
            let at = self.now + self.whims.u64(..300_000);
            self.agenda.plan(at, Happening::Cancel(host, call));
        }
    }

    pub(super) fn submit(
        &mut self,
        host: Host,
        client: usize,
        wish: Wish,
        promise: Promise,
        options: CallOptions,
        life: Option<usize>,
    ) -> CallId {
        self.calls += 1;
        let call = self.calls;
        let operation = self.history.len();
        let blocks = super::blocking_time(&wish.command);
        let (invoked, leaders_time) = (self.now, self.watchers.time.leaders(self.now));
        let own_time = life.and_then(|_| self.time_at(host));
        self.pending.insert(call, Pending { host, client, operation, life, invoked, leaders_time, own_time, blocks });
        self.history.push(Operation {
            client,
            node: host.node,
            life: host.life,
            group: wish.group,
            command: wish.command.clone(),
            intent: wish.intent,
            promise,
            invoked: self.now,
            outcome: Outcome::Unknown,
        });
        self.figures.calls += 1;
        self.input(host, Input::Call(call, wish.command, options));
        call
    }

    pub(super) fn answered(&mut self, call: CallId, result: Result<Answer, Failure>) {
        let Some(pending) = self.pending.remove(&call) else {
            self.violate(crate::check::Violation::new("C5", format!("call {call} was answered twice: {result:?}")));
            return;
        };
        let now = self.now;
        let operation = &mut self.history[pending.operation];
        let reads = operation.intent == Intent::Read;
        operation.outcome = match result {
            Ok(answer) => {
                if operation.promise >= Promise::Session {
                    let token = &mut self.clients[pending.client].token;
                    *token = answer.token.max(*token);
                }
                if !reads && operation.promise == Promise::Strong {
                    self.figures.acknowledged += 1;
                }
                Outcome::Returned(now, Ok(answer.reply))
            }
            Err(Failure::Command(error)) => Outcome::Returned(now, Err(error)),
            Err(failure) if failure.may_have_happened() && !reads => {
                self.figures.unknown += 1;
                Outcome::Unknown
            }
            Err(Failure::SessionLost) => {
                self.clients[pending.client].token = Token::default();
                Outcome::Failed
            }
            Err(_) => {
                self.figures.refused += 1;
                Outcome::Failed
            }
        };
        if let (Some(life), Outcome::Returned(_, Ok(reply))) = (pending.life, &operation.outcome) {
            let (life, invoked, strong) =
                (&mut self.lives[life], operation.invoked, operation.promise == Promise::Strong);
            if reads {
                let found = *reply != jcache_core::Reply::Nil;
                let time = &self.watchers.time;
                let leaders = [pending.leaders_time, time.leaders(now)];
                let (behind, own) = if strong { (0, None) } else { (MOST_BEHIND_MS, pending.own_time) };
                let times = Times { leaders, latest: time.latest(now), behind, own, moved: time.moved() };
                life.looks.push(Look { invoked, returned: now, found, strong, times });
            } else {
                life.acknowledged = Some(now);
                (life.written_ms, life.moved) = (self.watchers.time.latest(now), self.watchers.time.moved());
                // The leader's copy: a deposed one may still hold what was carried out once before, and lost.
                let leader = self.watchers.time.leader();
                let leader = leader.and_then(|host| self.nodes[host.node].process.as_ref());
                life.deadline_ms = leader.and_then(|process| process.deadline(&life.name));
            }
        }
        if pending.client < self.plan.clients {
            let at = now + 1 + self.whims.u64(..self.plan.think_ms * 1_000);
            self.agenda.plan(at, Happening::Client(pending.client));
        }
    }

    /// Cluster time as a process has it.
    fn time_at(&self, host: Host) -> Option<u64> {
        let node = &self.nodes[host.node];
        Some(node.process.as_ref()?.status(node.clock.read(self.now)).time_ms)
    }

    /// The process is gone: nobody knows what came of its calls. Their clients go on elsewhere.
    pub(super) fn abandon_calls(&mut self, host: Host) {
        let gone: Vec<CallId> = self.pending.iter().filter(|(_, it)| it.host == host).map(|(call, _)| *call).collect();
        for call in gone {
            if let Some(pending) = self.pending.remove(&call) {
                let operation = &mut self.history[pending.operation];
                if operation.intent == Intent::Read {
                    operation.outcome = Outcome::Failed;
                }
                if pending.client < self.plan.clients {
                    let at = self.now + 1 + self.whims.u64(..200_000);
                    self.agenda.plan(at, Happening::Client(pending.client));
                }
            }
        }
    }

    /// Reads everything, one client per group: what is there at the end belongs to the history, too.
    pub(super) fn read_all(&mut self, host: Host) {
        for group in 0..GROUPS.len() {
            for command in workload::last_reads(group) {
                let wish = Wish { group, command, intent: Intent::Read, ack: None, lives_ms: 0 };
                let options = CallOptions { level: Level::Linearizable, ..CallOptions::default() };
                self.submit(host, 0, wish, Promise::Strong, options, None);
            }
        }
    }
}
