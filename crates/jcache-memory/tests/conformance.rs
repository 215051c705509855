//! The memory driver passes every suite of the testkit, and answers as a real `redis-server` does.

use jcache_memory::Memory;
use jcache_testkit::conformance;
use jcache_testkit::differential::{self, DriverSubject, Generator};

macro_rules! passes {
    ($($suite:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $suite() {
            conformance::$suite(&Memory::new()).await;
        }
    )*};
}
passes!(
    strings,
    hashes,
    lists,
    sets,
    sorted_sets,
    keys,
    wrong_types,
    expiry,
    blocking,
    blocking_sorted_sets,
    snapshots,
    everything,
);

/// All families together meet each other's keys. `JCACHE_DIFF` sets the number, `JCACHE_SEED` repeats a run.
#[test]
fn answers_as_redis_does() {
    let generators: [Generator; 6] = [
        differential::string::command,
        differential::key::command,
        differential::hash::command,
        differential::list::command,
        differential::set::command,
        differential::sorted_set::command,
    ];
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
    let memory = Memory::new();
    let mut subject = DriverSubject::new(&memory, runtime.handle().clone());
    differential::run(&mut subject, "memory", &generators, differential::invocations(20_000), differential::seed());
}
