//! T-6, T-7, T-8: the network is cut, silently, between some, in one direction or both.

use std::time::Duration;

use crate::scenario::violated;
use crate::trial::{Outcome, Trial};

/// How long writes may be refused while a majority can talk to each other and to etcd.
const ACCEPT: Duration = Duration::from_secs(15);
/// Elections that one cut may cause.
const MOST_EPOCHS: u64 = 5;

/// T-6: the leader is alone; it is alone with etcd; both sides have etcd.
pub(crate) fn leader(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let followers = trial.cluster.followers(leader);
    let shape = trial.round % 3;
    let what = ["leader | followers, etcd", "leader, etcd | followers", "leader | followers, etcd in between"][shape];
    trial.fault(&format!("cut (n{leader} leads): {what}"));
    followers.iter().for_each(|follower| trial.cluster.cut(leader, *follower));
    match shape {
        0 => trial.cluster.cut_etcd(leader),
        1 => followers.iter().for_each(|follower| trial.cluster.cut_etcd(*follower)),
        _ => {}
    }
    // Until the last cut was made, writes could go through.
    let at = trial.recorder.now();
    if shape == 1 {
        // Neither side can do anything: one has too few, the other may not elect.
        trial.pause(3_000..6_000);
        trial.heal();
        let at = trial.recorder.now();
        return trial.accepts_again(at, ACCEPT);
    }
    trial.accepts_again(at, ACCEPT)?;
    trial.pause(1_000..4_000);
    trial.heal();
    Ok(())
}

/// T-7: leader ∣ etcd, follower ∣ etcd, follower ∣ leader.
pub(crate) fn one_link(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let followers = trial.cluster.followers(leader);
    let shape = trial.round % 3;
    match shape {
        0 => {
            trial.fault(&format!("cut: leader n{leader} | etcd"));
            trial.cluster.cut_etcd(leader);
        }
        1 => {
            trial.fault(&format!("cut: follower n{} | etcd", followers[0]));
            trial.cluster.cut_etcd(followers[0]);
        }
        _ => {
            trial.fault(&format!("cut: follower n{} | leader n{leader}", followers[0]));
            trial.cluster.cut(leader, followers[0]);
        }
    }
    let at = trial.recorder.now();
    trial.pause(5_000..7_000);
    trial.accepts_again(at, ACCEPT)?;
    let gap = trial.recorder.longest_gap(at, trial.recorder.now());
    trial.remark(format!(
        "{}: longest gap {} ms",
        ["leader|etcd", "follower|etcd", "follower|leader"][shape],
        gap / 1_000
    ));
    trial.heal();
    Ok(())
}

/// T-8: acknowledgements are lost, frames are lost, a leader hears nobody, two followers see only the third node.
pub(crate) fn one_way(trial: &mut Trial) -> Outcome {
    let leader = trial.leader()?;
    let followers = trial.cluster.followers(leader);
    let before = trial.cluster.nodes[leader].look().map_or(0, |it| it.epoch);
    let shape = trial.round % 4;
    let what = ["follower > leader", "leader > follower", "followers > leader", "bridge"][shape];
    trial.fault(&format!("cut (n{leader} leads): {what}"));
    match shape {
        0 => trial.cluster.cut_one_way(followers[0], leader),
        1 => trial.cluster.cut_one_way(leader, followers[0]),
        2 => followers.iter().for_each(|follower| trial.cluster.cut_one_way(*follower, leader)),
        _ => trial.cluster.cut(leader, followers[0]),
    }
    let at = trial.recorder.now();
    trial.accepts_again(at, ACCEPT)?;
    trial.pause(3_000..6_000);
    trial.heal();
    let leader = trial.leader()?;
    let after = trial.cluster.nodes[leader].look().map_or(0, |it| it.epoch);
    if after > before + MOST_EPOCHS {
        return Err(violated("T-8", format!("one cut ({what}) led from epoch {before} to {after}")));
    }
    Ok(())
}
