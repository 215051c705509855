//! The typed methods of lists on the embedded default, those that wait included.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::time::{Duration, Instant};

use jcache::commands::{End, Side};
use jcache::prelude::*;
use jcache::{Result, Value};

const SECOND: Duration = Duration::from_secs(1);

fn run<T>(test: impl Future<Output = Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test).unwrap()
}

#[test]
fn both_ends() {
    run(async {
        let cache = Cache::new();
        assert_eq!(cache.lpush("l", ["b", "a"]).await?, 2);
        assert_eq!(cache.rpush("l", "c").await?, 3);
        assert_eq!(cache.lrange::<String>("l", 0, -1).await?, ["a", "b", "c"]);
        assert_eq!(cache.lpushx("x", 1).await?, 0);
        assert_eq!(cache.rpushx("l", ["d", "e"]).await?, 5);
        assert_eq!(cache.lpushx("l", ["z"]).await?, 6);
        assert_eq!(cache.llen("l").await?, 6);
        assert_eq!(cache.lpop::<String>("l").await?.as_deref(), Some("z"));
        assert_eq!(cache.rpop::<String>("l").await?.as_deref(), Some("e"));
        assert_eq!(cache.lpop_many::<String>("l", 2).await?, ["a", "b"]);
        assert_eq!(cache.rpop_many::<String>("l", 9).await?, ["d", "c"]);
        assert_eq!(cache.lpop::<String>("l").await?, None);
        assert_eq!(cache.rpop_many::<String>("l", 2).await?, Vec::<String>::new());
        Ok(())
    });
}

#[test]
fn the_middle() {
    run(async {
        let cache = Cache::new();
        cache.rpush("l", [1, 2, 3, 2, 1]).await?;
        assert_eq!(cache.lindex::<i64>("l", -2).await?, Some(2));
        assert_eq!(cache.lindex::<i64>("l", 9).await?, None);
        cache.lset("l", 0, 9).await?;
        assert_eq!(cache.lset("l", 7, 9).await.unwrap_err().message(), "ERR index out of range");
        assert_eq!(cache.linsert("l", Side::Before, 3, 7).await?, Some(6));
        assert_eq!(cache.linsert("l", Side::After, 8, 7).await?, None);
        assert_eq!(cache.linsert("x", Side::After, 8, 7).await?, None);
        assert_eq!(cache.lrange::<i64>("l", 0, -1).await?, [9, 2, 7, 3, 2, 1]);
        assert_eq!(cache.lpos("l", 2).await?, Some(1));
        assert_eq!(cache.lpos("l", 2).rank(2).await?, Some(4));
        assert_eq!(cache.lpos("l", 2).rank(-1).max_len(1).await?, None);
        assert_eq!(cache.lpos("l", 2).all().await?, [1, 4]);
        assert_eq!(cache.lpos("l", 2).up_to(1).rank(-1).await?, [4]);
        assert!(cache.lpos("l", 2).rank(0).await.unwrap_err().message().starts_with("ERR RANK can't be zero"));
        assert_eq!(cache.lrem("l", -1, 2).await?, 1);
        cache.ltrim("l", 1, -2).await?;
        assert_eq!(cache.lrange::<i64>("l", 0, -1).await?, [2, 7, 3]);
        Ok(())
    });
}

#[test]
fn from_list_to_list() {
    run(async {
        let cache = Cache::new();
        cache.rpush("a", [1, 2, 3]).await?;
        assert_eq!(cache.rpoplpush::<i64>("a", "b").await?, Some(3));
        assert_eq!(cache.lmove::<i64>("a", "b", End::Left, End::Right).await?, Some(1));
        assert_eq!(cache.lmove::<i64>("x", "b", End::Left, End::Right).await?, None);
        assert_eq!(cache.lrange::<i64>("b", 0, -1).await?, [3, 1]);
        assert_eq!(cache.lmpop::<i64>(["x", "b"], End::Right, 5).await?, Some((Value::from("b"), vec![1, 3])));
        assert_eq!(cache.lmpop::<i64>(["x", "b"], End::Right, 5).await?, None);
        Ok(())
    });
}

#[test]
fn what_is_there_is_taken_without_waiting() {
    run(async {
        let cache = Cache::new();
        cache.rpush("l", [1, 2, 3, 4, 5, 6]).await?;
        let key = Value::from("l");
        assert_eq!(cache.blpop::<i64>(["x", "l"], SECOND).await?, Some((key.clone(), 1)));
        assert_eq!(cache.brpop::<i64>("l", SECOND).await?, Some((key.clone(), 6)));
        assert_eq!(cache.blmpop::<i64>("l", End::Left, 2, SECOND).await?, Some((key, vec![2, 3])));
        assert_eq!(cache.brpoplpush::<i64>("l", "m", SECOND).await?, Some(5));
        assert_eq!(cache.blmove::<i64>("l", "m", End::Left, End::Right, SECOND).await?, Some(4));
        assert_eq!(cache.lrange::<i64>("m", 0, -1).await?, [5, 4]);
        Ok(())
    });
}

#[test]
fn who_waits_is_served_or_told_that_nothing_came() {
    run(async {
        let cache = Cache::new();
        let start = Instant::now();
        assert_eq!(cache.blpop::<i64>("l", Duration::from_millis(30)).await?, None);
        assert_eq!(cache.brpoplpush::<i64>("l", "m", Duration::from_millis(30)).await?, None);
        assert!(start.elapsed() >= Duration::from_millis(60));

        // A time of zero waits for ever; on one thread the pops wait before the push runs.
        let (first, second, pushed) =
            tokio::join!(cache.brpop::<i64>(["l", "m"], Duration::ZERO), cache.brpop::<i64>("m", SECOND * 5), async {
                tokio::task::yield_now().await;
                cache.lpush("m", [1, 2]).await
            },);
        assert_eq!(pushed?, 2);
        let key = Value::from("m");
        assert_eq!((first?, second?), (Some((key.clone(), 1)), Some((key, 2))), "who waits first is served first");
        Ok(())
    });
}

#[test]
fn a_pop_that_nobody_waits_for_any_more_takes_nothing() {
    run(async {
        let cache = Cache::new();
        let gone = tokio::time::timeout(Duration::from_millis(20), cache.blpop::<i64>("l", Duration::ZERO)).await;
        assert!(gone.is_err());
        cache.rpush("l", 1).await?;
        assert_eq!(cache.llen("l").await?, 1);
        Ok(())
    });
}

#[test]
fn an_element_that_is_too_large_is_refused() {
    run(async {
        let cache = Cache::new();
        let large = Value::from(vec![0; Value::MAX + 1]);
        for result in [
            cache.lpush("l", &large).await.map(drop),
            cache.lrem("l", 0, &large).await.map(drop),
            cache.blpop::<Value>([&large], SECOND).await.map(drop),
            cache.lpos("l", &large).await.map(drop),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::TooLarge);
        }
        Ok(())
    });
}
