//! Commands that have to wait: those that a level far away answers, blocking ones, transactions, and all during a pause.
//!
//! Those of a [`Train`] are under way together; the others are awaited one at a time. Replies go out in order. Meanwhile
//! the connection stays awake: see [`Wire::attend`](crate::wire::Wire::attend).

use std::pin::pin;
use std::time::Instant;

use futures_util::StreamExt;
use jcache_core::command::Known;
use jcache_core::{Error, ErrorKind, Key, Reply, Request, Result};
use jcache_resp::Arguments;

use crate::backend::Backend;
use crate::command::{Command, Kind, Work};
use crate::connection::Connection;
use crate::session::{Queue, Verdict, WATCHED_MAX};
use crate::stopwatch;
use crate::train::{self, Train};
use crate::wire::{Attended, End};

/// What has to be waited for: commands under way together, then one that has to be alone.
pub(crate) struct Pending {
    train: Train,
    alone: Option<(Arguments<'static>, What)>,
}

/// What a command waits for that has to be alone.
enum What {
    Data(&'static Command, Known),
    Work(Work),
    /// Whatever was before it; then it is looked at as if it had just come.
    Anew,
    Paused,
}

impl Pending {
    /// A command that waits by itself.
    pub(crate) fn data(args: &Arguments<'_>, command: &'static Command, known: Known) -> Box<Self> {
        Self::alone(args, What::Data(command, known))
    }

    pub(crate) fn work(args: &Arguments<'_>, work: Work) -> Box<Self> {
        Self::alone(args, What::Work(work))
    }

    /// A command that waits for those before it.
    pub(crate) fn anew(args: &Arguments<'_>) -> Box<Self> {
        Self::alone(args, What::Anew)
    }

    pub(crate) fn paused(args: &Arguments<'_>) -> Box<Self> {
        Self::alone(args, What::Paused)
    }

    #[cold]
    fn alone(args: &Arguments<'_>, what: What) -> Box<Self> {
        Box::new(Self { train: Train::default(), alone: Some((args.to_static(), what)) })
    }

    /// Commands under way together, and nothing after them.
    pub(crate) fn train(train: Train) -> Box<Self> {
        Box::new(Self { train, alone: None })
    }

    /// The same, after `train`.
    pub(crate) fn after(mut self: Box<Self>, train: Train) -> Box<Self> {
        self.train = train;
        self
    }
}

/// A part of a transaction.
enum Part {
    /// The backend runs it.
    Data,
    /// Its arguments are wrong.
    Refused(Error),
    /// The server runs it.
    Own,
}

impl<B: Backend> Connection<B> {
    pub(crate) async fn carry_out(&mut self, pending: Box<Pending>) -> Result<(), End> {
        let Pending { train, alone } = *pending;
        if !train.is_empty() {
            self.run_train(train).await?;
        }
        let Some((args, what)) = alone else { return Ok(()) };
        let client = self.wire.session.client.clone();
        client.figures.buffers.begin_command(&args);
        let ended = self.run_alone(&args, what).await;
        client.figures.buffers.end_command();
        ended
    }

    /// Carries out one command by itself.
    async fn run_alone(&mut self, args: &Arguments<'static>, mut what: What) -> Result<(), End> {
        loop {
            match what {
                What::Data(command, known) => self.call(command, known, args).await?,
                What::Work(work) => {
                    let started = Instant::now();
                    match work {
                        Work::Watch => self.watch(args).await?,
                        Work::Execute => self.execute().await?,
                    }
                    stopwatch::measured(&self.wire.session, args, started.elapsed());
                }
                What::Paused | What::Anew => {
                    if let What::Paused = what {
                        let shared = self.wire.session.shared.clone();
                        self.wire.attend(shared.pause.over(), true).await?;
                    }
                    what = match self.wire.session.consider(args) {
                        Verdict::Done => return Ok(()),
                        Verdict::Data(command, known) => What::Data(command, known),
                        Verdict::Work(work) => What::Work(work),
                        Verdict::Paused => What::Paused,
                        Verdict::Close => {
                            (self.wire.is_closing, self.wire.is_deaf) = (true, true);
                            return Ok(());
                        }
                    };
                    continue;
                }
            }
            self.wire.session.after();
            return Ok(());
        }
    }

    /// Waits for the commands of a train, and writes their replies and those in between.
    async fn run_train(&mut self, train: Train) -> Result<(), End> {
        let started = Instant::now();
        let (cars, mut between, _permits) = train.into_parts();
        let mut answers = pin!(train::answers(&self.backend, &cars));
        for car in &cars {
            let answer = match self.wire.attend(answers.next(), false).await? {
                Attended::Done(Some(answer)) => answer,
                Attended::Done(None) | Attended::Unblocked { .. } => break,
            };
            let session = &mut self.wire.session;
            stopwatch::waited(session, &car.args, started.elapsed());
            session.count(car.command, 1, answer.is_err().into());
            session.out.take_from(&mut between, car.before);
            session.result(&answer);
        }
        let rest = between.len();
        self.wire.session.out.take_from(&mut between, rest);
        Ok(())
    }

    async fn call(&mut self, command: &'static Command, known: Known, args: &Arguments<'static>) -> Result<(), End> {
        let result = match known.parse(args) {
            Ok(request) => self.ask(&request, args).await?,
            Err(error) => Err(error),
        };
        let session = &mut self.wire.session;
        session.count(command, 1, result.is_err().into());
        session.result(&result);
        Ok(())
    }

    async fn ask(&mut self, request: &Request<'_>, args: &Arguments<'static>) -> Result<Result<Reply>, End> {
        let blocks = matches!(request, Request::Mutation(mutation) if mutation.blocking().is_some());
        let client = self.wire.session.client.clone();
        let started = Instant::now();
        if blocks {
            client.set_blocked(true);
        }
        let attended = self.wire.attend(self.backend.call(request), blocks).await;
        if blocks {
            client.set_blocked(false);
        } else {
            stopwatch::waited(&self.wire.session, args, started.elapsed());
        }
        Ok(match attended? {
            // The nil of a time that is over is that of a list, whatever the command answers otherwise.
            Attended::Done(Ok(reply)) if blocks && reply.is_nil() => Ok(Reply::NilArray),
            Attended::Done(result) => result,
            Attended::Unblocked { with_error: false } => Ok(Reply::NilArray),
            Attended::Unblocked { with_error: true } => {
                Err(Error::new(ErrorKind::Server, "UNBLOCKED client unblocked via CLIENT UNBLOCK"))
            }
        })
    }

    async fn watch(&mut self, args: &Arguments<'static>) -> Result<(), End> {
        let keys: Vec<Key<'_>> = args[1..].iter().map(|arg| Key(arg.borrow())).collect();
        let mut watch = std::mem::take(&mut self.wire.session.watch);
        let outcome = if watch.len() + keys.len() > WATCHED_MAX {
            Err(Error::invalid("ERR too many watched keys on this connection"))
        } else {
            match self.wire.attend(self.backend.watch(&keys, &mut watch), false).await? {
                Attended::Done(outcome) => outcome,
                Attended::Unblocked { .. } => Ok(()),
            }
        };
        let session = &mut self.wire.session;
        session.client.facts.lock().watched = watch.len();
        session.watch = watch;
        session.result(&outcome.map(|()| Reply::Ok));
        Ok(())
    }

    /// Carries out what was queued. What the backend is asked for it runs as one; commands of the server, which change
    /// no data, are run after that, and answer in their places.
    async fn execute(&mut self) -> Result<(), End> {
        let session = &mut self.wire.session;
        let Queue { commands, .. } = session.queue.take().map(|queue| *queue).unwrap_or_default();
        let watch = std::mem::take(&mut session.watch);
        session.forget_transaction();
        let mut requests = Vec::with_capacity(commands.len());
        let mut parts = Vec::with_capacity(commands.len());
        for (command, args) in &commands {
            parts.push(match command.kind {
                Kind::Data(known) => match known.parse(args) {
                    Ok(request) => {
                        requests.push(request);
                        Part::Data
                    }
                    Err(error) => Part::Refused(error),
                },
                Kind::Own(_) | Kind::Container(..) => Part::Own,
            });
        }
        let outcome = if requests.is_empty() && watch.is_empty() {
            Ok(Some(Vec::new()))
        } else {
            match self.wire.attend(self.backend.transact(&requests, watch), false).await? {
                Attended::Done(outcome) => outcome,
                Attended::Unblocked { .. } => Ok(None),
            }
        };
        let session = &mut self.wire.session;
        let mut replies = match outcome {
            Ok(Some(replies)) => replies.into_iter(),
            Ok(None) => {
                session.reply(&Reply::NilArray);
                return Ok(());
            }
            Err(error) => {
                session.fail(&error);
                return Ok(());
            }
        };
        session.array(parts.len());
        for (part, (command, args)) in parts.into_iter().zip(&commands) {
            let result = match part {
                Part::Data => replies.next().expect("invariant: a result for each request"),
                Part::Refused(error) => Err(error),
                Part::Own => {
                    session.count(command, 1, 0);
                    if let Verdict::Close = session.carry_out(command, args) {
                        (self.wire.is_closing, self.wire.is_deaf) = (true, true);
                    }
                    continue;
                }
            };
            session.count(command, 1, result.is_err().into());
            session.result(&result);
        }
        Ok(())
    }
}
