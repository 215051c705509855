//! What a leader evicts, every copy removes: at the same place of the log.

use crate::harness::*;
use jcache_cluster::engine::*;
use jcache_core::Reply;

/// A cluster whose leader keeps so many keys.
fn bounded(most: usize) -> (Cluster, usize) {
    let mut cluster = Cluster::ready(3, config(2));
    let leader = cluster.leader().expect("a cluster that is ready has one");
    cluster.nodes[leader].store = ModelStore::new(4).with_most_keys(most);
    (cluster, leader)
}

fn check(cluster: &mut Cluster, read: &str, expected: &Reply) {
    cluster.settle();
    for node in 0..3 {
        assert_eq!(held(cluster, node, read), *expected, "at {node}");
        assert_eq!(cluster.status(node).counters.digest_mismatches, 0, "at {node}");
    }
}

#[test]
fn evictions_reach_every_copy() {
    let (mut cluster, leader) = bounded(3);
    for key in 0..10 {
        cluster.write(leader, &format!("SET key{key} x"));
    }
    check(&mut cluster, "DBSIZE", &Reply::Int(3));
    check(&mut cluster, "GET key9", &bulk("x"));
}

#[test]
fn what_was_evicted_and_is_brought_back_by_a_waiter_stays() {
    let (mut cluster, leader) = bounded(1);
    cluster.write(leader, "RPUSH a old");
    let waiter = cluster.ask(leader, "BLMOVE b a LEFT RIGHT 0", CallOptions::default());
    // There is room for one: `a` goes, and the waiter, who is served from `b`, makes it anew.
    cluster.write(leader, "RPUSH b new");
    assert_eq!(cluster.answers[&waiter].clone().map(|answer| answer.reply), Ok(bulk("new")));
    check(&mut cluster, "LRANGE a 0 -1", &Reply::Array(vec![bulk("new")]));
}
