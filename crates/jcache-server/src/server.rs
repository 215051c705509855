//! The server: settings, a backend, and the connections of its listeners.

use std::fmt;
use std::io;
use std::sync::Arc;

use jcache_core::command::key::DbSize;
use jcache_core::{Error, ErrorKind, Reply, Request, Result};

use crate::accept::accept;
use crate::backend::Backend;
use crate::command::info;
use crate::listener::Listener;
use crate::settings::{Embedder, InfoSource, Limits, Parameter, Reset, Rewrite};
use crate::shared::{Settings, Shared};
use crate::status::{Section, Slow, Status};
use crate::users::{User, Users};
use crate::workers::Workers;

/// A Redis-protocol server over a [`Backend`]. Clones are the same server.
#[derive(Clone)]
pub struct Server<B> {
    backend: B,
    shared: Arc<Shared>,
    workers: Option<Arc<Workers>>,
}

impl<B> fmt::Debug for Server<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("shared", &self.shared).finish_non_exhaustive()
    }
}

impl<B: Backend> Server<B> {
    /// Settings for a server.
    pub fn builder(backend: B) -> Builder<B> {
        Builder {
            backend,
            limits: Limits::default(),
            users: Vec::new(),
            protected: true,
            threads: 0,
            parameters: Vec::new(),
            info: Vec::new(),
            rewrite: None,
            resets: Vec::new(),
        }
    }

    /// A handle to stop the server and to look at it.
    pub fn handle(&self) -> Handle {
        Handle { shared: self.shared.clone() }
    }

    /// Serves the clients of `listener` until the server is stopped, and every connection is closed then. May be called
    /// several times, for several listeners. Connections run on the current tokio runtime, or on the server's own
    /// threads when [`Builder::threads`] asks for them.
    ///
    /// # Errors
    /// When the listener must not be served: in protected mode, other machines, without a password.
    pub async fn serve(&self, listener: impl Into<Listener>) -> io::Result<()> {
        let listener = listener.into();
        let address = listener.address();
        let is_far = listener.tcp_address().is_some_and(|it| !it.ip().to_canonical().is_loopback());
        if is_far && self.shared.is_protected() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "protected mode: {address} can be reached by other machines, and no password is set; set one, \
                     listen on a loopback address, or switch protected mode off"
                ),
            ));
        }
        self.shared.addresses.lock().push(address.clone());
        tracing::info!(address, "serving");
        accept(&self.backend, &self.shared, self.workers.as_deref(), listener).await?;
        self.shared.drain().await;
        tracing::info!(address, "stopped");
        Ok(())
    }
}

/// Settings of a [`Server`].
#[derive(Clone)]
#[must_use]
pub struct Builder<B> {
    backend: B,
    limits: Limits,
    users: Vec<User>,
    protected: bool,
    threads: usize,
    parameters: Vec<Parameter>,
    info: Vec<InfoSource>,
    rewrite: Option<Rewrite>,
    resets: Vec<Reset>,
}

impl<B> fmt::Debug for Builder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Builder");
        out.field("limits", &self.limits).field("users", &self.users).field("protected", &self.protected);
        out.field("threads", &self.threads).field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl<B: Backend> Builder<B> {
    /// Bounds on what clients may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Asks every client for this password, the one of the user `default` (`requirepass`).
    pub fn password(self, password: impl AsRef<[u8]>) -> Self {
        self.user(User::new("default").password(password))
    }

    /// Adds a user. As long as `default` has no password, clients need not say who they are.
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Whether to refuse, as Redis does by default, to serve other machines as long as there is no password.
    pub fn protected_mode(mut self, on: bool) -> Self {
        self.protected = on;
        self
    }

    /// Serves connections on this many threads of the server's own, each with an event loop for itself, instead of the
    /// runtime that calls [`Server::serve`]: what a process does that is nothing but a server.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Adds to what `INFO` tells: sections of its own, or more fields for those that are there. Called at each `INFO`.
    pub fn info(mut self, more: impl Fn() -> Vec<Section> + Send + Sync + 'static) -> Self {
        self.info.push(Arc::new(more));
        self
    }

    /// Adds a parameter to `CONFIG GET` and `CONFIG SET`; one of the server's own names takes its place.
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// Lets `CONFIG REWRITE` write the settings to where they came from: `write` is given what `CONFIG GET *` tells, and
    /// says what went wrong. Without it, as with a Redis without a file, that is an error.
    pub fn rewrite(
        mut self,
        write: impl Fn(&[(String, String)]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.rewrite = Some(Arc::new(write));
        self
    }

    /// Calls `reset` when a client says `CONFIG RESETSTAT`: for counters of its own in [`Builder::info`].
    pub fn on_reset(mut self, reset: impl Fn() + Send + Sync + 'static) -> Self {
        self.resets.push(Arc::new(reset));
        self
    }

    /// The server.
    ///
    /// # Errors
    /// Configuration, for settings that leave nothing to serve, and when threads cannot be started.
    pub fn build(self) -> Result<Server<B>> {
        let Self { backend, limits, users, protected, threads, parameters, mut info, rewrite, resets } = self;
        let wrong = |text: String| Err(Error::new(ErrorKind::Configuration, text));
        if limits.clients == 0 {
            return wrong("no client may connect: the limit of clients is 0".into());
        }
        if limits.query < limits.argument {
            let (query, argument) = (limits.query, limits.argument);
            return wrong(format!("a command may have {query} bytes, but an argument of it {argument}"));
        }
        let (of_backend, keyspace) = (backend.clone(), backend.clone());
        info.insert(0, Arc::new(move || of_backend.info()));
        info.push(Arc::new(move || vec![count_keys(&keyspace)]));
        let embedder = Embedder { parameters, info, rewrite, resets };
        let shared = Shared::new(Settings::new(limits, protected), Users::new(users), embedder);
        let workers = match threads {
            0 => None,
            threads => match Workers::start(threads) {
                Ok(workers) => Some(Arc::new(workers)),
                Err(error) => return wrong(format!("cannot start {threads} threads: {error}")),
            },
        };
        Ok(Server { backend, shared: Arc::new(shared), workers })
    }
}

/// The keys, when the backend knows without waiting; for one that does not tell itself, and then of no deadlines.
fn count_keys(backend: &impl Backend) -> Section {
    let section = Section::new("Keyspace");
    match backend.try_call(&Request::Query(DbSize {}.into())) {
        Some(Ok(Reply::Int(keys))) if keys > 0 => section.field("db0", format!("keys={keys},expires=0,avg_ttl=0")),
        _ => section,
    }
}

/// Stops a [`Server`], and looks at it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// Stops: no more connections are accepted; commands that were read are carried out, their replies written, and the
    /// connections closed, all within [`Limits::drain`]. Returns at once; [`Server::serve`] returns when it is done.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// Waits until somebody stops the server: by [`stop`](Handle::stop), or a client by `SHUTDOWN`.
    pub async fn stopping(&self) {
        self.shared.stopping().await;
    }

    /// Figures of the server as of now. O(connections).
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// The slow log, latest first.
    pub fn slow_log(&self) -> Vec<Slow> {
        self.shared.slow.entries(usize::MAX)
    }

    /// What `INFO` tells, all sections.
    pub fn info(&self) -> Vec<Section> {
        info::sections(&self.shared)
    }
}
