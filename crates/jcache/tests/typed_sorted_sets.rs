//! The typed methods of sorted sets on the embedded default.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroU32;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use jcache::commands::{Aggregate, Each, Extreme};
use jcache::prelude::*;
use jcache::{Result, Value};

fn run<T>(test: impl Future<Output = Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test).unwrap()
}

fn owned<const N: usize>(members: [(&str, f64); N]) -> Vec<(String, f64)> {
    members.into_iter().map(|(member, score)| (member.to_owned(), score)).collect()
}

/// A cache with a = 1, b = 2, c = 3, d = 4 at `z`, and all names with score 0 at `names`.
async fn letters() -> Result<Cache> {
    let cache = Cache::new();
    cache.zadd("z", [("a", 1), ("b", 2), ("c", 3), ("d", 4)]).await?;
    cache.zadd("names", Each(["ada", "bob", "cy", "eve"].map(|name| (name, 0)))).await?;
    Ok(cache)
}

#[test]
fn members_and_scores() {
    run(async {
        let cache = Cache::new();
        assert_eq!(cache.zadd("z", ("a", 1.5)).await?, 1);
        assert_eq!(cache.zadd("z", vec![("a", 2.0), ("b", 3.0)]).await?, 1);
        assert_eq!(cache.zadd("z", BTreeMap::from([("c", 1)])).await?, 1);
        assert_eq!(cache.zadd("z", [("a", 9), ("n", 1)]).nx().await?, 1);
        assert_eq!(cache.zadd("z", [("a", 1), ("m", 1)]).xx().changed().await?, 1);
        assert_eq!(cache.zadd("z", [("a", 5), ("b", 1)]).gt().changed().await?, 1);
        assert_eq!(cache.zadd("z", [("a", 6), ("b", 1)]).lt().changed().await?, 1);
        assert_eq!(cache.zmscore("z", ["a", "b", "m"]).await?, [Some(5.0), Some(1.0), None]);
        assert_eq!(cache.zadd_incr("z", "a", 2).await?, Some(7.0));
        assert_eq!(cache.zadd_incr("z", "a", 2).nx().await?, None);
        assert_eq!(cache.zincrby("z", "b", -0.5).await?, 0.5);
        assert_eq!(cache.zscore("z", "b").await?, Some(0.5));
        assert_eq!(cache.zscore("z", "x").await?, None);
        assert_eq!(cache.zcard("z").await?, 4);
        assert_eq!(cache.zrem("z", ["a", "x"]).await?, 1);
        assert_eq!(cache.zadd("i", [("low", f64::NEG_INFINITY), ("high", f64::INFINITY)]).await?, 2);
        assert_eq!(
            cache.zrange("i", 0, -1).with_scores().await?,
            owned([("low", f64::NEG_INFINITY), ("high", f64::INFINITY)])
        );
        Ok(())
    });
}

#[test]
fn what_redis_refuses_is_refused() {
    run(async {
        let cache = Cache::new();
        for (result, message) in [
            (cache.zadd("z", ("a", f64::NAN)).await.map(drop), "ERR value is not a valid float"),
            (cache.zincrby("z", "a", f64::NAN).await.map(drop), "ERR value is not a valid float"),
            (cache.zcount("z", f64::NAN..).await.map(drop), "ERR min or max is not a float"),
            (
                cache.zadd("z", ("a", 1)).nx().xx().await.map(drop),
                "ERR XX and NX options at the same time are not compatible",
            ),
            (
                cache.zadd("z", ("a", 1)).gt().lt().await.map(drop),
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ),
            (cache.zunion::<Value>(["a", "b"]).weights([1]).await.map(drop), "ERR syntax error"),
            (cache.zunion::<Value>(["a"]).weights([f64::NAN]).await.map(drop), "ERR weight value is not a float"),
            (
                cache.zrangestore("y", "z").ranks(0, 1).limit(0, 1).await.map(drop),
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ),
        ] {
            assert_eq!(result.unwrap_err().message(), message);
        }
        assert_eq!(cache.dbsize().await?, 0);
        Ok(())
    });
}

#[test]
fn ranks() {
    run(async {
        let cache = letters().await?;
        assert_eq!(cache.zrank("z", "b").await?, Some(1));
        assert_eq!(cache.zrevrank("z", "b").await?, Some(2));
        assert_eq!(cache.zrank("z", "x").await?, None);
        assert_eq!(cache.zrange::<String>("z", 1, -2).await?, ["b", "c"]);
        assert_eq!(cache.zrevrange::<String>("z", 0, 1).await?, ["d", "c"]);
        assert_eq!(cache.zrange("z", 0, 0).with_scores().await?, owned([("a", 1.0)]));
        assert_eq!(cache.zrevrange("z", 0, 0).with_scores().await?, owned([("d", 4.0)]));
        assert_eq!(cache.zremrangebyrank("z", 0, 1).await?, 2);
        assert_eq!(cache.zrange::<String>("z", 0, -1).await?, ["c", "d"]);
        Ok(())
    });
}

#[test]
fn ranges_of_scores() {
    run(async {
        let cache = letters().await?;
        assert_eq!(cache.zcount("z", ..).await?, 4);
        assert_eq!(cache.zcount("z", 2..4).await?, 2);
        assert_eq!(cache.zcount("z", (Excluded(1.0), Excluded(2.0))).await?, 0);
        assert_eq!(cache.zrangebyscore::<String>("z", 2.0..=4.0).await?, ["b", "c", "d"]);
        assert_eq!(cache.zrangebyscore::<String>("z", (Excluded(2.0), Unbounded)).await?, ["c", "d"]);
        assert_eq!(cache.zrangebyscore("z", ..3.0).limit(1, 5).with_scores().await?, owned([("b", 2.0)]));
        assert_eq!(cache.zrevrangebyscore::<String>("z", 2.0..4.0).await?, ["c", "b"]);
        assert_eq!(cache.zrevrangebyscore("z", ..).with_scores().limit(1, 1).await?, owned([("c", 3.0)]));
        assert_eq!(cache.zremrangebyscore("z", 10..).await?, 0);
        assert_eq!(cache.zremrangebyscore("z", ..=2.0).await?, 2);
        Ok(())
    });
}

#[test]
fn ranges_of_members() {
    run(async {
        let cache = letters().await?;
        assert_eq!(cache.zlexcount("names", "b".."d").await?, 2);
        assert_eq!(cache.zrangebylex::<String>("names", "bob"..="cy").await?, ["bob", "cy"]);
        assert_eq!(cache.zrangebylex::<String>("names", (Excluded("bob"), Unbounded)).limit(0, 1).await?, ["cy"]);
        assert_eq!(cache.zrevrangebylex::<String>("names", .."cy").await?, ["bob", "ada"]);
        assert_eq!(cache.zrangebylex::<String>("names", ..).await?.len(), 4);
        assert_eq!(cache.zremrangebylex("names", "b"..).await?, 3);
        Ok(())
    });
}

#[test]
fn stored_ranges() {
    run(async {
        let cache = letters().await?;
        let stored = async |cache: &Cache| cache.zrange::<String>("s", 0, -1).await;
        assert_eq!(cache.zrangestore("s", "z").await?, 4);
        assert_eq!(cache.zrangestore("s", "z").ranks(0, 0).rev().await?, 1);
        assert_eq!(stored(&cache).await?, ["d"]);
        assert_eq!(cache.zrangestore("s", "z").scores(2..).rev().limit(0, 2).await?, 2);
        assert_eq!(stored(&cache).await?, ["c", "d"]);
        assert_eq!(cache.zrangestore("s", "z").rev().scores(..4).limit(0, 1).await?, 1);
        assert_eq!(stored(&cache).await?, ["c"]);
        assert_eq!(cache.zrangestore("s", "names").members(.."bob").await?, 1);
        assert_eq!(stored(&cache).await?, ["ada"]);
        Ok(())
    });
}

#[test]
fn pops() {
    run(async {
        let cache = letters().await?;
        let second = Duration::from_secs(1);
        let key = Value::from("z");
        assert_eq!(cache.zpopmin("z").await?, Some(("a".to_owned(), 1.0)));
        assert_eq!(cache.zpopmax("z").await?, Some(("d".to_owned(), 4.0)));
        assert_eq!(cache.zpopmin_many("z", 9).await?, owned([("b", 2.0), ("c", 3.0)]));
        assert_eq!(cache.zpopmin::<String>("z").await?, None);
        assert_eq!(cache.zpopmax_many::<String>("z", 2).await?, []);
        cache.zadd("z", [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)]).await?;
        let popped = cache.zmpop(["x", "z"], Extreme::Max, 2).await?;
        assert_eq!(popped, Some((key.clone(), owned([("e", 5.0), ("d", 4.0)]))));
        assert_eq!(cache.zmpop::<String>("x", Extreme::Max, 2).await?, None);
        assert_eq!(cache.bzpopmin(["x", "z"], second).await?, Some((key.clone(), "a".to_owned(), 1.0)));
        assert_eq!(cache.bzpopmax("z", second).await?, Some((key.clone(), "c".to_owned(), 3.0)));
        assert_eq!(cache.bzmpop("z", Extreme::Min, 3, second).await?, Some((key, owned([("b", 2.0)]))));
        assert_eq!(cache.bzpopmin::<String>("z", Duration::from_millis(10)).await?, None);
        assert_eq!(cache.bzmpop::<String>("z", Extreme::Min, 1, Duration::from_millis(10)).await?, None);
        Ok(())
    });
}

#[test]
fn picks_and_pages() {
    run(async {
        let cache = letters().await?;
        assert!(cache.zrandmember::<String>("z").await?.is_some());
        assert_eq!(cache.zrandmember::<String>("x").await?, None);
        assert_eq!(cache.zrandmember_many::<String>("z", -7).await?.len(), 7);
        let mut all = cache.zrandmember_with_scores("z", 9).await?;
        all.sort_by(|one, other| one.1.total_cmp(&other.1));
        assert_eq!(all, owned([("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)]));
        cache.zadd("many", Each((0..500).map(|n| (n, n)))).await?;
        let mut found = BTreeMap::new();
        let mut scan = cache.zscan::<i32>("many").count(50);
        while let Some(page) = scan.next_page().await? {
            found.extend(page.into_iter().map(|(member, score)| (member, score as i32)));
        }
        assert_eq!(found, (0..500).map(|n| (n, n)).collect());
        Ok(())
    });
}

#[test]
fn sets_combined() {
    run(async {
        let cache = Cache::new();
        cache.zadd("x", [("a", 1), ("b", 2)]).await?;
        cache.zadd("y", [("b", 10), ("c", 20)]).await?;
        assert_eq!(cache.zunion::<String>(["x", "y"]).await?, ["a", "b", "c"]);
        assert_eq!(
            cache.zunion(["x", "y"]).aggregate(Aggregate::Max).with_scores().await?,
            owned([("a", 1.0), ("b", 10.0), ("c", 20.0)])
        );
        assert_eq!(cache.zinter(["x", "y"]).weights([2.0, 0.5]).with_scores().await?, owned([("b", 9.0)]));
        assert_eq!(cache.zdiff(["x", "y"]).with_scores().await?, owned([("a", 1.0)]));
        assert_eq!(cache.zunionstore("s", ["x", "y"]).weights([1, 2]).await?, 3);
        assert_eq!(cache.zinterstore("s", ["x", "y"]).aggregate(Aggregate::Min).await?, 1);
        assert_eq!(cache.zscore("s", "b").await?, Some(2.0));
        assert_eq!(cache.zdiffstore("s", ["x", "y"]).await?, 1);
        assert_eq!(cache.zintercard(["x", "y"], None).await?, 1);
        assert_eq!(cache.zintercard(["x", "x"], NonZeroU32::new(1)).await?, 1);
        Ok(())
    });
}

#[test]
fn a_member_that_is_too_large_is_refused() {
    run(async {
        let cache = Cache::new();
        let large = Value::from(vec![0; Value::MAX + 1]);
        for result in [
            cache.zadd("z", (&large, 1)).await.map(drop),
            cache.zscore("z", &large).await.map(drop),
            cache.zunion::<Value>(["z"]).await.and(cache.zunion::<Value>(&large).await).map(drop),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::TooLarge);
        }
        Ok(())
    });
}
