//! A leaderboard on a sorted set: scores, ranks, the neighbours of a player, a season's end.
//!
//! `cargo run --example leaderboard`
#![allow(clippy::print_stdout)]

use jcache::commands::Each;
use jcache::prelude::*;

const BOARD: &str = "board:season-1";

#[tokio::main(flavor = "current_thread")]
async fn main() -> jcache::Result<()> {
    let cache = Cache::new();
    let players = ["ada", "bob", "cyd", "dan", "eve", "fay", "gus", "hal"];
    cache.zadd(BOARD, Each(players.iter().zip(0..).map(|(player, n)| (*player, n * 10)))).await?;

    // A point more, and a personal best that only rises.
    cache.zincrby(BOARD, "ada", 55).await?;
    cache.zadd(BOARD, [("bob", 5), ("hal", 90)]).gt().await?;

    println!("the three best:");
    let best: Vec<(String, f64)> = cache.zrevrange(BOARD, 0, 2).with_scores().await?;
    for (place, (player, score)) in best.iter().enumerate() {
        println!("  {}. {player} with {score}", place + 1);
    }
    assert_eq!(best.iter().map(|it| &*it.0).collect::<Vec<_>>(), ["hal", "gus", "ada"]);

    let rank = cache.zrevrank(BOARD, "eve").await?.expect("eve plays");
    let around = cache.zrevrange::<String>(BOARD, rank as i64 - 1, rank as i64 + 1).await?;
    println!("eve is number {}, between {around:?}", rank + 1);
    assert_eq!(around, ["fay", "eve", "dan"]);

    println!("{} players have 50 points or more", cache.zcount(BOARD, 50.0..).await?);
    assert_eq!(cache.zcount(BOARD, 50.0..).await?, 4);

    let beginners: Vec<String> = cache.zrangebyscore(BOARD, ..30.0).await?;
    println!("below 30: {beginners:?}");
    assert_eq!(beginners, ["bob", "cyd"]);

    // Both seasons together: the last one counts half.
    cache.zadd("board:season-0", [("ada", 100), ("zoe", 300)]).await?;
    let stored = cache.zunionstore("board:all", [BOARD, "board:season-0"]).weights([1.0, 0.5]).await?;
    let champion: Option<(String, f64)> = cache.zpopmax("board:all").await?;
    println!("of {stored} players in both seasons, the champion is {champion:?}");
    assert_eq!(champion, Some(("zoe".to_owned(), 150.0)));
    Ok(())
}

#[test]
fn it_runs() -> jcache::Result<()> {
    main()
}
