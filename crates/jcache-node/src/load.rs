//! `jcache bench`: loads a server for a bounded time, and tells throughput and latencies.
//!
//! Every connection is a task that sends a batch, waits for its replies, and sends the next. Without `--rate` that is as
//! fast as the server answers. With it, batches are due at fixed times, and a latency counts from the time when the
//! batch was due: a server that stalls does not hide it by being asked less.

mod figures;
mod keys;

use std::io;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jcache::Reply;
use tokio::task::JoinSet;

use crate::cli::Bench;
use crate::client::{Connection, Target};
use crate::{FAILED, USAGE, complain};
use figures::Figures;
use keys::Keys;

/// Commands that a connection sends at once while it fills the server.
const FILL_BATCH: u64 = 100;

/// How many reads go with how many writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    reads: u32,
    writes: u32,
}

impl FromStr for Ratio {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().ok().filter(|number: &u32| *number <= 1_000_000);
        let parts = text.split_once(':').and_then(|(reads, writes)| Some((number(reads)?, number(writes)?)));
        match parts {
            Some((reads, writes)) if reads + writes > 0 => Ok(Self { reads, writes }),
            _ => Err("expected READS:WRITES such as 9:1".to_owned()),
        }
    }
}

/// What all connections share.
struct Plan {
    args: Bench,
    keys: Keys,
    value: Vec<u8>,
    /// Commands that may still be sent; bounds the load when `--requests` is given.
    left: AtomicI64,
    start: Instant,
}

/// Runs the load.
///
/// # Errors
/// When the runtime cannot be started or standard output cannot be written.
pub(crate) fn run(args: &Bench) -> io::Result<ExitCode> {
    let target = match Target::new(&args.server) {
        Ok(target) => target,
        Err(wrong) => return Ok(complain(&wrong, USAGE)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        if args.fill {
            fill(args, &target).await?;
        }
        load(args, &target).await
    });
    let figures = match outcome {
        Ok(figures) => figures,
        Err(error) => return Ok(complain(&format!("{target}: {error}"), FAILED)),
    };
    let text = if args.json { figures.json() } else { figures.text(args, &target) };
    io::Write::write_all(&mut io::stdout(), text.as_bytes())?;
    Ok(if figures.errors == 0 { ExitCode::SUCCESS } else { FAILED.into() })
}

/// Writes every key once.
async fn fill(args: &Bench, target: &Target) -> io::Result<()> {
    let (mut connection, value) = (Connection::open(target).await?, vec![b'v'; args.value_size as usize]);
    for first in (0..args.keys.get()).step_by(FILL_BATCH as usize) {
        let batch = first..args.keys.get().min(first + FILL_BATCH);
        for number in batch.clone() {
            connection.queue(&[b"SET", &keys::name(number)[..], &value]);
        }
        connection.flush().await?;
        for _ in batch {
            if let Reply::Error(error) = connection.next().await? {
                return Err(io::Error::other(error.message().to_owned()));
            }
        }
    }
    Ok(())
}

async fn load(args: &Bench, target: &Target) -> io::Result<Figures> {
    let mut connections = Vec::new();
    for _ in 0..args.clients {
        connections.push(Connection::open(target).await?);
    }
    let plan = Arc::new(Plan {
        args: args.clone(),
        keys: Keys::new(args.keys.get(), args.zipf),
        value: vec![b'v'; args.value_size as usize],
        left: AtomicI64::new(args.requests.map_or(i64::MAX, |requests| requests.get().min(1 << 60) as i64)),
        start: Instant::now(),
    });
    let mut tasks = JoinSet::new();
    for (number, connection) in connections.into_iter().enumerate() {
        tasks.spawn(connection_load(Arc::clone(&plan), connection, number as u64));
    }
    let mut figures = Figures::default();
    while let Some(ended) = tasks.join_next().await {
        figures.add(&ended.map_err(io::Error::other)??);
    }
    figures.elapsed = plan.start.elapsed();
    Ok(figures)
}

async fn connection_load(plan: Arc<Plan>, mut connection: Connection, number: u64) -> io::Result<Figures> {
    let (args, mut random) = (&plan.args, fastrand::Rng::with_seed(number));
    let end = args.requests.is_none().then(|| plan.start + Duration::from_secs(args.seconds.into()));
    // Batches of one connection are due at this distance, those of all connections evenly spread.
    let batches = f64::from(args.clients) * f64::from(args.pipeline);
    let pause = args.rate.map(|rate| Duration::from_secs_f64(batches / rate.get() as f64));
    let mut due = plan.start + pause.unwrap_or_default().mul_f64(number as f64 / f64::from(args.clients));
    let mut figures = Figures::default();
    let mut reads = Vec::with_capacity(args.pipeline as usize);
    loop {
        let batch = i64::from(args.pipeline).min(plan.left.fetch_sub(args.pipeline.into(), Ordering::Relaxed));
        if batch <= 0 {
            return Ok(figures);
        }
        match pause {
            Some(pause) => {
                tokio::time::sleep_until(due.into()).await;
                due += pause;
            }
            None => due = Instant::now(),
        }
        let started = if let Some(pause) = pause { due - pause } else { due };
        if end.is_some_and(|end| started >= end || Instant::now() >= end) {
            return Ok(figures);
        }
        reads.clear();
        for _ in 0..batch {
            let key = keys::name(plan.keys.pick(&mut random));
            let read = random.u32(0..args.ratio.reads + args.ratio.writes) < args.ratio.reads;
            reads.push(read);
            match read {
                true => connection.queue(&[b"GET", &key[..]]),
                false => connection.queue(&[b"SET", &key[..], &plan.value]),
            }
        }
        connection.flush().await?;
        for read in &reads {
            let reply = connection.next().await?;
            figures.reply(*read, &reply, started.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_read() {
        assert_eq!("9:1".parse(), Ok(Ratio { reads: 9, writes: 1 }));
        assert_eq!("0:1".parse(), Ok(Ratio { reads: 0, writes: 1 }));
        for text in ["", "1", "0:0", "a:b", "-1:1", "1:1:1", "4000000000:1"] {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
    }
}
