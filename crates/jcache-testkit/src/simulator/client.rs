//! Clients: each makes one call after the other, at some node, and writes down what it sees.

use std::collections::BTreeMap;

use jcache_cluster::engine::{Ack, Answer, CallId, CallOptions, Failure, Level, Token};

use super::network::Host;
use super::process::Input;
use super::workload::{self, GROUPS, Kind, MORTAL, Wish};
use super::world::{Happening, World};
use crate::check::lifetime::{Life, Look, Times};
use crate::check::{Violation, session};
use crate::history::{Intent, Moment, Operation, Outcome, Promise, command};

/// Keys with a deadline that are still read.
const MORTALS: usize = 20;
/// Milliseconds that a follower's idea of cluster time may be behind the leader's: what slow links add.
pub(super) const MOST_BEHIND_MS: u64 = 900;
/// One in so many clients takes the leader's word alone.
const TRUSTING: usize = 4;

/// A client between two calls.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// Where it made its last call.
    node: usize,
    /// The last point in history that it has seen.
    token: Token,
    /// What its counters were when it was given that point, or after.
    counts: BTreeMap<usize, i64>,
    /// Turns at its own list.
    turn: usize,
    /// It makes no calls, because nobody does.
    pub(super) rests: bool,
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
    /// It may block for ever.
    pub(super) endless: bool,
    /// When its caller went away.
    pub(super) cancelled: Option<Moment>,
    /// What no other call has in its command, for one that blocks for ever.
    pub(super) mark: Option<Vec<u8>>,
    /// It was called in the calm.
    pub(super) calm: bool,
    ack: Option<Ack>,
    /// The era in which it was called.
    era: usize,
}

impl World {
    pub(super) fn client(&mut self, client: usize) {
        if !self.calling {
            self.clients[client].rests = true;
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
            let (command, intent) = (command(&words), Intent::Read);
            let wish = Wish { group: MORTAL, command, intent, ack: None, lives_ms: 0, endless: None };
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
        let mut wish = wish;
        if self.is_trusting(client) && GROUPS.get(wish.group) == Some(&Kind::Counter) && wish.ack.is_some() {
            wish.ack = Some([Ack::Leader, Ack::InSync][self.whims.usize(..2)]);
        }
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
        let timeout_ms = timeout_ms.filter(|_| !self.calm);
        let endless = wish.endless.as_ref().map(|endless| endless.lasts);
        let call = self.submit(host, client, wish, promise, CallOptions { ack, level, timeout_ms }, life);
        if let Some(lasts) = endless {
            self.agenda.plan(self.now + lasts, Happening::Cancel(host, call));
        } else if self.whims.u8(..50) == 0 && self.pending.contains_key(&call) {
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
        let (endless, mark) = (wish.endless.is_some(), wish.endless.map(|it| it.mark));
        let (calm, ack, era) = (self.calm, wish.ack, self.watchers.eras.last());
        self.pending.insert(
            call,
            Pending {
                host,
                client,
                operation,
                life,
                invoked,
                leaders_time,
                own_time,
                blocks,
                endless,
                cancelled: None,
                mark,
                calm,
                ack,
                era,
            },
        );
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
        match &result {
            Ok(answer) => self.look_at_session(&pending, answer),
            Err(failure) => self.look_at_failure(call, &pending, failure),
        }
        if matches!(result, Err(Failure::SessionLost)) {
            self.look_at_lost_session(&pending);
        }
        let eras = &mut self.watchers.eras;
        if let Ok(answer) = &result {
            eras.answered(pending.operation, answer.token);
        }
        // Called, and answered, when there was no later one.
        let era = result.as_ref().is_ok_and(|answer| eras.of(answer.token) == eras.last());
        let era = (era && pending.era == eras.last()).then_some(pending.era);
        let trusting = self.is_trusting(pending.client);
        let operation = &mut self.history[pending.operation];
        let reads = operation.intent == Intent::Read;
        let seen = result.as_ref().map_or(Token::default(), |answer| answer.token);
        operation.outcome = match result {
            Ok(answer) => {
                if operation.promise >= Promise::Session || trusting && pending.ack == Some(Ack::Leader) {
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
                let client = &mut self.clients[pending.client];
                client.token = Token::default();
                client.counts.clear();
                Outcome::Failed
            }
            Err(_) => {
                self.figures.refused += 1;
                Outcome::Failed
            }
        };
        let mut missing = None;
        let of_era = pending.life.filter(|life| era.is_some() && (!reads || self.lives[*life].era == era));
        if let (Some(life), Outcome::Returned(_, Ok(reply))) = (of_era, &operation.outcome) {
            let (life, invoked, strong) =
                (&mut self.lives[life], operation.invoked, operation.promise == Promise::Strong);
            if reads {
                let found = *reply != jcache_core::Reply::Nil;
                let time = &self.watchers.time;
                let leaders = [pending.leaders_time, time.leaders(now)];
                let behind = if strong { 0 } else { MOST_BEHIND_MS };
                // Answered at once, so by the process itself.
                let own = pending.own_time.filter(|_| !strong && now == invoked);
                let times = Times { leaders, latest: time.latest(now), behind, own, moved: time.moved() };
                life.looks.push(Look { invoked, returned: now, found, strong, times });
            } else {
                (life.acknowledged, life.era) = (Some(now), era);
                (life.written_ms, life.moved) = (self.watchers.time.latest(now), self.watchers.time.moved());
                // The leader's copy: a deposed one may still hold what was carried out once before, and lost.
                let leader = self.watchers.time.leader();
                let clock = leader.map(|host| self.nodes[host.node].clock.read(now));
                let leader = leader.and_then(|host| self.nodes[host.node].process.as_ref());
                life.deadline_ms = leader.and_then(|process| process.deadline(&life.name));
                // A leader that has executed as much has the key, unless its time is over.
                let status = leader.zip(clock).map(|(process, clock)| process.status(clock));
                let has_all = status.is_some_and(|it| it.epoch >= seen.epoch && it.applied >= seen.offset);
                let young = pending.leaders_time.is_some_and(|called| {
                    called + life.lives / 1_000 > self.watchers.time.latest(now) + 2 * MOST_BEHIND_MS
                });
                if has_all && young && life.deadline_ms.is_none() {
                    missing = Some(life.name.clone());
                }
            }
        }
        if let Some(name) = missing {
            let what = format!("{name} was acknowledged, and the leader does not hold it");
            self.violate(Violation::new("C1", what));
        }
        if pending.client < self.plan.clients {
            let at = now + 1 + self.whims.u64(..self.plan.think_ms * 1_000);
            self.agenda.plan(at, Happening::Client(pending.client));
        }
    }

    /// Whether a client takes the leader's word alone for a point in history: it may be told that it is lost.
    fn is_trusting(&self, client: usize) -> bool {
        client < self.plan.clients && client.is_multiple_of(TRUSTING)
    }

    /// C3 for those: a session that goes on sees what the leader alone had acknowledged.
    fn look_at_session(&mut self, pending: &Pending, answer: &Answer) {
        let operation = &self.history[pending.operation];
        let trusts = operation.promise >= Promise::Session || pending.ack == Some(Ack::Leader);
        if !self.is_trusting(pending.client) || !trusts {
            return;
        }
        let client = &mut self.clients[pending.client];
        let counts = GROUPS.get(operation.group) == Some(&Kind::Counter);
        let count = session::number(&answer.reply, &operation.intent).filter(|_| counts);
        let seen = client.counts.get(&operation.group).copied();
        if let (Promise::Session, Some(count), Some(seen)) = (operation.promise, count, seen)
            && count < seen
        {
            let what = format!("{} shows {count}, after {seen}", operation.show());
            return self.violate(Violation::new("C3", what));
        }
        // A later point takes the place of an earlier one, and speaks for what was seen at it only.
        if answer.token.epoch > client.token.epoch {
            client.counts.clear();
        }
        let seen = seen.filter(|_| answer.token.epoch == client.token.epoch);
        if let Some(count) = count.filter(|_| answer.token.epoch >= client.token.epoch) {
            client.counts.insert(operation.group, seen.map_or(count, |seen| seen.max(count)));
        }
    }

    /// Only what the leader alone acknowledged can be lost, and what came before an unclean start.
    fn look_at_lost_session(&mut self, pending: &Pending) {
        let eras = &self.watchers.eras;
        let old = eras.of(self.clients[pending.client].token) < eras.last();
        if !self.is_trusting(pending.client) && !old {
            let what = format!("{} is told that what is kept is lost", self.history[pending.operation].show());
            self.violate(Violation::new("C3", what));
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
                let wish = Wish { group, command, intent: Intent::Read, ack: None, lives_ms: 0, endless: None };
                let options = CallOptions { level: Level::Linearizable, ..CallOptions::default() };
                self.submit(host, 0, wish, Promise::Strong, options, None);
            }
        }
    }
}
