//! Types of Rust in and out: text, numbers, times, JSON, MessagePack, structs as hashes, and a type of one's own.
//!
//! `cargo run --example typed_values`
#![allow(clippy::print_stdout)]

use std::time::{Duration, SystemTime};

use jcache::Arg;
use jcache::prelude::*;
use jcache::typed::{ConversionError, FromValue, ToArg};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct User {
    name: String,
    born: u16,
    admin: bool,
    tags: Vec<String>,
}

/// A type with a text form of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    x: i32,
    y: i32,
}

impl<'a> ToArg<'a> for Point {
    fn to_arg(self) -> jcache::Result<Arg<'a>> {
        Ok(Arg::from(format!("{},{}", self.x, self.y)))
    }
}

impl FromValue for Point {
    fn from_value(value: Value) -> Result<Self, ConversionError> {
        let text = String::from_value(value)?;
        let parts = text.split_once(',').and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
        let (x, y) = parts.ok_or_else(|| ConversionError::new(format!("expected x,y, found '{text}'")))?;
        Ok(Point { x, y })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> jcache::Result<()> {
    let cache = Cache::new();

    // Scalars are stored as Redis programs write them.
    cache.mset([("count", 42), ("negative", -1)]).await?;
    let numbers: Vec<Option<i64>> = cache.mget(["count", "negative", "absent"]).await?;
    println!("numbers: {numbers:?}");
    assert_eq!(numbers, [Some(42), Some(-1), None]);

    let now = SystemTime::now();
    cache.set("now", now).await?;
    println!("a time is stored as {:?}", cache.get::<String>("now").await?);
    assert_eq!(cache.get("now").await?, Some(now));
    cache.set("pause", Duration::from_millis(250)).await?;
    assert_eq!(cache.get("pause").await?, Some(Duration::from_millis(250)));

    // A serde type: as one string through a codec …
    let ada = User { name: "Ada".into(), born: 1815, admin: true, tags: vec!["maths".into()] };
    cache.set("json", Json(&ada)).await?;
    cache.set("packed", MsgPack(&ada)).await?;
    println!("JSON: {:?}", cache.get::<String>("json").await?);
    println!("JSON {} bytes, MessagePack {}", cache.strlen("json").await?, cache.strlen("packed").await?);
    assert_eq!(cache.get("json").await?, Some(Json(ada.clone())));
    assert_eq!(cache.get("packed").await?, Some(MsgPack(ada.clone())));

    // … or as a hash, a field each, which commands can read and change one by one.
    cache.hset("user:1", Struct(&ada)).await?;
    cache.hincrby("user:1", "born", 1).await?;
    let user: Option<Struct<User>> = cache.hgetall("user:1").await?;
    println!("from the hash: {user:?}");
    assert_eq!(user, Some(Struct(User { born: 1816, ..ada })));

    // A type of one's own, in a list.
    cache.rpush("path", [Point { x: 0, y: 0 }, Point { x: 3, y: -4 }]).await?;
    let path: Vec<Point> = cache.lrange("path", 0, -1).await?;
    println!("path: {path:?}");
    assert_eq!(path[1], Point { x: 3, y: -4 });

    // What does not convert is an error that names the key; no default is made up.
    let error = cache.get::<u8>("json").await.expect_err("it is no number");
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::Conversion);
    assert!(error.message().contains("'json'"));
    Ok(())
}

#[test]
fn it_runs() -> jcache::Result<()> {
    main()
}
