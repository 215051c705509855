//! Threads that do nothing but serve connections, each with an event loop for itself.
//!
//! A connection stays where it was put: at the thread with the fewest. So nothing is stolen, queues are not shared, and
//! what a connection touches stays in one core's cache.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

#[derive(Debug)]
pub(crate) struct Workers(Vec<Worker>);

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    /// Connections that it serves.
    load: Arc<AtomicUsize>,
    /// Dropped, the thread ends.
    _stop: oneshot::Sender<()>,
}

impl Workers {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        (0..threads).map(Worker::start).collect::<io::Result<_>>().map(Self)
    }

    /// Runs `task` where there is the least to do.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let least = self.0.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed));
        let worker = least.expect("invariant: there is a thread");
        let load = Load::new(&worker.load);
        worker.runtime.spawn(async move {
            task.await;
            drop(load);
        });
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let name = format!("jcache-serve-{number}");
        std::thread::Builder::new().name(name).spawn(move || {
            // An error is the other end gone: the end of the server.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { runtime: handle, load: Arc::default(), _stop: stop })
    }
}

/// One connection more at a thread, until it is dropped.
struct Load(Arc<AtomicUsize>);

impl Load {
    fn new(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(load.clone())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
