//! T-16: a node joins a cluster that holds much, while writes go on; then somebody is killed in the middle of it.

use std::time::{Duration, Instant};

use jcache_testkit::check::Violation;

use crate::trial::{Outcome, Trial};

/// Keys that are there, in the short and the long form.
const KEYS: (usize, usize) = (50_000, 1_000_000);
/// Bytes of each value.
const VALUE: usize = 100;
/// Commands that are sent at a time.
const BATCH: usize = 1_000;
/// How long a full synchronisation may take.
const SYNC: Duration = Duration::from_secs(120);

/// T-16: undisturbed, then the joiner is killed, then the leader is.
pub(crate) fn large(trial: &mut Trial) -> Outcome {
    let joiner = trial.cluster.nodes.len() - 1;
    let keys = if trial.long { KEYS.1 } else { KEYS.0 };
    if trial.round == 0 {
        fill(trial, keys)?;
    } else {
        trial.kill(joiner);
    }
    let started = Instant::now();
    let since = trial.recorder.now();
    trial.start(joiner);
    match trial.round % 3 {
        0 => {}
        1 => {
            trial.pause(20..1_500);
            trial.kill(joiner);
            trial.start(joiner);
        }
        _ => {
            trial.pause(20..1_500);
            let leader = trial.leader()?;
            let at = trial.kill(leader);
            trial.accepts_again(at, Duration::from_secs(20))?;
            trial.start(leader);
        }
    }
    trial.cluster.whole(SYNC)?;
    if trial.round.is_multiple_of(3) {
        let took = started.elapsed();
        let megabytes = (keys * VALUE) as f64 / 1e6;
        let gap = trial.recorder.longest_gap(since, trial.recorder.now());
        trial.remark(format!(
            "{keys} keys of {VALUE} bytes: in sync {:.2} s after its start ({:.0} MB/s of values), longest gap {} ms",
            took.as_secs_f64(),
            megabytes / took.as_secs_f64(),
            gap / 1_000
        ));
    }
    Ok(())
}

fn fill(trial: &Trial, keys: usize) -> Outcome {
    let leader = trial.leader()?;
    let wrong = |why: String| Violation::new("C9", format!("the keyspace cannot be filled: {why}"));
    let connected = trial.cluster.nodes[leader].connect(Duration::from_secs(10));
    let mut client = connected.map_err(|error| wrong(error.to_string()))?;
    let value = vec![b'v'; VALUE];
    trial.say(&format!("{keys} keys are written"));
    for start in (0..keys).step_by(BATCH) {
        let key = |number: usize| format!("large:{number}").into_bytes();
        let sets: Vec<Vec<Vec<u8>>> =
            (start..start + BATCH).map(|number| vec![b"SET".to_vec(), key(number), value.clone()]).collect();
        for reply in client.call_many(&sets) {
            reply.map_err(wrong)?;
        }
    }
    Ok(())
}
