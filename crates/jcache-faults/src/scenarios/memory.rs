//! C10: a follower is halted for a minute while clients write as fast as they can: nobody's memory may grow beyond its
//! bounds, and writes go on.

use std::time::{Duration, Instant};

use jcache_testkit::check::Violation;
use jcache_testkit::check::bound::Bound;

use crate::trial::{Outcome, Trial};

/// How long the follower is halted.
const HALT: Duration = Duration::from_secs(60);
/// Keys that are written over and over: what is kept does not grow.
const KEYS: usize = 10_000;
/// Bytes of each value.
const VALUE: usize = 1_000;
/// Commands that are sent at a time.
const BATCH: usize = 200;
/// Bytes by which a node may grow: the backlog and what is not replicated, 64 MiB each, and as much for the allocator.
const GROWTH: u64 = 192 << 20;

pub(crate) fn bounded(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let follower = trial.cluster.followers(leader)[0];
    let wrong = |why: String| Violation::new("C9", format!("writes under full load: {why}"));
    let mut clients = Vec::new();
    for _ in 0..2 {
        let connected = trial.cluster.nodes[leader].connect(Duration::from_secs(10));
        clients.push(connected.map_err(|error| wrong(error.to_string()))?);
    }
    let value = vec![b'v'; VALUE];
    let written = std::sync::atomic::AtomicU64::new(0);
    // All keys are there, and the log is as long as it gets, before memory is looked at.
    let flood = |client: &mut jcache_testkit::oracle::RawClient, time: Duration| -> Result<(), String> {
        let since = Instant::now();
        let mut next = 0;
        while since.elapsed() < time {
            let key = |number: usize| format!("f{}", number % KEYS).into_bytes();
            let sets: Vec<Vec<Vec<u8>>> =
                (next..next + BATCH).map(|number| vec![b"SET".to_vec(), key(number), value.clone()]).collect();
            next += BATCH;
            for reply in client.call_many(&sets) {
                reply?;
                written.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        Ok(())
    };
    flood(&mut clients[0], Duration::from_secs(3)).map_err(wrong)?;
    let before: Vec<u64> = trial.cluster.nodes.iter().map(|node| node.memory()).collect();
    let mut bounds: Vec<Bound> = before.iter().map(|it| Bound::new("bytes of memory", it + GROWTH)).collect();
    trial.halt(follower);
    written.store(0, std::sync::atomic::Ordering::Relaxed);
    let cluster = &trial.cluster;
    std::thread::scope(|scope| {
        let floods: Vec<_> = clients.iter_mut().map(|client| scope.spawn(|| flood(client, HALT))).collect();
        while !floods.iter().all(|it| it.is_finished()) {
            for (node, bound) in cluster.nodes.iter().zip(&mut bounds) {
                bound.see(node.memory(), node.name())?;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        floods
            .into_iter()
            .try_for_each(|it| it.join().unwrap_or_else(|_| Err("a client panicked".into())).map_err(wrong))
    })?;
    trial.go_on(follower);
    let grown = bounds.iter().zip(&before).map(|(bound, before)| bound.seen.saturating_sub(*before)).max().unwrap_or(0);
    trial.remark(format!(
        "{} writes of {VALUE} bytes in {HALT:?} with a follower halted: memory grew by {} MiB at most",
        written.into_inner(),
        grown >> 20
    ));
    Ok(())
}
