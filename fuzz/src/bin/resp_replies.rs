//! Bytes to a client: no panic, the same replies or the same error however they are cut, and what was read is written so
//! that it is read again.
#![no_main]

use jcache_resp::{Output, Protocol};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = jcache_fuzz::replies(bytes, usize::MAX);
    // Compared as text: NaN is not equal to itself.
    assert_eq!(format!("{:?}", jcache_fuzz::replies(bytes, usize::from(*cut).max(1))), format!("{whole:?}"));
    let mut output = Output::new();
    for reply in &whole.0 {
        output.reply(reply, Protocol::Resp3);
    }
    let again = jcache_fuzz::replies(&output.to_vec(), usize::MAX);
    assert_eq!((again.0.len(), again.1), (whole.0.len(), None));
    // Written twice it is the same: the first writing has made what RESP3 cannot say (a line end in an error) a space.
    let mut twice = Output::new();
    for reply in &again.0 {
        twice.reply(reply, Protocol::Resp3);
    }
    assert_eq!(twice.to_vec(), output.to_vec());
});
