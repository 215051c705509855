//! `CLIENT PAUSE`: commands wait, all of them or those that write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Pause {
    /// Whether there may be one: what each batch looks at.
    on: AtomicBool,
    state: Mutex<Option<State>>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct State {
    until: Instant,
    writes_only: bool,
}

impl Pause {
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Commands wait for `time` from now; a pause that lasts longer, or stops more, stays as it is.
    pub(crate) fn begin(&self, time: Duration, writes_only: bool) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let old = state.filter(|old| old.until > now);
        *state = Some(State {
            until: old.map_or(now + time, |old| old.until.max(now + time)),
            writes_only: writes_only && old.is_none_or(|old| old.writes_only),
        });
        self.on.store(true, Ordering::Release);
    }

    pub(crate) fn end(&self) {
        *self.state.lock() = None;
        self.on.store(false, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Whether a command has to wait.
    pub(crate) fn stops(&self, writes: bool) -> bool {
        self.is_on() && self.state.lock().is_some_and(|it| (writes || !it.writes_only) && it.until > Instant::now())
    }

    /// Waits until the pause is over.
    pub(crate) async fn over(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let Some(State { until, .. }) = *self.state.lock() else { return };
            if until <= Instant::now() {
                return self.end();
            }
            // Either way it is looked at again.
            let _ = tokio::time::timeout_at(until.into(), changed).await;
        }
    }
}
