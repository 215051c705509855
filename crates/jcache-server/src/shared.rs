//! What the connections of a server share. Nothing here knows the backend, so that most of the server is compiled once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, Semaphore};

use crate::calls::Calls;
use crate::channels::{Channels, Kind};
use crate::client::{Reason, signal};
use crate::latency::Latencies;
use crate::pause::Pause;
use crate::registry::{Registry, Totals};
use crate::settings::{Embedder, Limits};
use crate::slow::SlowLog;
use crate::status::Status;
use crate::train;
use crate::users::Users;

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) users: Users,
    pub(crate) clients: Registry,
    pub(crate) channels: Channels,
    pub(crate) slow: SlowLog,
    pub(crate) calls: Calls,
    pub(crate) latencies: Latencies,
    pub(crate) pause: Pause,
    pub(crate) counts: Counts,
    /// For commands that a client has under way besides another.
    pub(crate) beside: Arc<Semaphore>,
    pub(crate) embedder: Embedder,
    /// The addresses that are served.
    pub(crate) addresses: Mutex<Vec<String>>,
    /// Forty digits that no other server has.
    pub(crate) run_id: String,
    pub(crate) started: Instant,
    /// Whole seconds since then, as of the last sweep: what connections use for a clock.
    second: AtomicU64,
    pace: Mutex<Pace>,
    stopping: AtomicBool,
    stop: Notify,
}

/// What can be set while the server runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) limits: RwLock<Limits>,
    pub(crate) protected: AtomicBool,
    /// Microseconds from which a command is slow; negative for never. The same as in the limits, at hand for each batch.
    pub(crate) slow_micros: AtomicI64,
    /// Milliseconds from which `LATENCY` remembers a command; zero for never.
    pub(crate) spike_millis: AtomicU64,
    /// Whether a sample of the commands is measured.
    pub(crate) tracks_latency: AtomicBool,
}

impl Settings {
    pub(crate) fn new(limits: Limits, protected: bool) -> Self {
        let slow = limits.slow.map_or(-1, |it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX));
        Self {
            limits: RwLock::new(limits),
            protected: AtomicBool::new(protected),
            slow_micros: AtomicI64::new(slow),
            spike_millis: AtomicU64::new(0),
            tracks_latency: AtomicBool::new(true),
        }
    }
}

/// Events that are seldom.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) connections: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) output_limit: AtomicU64,
    pub(crate) protocol_errors: AtomicU64,
}

/// How much was done lately.
#[derive(Debug)]
struct Pace {
    at: Instant,
    before: Totals,
    commands: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("Shared");
        out.field("settings", &self.settings).field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(settings: Settings, users: Users, embedder: Embedder) -> Self {
        let now = Instant::now();
        Self {
            settings,
            users,
            clients: Registry::default(),
            channels: Channels::default(),
            slow: SlowLog::default(),
            calls: Calls::new(),
            latencies: Latencies::new(),
            pause: Pause::default(),
            counts: Counts::default(),
            beside: Arc::new(Semaphore::new(train::BESIDE)),
            embedder,
            addresses: Mutex::default(),
            run_id: run_id(),
            started: now,
            second: AtomicU64::new(0),
            pace: Mutex::new(Pace { at: now, before: Totals::default(), commands: 0, bytes_in: 0, bytes_out: 0 }),
            stopping: AtomicBool::new(false),
            stop: Notify::new(),
        }
    }

    /// Whole seconds since the start, late by a second at most.
    #[inline]
    pub(crate) fn second(&self) -> u64 {
        self.second.load(Ordering::Relaxed)
    }

    /// Whether other machines are kept out: protected mode, and no password.
    pub(crate) fn is_protected(&self) -> bool {
        self.settings.protected.load(Ordering::Relaxed) && self.users.are_open()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn stop(&self) {
        if !self.stopping.swap(true, Ordering::AcqRel) {
            tracing::info!("stopping");
        }
        self.stop.notify_waiters();
        for client in self.clients.all() {
            client.signal(signal::STOP);
        }
    }

    pub(crate) async fn stopping(&self) {
        loop {
            let stop = self.stop.notified();
            tokio::pin!(stop);
            stop.as_mut().enable();
            if self.is_stopping() {
                return;
            }
            stop.await;
        }
    }

    /// Looks after what takes time, once a second: idle clients, clients that do not read, the pace.
    pub(crate) fn sweep(&self) {
        let now = self.started.elapsed().as_secs();
        if self.second.swap(now, Ordering::Relaxed) == now {
            return;
        }
        let limits = self.settings.limits.read().clone();
        for client in self.clients.all() {
            let figures = &client.figures;
            let rests = now.saturating_sub(figures.active.load(Ordering::Relaxed));
            let is_subscribed = client.is_subscribed();
            if limits.idle.is_some_and(|limit| rests > limit.as_secs()) && !client.is_blocked() && !is_subscribed {
                client.close(Reason::Idle);
                continue;
            }
            let output = client.output();
            let limit = if is_subscribed { limits.subscriber_output } else { limits.output };
            let over = limit.soft > 0 && output > limit.soft;
            let since = figures.over_since.load(Ordering::Relaxed);
            if !over {
                figures.over_since.store(0, Ordering::Relaxed);
            } else if since == 0 {
                figures.over_since.store(now, Ordering::Relaxed);
            } else if now - since >= limit.soft_for.as_secs() {
                client.close(Reason::Output);
                continue;
            }
            let stalled = now.saturating_sub(figures.progress.load(Ordering::Relaxed));
            if output > 0 && limits.stall.is_some_and(|limit| stalled > limit.as_secs()) {
                client.close(Reason::Stalled);
            } else if rests == 2 {
                client.signal(signal::REST);
            }
        }
        let totals = self.clients.totals();
        let mut pace = self.pace.lock();
        let took = pace.at.elapsed().as_secs_f64().max(0.001);
        let rate = |now: u64, before: u64| (now.saturating_sub(before) as f64 / took) as u64;
        pace.commands = rate(totals.commands, pace.before.commands);
        pace.bytes_in = rate(totals.bytes_in, pace.before.bytes_in);
        pace.bytes_out = rate(totals.bytes_out, pace.before.bytes_out);
        (pace.before, pace.at) = (totals, Instant::now());
    }

    /// Bytes per second that come and go, as of the last sweep.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let pace = self.pace.lock();
        (pace.bytes_in, pace.bytes_out)
    }

    pub(crate) fn status(&self) -> Status {
        let totals = self.clients.totals();
        let clients = self.clients.all();
        Status {
            uptime: self.started.elapsed(),
            clients: clients.len(),
            blocked_clients: clients.iter().filter(|client| client.is_blocked()).count(),
            subscribed_clients: clients.iter().filter(|client| client.is_subscribed()).count(),
            connections: self.counts.connections.load(Ordering::Relaxed),
            rejected_connections: self.counts.rejected.load(Ordering::Relaxed),
            output_limit_disconnections: self.counts.output_limit.load(Ordering::Relaxed),
            protocol_errors: self.counts.protocol_errors.load(Ordering::Relaxed),
            commands: totals.commands,
            failed_commands: totals.failed,
            commands_per_second: self.pace.lock().commands,
            bytes_in: totals.bytes_in,
            bytes_out: totals.bytes_out,
            output_bytes: clients.iter().map(|client| client.output() as u64).sum(),
            channels: self.channels.len(Kind::Channel),
            patterns: self.channels.len(Kind::Pattern),
            slow_commands: self.slow.total(),
        }
    }

    /// Waits until all connections are closed: at first on their own account, then because they are told to.
    pub(crate) async fn drain(&self) {
        let patience = self.settings.limits.read().drain;
        if tokio::time::timeout(patience, self.clients.emptied()).await.is_ok() {
            return;
        }
        tracing::warn!(clients = self.clients.len(), ?patience, "clients have not read their last replies: closing");
        for client in self.clients.all() {
            client.close(Reason::Stopped);
        }
        if tokio::time::timeout(LAST_PATIENCE, self.clients.emptied()).await.is_err() {
            tracing::error!(clients = self.clients.len(), "connections do not end");
        }
    }
}

/// How long connections may take to end that were told to.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

fn run_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let digits = || format!("{:016x}", RandomState::new().hash_one(now));
    let mut id = [digits(), digits(), digits()].concat();
    id.truncate(40);
    id
}
