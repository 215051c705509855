//! Every family of commands on the reference model, held against `redis-server`.
//!
//! `JCACHE_DIFF` sets the number of invocations, `JCACHE_SEED` repeats a run.

use jcache_testkit::ModelDriver;
use jcache_testkit::differential::{self, DriverSubject, Generator, ModelSubject};

fn check(family: &str, generators: &[Generator]) {
    let (invocations, seed) = (differential::invocations(20_000), differential::seed());
    differential::run(&mut ModelSubject::default(), family, generators, invocations, seed);
}

#[test]
fn strings() {
    check("string", &[differential::string::command]);
}

#[test]
fn keys() {
    check("key", &[differential::key::command]);
}

#[test]
fn hashes() {
    check("hash", &[differential::hash::command]);
}

#[test]
fn lists() {
    check("list", &[differential::list::command]);
}

#[test]
fn sets() {
    check("set", &[differential::set::command]);
}

#[test]
fn sorted_sets() {
    check("sorted_set", &[differential::sorted_set::command]);
}

/// All families together meet each other's keys more often than any one alone.
#[test]
fn mixed() {
    check("mixed", &differential::FAMILIES);
}

#[test]
fn mixed_on_the_model_as_a_driver() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
    let driver = ModelDriver::default();
    let mut subject = DriverSubject::new(&driver, runtime.handle().clone());
    differential::run(
        &mut subject,
        "driver",
        &differential::FAMILIES,
        differential::invocations(20_000),
        differential::seed(),
    );
}
