//! The locks and atomics that shards, budgets and waiters share.
//!
//! Waiters have parking_lot's lock, the atomics are the standard library's, and a shard is behind a [`Lock`]. Built with
//! `--cfg shuttle` all are those of the model checker, which then runs this crate's own code under schedules of its choosing
//! (`models.rs`, `cargo xtask schedules`).

#[cfg(not(shuttle))]
pub(crate) use parking_lot::Mutex;
#[cfg(not(shuttle))]
pub(crate) use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{
    MutexGuard as Guard,
    atomic::{AtomicIsize, AtomicUsize, Ordering},
};
#[cfg(not(shuttle))]
pub(crate) use spin::mutex::SpinMutexGuard as Guard;

/// The lock of a shard: opened by a plain store.
///
/// A lock that puts waiting threads to sleep has to find out whether there is one when it is opened, in one step with
/// opening: an atomic exchange, which takes as long as a third of a hit. This one does not know who waits. They look again,
/// at first at once, then after others had the processor, then after a nap; what a shard is held for is mostly far shorter
/// than one.
#[cfg(not(shuttle))]
#[derive(Debug)]
pub(crate) struct Lock<T>(spin::mutex::SpinMutex<T>);

/// Looks at a lock that is taken, each after twice the time of the one before; some microseconds together.
#[cfg(not(shuttle))]
const SPINS: u32 = 7;

/// Looks after that, each when the processor has been offered to others: to the one who holds the lock, if it was stopped.
#[cfg(not(shuttle))]
const YIELDS: u32 = 24;

/// Between all later looks.
#[cfg(not(shuttle))]
const NAP: std::time::Duration = std::time::Duration::from_micros(50);

#[cfg(not(shuttle))]
impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(spin::mutex::SpinMutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.try_lock().unwrap_or_else(|| self.wait())
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        self.0.try_lock()
    }

    #[cold]
    fn wait(&self) -> Guard<'_, T> {
        let mut looks = 0;
        loop {
            match looks {
                0..SPINS => (0..1 << looks).for_each(|_| std::hint::spin_loop()),
                SPINS..YIELDS => std::thread::yield_now(),
                _ => std::thread::sleep(NAP),
            }
            looks = looks.saturating_add(1);
            // To look does not take the cache line from whoever works there; to try does.
            if !self.0.is_locked()
                && let Some(guard) = self.0.try_lock()
            {
                return guard;
            }
        }
    }
}

/// The model checker's lock, without poisoning.
#[cfg(shuttle)]
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(shuttle::sync::Mutex<T>);

#[cfg(shuttle)]
pub(crate) use Lock as Mutex;

#[cfg(shuttle)]
impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().expect("a panic ends the model")
    }

    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        self.0.try_lock().ok()
    }
}
