//! A driver with a fault: it fails, stalls, answers late or loses replies when a test says so.
//!
//! ```
//! use jcache_core::{Driver, ErrorKind, Query};
//! use jcache_testkit::{ModelDriver, fault::{Fault, Faulty}};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let (driver, control) = Faulty::new(ModelDriver::default());
//! let args = ["GET", "k"].map(jcache_core::Arg::from);
//! let get = Query::parse(&args).unwrap();
//! assert!(driver.query(&get).await.is_ok());
//!
//! control.set(Fault::Fail);
//! assert_eq!(driver.query(&get).await.unwrap_err().kind(), ErrorKind::Unavailable);
//! control.recover();
//! assert!(driver.query(&get).await.is_ok());
//! assert_eq!((control.calls(), control.reached()), (3, 2));
//! # });
//! ```

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::fetch::Fetched;
use jcache_core::snapshot::FillLimit;
use jcache_core::{
    Answer, Driver, Effect, Error, ErrorKind, Key, Mutation, Query, Reply, Request, Result, Scope, Snapshot, Timestamp,
    Watch,
};
use tokio::sync::watch;

/// What is wrong with a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Every call fails at once with [`ErrorKind::Unavailable`] and does nothing.
    Fail,
    /// No call comes back, or does anything, until the fault is another one; then it goes on under that one.
    Stall,
    /// Every call is carried out after so long.
    Slow(Duration),
    /// Every call is carried out, and answers after so long.
    Late(Duration),
    /// Every call is carried out, and fails all the same, with an error that [is uncertain](Error::is_uncertain).
    LoseReply,
}

/// A driver that does what a [`Control`] says.
///
/// It never answers at once (`try_query`, `try_mutate`) while anything is wrong, so that faults show where time passes.
#[derive(Debug)]
pub struct Faulty<D> {
    inner: D,
    control: Control,
}

/// Says what is wrong with a [`Faulty`] driver, and counts its calls. Clones control the same driver.
#[derive(Debug, Clone)]
pub struct Control(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    fault: watch::Sender<Fault>,
    script: Mutex<Vec<Fault>>,
    calls: AtomicU64,
    reached: AtomicU64,
    failed: AtomicU64,
}

impl Control {
    fn new() -> Self {
        Self(Arc::new(Shared {
            fault: watch::Sender::new(Fault::None),
            script: Mutex::new(Vec::new()),
            calls: AtomicU64::new(0),
            reached: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }))
    }

    /// Makes `fault` be wrong from now on, also for calls that stall.
    pub fn set(&self, fault: Fault) {
        self.0.fault.send_replace(fault);
    }

    /// Makes everything well again.
    pub fn recover(&self) {
        self.set(Fault::None);
    }

    /// Makes `faults` be wrong for the next calls, one each, in place of what [`set`](Control::set) said.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut script = self.script();
        script.extend(faults);
    }

    /// How many calls came.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// How many calls reached the driver behind.
    pub fn reached(&self) -> u64 {
        self.0.reached.load(Ordering::SeqCst)
    }

    /// How many calls were made to fail.
    pub fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::SeqCst)
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault of a new call.
    fn call(&self) -> Fault {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let mut script = self.script();
        if script.is_empty() { *self.0.fault.borrow() } else { script.remove(0) }
    }

    fn fail<T>(&self, uncertain: bool) -> Result<T> {
        self.0.failed.fetch_add(1, Ordering::SeqCst);
        let error = Error::new(ErrorKind::Unavailable, "a fault was injected");
        Err(if uncertain { error.uncertain() } else { error })
    }

    /// Lets `call` come through, or not.
    async fn through<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let mut fault = self.call();
        if fault == Fault::Stall {
            let mut changes = self.0.fault.subscribe();
            fault = *changes.wait_for(|fault| *fault != Fault::Stall).await.expect("invariant: the sender is in self");
        }
        match fault {
            Fault::Fail => return self.fail(false),
            Fault::Slow(time) => tokio::time::sleep(time).await,
            _ => {}
        }
        self.0.reached.fetch_add(1, Ordering::SeqCst);
        let result = call.await;
        match fault {
            Fault::Late(time) => tokio::time::sleep(time).await,
            Fault::LoseReply => return self.fail(true),
            _ => {}
        }
        result
    }

    /// Whether a call at once may come through; it is counted then.
    fn well(&self) -> bool {
        let well = *self.0.fault.borrow() == Fault::None && self.script().is_empty();
        if well {
            self.0.calls.fetch_add(1, Ordering::SeqCst);
        }
        well
    }

    /// Counts an answer at once; when there was none, the call comes again by the other way and is not counted here.
    fn at_once<T>(&self, answer: Option<T>) -> Option<T> {
        match answer {
            Some(_) => self.0.reached.fetch_add(1, Ordering::SeqCst),
            None => self.0.calls.fetch_sub(1, Ordering::SeqCst),
        };
        answer
    }
}

impl<D: Driver> Faulty<D> {
    /// Wraps `inner`, with nothing wrong yet.
    pub fn new(inner: D) -> (Self, Control) {
        let control = Control::new();
        (Self { inner, control: control.clone() }, control)
    }

    /// The driver behind, which no fault touches.
    pub fn inner(&self) -> &D {
        &self.inner
    }
}

impl<D: Driver> Driver for Faulty<D> {
    fn scope(&self) -> Scope {
        self.inner.scope()
    }

    fn try_query(&self, query: &Query<'_>) -> Option<Result<Answer>> {
        self.control.well().then(|| self.control.at_once(self.inner.try_query(query))).flatten()
    }

    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        self.control.through(self.inner.query(query)).await
    }

    fn try_mutate(&self, mutation: &Mutation<'_>) -> Option<Result<Reply>> {
        self.control.well().then(|| self.control.at_once(self.inner.try_mutate(mutation))).flatten()
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        self.control.through(self.inner.mutate(mutation)).await
    }

    async fn query_many(&self, queries: &[Query<'_>]) -> Vec<Result<Answer>> {
        // One call, one fault, as for one round trip.
        let answers = self.control.through(async { Ok(self.inner.query_many(queries).await) });
        answers.await.unwrap_or_else(|error| vec![Err(error); queries.len()])
    }

    async fn fetch(&self, query: &Query<'_>, limit: FillLimit) -> Result<Fetched> {
        self.control.through(self.inner.fetch(query, limit)).await
    }

    async fn install(&self, snapshot: &Snapshot) -> Result<()> {
        self.control.through(self.inner.install(snapshot)).await
    }

    async fn apply(&self, effect: &Effect<'_>, cap: Option<Timestamp>) -> Result<()> {
        self.control.through(self.inner.apply(effect, cap)).await
    }

    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        self.control.through(self.inner.transact(requests, watch)).await
    }

    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        self.control.through(self.inner.watch(keys, watch)).await
    }

    async fn probe(&self) -> Result<()> {
        self.control.through(self.inner.probe()).await
    }
}

impl<D: StringDriver> StringDriver for Faulty<D> {}
impl<D: HashDriver> HashDriver for Faulty<D> {}
impl<D: ListDriver> ListDriver for Faulty<D> {}
impl<D: SetDriver> SetDriver for Faulty<D> {}
impl<D: SortedSetDriver> SortedSetDriver for Faulty<D> {}
