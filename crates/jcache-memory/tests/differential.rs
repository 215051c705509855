//! Every family of commands on the memory driver, held against a real `redis-server`: replies, error texts and state.
//!
//! `JCACHE_DIFF` sets the number of invocations, `JCACHE_SEED` repeats a run.

use jcache_memory::Memory;
use jcache_testkit::differential::{self, DriverSubject, Generator};

fn check(family: &str, generators: &[Generator]) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_time().build().expect("a runtime");
    let memory = Memory::new();
    let mut subject = DriverSubject::new(&memory, runtime.handle().clone());
    differential::run(&mut subject, family, generators, differential::invocations(20_000), differential::seed());
}

#[test]
fn strings() {
    check("strings", &[differential::string::command]);
}

#[test]
fn keys() {
    check("keys", &[differential::key::command]);
}

#[test]
fn hashes() {
    check("hashes", &[differential::hash::command]);
}

#[test]
fn lists() {
    check("lists", &[differential::list::command]);
}

#[test]
fn sets() {
    check("sets", &[differential::set::command]);
}

#[test]
fn sorted_sets() {
    check("sorted_sets", &[differential::sorted_set::command]);
}

/// All families together meet each other's keys more often than any one alone.
#[test]
fn mixed() {
    check("mixed", &differential::FAMILIES);
}
