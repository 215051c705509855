//! A call under way: what its caller waits for, and what becomes of it when the caller goes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::{Outcome, Shared};
use crate::engine::{CallId, Event, Failure, Store};

/// A call under way. Dropping it tells the engine that the caller has gone.
#[must_use]
pub(crate) struct Call<S: Store + Send + 'static> {
    shared: Arc<Shared<S>>,
    call: CallId,
    /// `None` once answered.
    answer: Option<oneshot::Receiver<Outcome>>,
    late: Option<Late>,
}

/// Takes the answer that came although its caller had gone.
pub(crate) type Late = Box<dyn FnOnce(Outcome) + Send>;

impl<S: Store + Send + 'static> fmt::Debug for Call<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("call", &self.call).finish_non_exhaustive()
    }
}

impl<S: Store + Send + 'static> Call<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, call: CallId, answer: oneshot::Receiver<Outcome>) -> Self {
        Self { shared, call, answer: Some(answer), late: None }
    }

    /// What to do with an answer that comes when the caller has gone: a blocking pop may have taken something.
    pub(crate) fn or_late(mut self, late: Late) -> Self {
        self.late = Some(late);
        self
    }
}

impl<S: Store + Send + 'static> Future for Call<S> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Some(answer) = &mut self.answer else { return Poll::Ready(Err(Failure::ShuttingDown)) };
        Pin::new(answer).poll(context).map(|outcome| {
            self.answer = None;
            outcome.unwrap_or(Err(Failure::Unknown))
        })
    }
}

impl<S: Store + Send + 'static> Drop for Call<S> {
    fn drop(&mut self) {
        let Some(mut answer) = self.answer.take() else { return };
        let call = self.call;
        match (answer.try_recv(), self.late.take()) {
            // It was answered before it was given up.
            (Ok(outcome), Some(late)) => late(outcome),
            (Ok(_), None) | (Err(oneshot::error::TryRecvError::Closed), _) => {}
            (Err(oneshot::error::TryRecvError::Empty), late) => {
                self.shared.step(Event::Cancel { call });
                let (Some(late), Ok(runtime)) = (late, tokio::runtime::Handle::try_current()) else { return };
                runtime.spawn(async move {
                    if let Ok(outcome) = answer.await {
                        late(outcome);
                    }
                });
            }
        }
    }
}
