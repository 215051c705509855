//! T-14: wall clocks jump. Keys live as long as they were told to all the same, also at the next leader.

use std::time::Duration;

use crate::clock;
use crate::trial::{Outcome, Trial};

const HOUR: i64 = 3_600;
/// Where the clock of one node jumps to, one round after the other, in seconds.
const JUMPS: [i64; 4] = [HOUR, -HOUR, 24 * HOUR, -24 * HOUR];

/// T-14: on the leader in even rounds, on a follower in odd ones; then the leader is killed.
pub(crate) fn jumps(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let jump = JUMPS[trial.round % JUMPS.len()];
    let node = if trial.round.is_multiple_of(2) { leader } else { trial.cluster.followers(leader)[0] };
    trial.fault(&format!("the clock of n{node} jumps by {jump} s (n{leader} leads)"));
    let file = trial.cluster.folder().join(format!("n{node}.time"));
    clock::set(&file, jump);
    trial.pause(2_000..3_000);
    let at = trial.kill(leader);
    trial.accepts_again(at, Duration::from_secs(10))?;
    trial.start(leader);
    trial.pause(2_000..3_000);
    clock::set(&file, 0);
    Ok(())
}
