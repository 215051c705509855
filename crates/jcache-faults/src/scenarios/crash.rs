//! T-1, T-2, T-3: processes are killed, with no chance to say good-bye.

use std::time::Duration;

use jcache_testkit::check::Violation;

use crate::recorder::{kept_at, writes};
use crate::scenario::violated;
use crate::trial::{Outcome, Trial};

/// How long writes may be refused after a kill.
const ACCEPT: Duration = Duration::from_secs(10);

/// T-1.
pub(crate) fn leader(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    trial.pause(0..200);
    let at = trial.kill(leader);
    trial.accepts_again(at, ACCEPT)?;
    trial.start(leader);
    Ok(())
}

/// T-2: one follower; both followers, which leaves too few; leader and follower within a second.
pub(crate) fn several(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let followers = trial.cluster.followers(leader);
    match trial.round % 3 {
        0 => {
            let at = trial.kill(followers[0]);
            trial.accepts_again(at, ACCEPT)?;
            trial.start(followers[0]);
        }
        1 => {
            trial.kill(followers[0]);
            let at = trial.kill(followers[1]);
            stalls(trial, at)?;
            let at = trial.recorder.now();
            trial.start(followers[0]);
            trial.start(followers[1]);
            trial.accepts_again(at, ACCEPT)?;
        }
        _ => {
            trial.kill(followers[0]);
            trial.pause(0..1_000);
            let at = trial.kill(leader);
            stalls(trial, at)?;
            let at = trial.recorder.now();
            trial.start(followers[0]);
            trial.start(leader);
            trial.accepts_again(at, ACCEPT)?;
        }
    }
    Ok(())
}

/// With one process left of two that have to have a write, none may be acknowledged.
fn stalls(trial: &mut Trial, since: u64) -> Outcome {
    trial.pause(2_500..3_500);
    let (wrong, until) = (trial.recorder.accepted(since), trial.recorder.now());
    match wrong.filter(|at| *at < until) {
        Some(at) => Err(violated("C1", format!("a write was acknowledged {} µs after the last kill", at - since))),
        None => Ok(()),
    }
}

/// T-3: each member dies as soon as the one before it is in sync again.
pub(crate) fn in_turn(trial: &mut Trial) -> Outcome {
    for node in 0..trial.cluster.nodes.len() {
        let at = trial.kill(node);
        trial.start(node);
        trial.accepts_again(at, ACCEPT)?;
        // Two of three hold everything at any time: the one that died last need not be back.
        let name = trial.cluster.nodes[node].name().to_owned();
        trial.cluster.wait(crate::trial::TOGETHER, "the restarted node is in sync", |it| {
            it.leader().and_then(|leader| it.nodes[leader].look()).is_some_and(|look| look.in_sync.contains(&name))
        })?;
    }
    Ok(())
}

/// All at once: what was written is gone, which must be told, and the cluster starts anew.
pub(crate) fn all(trial: &mut Trial) -> Outcome {
    let nodes = trial.cluster.nodes.len();
    for node in 0..nodes {
        trial.kill(node);
    }
    let at = trial.recorder.now();
    for node in 0..nodes {
        trial.start(node);
    }
    trial.forgive();
    let since = trial.recorder.now();
    trial.accepts_again(since, Duration::from_secs(60))?;
    trial.together()?;
    // What was promised before is not there any more; it must not look as if nothing had happened.
    let lost = trial.recorder.with(|operations, _| writes(operations, 0).filter_map(kept_at).any(|it| it < at));
    let told: u64 = trial.cluster.looks().into_iter().flatten().map(|look| look.unclean_starts).sum();
    if lost && told == 0 {
        return Err(Violation::new("C1", "all processes were killed, and no unclean start was counted"));
    }
    Ok(())
}
