//! Whole keys: read with their deadline at one moment, taken over, and changed by what another level decided.
//!
//! A driver need not offer this. What it does not offer it must say: `fetch` without a snapshot, and
//! [`ErrorKind::Unsupported`] from `install`; then the suite asks no more of it.

use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::snapshot::FillLimit;
use jcache_core::{Arg, Driver, Effect, ErrorKind, Mutation, Query, Reply, Snapshot, Timestamp};

use super::{reset, run};
use crate::notation::{show, words};

/// What makes a key of each type, and the query that shows all of it.
const TYPES: [(&str, &str); 5] = [
    (r#"SET k "whole \x00""#, "GET k"),
    ("HSET k a 1 b 2 c 3", "HGETALL k"),
    ("RPUSH k a b c", "LRANGE k 0 -1"),
    ("SADD k a b c", "SMEMBERS k"),
    ("ZADD k 1 a 2.5 b -inf c", "ZRANGE k 0 -1 WITHSCORES"),
];
/// In the year 2100.
const LATER: Timestamp = Timestamp::from_millis(4_102_444_800_123);

/// `fetch`, `install` and `apply`, for a driver that serves all families.
pub async fn snapshots(driver: &(impl StringDriver + HashDriver + ListDriver + SetDriver + SortedSetDriver)) {
    for (make, show) in TYPES {
        for deadline in [None, Some(LATER)] {
            fetches(driver, make, show, deadline).await;
            installs(driver, make, show, deadline).await;
        }
    }
    fetches_nothing(driver).await;
    applies(driver).await;
}

/// Reads `command` and hands it to `then` as a query.
macro_rules! query {
    ($command:expr => $query:ident) => {
        let args = words($command);
        let args: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
        let $query = &Query::parse(&args).expect("a query");
    };
}

async fn make_key(driver: &impl Driver, make: &str, deadline: Option<Timestamp>) {
    reset(driver).await;
    assert!(run(driver, make).await.is_ok(), "{make}");
    if let Some(at) = deadline {
        let expire = format!("PEXPIREAT k {}", at.as_millis());
        assert_eq!(run(driver, &expire).await, Ok(Reply::Int(1)), "{expire}");
    }
}

/// The key that `make` makes, from core's model.
async fn made(make: &str, deadline: Option<Timestamp>) -> Snapshot {
    let model = crate::ModelDriver::default();
    make_key(&model, make, deadline).await;
    model.snapshots().pop().expect("one key")
}

async fn fetches(driver: &impl Driver, make: &str, whole: &str, deadline: Option<Timestamp>) {
    make_key(driver, make, deadline).await;
    query!(whole => query);
    let expected = run(driver, whole).await;
    let fetched = driver.fetch(query, FillLimit::default()).await.expect(whole);
    let reply = query.canonical(fetched.answer.reply).map_err(|error| error.to_string());
    assert_eq!(show(&reply, false), show(&expected, false), "fetch of {whole}");
    assert!(fetched.answer.hit, "fetch of {whole} says that there is no key");
    let Some(snapshot) = fetched.snapshot else { return };
    assert_eq!(snapshot, made(make, deadline).await, "fetch of {whole}");
    // Too large a key is answered and not given.
    for limit in [FillLimit { elements: 2, bytes: 1 << 20 }, FillLimit { elements: 100, bytes: 2 }] {
        let fetched = driver.fetch(query, limit).await.expect(whole);
        assert!(fetched.answer.hit, "{whole}");
        let admitted = limit.admits(&snapshot.object);
        assert!(fetched.snapshot.is_none() || admitted, "fetch of {whole} gives more than {limit:?}");
    }
}

/// An absent key, and one of a wrong type.
async fn fetches_nothing(driver: &impl Driver) {
    reset(driver).await;
    for (_, whole) in TYPES {
        query!(whole => query);
        let fetched = driver.fetch(query, FillLimit::default()).await.expect(whole);
        assert!(!fetched.answer.hit && fetched.snapshot.is_none(), "{whole} on nothing gave {fetched:?}");
    }
    for (make, other) in [("SET k v", "HGETALL k"), ("RPUSH k a", "GET k")] {
        make_key(driver, make, None).await;
        query!(other => query);
        let fetched = driver.fetch(query, FillLimit::default()).await;
        assert_eq!(fetched.expect_err(other).kind(), ErrorKind::WrongType, "{other} after {make}");
    }
}

async fn installs(driver: &impl Driver, make: &str, whole: &str, deadline: Option<Timestamp>) {
    let snapshot = made(make, deadline).await;
    let expected = snapshot_reply(&snapshot, whole);
    // Whatever was there is replaced, its deadline too.
    for before in ["DEL k", "SET k old EX 1000", "RPUSH k old old old"] {
        reset(driver).await;
        if run(driver, before).await.is_err() {
            continue;
        }
        if let Err(error) = driver.install(&snapshot).await {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "install gave {error}");
            return;
        }
        assert_eq!(show(&run(driver, whole).await, false), expected, "{whole} after {before} and install");
        let at = deadline.map_or(-1, Timestamp::as_i64);
        assert_eq!(run(driver, "PEXPIRETIME k").await, Ok(Reply::Int(at)), "deadline after {before} and install");
    }
    // What is due is not there.
    let due = Snapshot { deadline: Some(Timestamp::from_millis(1_000)), ..snapshot };
    driver.install(&due).await.expect("install of a key that is due");
    assert_eq!(run(driver, "EXISTS k").await, Ok(Reply::Int(0)), "after install of a key that is due");
}

fn snapshot_reply(snapshot: &Snapshot, whole: &str) -> String {
    query!(whole => query);
    show(&snapshot.run(query).map_err(|error| error.to_string()), false)
}

/// The effects of mutations that another level decided: made, or the key dropped; never anything else.
async fn applies(driver: &impl Driver) {
    let cap = Some(LATER);
    let nobody = Timestamp::from_millis(LATER.as_millis() - 1_000);
    for (before, change, reach, cap, allowed) in [
        ("DEL k", "SET k v", 'w', None, &["v -1", "- -2"][..]),
        ("DEL k", "SET k v", 'w', cap, &["v 4102444800123", "- -2"]),
        ("SET k old", "SET k v PXAT 4102444799123", 'w', cap, &["v 4102444799123", "- -2"]),
        ("SET k old", "DEL k", 'w', cap, &["- -2"]),
        ("DEL k", "APPEND k v", 'i', None, &["- -2"]),
        ("SET k old", "APPEND k v", 'i', None, &["oldv -1", "- -2"]),
        ("SET k old", "APPEND k v", 'i', cap, &["oldv 4102444800123", "- -2"]),
        ("SET k old", "PEXPIREAT k 4102444799123", 'i', cap, &["old 4102444799123", "- -2"]),
        ("SET k old", "RENAME k other", 'r', None, &["- -2"]),
        ("SET k old", "FLUSHALL", 'w', None, &["- -2"]),
    ] {
        reset(driver).await;
        run(driver, before).await.unwrap_or_else(|text| panic!("{before} gave {text}"));
        let args = words(change);
        let args: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
        let mutation = Mutation::parse(&args).expect("a mutation");
        let effect = match reach {
            'w' => Effect::whole(mutation),
            'i' => Effect::within(mutation),
            _ => Effect::replica(mutation),
        };
        driver.apply(&effect, cap).await.unwrap_or_else(|error| panic!("apply of {change} gave {error}"));
        let seen = state(driver).await;
        assert!(allowed.contains(&seen.as_str()), "after {before}, apply of {change} with cap {cap:?}: {seen}");
    }
    reset(driver).await;
    run(driver, "SET k v").await.expect("SET");
    driver.apply(&Effect::nothing(), Some(nobody)).await.expect("apply of nothing");
    assert_eq!(state(driver).await, "v -1", "apply of nothing changes nothing");
}

/// The string at `k` and its deadline, in words.
async fn state(driver: &impl Driver) -> String {
    let text = match run(driver, "GET k").await {
        Ok(Reply::Bulk(value)) => String::from_utf8_lossy(&value).into_owned(),
        _ => "-".to_owned(),
    };
    format!("{text} {}", show(&run(driver, "PEXPIRETIME k").await, true))
}
