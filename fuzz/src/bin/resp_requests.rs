//! Bytes to a server: no panic, and the same commands or the same error however they are cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = jcache_fuzz::requests(bytes, usize::MAX);
    assert_eq!(jcache_fuzz::requests(bytes, usize::from(*cut).max(1)), whole);
    // What was read can be written, and is read again.
    let (commands, _) = whole;
    let mut output = jcache_resp::Output::new();
    for args in &commands {
        output.command(args);
    }
    assert_eq!(jcache_fuzz::requests(&output.to_vec(), usize::MAX), (commands, None));
});
