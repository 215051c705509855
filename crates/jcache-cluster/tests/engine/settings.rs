//! Settings that cannot work are refused, with the reason; profiles work.

use jcache_cluster::engine::*;

#[test]
fn what_cannot_work_is_refused() {
    let good = Config::default;
    let timing = |heartbeat_ms, evict_ms, lease_ms, grant_ms| Timing { heartbeat_ms, evict_ms, lease_ms, grant_ms };
    let rows: Vec<(Config, &str)> = vec![
        (Config { min_insync: 0, ..good() }, "min_insync is 0"),
        (Config { min_insync: 4, ..good() }, "isr_target 3 is below min_insync 4"),
        (Config { min_insync: 3, voters: Some(2), ..good() }, "above the number of voters 2"),
        (Config { timing: timing(100, 700, 700, 900), ..good() }, "is not below the lease"),
        (Config { timing: timing(100, 150, 700, 900), ..good() }, "two heartbeats"),
        (Config { timing: timing(0, 150, 700, 900), ..good() }, "two heartbeats"),
        (Config { timing: timing(100, 500, 700, 710), ..good() }, "too close to grant"),
        (Config { unclean_after_ms: Some(900), ..good() }, "overtake an election"),
        (Config { frame_bytes: 0, ..good() }, "frame is 0"),
        (Config { max_calls: 0, ..good() }, "max_calls is 0"),
        (Config { wire: (2, 1), ..good() }, "wire version 2 is above"),
        (Config { timing: timing(100, 500, u64::MAX, u64::MAX), ..good() }, "lease is above ten years"),
        (Config { reseed_wait_ms: u64::MAX, ..good() }, "reseed_wait is above ten years"),
        (Config { hold_off_ms: (1, u64::MAX / 2), ..good() }, "hold_off is above ten years"),
    ];
    for (config, reason) in rows {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.contains(reason), "{error} / {reason}");
    }
}

#[test]
fn profiles_work() {
    for timing in [Timing::FAST, Timing::BALANCED, Timing::WAN] {
        for min_insync in 1..=3 {
            assert_eq!(Config::new(min_insync, timing).validate(), Ok(()));
        }
    }
    assert_eq!(Config::new(1, Timing::BALANCED).unclean_after_ms, Some(30_000));
    assert_eq!(Config::new(2, Timing::BALANCED).unclean_after_ms, None);
}

#[test]
fn a_member_with_other_settings_or_a_taken_name_is_refused() {
    use crate::harness::*;
    let mut cluster = Cluster::ready(3, config(2));
    cluster.crash(2);
    cluster.config.min_insync = 1;
    cluster.restart(2);
    cluster.run(3000);
    assert_eq!(cluster.nodes[2].fatal, Some(Fatal::ConfigMismatch));
    cluster.config.min_insync = 2;
    // Another living process under the same name.
    cluster.restart(2);
    cluster.nodes[2].name = "n0".into();
    let member = MemberId::new("n0", 999);
    let identity = Identity { member, addr: "2".into(), zone: String::new(), prio: 0, voter: true, seed: 1 };
    cluster.nodes[2].engine = Engine::new(cluster.config.clone(), identity, cluster.now()).unwrap();
    cluster.run(10_000);
    assert_eq!(cluster.nodes[2].fatal, Some(Fatal::DuplicateNodeId));
    cluster.write(0, "SET still works");
}

/// The longest time there is means never, and not at once.
#[test]
fn a_time_without_end_does_not_run_over() {
    use crate::harness::*;
    let endless = Config { isr_target: 1, unclean_after_ms: Some(u64::MAX), call_ms: u64::MAX, ..config(1) };
    let mut cluster = Cluster::ready(2, endless);
    let leader = cluster.leader().unwrap();
    for timeout_ms in [None, Some(u64::MAX)] {
        let options = CallOptions { timeout_ms, ..CallOptions::default() };
        assert!(cluster.call(1 - leader, "SET key x", options).is_ok(), "{timeout_ms:?}");
        let popped = cluster.ask(1 - leader, "BLPOP queue 0", options);
        assert!(!cluster.answers.contains_key(&popped), "{timeout_ms:?}");
        cluster.write(leader, "RPUSH queue x");
        cluster.until("popped", 1_000, |it| it.answers.contains_key(&popped));
    }
    cluster.crash(leader);
    cluster.run(20_000);
    assert_eq!(cluster.leader(), None, "the observer never leads");
}

/// A process of another cluster, at an address where it should not be, changes nothing here.
#[test]
fn a_process_of_another_cluster_is_not_believed() {
    use crate::harness::*;
    let other = || MemberId::new("other", 1);
    let join = Join {
        cluster: "another".into(),
        member: other(),
        attempt: 1,
        promised: 1_000,
        leo: 0,
        applied: 0,
        tainted: false,
        resync: false,
        epochs: Vec::new(),
        wire: (1, 1),
        leaving: false,
    };
    let rows = [
        (StreamKind::Replicate, Message::Join(join)),
        (StreamKind::Status, Message::StatusRequest { member: other(), cluster: "another".into(), promised: 1_000 }),
    ];
    for (kind, message) in rows {
        let mut cluster = Cluster::ready(3, config(2));
        let leader = cluster.leader().unwrap();
        let epoch = cluster.status(leader).epoch;
        for node in 0..3 {
            let stream = StreamId::In(77);
            cluster.step(node, Event::Accepted { stream, kind });
            cluster.step(node, Event::Message { stream, message: message.clone() });
        }
        cluster.run(3_000);
        for node in 0..3 {
            assert_eq!(cluster.status(node).promised, epoch, "{message:?}");
            assert_eq!(cluster.nodes[node].notices, [], "{message:?}");
        }
        assert_eq!(cluster.leader(), Some(leader), "{message:?}");
        let told = |it: &Message| matches!(it, Message::StatusReply(_));
        assert!(!cluster.loose.iter().any(|(_, it)| told(it)), "it is not told of our epochs either");
    }
}

/// The lease needs the leader's key to be seen within the time after which an unclean start is allowed: it is looked at as
/// often, however seldom the coordinator is to be read.
#[test]
fn a_leader_that_may_be_replaced_uncleanly_keeps_its_lease() {
    use crate::harness::*;
    for unclean_after_ms in [None, Some(3_000), Some(30_000)] {
        let mut cluster = Cluster::ready(3, Config { unclean_after_ms, relist_ms: 5_000, ..config(1) });
        let leader = cluster.leader().expect("it is ready");
        for _ in 0..1_000 {
            cluster.run(10);
            assert_eq!(cluster.status(leader).role, Role::Leader, "{unclean_after_ms:?}");
        }
    }
}
