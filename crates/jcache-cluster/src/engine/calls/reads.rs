//! Reads from here (2.10): answered where they are asked as soon as what is executed here has seen enough, else by the
//! leader.

use jcache_core::{Query, Reply, Request};

use super::super::answers::{Origin, Wait};
use super::super::codec::{read_open_command, request_bytes};
use super::super::event::{Action, Answer, Failure, Level, Token};
use super::super::reads::Proof;
use super::super::store::Store;
use super::super::{Cx, Engine, Part, ms};
use super::{Asked, Pending};

/// What is known here of a token.
enum Seen {
    Yes,
    NotYet,
    Lost,
}

impl Engine {
    pub(super) fn on_read<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        query: &Query<'_>,
        request: &Request<'_>,
        level: Level,
        pending: impl FnOnce(Asked) -> Pending,
    ) {
        let leads = matches!(self.part, Part::Leading(_));
        let token = match level {
            Level::Local if leads && self.config.committed_reads => None,
            Level::Local if self.config.read_your_writes && !leads => Some(self.calls.own),
            Level::Local => Some(Token::default()),
            Level::Session(token) => Some(token),
            Level::Leader | Level::Linearizable => None,
        };
        let asked = match token {
            Some(token) => match self.has_seen(token) {
                Seen::Lost if level != Level::Local => Asked::Wait(token, 0, level),
                // What a failover took from this process is nothing to wait for.
                Seen::Yes | Seen::Lost if self.shows_too_much(level) => {
                    let mut pending = pending(asked_of_leader(level));
                    pending.command = request_bytes(&mut self.scratch, request);
                    return self.read_when_committed(cx, query, pending);
                }
                Seen::Yes | Seen::Lost if self.is_readable() => {
                    let reply = self.read_here(cx, query);
                    let mut pending = pending(Asked::Read(level));
                    return self.answer_read(cx, &mut pending, reply);
                }
                _ => Asked::Wait(token, cx.now.boot_us + ms(self.config.session_wait_ms), level),
            },
            None => asked_of_leader(level),
        };
        let mut pending = pending(asked);
        pending.command = request_bytes(&mut self.scratch, request);
        let seq = self.calls.number(false);
        self.calls.add(seq, pending);
        match asked {
            Asked::Wait(_, 0, _) => self.fail_call(cx, seq, Failure::SessionLost),
            Asked::Wait(..) => drop(self.calls.waiting.insert(seq)),
            _ => drop(self.calls.unsent.insert(seq)),
        }
    }

    /// Whether what is executed here is more than a read at this level may see: a leader executes before it commits.
    fn shows_too_much(&self, level: Level) -> bool {
        let promised = level != Level::Local || self.config.committed_reads;
        promised && matches!(self.part, Part::Leading(_)) && self.hw < self.log.leo()
    }

    /// A session never goes back, so at the leader, too, it sees only what is committed: the reply waits for that.
    fn read_when_committed<S: Store>(&mut self, cx: &mut Cx<'_, S>, query: &Query<'_>, mut pending: Pending) {
        let (since, offset) = (cx.now.boot_us, self.log.leo());
        let reply = self.read_here(cx, query);
        pending.sends = 1;
        let seq = self.calls.number(false);
        self.calls.add(seq, pending);
        let origin = Origin::Local(seq);
        match (&mut self.part, reply) {
            (Part::Leading(lead), Ok(reply)) => {
                lead.waits.push_back(Wait { offset, origin, reply, copies: 0, since });
            }
            (_, reply) => self.hold(cx, origin, reply, Proof::Change),
        }
    }

    fn answer_read<S: Store>(
        &mut self,
        cx: &mut Cx<'_, S>,
        pending: &mut Pending,
        reply: Result<Reply, jcache_core::Error>,
    ) {
        let Some(call) = pending.call else { return };
        let token = Token { epoch: self.log.epochs.last(), offset: self.applied };
        let result = reply.map(|reply| Answer { reply, token }).map_err(Failure::Command);
        cx.out.push(Action::Answer { call, result });
    }

    /// The newest write of this process that was answered.
    pub(in super::super) fn own_token(&self) -> Token {
        self.calls.own
    }

    /// Whether a failover lost what the token stands for.
    pub(in super::super) fn is_lost(&self, token: Token) -> bool {
        matches!(self.has_seen(token), Seen::Lost)
    }

    /// Whether what is executed here includes the token's write; or cannot, because a failover lost it.
    fn has_seen(&self, token: Token) -> Seen {
        if self.log.epochs.is_lost(token.epoch, token.offset) {
            return Seen::Lost;
        }
        // In an epoch of which nothing is here yet, the same offset may be another write.
        let known = token.epoch <= self.log.epochs.last();
        if known && self.applied >= token.offset { Seen::Yes } else { Seen::NotYet }
    }

    /// Whether what is executed here includes what this process's answered writes left, where that is promised. What a
    /// failover took from this process is nothing to wait for.
    pub(in super::super) fn has_own_writes(&self) -> bool {
        !self.config.read_your_writes || !matches!(self.has_seen(self.calls.own), Seen::NotYet)
    }

    /// More is executed here: reads that waited for it are answered.
    pub(in super::super) fn calls_applied<S: Store>(&mut self, cx: &mut Cx<'_, S>) {
        if self.calls.waiting.is_empty() || !self.is_readable() {
            return;
        }
        for seq in self.calls.waiting.clone() {
            let Some(Pending { work: Asked::Wait(token, _, level), .. }) = self.calls.pending.get(&seq) else {
                continue;
            };
            match self.has_seen(*token) {
                Seen::NotYet => {}
                Seen::Lost if *level != Level::Local => self.fail_call(cx, seq, Failure::SessionLost),
                Seen::Yes | Seen::Lost => {
                    let (shows_too_much, asked) = (self.shows_too_much(*level), asked_of_leader(*level));
                    let Some(mut pending) = self.calls.remove(seq) else { continue };
                    let command = pending.command.clone();
                    let args = read_open_command(&command).expect("invariant: written by this process");
                    let query = Query::parse(&args).expect("invariant: it was parsed before");
                    if shows_too_much {
                        // It came before this process led.
                        pending.work = asked;
                        self.read_when_committed(cx, &query, pending);
                        continue;
                    }
                    let reply = self.read_here(cx, &query);
                    self.answer_read(cx, &mut pending, reply);
                }
            }
        }
    }
}

/// What the leader is asked when a read at `level` cannot be answered where it is: a session is still to be told when what
/// it has seen is lost.
pub(super) fn asked_of_leader(level: Level) -> Asked {
    Asked::Read(if level == Level::Local { Level::Leader } else { level })
}
