//! What parses can be written, and parses again as the same command.
#![no_main]

use jcache_core::Request;
use jcache_core::encoded::Encoded;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for args in jcache_fuzz::program(data) {
        let args = jcache_fuzz::borrowed(&args);
        match Request::parse(&args) {
            Ok(Request::Query(query)) => {
                let encoded = Encoded::query(&query);
                assert_eq!(encoded.as_query().as_ref(), Ok(&query), "{args:?}");
            }
            Ok(Request::Mutation(mutation)) => {
                let encoded = Encoded::mutation(&mutation);
                assert_eq!(encoded.as_mutation().as_ref(), Ok(&mutation), "{args:?}");
            }
            Err(error) => assert!(!error.message().is_empty()),
        }
    }
});
