//! A connection: reads commands, has them carried out in order, writes the replies.
//!
//! The task is a loop around one function, [`Connection::turn`], that never waits in between: it reads once, carries out
//! every whole command that answers at once, and writes the replies with one call. Only a command that has to wait
//! leaves it: with others of its batch ([`train`](crate::train)), or by itself ([`waiting`](crate::waiting)). So an
//! ordinary command costs no future, no timer and no allocation here; what takes time (idle clients, limits over time) is
//! looked after from outside, once a second.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use jcache_core::Request;
use jcache_resp::{Limits as WireLimits, ProtocolError, RequestDecoder};

use crate::accept::Registered;
use crate::backend::Backend;
use crate::client::{Reason, add};
use crate::command::{self, Command, Kind};
use crate::session::{Session, Verdict};
use crate::stopwatch::Stopwatch;
use crate::stream::Stream;
use crate::train::Train;
use crate::waiting::Pending;
use crate::wire::{End, Wire};

/// Commands that a connection carries out before others get their turn.
const TURN: u64 = 1024;
/// Bytes of replies that may wait before a client's further commands do.
const HIGH_WATER: usize = 1 << 20;
/// How long a connection may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// What the function that never waits leaves to be done.
enum Turn {
    /// A command has to wait.
    Wait(Box<Pending>),
    /// Others get their turn.
    Yield,
    End(End),
}

/// How a batch ended.
enum Batch {
    /// There is no more whole command.
    Empty,
    /// Enough for one turn.
    Full,
    Wait(Box<Pending>),
}

pub(crate) struct Connection<B> {
    pub(crate) backend: B,
    pub(crate) wire: Wire,
}

impl<B: Backend> Connection<B> {
    pub(crate) fn new(backend: B, registered: Registered, stream: Stream) -> Self {
        let Registered { shared, client } = &registered;
        let mut limits = WireLimits::default();
        {
            let ours = shared.settings.limits.read();
            (limits.bulk, limits.query) = (ours.argument, ours.query);
        }
        let session = Session::new(shared.clone(), client.clone());
        client.figures.buffers.begin(size_of::<Self>());
        let mut decoder = RequestDecoder::new(limits);
        decoder.restrict(session.user.is_none());
        let wire = Wire {
            stream,
            decoder,
            session,
            is_closing: false,
            is_deaf: false,
            query_limit: limits.query,
            _registered: registered,
        };
        Self { backend, wire }
    }

    /// Serves the client until one of the two ends it.
    pub(crate) async fn run(mut self) {
        let end = loop {
            match std::future::poll_fn(|task| self.turn(task)).await {
                // In a box, so that connections that wait for nothing need no room for it.
                Turn::Wait(pending) => match Box::pin(self.carry_out(pending)).await {
                    Ok(()) => {}
                    Err(end) => break end,
                },
                Turn::Yield => tokio::task::yield_now().await,
                Turn::End(end) => break end,
            }
        };
        self.finish(end).await;
    }

    /// Does all that can be done without waiting.
    fn turn(&mut self, task: &mut Context<'_>) -> Poll<Turn> {
        let worked = self.work(task);
        self.wire.session.client.figures.buffers.read(&self.wire.decoder);
        match worked {
            Poll::Ready(Ok(turn)) => Poll::Ready(turn),
            Poll::Ready(Err(end)) => Poll::Ready(Turn::End(end)),
            Poll::Pending => Poll::Pending,
        }
    }

    #[inline]
    fn work(&mut self, task: &mut Context<'_>) -> Poll<Result<Turn, End>> {
        self.wire.heed(task)?;
        // Of the last turn.
        let mut has_input = self.wire.decoder.is_midway();
        loop {
            let is_full = has_input
                && match self.batch() {
                    Batch::Empty => false,
                    Batch::Full => true,
                    Batch::Wait(pending) => return Poll::Ready(Ok(Turn::Wait(pending))),
                };
            match self.wire.write(task)? {
                // The client does not read: its commands wait, and nothing more of it is read.
                Poll::Pending if self.wire.session.out.len() >= HIGH_WATER => return Poll::Pending,
                _ if is_full => return Poll::Ready(Ok(Turn::Yield)),
                Poll::Pending if self.wire.is_closing => return Poll::Pending,
                Poll::Ready(()) if self.wire.is_closing => return Poll::Ready(Err(End::Done)),
                _ => {}
            }
            match self.wire.read(task)? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(0) => self.wire.is_closing = true,
                Poll::Ready(_) => {}
            }
            has_input = true;
        }
    }

    /// Carries out what has arrived whole.
    fn batch(&mut self) -> Batch {
        let Self { backend, wire: Wire { decoder, session, is_closing, is_deaf, .. } } = self;
        if *is_deaf {
            return Batch::Empty;
        }
        let mut tally = Tally::default();
        let mut stopwatch = Stopwatch::start(&session.shared.settings);
        // What is under way when the batch ends is waited for then.
        let mut train = Train::default();
        let outcome = loop {
            if tally.commands >= TURN || session.out.len() + train.bytes() >= HIGH_WATER {
                break Batch::Full;
            }
            let args = match decoder.next() {
                Ok(Some(args)) => args,
                Ok(None) => break Batch::Empty,
                Err(error) => {
                    refuse(session, &error);
                    (*is_closing, *is_deaf) = (true, true);
                    break Batch::Empty;
                }
            };
            tally.commands += 1;
            stopwatch.begin(session);
            let (command, known) = match command::find(&args[0]) {
                Some(command)
                    if let Kind::Data(known) = command.kind
                        && session.is_plain
                        && !session.shared.pause.is_on() =>
                {
                    (command, known)
                }
                _ if !train.is_empty() => break Batch::Wait(Pending::anew(&args)),
                _ => match session.consider(&args) {
                    Verdict::Data(command, known) => (command, known),
                    Verdict::Done => {
                        stopwatch.lap(session, &args);
                        drop(args);
                        decoder.restrict(session.user.is_none());
                        continue;
                    }
                    Verdict::Close => {
                        (*is_closing, *is_deaf) = (true, true);
                        break Batch::Empty;
                    }
                    Verdict::Work(work) => break Batch::Wait(Pending::work(&args, work)),
                    Verdict::Paused => break Batch::Wait(Pending::paused(&args)),
                },
            };
            let result = match known.parse(&args) {
                Ok(request) if train.is_empty() || train.lets_pass(&request) => {
                    if let Some(failed) = tell(backend, &request, session, &mut train) {
                        tally.count(session, command, failed);
                        stopwatch.lap(session, &args);
                        continue;
                    }
                    match backend.try_call(&request) {
                        Some(result) => result,
                        None if session.is_plain && train.take(&request, (command, known), &args, session) => continue,
                        None => break Batch::Wait(Pending::data(&args, command, known)),
                    }
                }
                Ok(_) => break Batch::Wait(Pending::anew(&args)),
                Err(error) => Err(error),
            };
            tally.count(session, command, result.is_err());
            if session.is_plain {
                train.output(&mut session.out).result(&result, session.protocol);
            } else {
                session.result(&result);
                session.after();
            }
            stopwatch.lap(session, &args);
        };
        tally.flush(session);
        if train.is_empty() {
            return outcome;
        }
        Batch::Wait(match outcome {
            Batch::Wait(pending) => pending.after(train),
            Batch::Empty | Batch::Full => Pending::train(train),
        })
    }

    /// Takes leave.
    async fn finish(mut self, end: End) {
        let session = &self.wire.session;
        let client = &session.client;
        client.close_mailbox();
        let (id, peer) = (client.id, &*client.peer);
        match end {
            End::Closed(reason @ (Reason::Output | Reason::Stalled)) => {
                session.shared.counts.output_limit.fetch_add(1, Ordering::Relaxed);
                let waiting = session.out.len();
                tracing::warn!(
                    client = id,
                    peer,
                    waiting,
                    ?reason,
                    "disconnected: the client does not read its output"
                );
            }
            End::Closed(reason) => tracing::info!(client = id, peer, ?reason, "disconnected"),
            End::Gone | End::Done => tracing::debug!(client = id, peer, ?end, "disconnected"),
        }
        if end == End::Done {
            let goodbye = std::future::poll_fn(|task| match self.wire.write(task) {
                Ok(Poll::Pending) => Poll::Pending,
                _ => self.wire.stream.poll_shutdown(task).map(drop),
            });
            // Whether it was heard does not matter.
            let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        }
    }
}

/// Lets the backend write the answer to a query of many elements itself, where it can; says whether it is an error.
#[inline]
fn tell<B: Backend>(backend: &B, request: &Request<'_>, session: &mut Session, train: &mut Train) -> Option<bool> {
    let Request::Query(query) = request else { return None };
    if !session.is_plain || !query.tells() {
        return None;
    }
    let out = train.output(&mut session.out);
    let told = backend.try_tell(query, &mut out.told(session.protocol))?;
    if let Err(error) = &told {
        out.error(error);
    }
    Some(told.is_err())
}

/// Answers what is not the protocol.
#[cold]
fn refuse(session: &mut Session, error: &ProtocolError) {
    session.shared.counts.protocol_errors.fetch_add(1, Ordering::Relaxed);
    tracing::warn!(client = session.client.id, peer = session.client.peer, %error, "disconnected: broken input");
    if let Some(error) = error.reply() {
        session.fail(&error);
    }
}

/// Counts commands of a batch, and tells others when another command comes or the batch ends.
#[derive(Default)]
struct Tally {
    /// All commands, those of the server included.
    commands: u64,
    failed: u64,
    /// The command of the last calls that were not told yet, how many they were, and how many of them failed.
    last: Option<&'static Command>,
    calls: u64,
    failed_calls: u64,
}

impl Tally {
    #[inline]
    fn count(&mut self, session: &Session, command: &'static Command, failed: bool) {
        if self.last.is_none_or(|last| last.place != command.place) {
            self.tell(session);
            self.last = Some(command);
        }
        self.calls += 1;
        if failed {
            self.failed_calls += 1;
            // Where the session is not plain it has counted the failure itself.
            self.failed += u64::from(session.is_plain);
        }
    }

    fn tell(&mut self, session: &Session) {
        if let Some(command) = self.last.take() {
            session.count(command, self.calls, self.failed_calls);
            (self.calls, self.failed_calls) = (0, 0);
        }
    }

    fn flush(&mut self, session: &Session) {
        self.tell(session);
        add(&session.client.figures.commands, self.commands);
        add(&session.client.figures.failed, self.failed);
    }
}
