//! The locks and atomics that shards, budgets and waiters share.
//!
//! They are parking_lot's and the standard library's; built with `--cfg shuttle` they are those of the model checker, which
//! then runs this crate's own code under schedules of its choosing (`models.rs`, `cargo xtask schedules`).

#[cfg(not(shuttle))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub(crate) use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{
    MutexGuard,
    atomic::{AtomicIsize, AtomicUsize, Ordering},
};

/// The model checker's lock, without poisoning.
#[cfg(shuttle)]
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

#[cfg(shuttle)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("a panic ends the model")
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok()
    }
}
