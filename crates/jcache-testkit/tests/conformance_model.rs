//! The reference model as a driver passes every suite.

use jcache_testkit::{ModelDriver, conformance};

macro_rules! passes {
    ($($suite:ident),* $(,)?) => {$(
        #[tokio::test]
        async fn $suite() {
            conformance::$suite(&ModelDriver::default()).await;
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
