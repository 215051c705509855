//! T-24: leadership changes hands as planned: no write fails, and none waits for long.

use std::time::Duration;

use jcache_testkit::history::{Moment, Outcome as Of};

use crate::recorder::writes;
use crate::scenario::violated;
use crate::trial::{Outcome, TOGETHER, Trial};

/// How long after the command its effects are looked for.
const AFTER: Duration = Duration::from_millis(300);
/// How long a node may take to leave.
const LEAVE: Duration = Duration::from_secs(30);

/// T-24: one hand-over.
pub(crate) fn planned(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let followers = trial.cluster.followers(leader);
    let to = followers[trial.random.usize(..followers.len())];
    let at = trial.fault(&format!("n{leader} hands over to n{to}"));
    trial.cluster.hand_over(to).map_err(|said| violated("T-24", format!("the hand-over failed: {said}")))?;
    std::thread::sleep(AFTER);
    let until = trial.recorder.now();
    trial.recorder.settle(until);
    let (longest, failed) = waits(trial, at, until);
    trial.figures.accepted.push(longest);
    match failed {
        0 => Ok(()),
        failed => Err(violated("T-24", format!("{failed} writes failed while leadership was handed over"))),
    }
}

/// T-24: each node is told to end, ends, and comes back; clients of it go elsewhere.
pub(crate) fn rolling(trial: &mut Trial) -> Outcome {
    for node in 0..trial.cluster.nodes.len() {
        let at = trial.fault(&format!("SIGTERM n{node}"));
        if !trial.cluster.nodes[node].end(LEAVE) {
            return Err(violated("T-24", format!("n{node} did not end within {LEAVE:?}")));
        }
        trial.accepts_again(at, TOGETHER)?;
        trial.start(node);
        trial.cluster.whole(TOGETHER)?;
        let until = trial.recorder.now();
        trial.recorder.settle(until);
        let (_, failed) = waits(trial, at, until);
        let elsewhere = trial.recorder.with(|history, _| {
            let lost = |of: &Of| matches!(of, Of::Unknown | Of::Failed);
            writes(history, at).filter(|it| it.node != node && lost(&it.outcome) && it.invoked < until).count()
        });
        trial.remark(format!("n{node}: {failed} writes failed, {elsewhere} of them at other nodes"));
        if elsewhere > 0 {
            return Err(violated("T-24", format!("{elsewhere} writes failed at others while n{node} was restarted")));
        }
    }
    Ok(())
}

/// The longest time that a write took that was under way in `at..until`, and how many failed.
fn waits(trial: &Trial, at: Moment, until: Moment) -> (u64, usize) {
    trial.recorder.with(|history, _| {
        let (mut longest, mut failed) = (0, 0);
        for write in writes(history, at.saturating_sub(5_000_000)).filter(|it| it.invoked < until && !it.waits()) {
            match &write.outcome {
                Of::Returned(returned, _) if *returned >= at => longest = longest.max(returned - write.invoked),
                Of::Unknown | Of::Failed if write.invoked >= at => failed += 1,
                _ => {}
            }
        }
        (longest, failed)
    })
}
