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
