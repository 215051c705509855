//! Callers that wait without end (2.17): one who has gone takes nothing from anybody, and one who stays does not hold up
//! the others of its process, whatever becomes of the leader meanwhile.

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

/// How the leader ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Crash,
    /// It hands over, and answers that it carries out no more.
    Handover,
    /// It falls silent; nobody's stream breaks.
    Silence,
}

#[test]
fn a_caller_that_has_gone_takes_nothing_from_the_next_leader() {
    for end in [End::Crash, End::Handover, End::Silence] {
        // Whether the caller sits at the leader itself.
        for at_leader in [false, true] {
            if at_leader && end == End::Crash {
                continue;
            }
            let mut cluster = Cluster::ready(3, config(2));
            let leader = cluster.leader().expect("it is ready");
            let other = (leader + 1) % 3;
            let caller = if at_leader { leader } else { other };
            cluster.write(caller, "SET warm up");
            let gone = cluster.ask(caller, "BLPOP queue 0", CallOptions::default());
            cluster.run(20);
            // What says that the caller has gone never arrives.
            cluster.withheld = |message| matches!(message, Message::ForwardCancel { .. });
            if end == End::Handover {
                cluster.step(leader, Event::Admin(Admin::Handover(None)));
            }
            cluster.step(caller, Event::Cancel { call: gone });
            match end {
                End::Crash => cluster.crash(leader),
                End::Handover => cluster.deliver(),
                End::Silence => {
                    for node in [(leader + 1) % 3, (leader + 2) % 3] {
                        cluster.isolate(leader, node);
                    }
                    cluster.cut_etcd.insert(leader);
                }
            }
            cluster.until("another leads", 6_000, |it| it.leader().is_some_and(|it| it != leader));
            let next = cluster.leader().expect("it leads");
            cluster.run(50);
            assert_eq!(cluster.write(next, "RPUSH queue x"), Reply::Int(1), "{end:?}, at the leader: {at_leader}");
            cluster.run(50);
            let left = cluster.read(next, "LLEN queue", Level::Leader);
            assert_eq!(left, Reply::Int(1), "{end:?}, at the leader: {at_leader}: nobody is there to take it");
            let told = &cluster.answers[&gone];
            assert!(matches!(told, Err(Failure::Unknown | Failure::Cancelled)), "{end:?}: {told:?}");
        }
    }
}

/// Nobody leads, and nothing breaks: the caller has gone, and its call ends all the same.
#[test]
fn a_call_whose_caller_has_gone_ends_in_its_time() {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().expect("it is ready");
    let caller = (leader + 1) % 3;
    cluster.write(caller, "SET warm up");
    let gone = cluster.ask(caller, "BLPOP queue 0", CallOptions::default());
    cluster.run(20);
    for node in [(leader + 1) % 3, (leader + 2) % 3] {
        cluster.isolate(leader, node);
    }
    cluster.cut_etcd.extend([0, 1, 2]);
    cluster.step(caller, Event::Cancel { call: gone });
    cluster.run(cluster.config.call_ms + 50);
    assert_eq!(cluster.answers.get(&gone), Some(&Err(Failure::Unknown)));
}

#[test]
fn a_caller_that_waits_for_ever_does_not_end_its_session() {
    for end in [End::Crash, End::Handover] {
        let mut cluster = Cluster::ready(3, Config { session_window: 16, ..config(2) });
        let leader = cluster.leader().expect("it is ready");
        let caller = (leader + 1) % 3;
        cluster.write(caller, "SET warm up");
        let waiting = cluster.ask(caller, "BLPOP queue 0", CallOptions::default());
        cluster.run(20);
        // Half the window later it is to go on under a new number: nothing of that arrives.
        cluster.withheld = |message| matches!(message, Message::ForwardCancel { .. });
        for _ in 0..10 {
            cluster.write(caller, "INCR counter");
        }
        cluster.run(20);
        match end {
            End::Handover => cluster.step(leader, Event::Admin(Admin::Handover(None))),
            _ => cluster.crash(leader),
        }
        cluster.until("another leads", 6_000, |it| it.leader().is_some_and(|it| it != leader));
        cluster.heal();
        for count in 11..=60 {
            assert_eq!(cluster.write(caller, "INCR counter"), Reply::Int(count), "{end:?}");
        }
        let next = cluster.leader().expect("it leads");
        cluster.write(next, "RPUSH queue x");
        cluster.until("it is served", 1_000, |it| it.answers.contains_key(&waiting));
        let popped = Reply::Array(vec![bulk("queue"), bulk("x")]);
        assert_eq!(cluster.answers[&waiting].as_ref().expect("served").reply, popped, "{end:?}");
    }
}
