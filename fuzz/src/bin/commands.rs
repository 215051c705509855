//! Programs of arbitrary commands: no panic, and memory and the model hold the same keys afterwards.
#![no_main]

use jcache_core::{Answer, Context, Driver, Keyspace, Model, Request, Timestamp};
use jcache_memory::{ManualClock, Memory};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let now = Timestamp::from_millis(1_700_000_000_000);
    let clock = std::sync::Arc::new(ManualClock::default());
    clock.set(now);
    let memory = Memory::builder().shards(4).clock(clock).build();
    let mut model = Model::default();
    model.set_now(now);
    for args in jcache_fuzz::program(data) {
        let args = jcache_fuzz::borrowed(&args);
        // What picks at random may pick differently, and then everything after it differs.
        let random = matches!(args[0].to_ascii_uppercase().as_slice(), b"SPOP" | b"RANDOMKEY" | b"SRANDMEMBER" | b"HRANDFIELD" | b"ZRANDMEMBER");
        match Request::parse(&args) {
            Ok(_) if random => {}
            Ok(Request::Query(query)) => {
                let expected = query.run(&model, Context::at(now)).map(|reply| std::mem::discriminant(&reply));
                let answer = memory.try_query(&query).expect("memory never waits for a query");
                let found = answer.map(|Answer { reply, .. }| std::mem::discriminant(&reply));
                assert_eq!(found, expected, "{args:?}");
            }
            Ok(Request::Mutation(mutation)) => {
                let expected = mutation.run(&mut model, Context::at(now));
                // A blocking command that would wait has changed nothing.
                if let Some(reply) = memory.try_mutate(&mutation) {
                    assert_eq!(reply, expected, "{args:?}");
                }
            }
            Err(_) => {}
        }
    }
    assert_eq!(memory.len(), model.len());
});
