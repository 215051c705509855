//! One client's side of the talk: who they are, what they have begun, and what they are told.
//!
//! A session knows nothing of sockets and of the backend. It decides whether a command may be carried out now, carries
//! out those of the server, and says what is left to do for the others.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jcache_core::command::Known;
use jcache_core::{Arg, Error, ErrorKind, Reply, Result, Value, Watch};
use jcache_resp::{Arguments, Output, Protocol};

use crate::channels;
use crate::client::{Client, add};
use crate::command::{self, Command, Flags, Kind, Step, Work};
use crate::shared::Shared;
use crate::users;

/// Channels, patterns and shard channels that one client may be subscribed to.
pub(crate) const SUBSCRIPTIONS_MAX: usize = 1 << 20;
/// Keys that one client may watch.
pub(crate) const WATCHED_MAX: usize = 1 << 20;

pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Arc<Client>,
    /// What the client is to be sent.
    pub(crate) out: Output,
    pub(crate) protocol: Protocol,
    /// Whether ordinary commands need no second look: the client is let in, in no transaction, no subscriber, and wants
    /// its replies.
    pub(crate) is_plain: bool,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) queue: Option<Box<Queue>>,
    pub(crate) watch: Watch,
    pub(crate) subscriptions: Option<Box<[HashSet<Value>; 3]>>,
    pub(crate) replies: Replies,
    /// Commands so far, for those of them that are measured.
    pub(crate) measured: u32,
}

/// Whether the client wants replies (`CLIENT REPLY`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replies {
    On,
    Off,
    /// Not to this command, nor to the next.
    SkipNext,
    /// Not to this command.
    Skip,
}

/// What was queued since `MULTI`.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) commands: Vec<(&'static Command, Arguments<'static>)>,
    pub(crate) bytes: usize,
    /// A command was refused: `EXEC` will be.
    pub(crate) is_spoilt: bool,
}

/// What is left to do with a command.
pub(crate) enum Verdict {
    /// Nothing.
    Done,
    /// The backend is to carry it out.
    Data(&'static Command, Known),
    /// This work is to be done.
    Work(Work),
    /// It has to wait until a pause is over.
    Paused,
    /// The connection is to be closed when the replies are written.
    Close,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, client: Arc<Client>) -> Self {
        let mut session = Self {
            shared,
            client,
            out: Output::new(),
            protocol: Protocol::Resp2,
            is_plain: false,
            user: None,
            queue: None,
            watch: Watch::new(),
            subscriptions: None,
            replies: Replies::On,
            measured: 0,
        };
        if session.shared.users.are_open() {
            session.let_in(users::DEFAULT.into());
        }
        session.settle();
        session
    }

    /// The client has shown who they are.
    pub(crate) fn let_in(&mut self, user: Arc<str>) {
        self.client.facts.lock().user = Some(user.clone());
        self.user = Some(user);
    }

    /// To be called when something changed that decides over ordinary commands.
    pub(crate) fn settle(&mut self) {
        self.is_plain = self.user.is_some()
            && self.queue.is_none()
            && self.replies == Replies::On
            && !(self.protocol == Protocol::Resp2 && self.is_subscribed());
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscriptions.as_ref().is_some_and(|names| names.iter().any(|names| !names.is_empty()))
    }

    /// Whether replies are kept from the client.
    fn is_mute(&self) -> bool {
        self.replies != Replies::On
    }

    /// Tells the client.
    pub(crate) fn reply(&mut self, reply: &Reply) {
        if !self.is_mute() {
            self.out.reply(reply, self.protocol);
        }
    }

    /// Tells the client what went wrong.
    pub(crate) fn fail(&mut self, error: &Error) {
        add(&self.client.figures.failed, 1);
        if !self.is_mute() {
            self.out.error(error);
        }
    }

    pub(crate) fn result(&mut self, result: &Result<Reply>) {
        match result {
            Ok(reply) => self.reply(reply),
            Err(error) => self.fail(error),
        }
    }

    /// Tells the client how many replies follow as parts of one.
    pub(crate) fn array(&mut self, len: usize) {
        if !self.is_mute() {
            self.out.array(len);
        }
    }

    /// Decides over a command, and carries it out when that needs no backend.
    pub(crate) fn consider(&mut self, args: &Arguments<'_>) -> Verdict {
        let command = match command::resolve(args).and_then(|command| self.admit(command).map(|()| command)) {
            Ok(command) => command,
            Err(_) if is_of_a_browser(&args[0]) => {
                tracing::warn!(client = self.client.id, peer = self.client.peer, "disconnected: it speaks HTTP");
                return Verdict::Close;
            }
            Err(error) => {
                if let Some(queue) = &mut self.queue {
                    queue.is_spoilt = true;
                }
                self.fail(&error);
                self.after();
                return Verdict::Done;
            }
        };
        if self.shared.pause.stops(self.writes(command)) {
            return Verdict::Paused;
        }
        if self.queue.is_some() && !command.flags().has(Flags::NOW) {
            self.enqueue(command, args);
            self.after();
            return Verdict::Done;
        }
        match command.kind {
            Kind::Data(known) => Verdict::Data(command, known),
            Kind::Own(_) | Kind::Container(..) => {
                self.count(command, 1, 0);
                let verdict = self.carry_out(command, args);
                if !matches!(verdict, Verdict::Work(..)) {
                    self.after();
                }
                verdict
            }
        }
    }

    /// Whether a command waits while writes are paused.
    fn writes(&self, command: &Command) -> bool {
        let data_writes = |command: &Command| match command.kind {
            Kind::Data(known) => known.spec().class != jcache_core::command::Class::Query,
            _ => false,
        };
        data_writes(command)
            || (command.flags().has(Flags::RUNS_QUEUE)
                && self.queue.as_ref().is_some_and(|queue| queue.commands.iter().any(|(it, _)| data_writes(it))))
    }

    /// Whether the client may send the command as things are.
    fn admit(&self, command: &Command) -> Result<()> {
        let flags = command.flags();
        if self.user.is_none() && !flags.has(Flags::NO_AUTH) {
            return Err(Error::new(ErrorKind::Auth, "NOAUTH Authentication required."));
        }
        if self.queue.is_some() && flags.has(Flags::NO_MULTI) {
            return Err(Error::invalid("ERR Command not allowed inside a transaction"));
        }
        if self.protocol == Protocol::Resp2 && self.is_subscribed() && !flags.has(Flags::SUBSCRIBER) {
            return Err(Error::invalid(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                command.name
            )));
        }
        Ok(())
    }

    fn enqueue(&mut self, command: &'static Command, args: &Arguments<'_>) {
        let most = self.shared.settings.limits.read().query;
        let Some(queue) = &mut self.queue else { return };
        let bytes: usize = args.iter().map(|arg| arg.len() + size_of::<Arg<'_>>()).sum();
        if queue.bytes + bytes > most {
            queue.is_spoilt = true;
            let text = format!("ERR the transaction is larger than {most} bytes");
            return self.fail(&Error::new(ErrorKind::TooLarge, text));
        }
        queue.bytes += bytes;
        queue.commands.push((command, args.to_static()));
        {
            let mut facts = self.client.facts.lock();
            let places = queue.commands.capacity() * size_of::<(&Command, Arguments<'_>)>();
            (facts.queued, facts.queued_bytes) = (Some(queue.commands.len()), queue.bytes + places);
        }
        self.reply(&Reply::Status("QUEUED".into()));
    }

    /// Carries out a command of the server.
    pub(crate) fn carry_out(&mut self, command: &'static Command, args: &[Arg<'_>]) -> Verdict {
        let (Kind::Own(row) | Kind::Container(row, _)) = command.kind else { return Verdict::Done };
        match (row.run)(self, args) {
            Ok(Step::Reply(reply)) => self.reply(&reply),
            Ok(Step::Written) => {}
            Ok(Step::Close(reply)) => {
                if let Some(reply) = reply {
                    self.reply(&reply);
                }
                return Verdict::Close;
            }
            Ok(Step::Then(work)) => return Verdict::Work(work),
            Err(error) => self.fail(&error),
        }
        Verdict::Done
    }

    /// A command is done.
    pub(crate) fn after(&mut self) {
        self.replies = match self.replies {
            Replies::SkipNext => Replies::Skip,
            Replies::Skip => Replies::On,
            other => other,
        };
        self.settle();
    }

    /// Counts calls of a command.
    #[inline]
    pub(crate) fn count(&self, command: &Command, calls: u64, failed: u64) {
        self.client.figures.last_command.store(command.place, Ordering::Relaxed);
        self.shared.calls.add(command.place, calls, failed);
    }

    /// Forgets the transaction and what was watched for it.
    pub(crate) fn forget_transaction(&mut self) {
        self.queue = None;
        self.watch = Watch::new();
        let mut facts = self.client.facts.lock();
        (facts.queued, facts.queued_bytes, facts.watched) = (None, 0, 0);
    }

    /// The messages that have come go to the client.
    pub(crate) fn take_mail(&mut self) {
        for message in self.client.take_mail() {
            self.out.raw(&message);
        }
    }

    /// Ends all subscriptions without a word.
    pub(crate) fn forget_subscriptions(&mut self) {
        let Some(names) = self.subscriptions.take() else { return };
        for (kind, names) in channels::Kind::ALL.into_iter().zip(names.iter()) {
            for name in names {
                self.shared.channels.unsubscribe(kind, name, &self.client);
            }
            self.client.figures.subscriptions[kind as usize].store(0, Ordering::Relaxed);
        }
    }
}

/// Whether a browser was talked into sending us this, as a way around what keeps others from us. What follows such a
/// line must not be taken for commands.
fn is_of_a_browser(name: &Arg<'_>) -> bool {
    name.is_word("POST") || name.is_word("Host:")
}
