//! The memory driver passes every suite of the testkit.

use jcache_memory::Memory;
use jcache_testkit::conformance;

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
