//! T-20: answers are cut off again and again, while leaders change: what was carried out is asked for once more, and must
//! not be carried out twice.

use std::time::Duration;

use crate::trial::{Outcome, Trial};

/// T-20.
pub(crate) fn storm(trial: &mut Trial) -> Outcome {
    for _ in 0..if trial.long { 12 } else { 5 } {
        let leader = trial.leader()?;
        let followers = trial.cluster.followers(leader);
        let follower = followers[trial.random.usize(..followers.len())];
        trial.fault(&format!("n{leader} > n{follower} is cut for a moment"));
        trial.cluster.cut_one_way(leader, follower);
        trial.pause(50..700);
        trial.cluster.heal();
        trial.pause(20..150);
    }
    let leader = trial.leader()?;
    for follower in trial.cluster.followers(leader) {
        trial.cluster.cut_one_way(leader, follower);
    }
    trial.pause(10..120);
    let at = trial.kill(leader);
    trial.cluster.heal();
    trial.accepts_again(at, Duration::from_secs(15))?;
    trial.start(leader);
    Ok(())
}
