//! T-21: callers on all nodes wait for elements that others push, while the leader dies or is followed by another.

use std::time::Duration;

use crate::trial::{Outcome, Trial};

/// T-21.
pub(crate) fn failover(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    trial.pause(500..1_000);
    let at = trial.kill(leader);
    trial.accepts_again(at, Duration::from_secs(10))?;
    trial.start(leader);
    trial.together()?;
    let leader = trial.leader()?;
    let to = trial.cluster.followers(leader)[0];
    let at = trial.fault(&format!("n{leader} hands over to n{to}"));
    if let Err(said) = trial.cluster.hand_over(to) {
        trial.remark(format!("a hand-over was refused: {said}"));
    }
    trial.accepts_again(at, Duration::from_secs(10))
}
