//! The clients: connections that send batches and wait for the replies, all in one thread of their own, the same for
//! every server. Without a rate as fast as replies come; with one, batches are due at fixed times, and a latency counts
//! from when the batch was due, so that a server's pause is in it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::Cores;

/// A load ends by itself after this long, whoever forgets it.
const LONGEST: Duration = Duration::from_secs(180);
/// A reply that takes longer than this ends the load with an error.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of a value.
const VALUE: [u8; 100] = [b'v'; 100];
/// Bytes of a key.
pub(super) const KEY: usize = 16;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Get,
    Set,
    /// `SET`, and at once `WAIT` until so many replicas have it.
    SetAndWait(u8),
}

/// A load.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Where the connections go, in turn.
    pub(super) ports: Vec<u16>,
    pub(super) connections: usize,
    /// Commands that a connection sends at once.
    pub(super) pipeline: usize,
    pub(super) what: What,
    /// Different keys.
    pub(super) keys: u64,
    /// Commands a second of all connections; `None` for as many as are answered.
    pub(super) rate: Option<f64>,
    /// Where the clients run.
    pub(super) cores: Cores,
}

impl Plan {
    /// As many as are answered, over 1,000,000 keys, on any core.
    pub(super) fn new(port: u16, connections: usize, pipeline: usize, what: What) -> Self {
        let ports = vec![port];
        Self { ports, connections, pipeline, what, keys: 1_000_000, rate: None, cores: Cores::all() }
    }
}

/// What a load came to.
#[derive(Debug)]
pub(super) struct Figures {
    /// Commands that were carried out.
    pub(super) done: u64,
    /// Commands that were refused.
    pub(super) refused: u64,
    /// From the first command to the stop.
    pub(super) elapsed: Duration,
    /// In microseconds.
    pub(super) latencies: Histogram<u64>,
}

impl Figures {
    /// Thousands of commands a second.
    pub(super) fn rate(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64() / 1_000.0
    }
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    done: AtomicU64,
    refused: AtomicU64,
    /// The longest latency since it was last taken, in microseconds.
    longest: AtomicU64,
}

/// A load under way; ended when dropped.
#[derive(Debug)]
pub(super) struct Running {
    shared: Arc<Shared>,
    began: Instant,
    thread: Option<JoinHandle<Result<Histogram<u64>, String>>>,
}

/// Runs a load for a while.
pub(super) fn run(plan: &Plan, turn: Duration) -> Result<Figures, String> {
    let running = Running::start(plan)?;
    thread::sleep(turn);
    running.finish()
}

impl Running {
    /// Connects, and begins.
    pub(super) fn start(plan: &Plan) -> Result<Self, String> {
        let shared = Arc::new(Shared::default());
        let (plan, its) = (plan.clone(), shared.clone());
        let (tell, connected) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            plan.cores.take();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            let begun = move || {
                // Who started it waits for this.
                let _ = tell.send(());
            };
            runtime.block_on(all(&plan, &its, begun)).map_err(|error| format!("a load: {error}"))
        });
        let begun = connected.recv().is_ok();
        let running = Self { shared, began: Instant::now(), thread: Some(thread) };
        if begun { Ok(running) } else { running.finish().and(Err("a load did not begin".to_owned())) }
    }

    /// Commands carried out so far.
    pub(super) fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// The longest latency since the last time that this was asked.
    pub(super) fn longest(&self) -> Duration {
        Duration::from_micros(self.shared.longest.swap(0, Ordering::Relaxed))
    }

    /// Ends it.
    pub(super) fn finish(mut self) -> Result<Figures, String> {
        let (done, elapsed) = (self.done(), self.began.elapsed());
        self.shared.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("invariant: taken only here and on drop");
        let latencies = thread.join().map_err(|_| "a load panicked".to_owned())??;
        Ok(Figures { done, refused: self.shared.refused.load(Ordering::Relaxed), elapsed, latencies })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it found does not matter any more.
            let _ = thread.join();
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds that fit a histogram")
}

async fn all(plan: &Plan, shared: &Arc<Shared>, begun: impl FnOnce()) -> io::Result<Histogram<u64>> {
    let mut streams = Vec::new();
    for number in 0..plan.connections {
        let stream = TcpStream::connect(("127.0.0.1", plan.ports[number % plan.ports.len()])).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    begun();
    let started = Instant::now();
    // One thread: what is not waited for yet begins when it first is.
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let tasks: Vec<_> = streams
                .into_iter()
                .enumerate()
                .map(|(number, stream)| {
                    let one = connection(plan.clone(), shared.clone(), stream, number, started);
                    tokio::task::spawn_local(one)
                })
                .collect();
            let mut latencies = histogram();
            for task in tasks {
                latencies.add(task.await.map_err(io::Error::other)??).map_err(io::Error::other)?;
            }
            Ok(latencies)
        })
        .await
}

async fn connection(
    plan: Plan,
    shared: Arc<Shared>,
    mut stream: TcpStream,
    number: usize,
    started: Instant,
) -> io::Result<Histogram<u64>> {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let batches = plan.connections as f64 * plan.pipeline as f64;
    let pause = plan.rate.map(|rate| Duration::from_secs_f64(batches / rate));
    let mut due = started + pause.unwrap_or_default().mul_f64(number as f64 / plan.connections as f64);
    let (mut out, mut room, mut latencies) = (Vec::new(), vec![0; 64 << 10], histogram());
    while !shared.stop.load(Ordering::Relaxed) && started.elapsed() < LONGEST {
        if pause.is_none() {
            due = Instant::now();
        } else if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        }
        out.clear();
        for _ in 0..plan.pipeline {
            command(&mut out, plan.what, random.u64(0..plan.keys));
        }
        stream.write_all(&out).await?;
        let per_command = if matches!(plan.what, What::SetAndWait(_)) { 2 } else { 1 };
        let reading = replies(&mut stream, &mut room, plan.pipeline * per_command);
        let refused = tokio::time::timeout(PATIENCE, reading).await.map_err(io::Error::other)??;
        let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        latencies.saturating_record(took);
        shared.longest.fetch_max(took, Ordering::Relaxed);
        shared.done.fetch_add((plan.pipeline - refused.min(plan.pipeline)) as u64, Ordering::Relaxed);
        shared.refused.fetch_add(refused as u64, Ordering::Relaxed);
        due += pause.unwrap_or_default();
    }
    Ok(latencies)
}

/// The name of a key: its number in decimal digits.
pub(super) fn key(number: u64) -> [u8; KEY] {
    let mut text = *b"key:000000000000";
    let mut rest = number;
    for digit in text[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}

fn command(out: &mut Vec<u8>, what: What, number: u64) {
    match what {
        What::Get => out.extend_from_slice(b"*2\r\n$3\r\nGET\r\n$16\r\n"),
        What::Set | What::SetAndWait(_) => out.extend_from_slice(b"*3\r\n$3\r\nSET\r\n$16\r\n"),
    }
    out.extend_from_slice(&key(number));
    out.extend_from_slice(b"\r\n");
    if what != What::Get {
        out.extend_from_slice(b"$100\r\n");
        out.extend_from_slice(&VALUE);
        out.extend_from_slice(b"\r\n");
    }
    if let What::SetAndWait(replicas) = what {
        out.extend_from_slice(b"*3\r\n$4\r\nWAIT\r\n$1\r\n");
        out.push(b'0' + replicas % 10);
        out.extend_from_slice(b"\r\n$1\r\n0\r\n");
    }
}

/// Reads so many replies; how many of them were errors.
async fn replies(stream: &mut TcpStream, room: &mut Vec<u8>, mut wanted: usize) -> io::Result<usize> {
    let (mut held, mut refused) = (0, 0);
    while wanted > 0 {
        if held == room.len() {
            room.resize(room.len() * 2, 0);
        }
        let count = stream.read(&mut room[held..]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        held += count;
        let mut at = 0;
        while wanted > 0
            && let Some(len) = reply(&room[at..held])
        {
            refused += usize::from(room[at] == b'-');
            at += len;
            wanted -= 1;
        }
        room.copy_within(at..held, 0);
        held -= at;
    }
    Ok(refused)
}

/// The length of the reply that the bytes begin with; `None` while a part of it is missing. Only those that the commands
/// here get.
fn reply(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    if bytes[0] != b'$' || bytes[1] == b'-' {
        return Some(line);
    }
    let len = bytes[1..line - 2].iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    (bytes.len() >= line + len + 2).then_some(line + len + 2)
}

/// Writes every key once.
pub(super) fn fill(port: u16, keys: u64) -> Result<(), String> {
    const AT_ONCE: u64 = 500;
    let failed = |error: io::Error| format!("filling: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(failed)?;
        let (mut out, mut room) = (Vec::new(), vec![0; 64 << 10]);
        for first in (0..keys).step_by(AT_ONCE as usize) {
            let batch = first..keys.min(first + AT_ONCE);
            out.clear();
            batch.clone().for_each(|number| command(&mut out, What::Set, number));
            stream.write_all(&out).await.map_err(failed)?;
            let reading = replies(&mut stream, &mut room, batch.count());
            let refused = tokio::time::timeout(PATIENCE, reading).await;
            if refused.map_err(|_| "filling takes too long".to_owned())?.map_err(failed)? > 0 {
                return Err("a write was refused while the keys were filled".to_owned());
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_measured() {
        for (bytes, len) in [
            (&b"+OK\r\n+OK\r\n"[..], Some(5)),
            (b":2\r\n", Some(4)),
            (b"-ERR no\r\n", Some(9)),
            (b"$-1\r\n", Some(5)),
            (b"$3\r\nabc\r\n+", Some(9)),
            (b"$3\r\nabc\r", None),
            (b"+OK", None),
        ] {
            assert_eq!(reply(bytes), len, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
