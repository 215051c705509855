//! From a listener to running connections: who is let in, and where each runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::backend::Backend;
use crate::client::{Client, signal};
use crate::connection::Connection;
use crate::listener::{Accepted, Listener};
use crate::shared::Shared;
use crate::stream::{Raw, Stream};
use crate::tls::Acceptor;
use crate::workers::Workers;

/// How long to let be when the system has no more descriptors.
const BREATHER: Duration = Duration::from_millis(100);
/// How often time is looked after.
const SWEEP: Duration = Duration::from_millis(500);

/// What Redis says to other machines that it does not trust.
const DENIED: &str = "-DENIED jcache is running in protected mode, because no password is set for the user 'default'. \
    In this mode connections are only accepted from this machine. To let others in, set a password (requirepass), \
    or switch protected mode off.\r\n";
const TOO_MANY: &str = "-ERR max number of clients reached\r\n";

/// Accepts connections until the server stops.
pub(crate) async fn accept<B: Backend>(
    backend: &B,
    shared: &Arc<Shared>,
    workers: Option<&Workers>,
    listener: Listener,
) -> io::Result<()> {
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shared.stopping() => return Ok(()),
            _ = sweep.tick() => shared.sweep(),
            accepted = listener.accept() => match accepted {
                Ok(accepted) => welcome(backend, shared, workers, accepted, listener.tls.clone()),
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections now");
                    tokio::time::sleep(BREATHER).await;
                }
            },
        }
    }
}

/// Whether it was the client that went away before it was accepted.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Lets a client in, or says why not.
fn welcome<B: Backend>(
    backend: &B,
    shared: &Arc<Shared>,
    workers: Option<&Workers>,
    accepted: Accepted,
    tls: Option<Acceptor>,
) {
    let Accepted { raw, peer, local, near } = accepted;
    shared.counts.connections.fetch_add(1, Ordering::Relaxed);
    let refuse = |raw: &Raw, text: &str| {
        shared.counts.rejected.fetch_add(1, Ordering::Relaxed);
        // Who speaks TLS would not understand; for the others one try must do.
        if tls.is_none() {
            raw.say(text.as_bytes());
        }
    };
    if !near && shared.is_protected() {
        tracing::warn!(peer, "refused: protected mode, and no password is set");
        return refuse(&raw, DENIED);
    }
    let (most, keepalive) = {
        let limits = shared.settings.limits.read();
        (limits.clients, limits.keepalive)
    };
    let kind = raw.kind();
    let Some(client) = shared.clients.add(most, |id| Client::new(id, kind, peer, local, shared.second())) else {
        tracing::warn!(most, "refused: too many clients");
        return refuse(&raw, TOO_MANY);
    };
    // Who stops the server signals those that are registered by then.
    if shared.is_stopping() {
        client.signal(signal::STOP);
    }
    if let Err(error) = raw.tune(keepalive) {
        tracing::debug!(client = client.id, %error, "cannot tune the socket");
    }
    tracing::debug!(client = client.id, peer = client.peer, "connected");
    let (backend, registered) = (backend.clone(), Registered { shared: shared.clone(), client });
    let serve = async move {
        match enter(raw, tls, &registered.shared).await {
            Ok(stream) => Connection::new(backend, registered, stream).run().await,
            Err(error) => {
                let client = &registered.client;
                tracing::warn!(client = client.id, peer = client.peer, %error, "the connection failed");
            }
        }
    };
    match workers {
        Some(workers) => workers.spawn(serve),
        None => drop(tokio::spawn(serve)),
    }
}

/// A client that is registered; dropped, also with the runtime that its task is on, it is so no more.
pub(crate) struct Registered {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Arc<Client>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shared.clients.remove(&self.client);
    }
}

/// Makes the socket part of this event loop, and shakes hands.
async fn enter(raw: Raw, tls: Option<Acceptor>, shared: &Shared) -> io::Result<Stream> {
    let stream = raw.enter()?;
    let Some(Acceptor(acceptor)) = tls else { return Ok(stream) };
    let patience = shared.settings.limits.read().handshake;
    let shaken = async {
        Ok(match stream {
            Stream::Tcp(it) => Stream::Tls(Box::new(acceptor.accept(it).await?)),
            Stream::Unix(it) => Stream::TlsOverUnix(Box::new(acceptor.accept(it).await?)),
            secured => secured,
        })
    };
    tokio::time::timeout(patience, shaken).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
