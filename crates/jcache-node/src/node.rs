//! A node: a server over a cache, as the settings say.
//!
//! - [`timed`] and [`sampled`] measure what levels and commands take;
//! - [`live`] is what `CONFIG` shows and changes;
//! - [`info`] is what `INFO` tells of the cache, [`crate::metrics`] the same for Prometheus.

pub(crate) mod info;
mod live;
mod sampled;
pub(crate) mod timed;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jcache_server::{Handle, Limits, Listener, Server, Tls, User};
use tokio::task::JoinSet;

use crate::config::Loaded;
use crate::config::kind::{Address, AuthClients, Number};
use crate::histogram::Histogram;
use crate::levels::Built;
use crate::logs::Logs;
use info::About;
use sampled::Sampled;

/// A node that serves.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) view: View,
    /// Where it listens, as clients write it.
    pub(crate) addresses: Vec<String>,
    serving: JoinSet<io::Result<()>>,
    /// How long stopping may take.
    drain: Duration,
}

/// What can be seen of a node.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) built: Built,
    pub(crate) handle: Handle,
    /// How long commands took, a sample of them.
    pub(crate) commands: Arc<Histogram>,
}

/// Why a node does not start.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Somebody else listens there.
    InUse(String),
    /// Anything else.
    Other(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::InUse(address) => write!(
                f,
                "cannot listen on {address}: it is in use; another node, or a Redis, may be running there \
                 (--listen HOST:PORT is for another address)"
            ),
            Refusal::Other(text) => f.write_str(text),
        }
    }
}

impl Node {
    /// Starts a node: when this returns, clients can connect.
    ///
    /// # Errors
    /// Addresses, sockets and certificates that cannot be used.
    pub(crate) async fn start(loaded: &Loaded, built: Built, logs: Option<Logs>) -> Result<Self, Refusal> {
        let listeners = listeners(loaded).await?;
        let server = server(loaded, built, logs).map_err(|error| Refusal::Other(error.to_string()))?;
        let addresses = listeners.iter().map(Listener::address).collect();
        let mut serving = JoinSet::new();
        for listener in listeners {
            let server = server.0.clone();
            serving.spawn(async move { server.serve(listener).await });
        }
        Ok(Self { view: server.1, addresses, serving, drain: loaded.config.shutdown_timeout.0 })
    }

    /// Waits until the node is asked to stop, by a client's `SHUTDOWN`, or fails.
    ///
    /// # Errors
    /// A listener that failed.
    pub(crate) async fn ends(&mut self) -> io::Result<()> {
        tokio::select! {
            () = self.view.handle.stopping() => Ok(()),
            Some(ended) = self.serving.join_next() => ended.map_err(io::Error::other).flatten(),
        }
    }

    /// Stops: replies to what was read are still written. Says whether all clients got them in time.
    pub(crate) async fn stop(mut self) -> bool {
        self.view.handle.stop();
        // The server keeps to its time by itself; this is for a clock that somebody holds.
        let slack = Duration::from_secs(1);
        tokio::time::timeout(self.drain + slack, async { while self.serving.join_next().await.is_some() {} })
            .await
            .is_ok()
    }
}

fn server(loaded: &Loaded, built: Built, logs: Option<Logs>) -> jcache::Result<(Server<Sampled>, View)> {
    let config = &loaded.config;
    let backend = Sampled::new(built.cache.clone());
    let commands = backend.commands();
    let about = About::new(built.clone());
    let counted = about.clone();
    let mut builder = Server::builder(backend)
        .limits(limits(loaded))
        .protected_mode(config.protected_mode)
        .threads(threads(config.threads))
        .info(move || about.sections())
        .on_reset(move || counted.reset());
    if let Some(password) = &config.requirepass {
        builder = builder.password(&password.0);
    }
    for user in &config.user {
        builder = builder.user(User::new(&user.name).password(&user.password.0));
    }
    if let Some(file) = loaded.file.clone() {
        builder = builder.rewrite(move |settings| crate::config::rewrite::rewrite(&file, settings));
    }
    for parameter in live::parameters(loaded, logs, &built) {
        builder = builder.parameter(parameter);
    }
    let server = builder.build()?;
    let handle = server.handle();
    Ok((server, View { built, handle, commands }))
}

fn limits(loaded: &Loaded) -> Limits {
    let config = &loaded.config;
    let some = |time: Duration| Some(time).filter(|time| !time.is_zero());
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.clients = config.maxclients.0 as usize;
    limits.idle = some(config.timeout.0);
    limits.keepalive = some(config.tcp_keepalive.0);
    limits.query = bytes(config.query_limit.0);
    limits.argument = bytes(config.proto_max_bulk_len.0);
    limits.output = config.output_limits.normal;
    limits.subscriber_output = config.output_limits.pubsub;
    limits.drain = config.shutdown_timeout.0;
    limits.slow = u64::try_from(config.slowlog_slower.0).ok().map(Duration::from_micros);
    limits.slow_entries = config.slowlog_max.0 as usize;
    limits
}

fn threads(Number(threads): Number<0, 1024>) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some as usize,
    }
}

async fn listeners(loaded: &Loaded) -> Result<Vec<Listener>, Refusal> {
    let config = &loaded.config;
    let mut listeners = Vec::new();
    for address in &config.listen {
        listeners.push(tcp(address).await?);
    }
    for address in &config.tls_listen {
        let listener = tcp(address).await?;
        listeners.push(listener.tls(tls(loaded)).map_err(|error| Refusal::Other(error.to_string()))?);
    }
    if let Some(path) = &config.unixsocket {
        let listener = Listener::unix(path, config.unixsocketperm.map(|it| it.0));
        listeners.push(listener.map_err(|error| refused(&path.display().to_string(), &error))?);
    }
    Ok(listeners)
}

async fn tcp(address: &Address) -> Result<Listener, Refusal> {
    let address = address.to_string();
    Listener::tcp(&address).await.map_err(|error| refused(&address, &error))
}

fn refused(address: &str, error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::AddrInUse => Refusal::InUse(address.to_owned()),
        _ => Refusal::Other(format!("cannot listen on {address}: {error}")),
    }
}

fn tls(loaded: &Loaded) -> Tls {
    let config = &loaded.config;
    let file = |path: &Option<std::path::PathBuf>| path.clone().expect("the settings were checked");
    let tls = Tls::new(file(&config.tls_cert_file), file(&config.tls_key_file));
    match config.tls_auth_clients {
        AuthClients::No => tls,
        AuthClients::Optional => tls.client_ca(file(&config.tls_ca_cert_file)).optional(),
        AuthClients::Yes => tls.client_ca(file(&config.tls_ca_cert_file)),
    }
}
