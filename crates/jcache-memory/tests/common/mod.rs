//! Commands as lines, on a `Memory`.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use jcache_core::command::Request;
use jcache_core::snapshot::FillLimit;
use jcache_core::{Arg, Driver, Query, Reply, Result, Snapshot};
use jcache_memory::Memory;

/// The reply to the command in `args`, which is not to wait.
pub fn call<A: AsRef<[u8]>>(memory: &Memory, args: &[A]) -> Result<Reply> {
    let args: Vec<Arg<'_>> = args.iter().map(|arg| Arg::from(arg.as_ref())).collect();
    match Request::parse(&args)? {
        Request::Query(query) => memory.try_query(&query).expect("at once").map(|answer| answer.reply),
        Request::Mutation(mutation) => memory.try_mutate(&mutation).expect("at once"),
    }
}

/// The reply to the command in `line`, words separated by spaces.
pub fn run(memory: &Memory, line: &str) -> Reply {
    call(memory, &line.split(' ').collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// The reply to the command in `line`, for which it may wait.
pub async fn wait(memory: Memory, line: String) -> Result<Reply> {
    let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
    match Request::parse(&args)? {
        Request::Query(query) => memory.query(&query).await.map(|answer| answer.reply),
        Request::Mutation(mutation) => memory.mutate(&mutation).await,
    }
}

/// All that `key` holds.
pub async fn whole(memory: &Memory, key: &[u8]) -> Option<Snapshot> {
    let Reply::Status(kind) = call(memory, &[b"TYPE", key]).expect("TYPE") else { panic!("TYPE answers a status") };
    let name = match kind.as_bytes() {
        b"string" => "STRLEN",
        b"hash" => "HLEN",
        b"list" => "LLEN",
        b"set" => "SCARD",
        b"zset" => "ZCARD",
        _ => return None,
    };
    let args = [Arg::from(name), Arg::from(key)];
    let query = Query::parse(&args).expect("a query of one key");
    let limit = FillLimit { elements: usize::MAX, bytes: usize::MAX };
    memory.fetch(&query, limit).await.expect("the type is right").snapshot
}
