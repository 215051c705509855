//! Runs commands at the same time, one poll after the other, in a random order.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jcache_core::{Arg, Reply, Request, Result};
use tokio::time::Instant;

use super::program::Line;
use super::world::Process;

/// A command that a process was given, and what came of it; `None` when it was dropped half-way.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) process: usize,
    pub(super) line: Line,
    pub(super) outcome: Option<Result<Reply>>,
    pub(super) took: Duration,
}

struct Task<'w> {
    future: Pin<Box<dyn Future<Output = Result<Reply>> + 'w>>,
    began: Instant,
    event: usize,
}

/// Runs `lines` together. `disturb` may do something between polls; `drops` is how many commands in a hundred are
/// dropped half-way. A command that takes longer than its process's patience is an error.
pub(super) async fn together(
    processes: &[Process],
    lines: Vec<(usize, Line)>,
    rng: &mut fastrand::Rng,
    drops: u32,
    mut disturb: impl FnMut(&mut fastrand::Rng),
) -> Result<Vec<Event>, String> {
    let mut events: Vec<Event> = Vec::new();
    let mut tasks: Vec<Task<'_>> = Vec::new();
    for (event, (id, line)) in lines.into_iter().enumerate() {
        events.push(Event { process: id, line: line.clone(), outcome: None, took: Duration::ZERO });
        let process = &processes[id];
        let future = Box::pin(async move {
            const RIGHT: &str = "the program is right";
            if let Some(lines) = line.transaction() {
                let args: Vec<Vec<Arg<'_>>> = lines.iter().map(Line::args).collect();
                let requests: Vec<Request<'_>> = args.iter().map(|args| Request::parse(args).expect(RIGHT)).collect();
                return process.transact(&requests).await;
            }
            let args = line.args();
            process.call(&Request::parse(&args).expect(RIGHT), false).await
        });
        tasks.push(Task { future, began: Instant::now(), event });
    }
    let mut idle = 0;
    while !tasks.is_empty() {
        let index = rng.usize(0..tasks.len());
        let task = &mut tasks[index];
        let polled = task.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let event = &mut events[task.event];
        event.took = task.began.elapsed();
        match polled {
            Poll::Ready(outcome) => {
                event.outcome = Some(outcome);
                drop(tasks.swap_remove(index));
                idle = 0;
            }
            Poll::Pending => {
                idle += 1;
                let process = &processes[event.process];
                // No queue is waited at for longer.
                if event.took > process.patience() + Duration::from_millis(50) {
                    return Err(format!("'{}' took {:?} and is not done", event.line, event.took));
                }
                if rng.u32(0..1000) < drops {
                    drop(tasks.swap_remove(index));
                }
            }
        }
        disturb(rng);
        // The runtime runs the maintenance; when nobody gets on, it is time that passes.
        match rng.u32(0..8) {
            _ if idle > 24 => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                idle = 0;
            }
            0 => tokio::task::yield_now().await,
            _ => {}
        }
    }
    Ok(events)
}
