//! T-4, T-5: processes are halted for a while, and go on as if nothing had happened.

use std::time::Duration;

use crate::scenario::violated;
use crate::trial::{Outcome, Trial};

/// How long writes may be refused after a leader fell silent.
const ACCEPT: Duration = Duration::from_secs(10);
/// Milliseconds for which a leader is halted, one after the other.
const HALTS: [u64; 4] = [300, 1_000, 5_000, 30_000];
/// The longest time without an acknowledgement while a follower is halted: the silence that it is allowed, twice that
/// for transactions on a busy machine, in microseconds.
const STALL: u64 = 1_500_000;

/// T-4.
pub(crate) fn leader(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let halt = HALTS[trial.round % HALTS.len()];
    let at = trial.halt(leader);
    if halt >= 5_000 {
        trial.accepts_again(at, ACCEPT)?;
    }
    let passed = (trial.recorder.now() - at) / 1_000;
    std::thread::sleep(Duration::from_millis(halt.saturating_sub(passed)));
    trial.go_on(leader);
    if halt < 5_000 {
        trial.accepts_again(at, ACCEPT)?;
    }
    Ok(())
}

/// T-5: once for five seconds; then 400 ms at a time, again and again.
pub(crate) fn follower(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let epoch = trial.cluster.nodes[leader].look().map(|it| it.epoch);
    let followers = trial.cluster.followers(leader);
    let follower = followers[trial.random.usize(..followers.len())];
    let since = trial.recorder.now();
    trial.halt(follower);
    std::thread::sleep(Duration::from_secs(5));
    trial.go_on(follower);
    trial.cluster.whole(crate::trial::TOGETHER)?;
    for _ in 0..if trial.long { 20 } else { 5 } {
        trial.halt(follower);
        std::thread::sleep(Duration::from_millis(400));
        trial.go_on(follower);
        trial.pause(50..600);
    }
    let gap = trial.recorder.longest_gap(since, trial.recorder.now());
    trial.figures.accepted.push(gap);
    if gap > STALL {
        return Err(violated("T-5", format!("no write was acknowledged for {gap} µs")));
    }
    let now = trial.cluster.nodes[leader].look().map(|it| (it.leads(), it.epoch));
    if now.map(|it| it.1) != epoch {
        return Err(violated("T-5", format!("a halted follower ended the leader's epoch {epoch:?}: {now:?}")));
    }
    Ok(())
}
