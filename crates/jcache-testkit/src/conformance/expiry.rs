//! Deadlines in real time: a key that is due is not there, for any command.

use std::time::Duration;

use jcache_core::driver::StringDriver;
use jcache_core::{Driver, Reply};
use tokio::time::sleep;

use super::{check, reset, run};

/// Short lives of strings. Needs a tokio runtime with time.
///
/// What must live is given 400 ms, what must die is awaited for 600 ms: a driver across a network has that much to
/// answer a few commands.
pub async fn expiry(driver: &impl StringDriver) {
    reset(driver).await;
    for command in ["SET read v PX 400", "SET written v PX 400", "SET kept v PX 400", "SET n 5 PX 400"] {
        assert_eq!(run(driver, command).await, Ok(Reply::Ok), "{command}");
    }
    let alive: &[(&str, &str)] = &[
        ("SET kept w KEEPTTL", "OK"),
        ("SET saved v PX 400", "OK"),
        ("PERSIST saved", "1"),
        ("SET longer v PX 400", "OK"),
        ("PEXPIRE longer 100000", "1"),
        ("SET again v PX 400", "OK"),
        ("SET again w", "OK"),
        ("GET read", r#""v""#),
        ("EXISTS read written kept n", "4"),
        ("INCR n", "6"),
    ];
    check(driver, alive).await;
    let left = run(driver, "PTTL read").await;
    assert!(matches!(left, Ok(Reply::Int(1..=400))), "PTTL of a life of 400 ms gave {left:?}");
    sleep(Duration::from_millis(600)).await;
    let due: &[(&str, &str)] = &[
        ("GET read", "nil"),
        ("EXISTS read written kept n", "0"),
        ("TTL read", "-2"),
        ("TYPE read", "+none"),
        ("STRLEN kept", "0"),
        ("MGET read saved", r#"[nil "v"]"#),
        ("EXPIRE read 100", "0"),
        ("PERSIST read", "0"),
        ("DEL read", "0"),
        ("RENAME written other", "!ERR no such key"),
        ("SET written x XX", "nil"),
        ("SET written x NX", "OK"),
        ("TTL written", "-1"),
        ("APPEND kept x", "1"),
        ("INCR n", "1"),
        ("TTL n", "-1"),
        ("GET saved", r#""v""#),
        ("TTL saved", "-1"),
        ("TTL longer", "~100"),
        ("GET again", r#""w""#),
        ("KEYS read*", "[]"),
    ];
    check(driver, due).await;
    past_deadline_removes(driver).await;
}

/// A deadline that has passed already removes the key at once.
async fn past_deadline_removes(driver: &impl Driver) {
    for expire in ["EXPIRE k 0", "EXPIRE k -1", "PEXPIRE k 0", "EXPIREAT k 1", "PEXPIREAT k 1000"] {
        assert_eq!(run(driver, "SET k v").await, Ok(Reply::Ok));
        assert_eq!(run(driver, expire).await, Ok(Reply::Int(1)), "{expire}");
        assert_eq!(run(driver, "EXISTS k").await, Ok(Reply::Int(0)), "{expire}");
    }
}
