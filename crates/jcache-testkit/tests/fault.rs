//! Each fault does what it says, to the caller and to the driver behind.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use jcache_core::{Arg, Driver, ErrorKind, Mutation, Query, Reply, Result};
use jcache_testkit::ModelDriver;
use jcache_testkit::fault::{Control, Fault, Faulty};
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(50);

fn faulty() -> (Faulty<ModelDriver>, Control) {
    Faulty::new(ModelDriver::default())
}

async fn set(driver: &impl Driver, value: &str) -> Result<Reply> {
    let args = ["SET", "k", value].map(Arg::from);
    let mutation = Mutation::parse(&args)?;
    match driver.try_mutate(&mutation) {
        Some(reply) => reply,
        None => driver.mutate(&mutation).await,
    }
}

/// What the driver behind holds.
fn behind(driver: &Faulty<ModelDriver>) -> Option<String> {
    let args = ["GET", "k"].map(Arg::from);
    let answer = driver.inner().try_query(&Query::parse(&args).unwrap()).unwrap().unwrap();
    match answer.reply {
        Reply::Bulk(value) => Some(String::from_utf8_lossy(&value).into_owned()),
        _ => None,
    }
}

#[tokio::test]
async fn a_failing_driver_does_nothing() {
    let (driver, control) = faulty();
    assert_eq!(set(&driver, "1").await, Ok(Reply::Ok));
    control.set(Fault::Fail);
    let error = set(&driver, "2").await.unwrap_err();
    assert_eq!((error.kind(), error.is_uncertain()), (ErrorKind::Unavailable, false));
    assert_eq!(driver.probe().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(behind(&driver).as_deref(), Some("1"));
    control.recover();
    assert_eq!(set(&driver, "3").await, Ok(Reply::Ok));
    assert_eq!((control.calls(), control.reached(), control.failed()), (4, 2, 2));
}

#[tokio::test]
async fn a_lost_reply_leaves_its_effect() {
    let (driver, control) = faulty();
    control.set(Fault::LoseReply);
    let error = set(&driver, "1").await.unwrap_err();
    assert_eq!((error.kind(), error.is_uncertain()), (ErrorKind::Unavailable, true));
    assert_eq!(behind(&driver).as_deref(), Some("1"));
}

#[tokio::test]
async fn a_stalled_call_goes_on_when_it_is_let_go() {
    let (driver, control) = faulty();
    control.set(Fault::Stall);
    assert!(timeout(SHORT, set(&driver, "dropped")).await.is_err());
    let release = async {
        tokio::time::sleep(SHORT).await;
        assert_eq!(behind(&driver), None);
        control.recover();
    };
    let (reply, ()) = tokio::join!(timeout(Duration::from_secs(5), set(&driver, "1")), release);
    assert_eq!(reply, Ok(Ok(Reply::Ok)));
    assert_eq!(behind(&driver).as_deref(), Some("1"));
    // One that is let go into another fault gets that one.
    control.set(Fault::Stall);
    let break_it = async {
        tokio::time::sleep(SHORT).await;
        control.set(Fault::Fail);
    };
    let (reply, ()) = tokio::join!(set(&driver, "2"), break_it);
    assert_eq!(reply.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!((control.calls(), control.reached()), (3, 1));
}

#[tokio::test]
async fn slow_is_before_the_effect_and_late_after_it() {
    let (driver, control) = faulty();
    control.set(Fault::Slow(SHORT * 4));
    assert!(timeout(SHORT, set(&driver, "1")).await.is_err());
    assert_eq!(behind(&driver), None);
    control.set(Fault::Late(SHORT * 4));
    assert!(timeout(SHORT, set(&driver, "2")).await.is_err());
    assert_eq!(behind(&driver).as_deref(), Some("2"));
    let start = Instant::now();
    assert_eq!(set(&driver, "3").await, Ok(Reply::Ok));
    assert!(start.elapsed() >= SHORT * 4);
}

#[tokio::test]
async fn a_script_is_for_one_call_each() {
    let (driver, control) = faulty();
    control.next([Fault::Fail, Fault::None, Fault::LoseReply]);
    let other = control.clone();
    let replies = [set(&driver, "1").await, set(&driver, "2").await, set(&driver, "3").await, set(&driver, "4").await];
    assert_eq!(replies.map(|reply| reply.is_ok()), [false, true, false, true]);
    assert_eq!((other.calls(), other.reached(), other.failed()), (4, 3, 2));
}

#[tokio::test]
async fn one_round_trip_has_one_fault() {
    let (driver, control) = faulty();
    let args = ["GET", "k"].map(Arg::from);
    let queries = vec![Query::parse(&args).unwrap(); 3];
    control.next([Fault::Fail]);
    let answers = driver.query_many(&queries).await;
    assert!(answers.len() == 3 && answers.iter().all(Result::is_err));
    assert!(driver.query_many(&queries).await.iter().all(Result::is_ok));
    assert_eq!((control.calls(), control.reached(), control.failed()), (2, 1, 1));
}
