//! Transactions without an answer (T-19): sent again, the very same, until the outcome is known. Whatever became of the
//! first copy, the commit point never passes a set that may be recorded.

use crate::harness::etcd::Fate;
use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

#[test]
fn a_change_of_the_set_whose_outcome_is_unknown() {
    let rows: &[&[Fate]] = &[
        &[],
        &[Fate::LostBefore],
        &[Fate::LostAfter],
        &[Fate::Late],
        &[Fate::LostBefore, Fate::LostAfter],
        &[Fate::Late, Fate::LostAfter],
        &[Fate::Late, Fate::Late, Fate::LostBefore],
        &[Fate::Failed],
        &[Fate::LostBefore, Fate::Failed],
        &[Fate::LostAfter, Fate::Failed],
        &[Fate::Late, Fate::Failed, Fate::Failed],
    ];
    for fates in rows {
        let mut cluster = Cluster::ready(3, config(2));
        let leader = cluster.leader().unwrap();
        let slow = (leader + 1) % 3;
        cluster.write(leader, "SET before x");
        cluster.etcd.script = fates.to_vec();
        cluster.isolate(leader, slow);
        let call = cluster.ask(leader, "SET during x", CallOptions::default());
        // R3: until the removal is known to be recorded, the silent member counts.
        for _ in 0..200 {
            cluster.run(10);
            let status = cluster.status(leader);
            let recorded = cluster.etcd.state().isr.len();
            assert!(status.isr.len() == 3 || recorded == 2, "{fates:?}: believed before it was so");
            let acked = cluster.answers.contains_key(&call);
            assert!(!acked || status.pending.is_none() && status.isr.len() == 2, "{fates:?}: committed past the set");
        }
        assert_eq!(cluster.answers[&call].as_ref().unwrap().reply, Reply::Ok, "{fates:?}");
        for landed in cluster.etcd.land() {
            assert!(matches!(landed, Ok(CoordAnswer::Refused(_))), "{fates:?}: a late copy lands too");
        }
        assert_eq!(cluster.status(leader).counters.elections, 1, "{fates:?}");
        cluster.heal();
        cluster.until("back in sync", 10_000, |it| it.status(leader).isr.len() == 3);
        cluster.settle();
    }
}

/// A definite failure of a repeated copy says nothing of the first, which may land yet.
#[test]
fn a_member_that_may_be_recorded_counts() {
    for fates in [vec![Fate::Late], vec![Fate::Late, Fate::Failed], vec![Fate::Late, Fate::Failed, Fate::Failed]] {
        let mut cluster = Cluster::ready(3, config(2));
        let leader = cluster.leader().unwrap();
        let slow = (leader + 1) % 3;
        cluster.isolate(leader, slow);
        cluster.write(leader, "SET before x");
        assert_eq!(cluster.etcd.state().isr.len(), 2, "the silent member is out");
        cluster.heal();
        // It comes back: what becomes of the proposal the leader learns only of later copies.
        cluster.etcd.script = fates.clone();
        cluster.until("proposed", 10_000, |it| it.etcd.script.len() < fates.len());
        cluster.isolate(leader, slow);
        cluster.until("repeated", 10_000, |it| it.etcd.script.is_empty());
        assert!(matches!(cluster.etcd.land()[0], Ok(CoordAnswer::Done(_))), "{fates:?}");
        let call = cluster.ask(leader, "SET during x", CallOptions::default());
        for _ in 0..200 {
            let acked = cluster.answers.contains_key(&call);
            assert!(!acked || cluster.etcd.state().isr.len() == 2, "{fates:?}: committed without a recorded member");
            cluster.run(10);
        }
        assert_eq!(cluster.answers[&call].as_ref().unwrap().reply, Reply::Ok, "{fates:?}");
    }
}

#[test]
fn an_election_whose_outcome_is_unknown() {
    for fates in [
        vec![Fate::LostBefore],
        vec![Fate::LostAfter],
        vec![Fate::Late],
        vec![Fate::LostBefore, Fate::LostAfter],
        vec![Fate::LostBefore, Fate::Failed],
        vec![Fate::Late, Fate::Failed],
    ] {
        let mut cluster = Cluster::ready(3, config(2));
        let leader = cluster.leader().unwrap();
        cluster.write(leader, "SET before x");
        let epoch = cluster.status(leader).epoch;
        cluster.crash(leader);
        cluster.etcd.script = fates.clone();
        cluster.until("led again", 6000, |it| it.leader().is_some_and(|it2| it.status(it2).role == Role::Leader));
        let next = cluster.leader().unwrap();
        assert_eq!(cluster.status(next).epoch, epoch + 1, "{fates:?}: one election");
        cluster.etcd.land();
        cluster.write(next, "SET after y");
        cluster.run(3000);
        let leaders = (0..3).filter(|it| cluster.nodes[*it].alive && cluster.status(*it).role == Role::Leader).count();
        assert_eq!((leaders, cluster.leader()), (1, Some(next)), "{fates:?}");
        assert_eq!(cluster.read(next, "GET before", Level::Leader), bulk("x"));
    }
}

#[test]
fn a_hand_over_whose_outcome_is_unknown() {
    for fate in [
        vec![Fate::LostBefore],
        vec![Fate::LostAfter],
        vec![Fate::Late],
        vec![Fate::LostBefore, Fate::Failed],
        vec![Fate::LostAfter, Fate::Failed],
    ] {
        let mut cluster = Cluster::ready(3, config(2));
        let leader = cluster.leader().unwrap();
        cluster.etcd.script = fate.clone();
        cluster.step(leader, Event::Admin(Admin::Handover(None)));
        let calls: Vec<_> = (0..3).map(|node| cluster.ask(node, "INCR counter", CallOptions::default())).collect();
        cluster.until("answered", 5000, |it| calls.iter().all(|call| it.answers.contains_key(call)));
        cluster.etcd.land();
        assert!(calls.iter().all(|call| cluster.answers[call].is_ok()), "{fate:?}");
        assert_ne!(cluster.leader(), Some(leader), "{fate:?}");
        assert_eq!(cluster.read(leader, "GET counter", Level::Linearizable), bulk("3"));
        cluster.settle();
    }
}
