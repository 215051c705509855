//! Where two logs part: the divergence cases A to G of the description of Kafka's protocol by J. Vanlightly (3.3.1 to
//! 3.3.7), restated with offsets that start at 1, and what follows from them.

use jcache_cluster::engine::*;

/// A log told as the epoch of each record.
fn history(log: &[Epoch]) -> History {
    let mut epochs: Vec<(Epoch, Offset)> = Vec::new();
    for (at, epoch) in log.iter().enumerate() {
        if epochs.last().is_none_or(|(last, _)| last != epoch) {
            epochs.push((*epoch, at as u64 + 1));
        }
    }
    History { epochs, leo: log.len() as u64, ..History::default() }
}

fn common_prefix(a: &[Epoch], b: &[Epoch]) -> u64 {
    a.iter().zip(b).take_while(|(a, b)| a == b).count() as u64
}

#[test]
fn cases_a_to_g() {
    // Leader's log, follower's log, point of divergence.
    let rows: &[(&str, &[Epoch], &[Epoch], u64)] = &[
        ("A: behind, same epoch", &[1, 1, 1, 1], &[1, 1], 2),
        ("B: behind, the leader has a higher epoch", &[1, 1, 2, 2], &[1, 1], 2),
        ("C: ahead, same epoch", &[1, 1], &[1, 1, 1, 1], 2),
        ("D: ahead, with a higher epoch", &[1, 1], &[1, 1, 2, 2], 2),
        ("E: forks, each in its epoch", &[1, 1, 3, 3], &[1, 1, 2, 2], 2),
        ("F: forks, the leader with more of the old epoch", &[1, 1], &[1, 2, 2], 1),
        ("G: nothing in common", &[1], &[2, 2], 0),
        ("both empty", &[], &[], 0),
        ("a fresh follower", &[1, 1], &[], 0),
        ("equal", &[1, 2, 2], &[1, 2, 2], 3),
        ("an epoch between that only the follower has", &[1, 1, 4], &[1, 1, 2, 3], 2),
        ("the follower has less of the common epoch", &[1, 2, 2, 5], &[1, 2, 3], 2),
    ];
    for (what, leader, follower, point) in rows {
        assert_eq!(common_prefix(leader, follower), *point, "{what}: the row itself");
        let plan = reconcile(&history(leader), 1, &history(follower));
        assert_eq!(plan, (*point, Plan::Partial(*point)), "{what}");
    }
}

#[test]
fn the_point_is_the_longest_common_prefix_of_every_pair_that_can_be() {
    // Histories as the protocol makes them: each epoch's leader goes on from a prefix of some log that existed.
    let mut logs: Vec<Vec<Epoch>> = vec![Vec::new()];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut pick = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    for epoch in 1..=40 {
        let base = logs[pick(logs.len())].clone();
        // A leader keeps its whole log, and its epoch begins with a record of its own.
        let mut log = base;
        for _ in 0..=pick(4) {
            log.push(epoch);
            logs.push(log.clone());
        }
    }
    let mut compared = 0;
    for leader in &logs {
        for follower in &logs {
            let (point, _) = reconcile(&history(leader), 1, &history(follower));
            assert_eq!(point, common_prefix(leader, follower), "{leader:?} {follower:?}");
            compared += 1;
        }
    }
    assert!(compared > 5000, "{compared}");
}

#[test]
fn what_follows_from_the_point() {
    let leader = history(&[1, 1, 1, 3, 3]);
    // Follower's log, applied, tainted, first record that the leader keeps; what is done.
    type Row = (&'static str, &'static [Epoch], u64, bool, u64, Plan);
    let rows: &[Row] = &[
        ("the tail was not executed", &[1, 1, 1, 2], 3, false, 1, Plan::Partial(3)),
        ("a deposed leader with a tail", &[1, 1, 1, 2], 4, true, 1, Plan::Full),
        ("a deposed leader without one", &[1, 1, 1], 3, true, 1, Plan::Partial(3)),
        ("executed beyond: must not be", &[1, 1, 1, 2], 4, false, 1, Plan::Beyond),
        ("the backlog begins one later", &[1, 1], 2, false, 4, Plan::Full),
        ("the backlog begins right there", &[1, 1], 2, false, 3, Plan::Partial(2)),
        ("the backlog begins before", &[1, 1], 2, false, 2, Plan::Partial(2)),
        ("nothing is kept, nothing is missing", &[1, 1, 1, 3, 3], 5, false, 6, Plan::Partial(5)),
    ];
    for (what, log, applied, tainted, first, plan) in rows {
        let follower = History { applied: *applied, tainted: *tainted, ..history(log) };
        assert_eq!(reconcile(&leader, *first, &follower).1, *plan, "{what}");
    }
}
