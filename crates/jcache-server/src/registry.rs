//! The connections of a server: by number, with what those did that are gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::client::{Client, add};

#[derive(Debug, Default)]
pub(crate) struct Registry {
    next: AtomicU64,
    count: AtomicUsize,
    clients: Mutex<BTreeMap<u64, Arc<Client>>>,
    /// What connections did that are closed; written under the lock of the clients.
    gone: Sums,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Sums {
    commands: AtomicU64,
    failed: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// What all connections did so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) commands: u64,
    pub(crate) failed: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Registry {
    /// Adds a connection, unless there are `most` already.
    pub(crate) fn add(&self, most: usize, make: impl FnOnce(u64) -> Client) -> Option<Arc<Client>> {
        let mut clients = self.clients.lock();
        if clients.len() >= most {
            return None;
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let client = Arc::new(make(id));
        clients.insert(id, client.clone());
        self.count.store(clients.len(), Ordering::Relaxed);
        Some(client)
    }

    pub(crate) fn remove(&self, client: &Client) {
        let mut clients = self.clients.lock();
        if clients.remove(&client.id).is_none() {
            return;
        }
        let (gone, its) = (&self.gone, &client.figures);
        add(&gone.commands, its.commands.load(Ordering::Relaxed));
        add(&gone.failed, its.failed.load(Ordering::Relaxed));
        add(&gone.bytes_in, its.bytes_in.load(Ordering::Relaxed));
        add(&gone.bytes_out, its.bytes_out.load(Ordering::Relaxed));
        self.count.store(clients.len(), Ordering::Relaxed);
        if clients.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.clients.lock().get(&id).cloned()
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.clients.lock().values().cloned().collect()
    }

    pub(crate) fn totals(&self) -> Totals {
        let clients = self.clients.lock();
        let gone = &self.gone;
        let mut totals = Totals {
            commands: gone.commands.load(Ordering::Relaxed),
            failed: gone.failed.load(Ordering::Relaxed),
            bytes_in: gone.bytes_in.load(Ordering::Relaxed),
            bytes_out: gone.bytes_out.load(Ordering::Relaxed),
        };
        for client in clients.values() {
            let its = &client.figures;
            totals.commands += its.commands.load(Ordering::Relaxed);
            totals.failed += its.failed.load(Ordering::Relaxed);
            totals.bytes_in += its.bytes_in.load(Ordering::Relaxed);
            totals.bytes_out += its.bytes_out.load(Ordering::Relaxed);
        }
        totals
    }

    /// Counts from zero again: what was done so far is taken away from what is.
    pub(crate) fn reset_totals(&self) {
        let clients = self.clients.lock();
        let all = clients.values().map(|client| {
            let its = &client.figures;
            [&its.commands, &its.failed, &its.bytes_in, &its.bytes_out]
        });
        let gone = [&self.gone.commands, &self.gone.failed, &self.gone.bytes_in, &self.gone.bytes_out];
        for number in all.chain([gone]).flatten() {
            number.store(0, Ordering::Relaxed);
        }
    }

    /// Waits until there is no connection.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.clients.lock().is_empty() {
                return;
            }
            emptied.await;
        }
    }
}
