//! Commands on one member, on a follower, and in transactions.

use std::time::Duration;

use jcache_cluster::{Ack, DistributedMemory, Read, Role};
use jcache_core::{Arg, Driver, ErrorKind, Key, Mutation, Reply, Request, Watch};
use jcache_testkit::conformance;

use crate::world::{World, run, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_member_passes_the_conformance_suite() {
    let Some(world) = World::new() else { return };
    conformance::everything(&world.join("a").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_three_passes_the_conformance_suite() {
    let Some(world) = World::new() else { return };
    let members = world.three().await;
    conformance::everything(&members[1]).await;
    for member in &members {
        let counters = member.status().counters;
        assert_eq!((counters.digest_mismatches, counters.beyond_divergence), (0, 0));
    }
}

/// With the leader's word alone a write at the leader waits for nobody, whether it changes something or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leaders_word_is_given_at_once() {
    let Some(world) = World::new() else { return };
    let members = world.three().await;
    let leader = members.iter().find(|member| member.status().role == Role::Leader).unwrap();
    let follower = members.iter().find(|member| member.status().role != Role::Leader).unwrap();
    let try_run = |member: &DistributedMemory, line: &str| {
        let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
        member.try_mutate(&Mutation::parse(&args).unwrap())
    };
    let by_word = leader.with_ack(Ack::Leader);
    // The first write opens the process's session.
    run(&by_word, "DEL key").await.unwrap();
    for (line, reply) in [("SETNX key 1", 1), ("SETNX key 2", 0), ("DEL other", 0), ("INCR key", 2)] {
        assert_eq!(try_run(&by_word, line), Some(Ok(Reply::Int(reply))), "{line}");
    }
    assert_eq!(try_run(&by_word, "LPUSH key x").unwrap().unwrap_err().kind(), ErrorKind::WrongType);
    for (member, line) in
        [(&by_word, "BLPOP list 0"), (leader, "INCR key"), (&follower.with_ack(Ack::Leader), "INCR key")]
    {
        assert_eq!(try_run(member, line), None, "{line}");
    }
    assert_eq!(run(&follower.with_read(Read::Linearizable), "GET key").await, Ok(Reply::Bulk("2".into())));
    conformance::everything(&by_word).await;
    for member in &members {
        let counters = member.status().counters;
        assert_eq!((counters.digest_mismatches, counters.beyond_divergence), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_reads_what_it_wrote() {
    let Some(world) = World::new() else { return };
    let [_, b, c] = world.three().await;
    for number in 0..300 {
        for member in [&b, &c] {
            run(member, &format!("SET key {number}")).await.unwrap();
            let read = run(member, "GET key").await.unwrap();
            assert_eq!(read, Reply::Bulk(number.to_string().into()));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_whole_and_depends_on_what_is_watched() {
    let Some(world) = World::new() else { return };
    let [a, b, c] = world.three().await;
    let lines = ["INCR n", "LPUSH n x", "SET other 1", "GET n"].map(|line| line.split(' ').collect::<Vec<_>>());
    let args: Vec<Vec<Arg<'_>>> = lines.iter().map(|line| line.iter().map(|word| Arg::from(*word)).collect()).collect();
    let requests: Vec<Request<'_>> = args.iter().map(|args| Request::parse(args).unwrap()).collect();
    for (number, member) in [&a, &b, &c].into_iter().enumerate() {
        let replies = member.transact(&requests, Watch::new()).await.unwrap().unwrap();
        let count = number as i64 + 1;
        assert_eq!(replies[0], Ok(Reply::Int(count)));
        assert_eq!(replies[1].as_ref().unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(replies[2..], [Ok(Reply::Ok), Ok(Reply::Bulk(count.to_string().into()))]);
        assert_eq!(run(member, "GET other").await, Ok(Reply::Bulk("1".into())));
    }
    // Who changes a watched key after it was watched, and from where.
    for (change, by, goes) in [
        ("SET unrelated 1", &a, true),
        ("SET n 5", &a, false),
        ("SET n 5", &b, false),
        // As far as a log can tell: the command says that the key is gone.
        ("DEL nothing", &c, false),
        ("LPOP nothing", &c, true),
        ("FLUSHALL", &c, false),
        ("EXPIRE other 100", &a, false),
    ] {
        run(&b, "SET n 1").await.unwrap();
        run(&b, "SET other 1").await.unwrap();
        let mut watch = Watch::new();
        b.watch(&[Key::from("n"), Key::from("other"), Key::from("nothing")], &mut watch).await.unwrap();
        run(by, change).await.unwrap();
        let done = b.transact(&requests, watch).await.unwrap().is_some();
        assert_eq!(done, goes, "{change}");
    }
    let mut watch = Watch::new();
    a.watch(&[Key::from("n")], &mut watch).await.unwrap();
    assert_eq!(b.transact(&requests, watch).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_served_from_anywhere_and_one_who_went_takes_nothing() {
    let Some(world) = World::new() else { return };
    let [a, b, c] = world.three().await;
    for (waiter, giver) in [(&a, &b), (&b, &a), (&c, &b)] {
        let waits = run(waiter, "BLPOP list 10");
        let gives = async {
            until("it waits", || a.status().blocked == 1).await;
            run(giver, "RPUSH list element").await
        };
        let (took, gave) = tokio::join!(waits, gives);
        assert_eq!(gave, Ok(Reply::Int(1)));
        assert_eq!(took, Ok(Reply::Array(vec![Reply::Bulk("list".into()), Reply::Bulk("element".into())])));
        // One that is given up in the very moment either takes nothing or puts it back.
        let gone = tokio::time::timeout(Duration::from_millis(30), run(waiter, "BLPOP list 10")).await;
        assert!(gone.is_err());
        run(giver, "RPUSH list kept").await.unwrap();
        let mut taken = Reply::Nil;
        for _ in 0..200 {
            taken = run(giver, "LPOP list").await.unwrap();
            if !taken.is_nil() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(taken, Reply::Bulk("kept".into()));
    }
}
