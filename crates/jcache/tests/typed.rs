//! The typed methods on the embedded default: what they answer, what they refuse, and that their futures can be sent.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use jcache::command::string::{Get, Incr};
use jcache::commands::{Each, ExpireTime, Ttl};
use jcache::prelude::*;
use jcache::{Result, Type};

const MINUTE: Duration = Duration::from_secs(60);

fn run<T>(test: impl Future<Output = Result<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test).unwrap()
}

/// `left` is at most `life`, and not much less.
fn about(life: Duration, left: Ttl) -> bool {
    left.left().is_some_and(|left| left <= life && left > life - Duration::from_secs(5))
}

#[test]
fn keys() {
    run(async {
        let cache = Cache::new();
        cache.mset([("a", 1), ("b", 2), ("c", 3)]).await?;
        assert_eq!(cache.exists("a").await?, 1);
        assert_eq!(cache.exists(["a", "a", "x"]).await?, 2);
        assert_eq!(cache.touch(vec!["a".to_owned(), "x".to_owned()]).await?, 1);
        assert_eq!(cache.dbsize().await?, 3);
        assert_eq!(cache.type_of("a").await?, Some(Type::String));
        assert_eq!(cache.type_of("x").await?, None);

        assert!(cache.expire("a", MINUTE).await?);
        assert!(about(MINUTE, cache.ttl("a").await?));
        assert!(!cache.expire("a", MINUTE * 2).nx().await?);
        assert!(cache.expire("a", MINUTE * 2).xx().gt().await?);
        assert!(!cache.expire("a", MINUTE * 3).lt().await?);
        assert!(cache.persist("a").await?);
        assert_eq!(cache.ttl("a").await?, Ttl::Never);
        assert_eq!(cache.expiretime("a").await?, ExpireTime::Never);
        assert_eq!(cache.ttl("x").await?, Ttl::NoKey);
        assert_eq!(cache.expiretime("x").await?, ExpireTime::NoKey);
        assert!(!cache.expire("x", MINUTE).await?);

        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(7_000_000_000_123);
        assert!(cache.expire_at("a", at).await?);
        assert_eq!(cache.expiretime("a").await?.at(), Some(at));
        assert!(cache.expire_at("a", SystemTime::now() - MINUTE).await?);
        assert!(cache.expire("b", Duration::ZERO).await?);
        assert_eq!(cache.exists(["a", "b"]).await?, 0);

        cache.rename("c", "d").await?;
        assert_eq!(cache.rename("x", "y").await.unwrap_err().message(), "ERR no such key");
        cache.set("e", "5").await?;
        assert!(!cache.renamenx("d", "e").await?);
        assert!(!cache.copy("d", "e").await?);
        assert!(cache.copy("d", "e").replace().await?);
        assert_eq!(cache.get::<u8>("e").await?, Some(3));
        assert!(cache.randomkey::<String>().await?.is_some());
        assert_eq!(cache.keys::<String>("[d]*").await?, ["d"]);
        assert_eq!(cache.unlink(["d", "x"]).await?, 1);
        cache.flushdb().await?;
        assert_eq!(cache.randomkey::<String>().await?, None);
        cache.flushall().await
    });
}

#[test]
fn conditions_that_exclude_each_other_are_refused() {
    run(async {
        let cache = Cache::new();
        cache.set("a", 1).await?;
        let error = cache.expire("a", MINUTE).nx().gt().await.unwrap_err();
        assert_eq!(error.message(), "ERR NX and XX, GT or LT options at the same time are not compatible");
        let error = cache.expire_at("a", SystemTime::now()).gt().lt().await.unwrap_err();
        assert_eq!(error.message(), "ERR GT and LT options at the same time are not compatible");
        assert_eq!(cache.ttl("a").await?, Ttl::Never);
        Ok(())
    });
}

#[test]
fn scans_give_everything() {
    run(async {
        let cache = Cache::new();
        for n in 0..300 {
            cache.set(format!("key:{n}"), n).await?;
            cache.hset("hash", (n, n * 2)).await?;
            cache.sadd("set", n).await?;
        }
        let mut keys = BTreeSet::new();
        let mut scan = cache.scan_type::<String>(Type::String).matching("key:*").count(7);
        while let Some(page) = scan.next_page().await? {
            keys.extend(page);
        }
        assert_eq!(keys.len(), 300);
        assert_eq!(scan.next_page().await?, None);

        let mut scan = cache.scan_type::<String>(Type::Hash);
        let mut hashes = Vec::new();
        while let Some(page) = scan.next_page().await? {
            hashes.extend(page);
        }
        assert_eq!(hashes, ["hash"]);

        let mut fields = BTreeMap::new();
        let mut scan = cache.hscan::<u32, u32>("hash").count(50);
        while let Some(page) = scan.next_page().await? {
            fields.extend(page);
        }
        assert_eq!(fields, (0..300).map(|n| (n, n * 2)).collect());

        let mut members = BTreeSet::new();
        let mut scan = cache.sscan::<u32>("set").matching("1*");
        while let Some(page) = scan.next_page().await? {
            members.extend(page);
        }
        assert_eq!(members.len(), 111);
        assert_eq!(cache.sscan::<u32>("nobody").next_page().await?, Some(vec![]));
        Ok(())
    });
}

#[test]
fn strings() {
    run(async {
        let cache = Cache::new();
        cache.set("a", "x").ttl(MINUTE).await?;
        assert!(about(MINUTE, cache.ttl("a").await?));
        cache.set("a", "y").keep_ttl().await?;
        assert!(about(MINUTE, cache.ttl("a").await?));
        assert_eq!(cache.set("a", "z").get::<String>().await?.as_deref(), Some("y"));
        assert_eq!(cache.ttl("a").await?, Ttl::Never);
        assert!(!cache.set("a", "n").nx().await?);
        assert!(cache.set("a", "x").xx().ttl(Duration::from_micros(59_999_001)).await?);
        assert!(about(MINUTE, cache.ttl("a").await?));
        assert!(!cache.set("nobody", "x").xx().await?);
        assert_eq!(cache.set("b", "1").nx().get::<String>().await?, None);
        assert_eq!(cache.get::<u8>("b").await?, Some(1));
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(7_000_000_000_001);
        cache.set("b", "1").ttl(MINUTE).expire_at(at).await?;
        assert_eq!(cache.expiretime("b").await?.at(), Some(at));
        cache.set("b", "1").expire_at(SystemTime::now() - MINUTE).await?;
        assert_eq!(cache.get::<String>("b").await?, None);
        let error = cache.set("a", "x").ttl(Duration::ZERO).await.unwrap_err();
        assert_eq!(error.message(), "ERR invalid expire time in 'set' command");
        assert!(cache.set("a", "x").ttl(Duration::MAX).await.is_err());

        assert!(!cache.set_nx("a", "n").await?);
        cache.setex("c", MINUTE, true).await?;
        assert_eq!(cache.get::<bool>("c").await?, Some(true));
        assert!(about(MINUTE, cache.ttl("c").await?));
        assert!(!cache.msetnx([("c", 1), ("d", 2)]).await?);
        assert!(cache.msetnx(BTreeMap::from([("d", 2), ("e", 3)])).await?);
        assert_eq!(cache.mget::<i32>(["d", "x", "e"]).await?, [Some(2), None, Some(3)]);
        assert_eq!(cache.mget::<i32>(Each(["d", "e"].iter().copied())).await?, [Some(2), Some(3)]);
        assert_eq!(cache.getset::<i32>("d", 9).await?, Some(2));
        assert_eq!(cache.getdel::<i32>("d").await?, Some(9));
        assert_eq!(cache.getdel::<i32>("d").await?, None);
        assert_eq!(cache.getex::<i32>("e").ttl(MINUTE).await?, Some(3));
        assert!(about(MINUTE, cache.ttl("e").await?));
        assert_eq!(cache.getex::<i32>("e").expire_at(at).await?, Some(3));
        assert_eq!(cache.expiretime("e").await?.at(), Some(at));
        assert_eq!(cache.getex::<i32>("e").persist().await?, Some(3));
        assert_eq!(cache.getex::<i32>("e").await?, Some(3));
        assert_eq!(cache.ttl("e").await?, Ttl::Never);

        assert_eq!(cache.append("text", "hello").await?, 5);
        assert_eq!(cache.append("text", " world").await?, 11);
        assert_eq!(cache.setrange("text", 6, "there").await?, 11);
        assert_eq!(cache.getrange::<String>("text", -5, -1).await?, "there");
        assert_eq!(cache.strlen("text").await?, 11);
        assert_eq!(cache.incr("n").await?, 1);
        assert_eq!(cache.incrby("n", 10).await?, 11);
        assert_eq!(cache.decr("n").await?, 10);
        assert_eq!(cache.decrby("n", 15).await?, -5);
        assert!((cache.incrbyfloat("n", 0.5).await? + 4.5).abs() < 1e-9);
        assert_eq!(cache.get::<String>("n").await?.as_deref(), Some("-4.5"));
        let matches = cache.lcs_idx("text", "text", 1).await?;
        assert_eq!(matches.iter().map(|it| it.len).collect::<Vec<_>>(), [Some(11)]);
        Ok(())
    });
}

#[test]
fn hashes() {
    run(async {
        let cache = Cache::new();
        assert_eq!(cache.hset("h", [("a", 1), ("b", 2)]).await?, 2);
        assert_eq!(cache.hset("h", ("a", 3)).await?, 0);
        assert!(!cache.hset_nx("h", "a", 4).await?);
        assert!(cache.hset_nx("h", "c", 5).await?);
        assert_eq!(cache.hget::<i32>("h", "a").await?, Some(3));
        assert_eq!(cache.hget::<i32>("h", "x").await?, None);
        assert_eq!(cache.hmget::<i32>("h", ["c", "x", "b"]).await?, [Some(5), None, Some(2)]);
        assert_eq!(cache.hmget::<i32>("h", "c").await?, [Some(5)]);
        assert!(cache.hexists("h", "a").await?);
        assert_eq!(cache.hlen("h").await?, 3);
        assert_eq!(cache.hstrlen("h", "a").await?, 1);
        let all: Option<BTreeMap<String, i32>> = cache.hgetall("h").await?;
        assert_eq!(all, Some(BTreeMap::from([("a".into(), 3), ("b".into(), 2), ("c".into(), 5)])));
        assert_eq!(cache.hgetall::<Vec<(String, i32)>>("x").await?, None);
        let keys: Vec<String> = cache.hkeys("h").await?;
        let values: Vec<i32> = cache.hvals("h").await?;
        assert_eq!(keys.into_iter().zip(values).collect::<BTreeMap<_, _>>(), all.unwrap());
        assert_eq!(cache.hincrby("h", "a", -4).await?, -1);
        assert!((cache.hincrbyfloat("h", "a", 0.25).await? + 0.75).abs() < 1e-9);
        assert_eq!(cache.hdel("h", ["a", "x"]).await?, 1);
        assert!(cache.hrandfield::<String>("h").await?.is_some());
        assert_eq!(cache.hrandfield_many::<String>("h", -5).await?.len(), 5);
        let mut pairs = cache.hrandfield_with_values::<String, i32>("h", 9).await?;
        pairs.sort();
        assert_eq!(pairs, [("b".to_owned(), 2), ("c".to_owned(), 5)]);
        assert_eq!(cache.hrandfield::<String>("x").await?, None);
        assert_eq!(cache.hrandfield_many::<String>("x", 2).await?, Vec::<String>::new());
        assert_eq!(cache.hrandfield_with_values::<String, i32>("x", 2).await?, []);
        Ok(())
    });
}

#[test]
fn sets() {
    run(async {
        let cache = Cache::new();
        assert_eq!(cache.sadd("s", [1, 2, 3, 3]).await?, 3);
        assert_eq!(cache.sadd("s", 4).await?, 1);
        assert_eq!(cache.srem("s", [4, 5]).await?, 1);
        assert!(cache.sismember("s", 1).await?);
        assert_eq!(cache.smismember("s", [1, 9]).await?, [true, false]);
        assert_eq!(cache.scard("s").await?, 3);
        cache.sadd("t", [2, 3, 4]).await?;
        let sorted = |mut members: Vec<i32>| {
            members.sort_unstable();
            members
        };
        assert_eq!(sorted(cache.smembers("s").await?), [1, 2, 3]);
        assert_eq!(sorted(cache.sinter(["s", "t"]).await?), [2, 3]);
        assert_eq!(sorted(cache.sunion(["s", "t"]).await?), [1, 2, 3, 4]);
        assert_eq!(sorted(cache.sdiff(["s", "t"]).await?), [1]);
        assert_eq!(cache.sinterstore("d", ["s", "t"]).await?, 2);
        assert_eq!(cache.sunionstore("d", ["s", "t"]).await?, 4);
        assert_eq!(cache.sdiffstore("d", ["s", "t"]).await?, 1);
        assert_eq!(cache.sintercard(["s", "t"], None).await?, 2);
        assert_eq!(cache.sintercard(["s", "t"], NonZeroU32::new(1)).await?, 1);
        assert!(cache.smove("s", "d", 2).await?);
        assert_eq!(sorted(cache.srandmember_many("d", 9).await?), [1, 2]);
        assert!(cache.srandmember::<i32>("d").await?.is_some());
        assert_eq!(sorted(cache.spop_many("d", 9).await?), [1, 2]);
        assert_eq!(cache.spop::<i32>("d").await?, None);
        assert!(cache.spop::<i32>("s").await?.is_some());
        Ok(())
    });
}

#[test]
fn a_value_that_does_not_convert_names_its_key() {
    run(async {
        let cache = Cache::new();
        cache.mset([("text", "word"), ("n", "1")]).await?;
        cache.hset("h", ("f", "word")).await?;
        cache.sadd("s", "word").await?;
        let found = "expected an i64, found 'word'";
        let plain = format!("cannot convert the value of key 'text': {found}");
        let errors = [
            (cache.get::<i64>("text").await.map(drop), plain.clone()),
            (cache.mget::<i64>(["n", "text"]).await.map(drop), plain.clone()),
            (cache.set("text", "word").get::<i64>().await.map(drop), plain.clone()),
            (cache.getex::<i64>("text").await.map(drop), plain),
            (
                cache.hget::<i64>("h", "f").await.map(drop),
                format!("cannot convert the value of key 'h', at 'f': {found}"),
            ),
            (cache.smembers::<i64>("s").await.map(drop), format!("cannot convert the value of key 's': {found}")),
        ];
        for (result, message) in errors {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::Conversion, &*message));
        }
        Ok(())
    });
}

#[test]
fn a_command_about_nothing_is_refused_as_redis_refuses_it() {
    run(async {
        let cache = Cache::new();
        let none: [&str; 0] = [];
        let pairs: [(&str, &str); 0] = [];
        for (result, name) in [
            (cache.del(none).await.map(drop), "del"),
            (cache.mget::<String>(none).await.map(drop), "mget"),
            (cache.mset(pairs).await, "mset"),
            (cache.hset("h", pairs).await.map(drop), "hset"),
            (cache.sadd("s", none).await.map(drop), "sadd"),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Arity);
            assert_eq!(error.message(), format!("ERR wrong number of arguments for '{name}' command"));
        }
        Ok(())
    });
}

#[test]
fn the_wrong_type_is_an_error() {
    run(async {
        let cache = Cache::new();
        cache.hset("h", ("f", 1)).await?;
        assert_eq!(cache.get::<String>("h").await.unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(cache.sadd("h", 1).await.unwrap_err().kind(), ErrorKind::WrongType);
        assert_eq!(cache.mget::<String>("h").await?, [None]);
        cache.set("h", "now a string").await
    });
}

#[test]
fn more_than_512_mib_is_refused_everywhere() {
    run(async {
        let cache = Cache::new();
        // Zeroed memory is mapped when it is touched, and nobody touches it.
        let large = Value::from(vec![0; Value::MAX + 1]);
        let too_large = [
            ("key of a query", cache.get::<Value>(&large).await.map(drop)),
            ("key of a mutation", cache.incr(large.clone()).await.map(drop)),
            ("key of a call", cache.set(&large, "x").await),
            ("one key of several", cache.del([&Value::from("a"), &large]).await.map(drop)),
            ("value", cache.set("a", large.clone()).await),
            ("value with options", cache.set("a", &large).nx().await.map(drop)),
            ("value of several", cache.mset([("a", &large)]).await),
            ("tail", cache.append("a", &large).await.map(drop)),
            ("field", cache.hset("h", (&large, "x")).await.map(drop)),
            ("field asked for", cache.hget::<Value>("h", &large).await.map(drop)),
            ("value of a field", cache.hset("h", ("f", &large)).await.map(drop)),
            ("member", cache.sadd("s", &large).await.map(drop)),
            ("pattern", cache.keys::<Value>(&large).await.map(drop)),
        ];
        for (what, result) in too_large {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::TooLarge, "{what}");
        }
        assert_eq!(cache.dbsize().await?, 0);
        Ok(())
    });
}

#[test]
fn any_byte_may_be_in_keys_and_values() {
    run(async {
        let cache = Cache::new();
        let all: Vec<u8> = (0..=255).collect();
        for text in [&all[..], b"", b"\r\n", b"\0"] {
            cache.set(text, text).await?;
            assert_eq!(cache.get::<Vec<u8>>(text).await?.as_deref(), Some(text));
            cache.hset("h", (text, text)).await?;
            assert_eq!(cache.hget::<Value>("h", text).await?.as_deref(), Some(text));
            cache.sadd("s", text).await?;
            assert!(cache.sismember("s", text).await?);
        }
        Ok(())
    });
}

#[test]
fn futures_can_be_sent_to_other_threads() {
    async fn detailed(cache: Cache, name: String) -> Result<Option<Value>> {
        cache.write(Incr { key: (&name).into() }).await?;
        cache.mutate(Incr { key: (&name).into() }).await?;
        Ok(cache.read(Get { key: (&name).into() }).await?.value)
    }
    async fn generic<C: StringCommands + HashCommands + KeyCommands>(cache: C, name: String) -> Result<u64> {
        cache.hset(format!("{name}:hash"), (&name, 1)).await?;
        let mut scan = cache.hscan::<String, u8>(&name);
        while scan.next_page().await?.is_some() {}
        cache.set(&name, "x").ttl(MINUTE).await?;
        cache.get::<String>(&name).await?;
        let mut scan = cache.scan::<String>().matching(&name);
        while scan.next_page().await?.is_some() {}
        cache.del(&name).await
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let removed = runtime.block_on(async {
        let cache = Cache::new();
        let tasks = (0..8).map(|n| tokio::spawn(generic(cache.clone(), format!("key:{n}")))).collect::<Vec<_>>();
        let count = tokio::spawn(detailed(cache.clone(), "count".to_owned())).await.unwrap().unwrap();
        assert_eq!(count, Some(Value::from("2")));
        let mut removed = 0;
        for task in tasks {
            removed += task.await.unwrap().unwrap();
        }
        removed
    });
    assert_eq!(removed, 8);
}
