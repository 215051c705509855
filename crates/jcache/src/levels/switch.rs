//! Mechanisms that the tests switch off one by one, to show that they notice; and places where, on one thread, the tests
//! let others come in between, as other threads may. In any other build all is on, and costs nothing.

/// What holds one of the promises up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// A fill needs a valid token.
    Fence,
    /// A token is void when a write began after it, also when that write is over.
    Generation,
    /// Writes of one key that overlap drop it from the copies.
    Overlap,
    /// A write that began while another ran has overlapped it, also when that one ended first.
    OverlapFromStart,
    /// A write marks the copies that are being filled at that moment.
    FillsOvertaken,
    /// A write or a fill that is given up half-way leaves marks.
    MarksOnCancel,
    /// A copy that failed to take a write is marked.
    MarksOnFailure,
    /// A fill carries the remaining life.
    FillDeadline,
    /// A copy lives no longer than the level's cap.
    Cap,
    /// A change inside a key is applied only where the key is.
    Within,
    /// The effect of a mutation goes to the copies, not the mutation itself.
    Effect,
    /// One level decides.
    #[cfg(test)]
    Authority,
    /// In strict mode only the authority says that there is nothing.
    Strict,
    /// A level that is down is not asked.
    HealthGate,
    /// A level is waited for no longer than its deadline.
    Deadline,
    /// Writes that the authority missed are repeated.
    Repair,
    /// They are repeated before the authority answers for their keys.
    RepairFirst,
    /// A read takes its token before it looks at what the level owes.
    TokenFirst,
}

#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn on(_: Mechanism) -> bool {
    true
}

/// Another thread may come in between here.
#[cfg(not(test))]
#[inline(always)]
pub(crate) async fn elsewhere() {}

#[cfg(test)]
pub(crate) use in_tests::{elsewhere, on, shuffle, without};

#[cfg(test)]
mod in_tests {
    use std::cell::{Cell, RefCell};

    use super::Mechanism;

    thread_local! {
        static OFF: Cell<Option<Mechanism>> = const { Cell::new(None) };
        static PAUSES: RefCell<fastrand::Rng> = const { RefCell::new(fastrand::Rng::with_seed(0)) };
    }

    /// Makes the pauses of [`elsewhere`] on this thread follow from `seed`.
    pub(crate) fn shuffle(seed: u64) {
        PAUSES.with_borrow_mut(|rng| rng.seed(seed));
    }

    pub(crate) async fn elsewhere() {
        let pauses = PAUSES.with_borrow_mut(|rng| if rng.u32(0..6) == 0 { rng.u32(0..16) } else { 0 });
        for _ in 0..pauses {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn on(mechanism: Mechanism) -> bool {
        OFF.get() != Some(mechanism)
    }

    /// Runs `test` on this thread with one mechanism switched off (`None`: with all of them on).
    pub(crate) fn without<R>(mechanism: Option<Mechanism>, test: impl FnOnce() -> R) -> R {
        struct Back;
        impl Drop for Back {
            fn drop(&mut self) {
                OFF.set(None);
            }
        }
        let _back = Back;
        OFF.set(mechanism);
        test()
    }
}
