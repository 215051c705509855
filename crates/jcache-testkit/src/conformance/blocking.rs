//! Waiting: how long, who is served first, and that nobody who has gone takes anything along.
//!
//! The suites watch from outside, also over a network: they give a driver 100 ms to get in line, and two seconds to
//! put back what a caller did not take.

use std::time::{Duration, Instant};

use jcache_core::driver::{ListDriver, SortedSetDriver};
use jcache_core::{Driver, Reply};
use tokio::time::{sleep, timeout};

use super::{reset, run};
use crate::notation::show;

/// Time to get in line.
const PAUSE: Duration = Duration::from_millis(100);
/// Time in which everything must have happened.
const PATIENCE: Duration = Duration::from_secs(2);

/// Blocking commands of lists that really wait. Needs a tokio runtime with time.
pub async fn blocking(driver: &impl ListDriver) {
    for wait in ["BLPOP q 0.2", "BRPOP q 0.2", "BLMOVE q r LEFT RIGHT 0.2", "BRPOPLPUSH q r 0.2", "BLMPOP 0.2 1 q LEFT"]
    {
        sleeps(driver, wait).await;
    }
    wakes(driver, "BLPOP q 0", "RPUSH q a", r#"["q" "a"]"#).await;
    wakes(driver, "BRPOP q 5", "RPUSH q a b", r#"["q" "b"]"#).await;
    wakes(driver, "BLPOP p q 5", "LPUSH q a", r#"["q" "a"]"#).await;
    wakes(driver, "BLMOVE q r LEFT RIGHT 5", "RPUSH q a", r#""a""#).await;
    wakes(driver, "BRPOPLPUSH q r 5", "RPUSH q a", r#""a""#).await;
    wakes(driver, "BLMPOP 5 2 p q RIGHT COUNT 2", "RPUSH q a b", r#"["q" ["b" "a"]]"#).await;
    moved_element_wakes_the_next(driver).await;
    first_come_first_served(driver, "BLPOP q 5", ["RPUSH q a", "RPUSH q b", "RPUSH q c"], ["a", "b", "c"]).await;
    first_come_first_served(driver, "BLPOP q 5", ["RPUSH q a b c", "LLEN q", "LLEN q"], ["a", "b", "c"]).await;
    gone_takes_nothing(driver, "BLPOP q 0", "RPUSH q a", "LRANGE q 0 -1", r#"["a"]"#).await;
    gone_takes_nothing(driver, "BLMOVE q r LEFT LEFT 0", "RPUSH q a", "LRANGE q 0 -1", r#"["a"]"#).await;
}

/// Blocking commands of sorted sets that really wait. Needs a tokio runtime with time.
pub async fn blocking_sorted_sets(driver: &impl SortedSetDriver) {
    for wait in ["BZPOPMIN q 0.2", "BZPOPMAX q 0.2", "BZMPOP 0.2 1 q MIN"] {
        sleeps(driver, wait).await;
    }
    wakes(driver, "BZPOPMIN q 0", "ZADD q 1 a 2 b", r#"["q" "a" 1.0]"#).await;
    wakes(driver, "BZPOPMAX p q 5", "ZADD q 1 a 2 b", r#"["q" "b" 2.0]"#).await;
    wakes(driver, "BZMPOP 5 2 p q MAX", "ZADD q 1 a", r#"["q" [["a" 1.0]]]"#).await;
    first_come_first_served(driver, "BZPOPMIN q 5", ["ZADD q 1 a", "ZADD q 1 b", "ZADD q 1 c"], ["a", "b", "c"]).await;
    gone_takes_nothing(driver, "BZPOPMIN q 0", "ZADD q 1 a", "ZRANGE q 0 -1", r#"["a"]"#).await;
}

/// A wait that nobody ends takes its time, and gives nothing.
async fn sleeps(driver: &impl Driver, wait: &str) {
    reset(driver).await;
    let start = Instant::now();
    let reply = timeout(PATIENCE, run(driver, wait)).await;
    let time = start.elapsed();
    assert!(matches!(&reply, Ok(Ok(reply)) if reply.is_nil()), "{wait} on nothing: {reply:?}");
    assert!(time >= Duration::from_millis(190), "{wait} was back after {time:?}");
}

/// A wait ends with the element that somebody brings.
async fn wakes(driver: &impl Driver, wait: &str, push: &str, expected: &str) {
    reset(driver).await;
    let bring = async {
        sleep(PAUSE).await;
        run(driver, push).await
    };
    let (got, pushed) = tokio::join!(timeout(PATIENCE, run(driver, wait)), bring);
    let got = got.unwrap_or_else(|_| panic!("{wait} was not woken by {push}"));
    assert_eq!(show(&got, true), expected, "{wait} woken by {push}");
    assert!(matches!(pushed, Ok(Reply::Int(_))), "{push} gave {pushed:?}");
}

/// What one waiter moves to another list is there for those who wait for that list.
async fn moved_element_wakes_the_next(driver: &impl Driver) {
    reset(driver).await;
    let bring = async {
        sleep(PAUSE).await;
        run(driver, "RPUSH q a").await
    };
    let both = async { tokio::join!(run(driver, "BLMOVE q r LEFT LEFT 5"), run(driver, "BLPOP r 5"), bring) };
    let (moved, popped, _) = timeout(PATIENCE, both).await.expect("BLPOP r was not woken by BLMOVE q r");
    assert_eq!((show(&moved, true), show(&popped, true)), (r#""a""#.to_owned(), r#"["r" "a"]"#.to_owned()));
}

/// Three who wait are served in the order in which they came.
async fn first_come_first_served(driver: &impl Driver, wait: &str, commands: [&str; 3], elements: [&str; 3]) {
    reset(driver).await;
    let waiter = |place: u32| async move {
        sleep(PAUSE * place).await;
        timeout(PATIENCE, run(driver, wait)).await.unwrap_or_else(|_| panic!("{wait} was not woken"))
    };
    let bring = async {
        sleep(PAUSE * 4).await;
        for command in commands {
            run(driver, command).await.unwrap_or_else(|text| panic!("{command} gave {text}"));
        }
    };
    let (first, second, third, ()) = tokio::join!(waiter(0), waiter(1), waiter(2), bring);
    for (got, element) in [first, second, third].iter().zip(elements) {
        let got = show(got, true);
        assert!(got.contains(&format!("\"{element}\"")), "{wait}: {got} instead of {element}: not in turn");
    }
}

/// A future that is dropped while it waits leaves what comes later to others.
async fn gone_takes_nothing(driver: &impl Driver, wait: &str, push: &str, look: &str, expected: &str) {
    reset(driver).await;
    let dropped = timeout(PAUSE, run(driver, wait)).await;
    assert!(dropped.is_err(), "{wait} on nothing gave {dropped:?}");
    run(driver, push).await.unwrap_or_else(|text| panic!("{push} gave {text}"));
    let start = Instant::now();
    loop {
        let seen = show(&run(driver, look).await, true);
        if seen == expected {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "after a dropped {wait} and {push}, {look} gives {seen}");
        sleep(Duration::from_millis(10)).await;
    }
}
