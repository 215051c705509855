//! T-11, T-12, T-13: the coordinator fails, forgets, and is meddled with.

use std::time::Duration;

use serde_json::Value as Json;

use crate::cluster::Cluster;
use crate::scenario::violated;
use crate::trial::{Outcome, Trial};

/// How long writes may be refused.
const ACCEPT: Duration = Duration::from_secs(20);

/// T-11: without etcd everything goes on as it is.
pub(crate) fn faults(trial: &mut Trial) -> Outcome {
    let members = 3;
    match trial.round % 4 {
        0 => {
            let Some(leader) = trial.cluster.etcd.leader() else { return Err(violated("T-11", "etcd has no leader")) };
            trial.fault("etcd's leader is killed");
            trial.cluster.etcd.kill(leader);
            let at = trial.recorder.now();
            trial.accepts_again(at, ACCEPT)?;
            trial.pause(3_000..5_000);
            trial.cluster.etcd.restart(leader);
        }
        1 => {
            trial.fault("all of etcd is killed for ten seconds");
            (0..members).for_each(|member| trial.cluster.etcd.kill(member));
            let at = trial.recorder.now();
            trial.accepts_again(at, ACCEPT)?;
            std::thread::sleep(Duration::from_secs(10));
            let gap = trial.recorder.longest_gap(at, trial.recorder.now());
            trial.remark(format!("without etcd: longest gap {} ms", gap / 1_000));
            trial.cluster.etcd.restart_all();
        }
        2 => {
            let at = trial.fault("all of etcd is halted for three seconds");
            (0..members).for_each(|member| trial.cluster.etcd.stop(member));
            std::thread::sleep(Duration::from_secs(3));
            (0..members).for_each(|member| trial.cluster.etcd.cont(member));
            trial.accepts_again(at, ACCEPT)?;
        }
        _ => {
            let at = trial.fault("etcd's history is compacted");
            let revision = ask(trial, "/v3/kv/range", r#"{"key":"YQ=="}"#)?["header"]["revision"].clone();
            ask(trial, "/v3/kv/compaction", &format!(r#"{{"revision":{revision},"physical":true}}"#))?;
            trial.accepts_again(at, ACCEPT)?;
            let leader = trial.leader()?;
            let at = trial.kill(leader);
            trial.accepts_again(at, ACCEPT)?;
            trial.start(leader);
        }
    }
    Ok(())
}

/// T-12: nobody may take the cluster for a new one.
pub(crate) fn amnesia(trial: &mut Trial) -> Outcome {
    let epoch = |cluster: &Cluster| cluster.looks().into_iter().flatten().map(|it| it.epoch).max().unwrap_or(0);
    let before;
    let at = if trial.round.is_multiple_of(2) {
        before = epoch(&trial.cluster);
        let at = trial.fault("etcd is wiped");
        trial.cluster.etcd.wipe();
        at
    } else {
        trial.say("etcd's data is saved");
        let saved = trial.cluster.etcd.save();
        trial.cluster.whole(crate::trial::TOGETHER)?;
        let leader = trial.leader()?;
        let at = trial.kill(leader);
        trial.accepts_again(at, ACCEPT)?;
        trial.start(leader);
        trial.cluster.whole(crate::trial::TOGETHER)?;
        before = epoch(&trial.cluster);
        let at = trial.fault("etcd goes back to the data that was saved");
        trial.cluster.etcd.restore(&saved);
        at
    };
    trial.accepts_again(at, ACCEPT)?;
    // Nobody has to notice at once: what is there goes on. But the next epoch must be above all that were.
    trial.cluster.wait(crate::trial::TOGETHER, "there is a new epoch", |it| epoch(it) > before)
}

/// T-13.
pub(crate) fn meddling(trial: &mut Trial) -> Outcome {
    let found = ask(trial, "/v3/kv/range", r#"{"key":"AA==","range_end":"AA=="}"#)?;
    let keys = found["kvs"].as_array().cloned().unwrap_or_default();
    let ends =
        |pair: &Json, end: &str| pair["key"].as_str().is_some_and(|key| from_base64(key).ends_with(end.as_bytes()));
    let Some(leader) = keys.iter().find(|pair| ends(pair, "/leader")) else {
        return Err(violated("T-13", "etcd has no key of a leader"));
    };
    let at = if trial.round.is_multiple_of(2) {
        let at = trial.fault("the leader's lease is revoked");
        ask(trial, "/v3/kv/lease/revoke", &format!(r#"{{"ID":{}}}"#, leader["lease"]))?;
        at
    } else {
        let at = trial.fault("the leader's key is deleted");
        ask(trial, "/v3/kv/deleterange", &format!(r#"{{"key":{}}}"#, leader["key"]))?;
        at
    };
    trial.accepts_again(at, ACCEPT)?;
    trial.pause(300..800);
    let gap = trial.recorder.longest_gap(at, trial.recorder.now());
    trial.figures.accepted.pop();
    trial.figures.accepted.push(gap);
    Ok(())
}

fn ask(trial: &Trial, path: &str, json: &str) -> Outcome<Json> {
    let answer = trial.cluster.etcd.post(0, path, json).and_then(|text| serde_json::from_str(&text).ok());
    answer.ok_or_else(|| violated("T-13", format!("etcd does not answer {path} {json}")))
}

/// The bytes of a text in base64.
fn from_base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').map(digit).collect();
    let group = |four: &[u8]| {
        let bits =
            four.iter().enumerate().fold(0_u32, |bits, (place, digit)| bits | u32::from(*digit) << (18 - 6 * place));
        bits.to_be_bytes()[1..four.len().max(1)].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_read() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("L2xlYWRlcg==", "/leader")] {
            assert_eq!(super::from_base64(text), bytes.as_bytes(), "{text}");
        }
    }
}
