//! Joining, handing over, leaving, and what others see of it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jcache_cluster::{DistributedMemory, Overview, Profile, Read, Role};
use jcache_core::{ErrorKind, Reply};

use crate::world::{World, run, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_differ_and_names_that_are_taken_are_refused_with_the_reason() {
    let Some(world) = World::new() else { return };
    let _a = world.join("a").await;
    for (config, reason) in [
        (world.config("b").min_insync(2), "has min_insync 1, and this process 2"),
        (world.config("b").isr_target(5), "has isr_target 3, and this process 5"),
        (world.config("b").profile(Profile::Wan), "has a profile of"),
        (world.config("a"), "bears this node id"),
    ] {
        let error = DistributedMemory::join(config).await.expect_err(reason);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains(reason), "{reason}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_handed_over_while_others_write_and_no_write_fails() {
    let Some(world) = World::new() else { return };
    let [a, b, c] = world.three().await;
    let writer = c.clone();
    let stop = Arc::new(Mutex::new(false));
    let stopped = stop.clone();
    let writing = tokio::spawn(async move {
        let mut written = 0;
        while !*stopped.lock().unwrap() {
            assert_eq!(run(&writer, "INCR n").await, Ok(Reply::Int(written + 1)));
            written += 1;
        }
        written
    });
    let mut roles = b.watch_role();
    until("b knows", || roles.current().role == Role::Follower).await;
    b.handover(Some("b")).await.unwrap();
    until("b leads", || b.status().role == Role::Leader).await;
    while roles.changed().await.unwrap().epoch < 2 {}
    for target in ["a", "b", "c", "a"] {
        a.handover(Some(target)).await.unwrap();
    }
    a.handover(None).await.unwrap();
    let error = a.handover(Some("nobody")).await.unwrap_err();
    assert!(error.message().contains("not a member in step"), "{error}");
    *stop.lock().unwrap() = true;
    let written = writing.await.unwrap();
    assert!(written > 0);
    let count = Ok(Reply::Bulk(written.to_string().into()));
    for member in [&a, &b, &c] {
        assert_eq!(run(&member.with_read(Read::Linearizable), "GET n").await, count);
        assert_eq!(run(&member.with_read(Read::Leader), "GET n").await, count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_in_order_is_not_waited_for() {
    let Some(world) = World::new() else { return };
    let [a, b, c] = world.three().await;
    run(&c, "SET key value").await.unwrap();
    // The leader leaves: leadership goes first.
    let started = Instant::now();
    a.shutdown().await.unwrap();
    assert_eq!(run(&b, "SET key other").await, Ok(Reply::Ok));
    // Far less than the lease and the election of a leader that just goes.
    println!("left and written after {:?}", started.elapsed());
    let error = run(&a, "SET key lost").await.unwrap_err();
    assert_eq!((error.kind(), error.is_uncertain()), (ErrorKind::Unavailable, false));
    assert_eq!(a.ended().await, Ok(()));
    let (leader, other) = if b.status().role == Role::Leader { (&b, &c) } else { (&c, &b) };
    until("two are in step", || leader.status().isr.len() == 2).await;
    other.shutdown().await.unwrap();
    until("one is in step", || leader.status().isr.len() == 1).await;
    assert_eq!(run(leader, "GET key").await, Ok(Reply::Bulk("other".into())));
    let overview = Overview::of(&world.config("x")).await.unwrap();
    assert_eq!((overview.members.len(), overview.in_sync.len()), (1, 1));
    // The name is free at once.
    let again = world.join("a").await;
    assert_eq!(run(&again, "GET key").await, Ok(Reply::Bulk("other".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_goes_without_a_word_is_replaced() {
    let Some(world) = World::new() else { return };
    let [a, b, c] = world.three().await;
    run(&a, "SET key value").await.unwrap();
    let started = Instant::now();
    drop(a);
    assert_eq!(run(&b, "APPEND key !").await, Ok(Reply::Int(6)));
    println!("writes again after {:?}", started.elapsed());
    assert_eq!(run(&c.with_read(Read::Linearizable), "GET key").await, Ok(Reply::Bulk("value!".into())));
    let overview = b.overview().await.unwrap();
    assert!(matches!(overview.leader.as_deref(), Some("b" | "c")), "{overview:?}");
    assert!(overview.epoch >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_members_refuse_writes_and_answer_reads() {
    let Some(world) = World::new() else { return };
    let a = DistributedMemory::join(world.config("a").min_insync(2).call_timeout(Duration::from_millis(500))).await;
    let a = a.unwrap();
    let error = run(&a, "SET key value").await.unwrap_err();
    assert_eq!((error.kind(), error.is_uncertain()), (ErrorKind::Refused, false), "{error}");
    assert!(error.message().starts_with("NOREPLICAS "), "{error}");
    assert_eq!(run(&a, "GET key").await, Ok(Reply::Nil));
    let _b = DistributedMemory::join(world.config("b").min_insync(2)).await.unwrap();
    until("two are in step", || a.status().isr.len() == 2).await;
    assert_eq!(run(&a, "SET key value").await, Ok(Reply::Ok));
}

#[tokio::test]
async fn without_etcd_there_is_no_place() {
    let etcd = jcache_cluster::Etcd::new(["http://127.0.0.1:1"]).timeout(Duration::from_millis(100));
    let started = Instant::now();
    let error = DistributedMemory::join(jcache_cluster::ClusterConfig::new("x", etcd)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(15));
}

/// Where one thread does everything, nothing that is held while it waits may be what another task needs.
#[test]
fn a_process_leaves_on_a_single_thread() {
    let (tell, left) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(async {
            let Some(world) = World::new() else { return Ok(()) };
            let member = world.join("a").await;
            // So that there is something to wait for.
            world.etcd.stop(0);
            let outcome = member.shutdown().await;
            world.etcd.cont(0);
            outcome
        });
        tell.send(outcome).unwrap();
    });
    left.recv_timeout(Duration::from_secs(60)).expect("it is stuck").unwrap();
}
