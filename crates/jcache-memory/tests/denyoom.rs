//! Which commands are refused when the bound is reached and nobody is evicted: those that Redis flags `denyoom`, with its
//! text, and no other. Every mutation has a row; all are run on both.

mod common;

use common::call;
use jcache_core::command::{self, Class};
use jcache_core::{Arg, ErrorKind, Mutation, Query, Reply};
use jcache_memory::{Eviction, Memory};
use jcache_testkit::oracle::{self, RawClient};

/// What is there before each row.
const SETUP: [&str; 6] =
    ["SET text 12", "HSET hash f 1", "RPUSH list a b c", "SADD set m", "ZADD zset 1 a 2 b 3 c", "RPUSH other x"];

/// A command for every mutation. BIG stands for more than there is room for; what is new needs room in any case.
const ROWS: &[&str] = &[
    "APPEND text BIG",
    "BLMOVE list new LEFT LEFT 1",
    "BLMPOP 1 1 list LEFT",
    "BLPOP list 1",
    "BRPOP list 1",
    "BRPOPLPUSH list new 1",
    "BZMPOP 1 1 zset MIN",
    "BZPOPMAX zset 1",
    "BZPOPMIN zset 1",
    "COPY list new",
    "DECR new",
    "DECRBY new 5",
    "DEL text list",
    "EXPIRE text 1000",
    "EXPIREAT text 99999999999",
    "FLUSHALL",
    "FLUSHDB",
    "GETDEL text",
    "GETEX text EX 1000",
    "GETSET text BIG",
    "HDEL hash f",
    "HINCRBY new f 1",
    "HINCRBYFLOAT new f 1.5",
    "HMSET hash f BIG",
    "HSET hash g BIG",
    "HSETNX hash g BIG",
    "INCR new",
    "INCRBY new 5",
    "INCRBYFLOAT new 1.5",
    "LINSERT list BEFORE b BIG",
    "LMOVE list new LEFT LEFT",
    "LMPOP 1 list LEFT",
    "LPOP list",
    "LPUSH list BIG",
    "LPUSHX list BIG",
    "LREM list 0 a",
    "LSET list 0 BIG",
    "LTRIM list 0 1",
    "MSET text x new BIG",
    "MSETNX new BIG newer x",
    "PERSIST text",
    "PEXPIRE text 100000",
    "PEXPIREAT text 99999999999999",
    "PSETEX text 100000 BIG",
    "RENAME text new",
    "RENAMENX list new",
    "RPOP list",
    "RPOPLPUSH list new",
    "RPUSH new a",
    "RPUSHX list BIG",
    "SADD set BIG",
    "SDIFFSTORE new set",
    "SET text BIG",
    "SETEX text 1000 BIG",
    "SETNX new BIG",
    "SETRANGE text 200000 x",
    "SINTERSTORE new set",
    "SMOVE set new m",
    "SPOP set",
    "SREM set m",
    "SUNIONSTORE new set",
    "UNLINK text",
    "ZADD zset 4 BIG",
    "ZDIFFSTORE new 1 zset",
    "ZINCRBY new 1 a",
    "ZINTERSTORE new 1 zset",
    "ZMPOP 1 zset MAX",
    "ZPOPMAX zset",
    "ZPOPMIN zset",
    "ZRANGESTORE new zset 0 -1",
    "ZREM zset a",
    "ZREMRANGEBYLEX zset - +",
    "ZREMRANGEBYRANK zset 0 0",
    "ZREMRANGEBYSCORE zset 1 2",
    "ZUNIONSTORE new 1 zset",
];

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(|word| if word == "BIG" { "x".repeat(150_000) } else { word.to_owned() }).collect()
}

/// A memory without room for the smallest entry.
fn full_memory() -> Memory {
    let memory = Memory::builder().shards(1).max_memory(100_000).eviction(Eviction::NoEviction).build();
    SETUP.iter().for_each(|line| drop(call(&memory, &words(line)).expect("room")));
    let full = (0..10_000).find_map(|i| call(&memory, &["SET", &format!("f{i}"), "x"]).err()).expect("a bound");
    assert_eq!(full.kind(), ErrorKind::OutOfMemory);
    memory
}

fn full_redis(client: &mut RawClient) {
    let settings = [&["CONFIG SET maxmemory 0", "FLUSHALL"][..], &SETUP, &["CONFIG SET maxmemory 1"]];
    settings.concat().iter().for_each(|line| drop(client.line(line).expect("a setting")));
}

fn is_flagged(client: &mut RawClient, name: &str) -> bool {
    let info = client.call(&["COMMAND", "INFO", name]).expect("it knows the command");
    let info = info.into_items().expect("a list").remove(0).into_items().expect("of facts");
    let flags = info[2].clone().into_items().expect("flags");
    flags.iter().any(|flag| matches!(flag, Reply::Status(flag) if flag.as_bytes() == b"denyoom"))
}

#[test]
fn those_are_refused_that_redis_refuses() {
    let Some(server) = oracle::redis_or_skip() else { return };
    let mut client = server.client();
    let mutations = command::specs().filter(|spec| spec.class != Class::Query);
    let lacking: Vec<_> = mutations
        .map(|spec| spec.name)
        .filter(|name| !ROWS.iter().any(|row| row.split(' ').next() == Some(name)))
        .collect();
    assert_eq!(lacking, [""; 0], "a mutation without a row");
    for row in ROWS {
        let args = words(row);
        full_redis(&mut client);
        let theirs = client.call(&args);
        let memory = full_memory();
        let ours = call(&memory, &args);
        if is_flagged(&mut client, &args[0]) {
            let error = ours.expect_err(row);
            assert_eq!((error.kind(), Err(error.message().to_owned())), (ErrorKind::OutOfMemory, theirs), "{row}");
            // Nothing has changed.
            for line in ["GET text", "HLEN hash", "LLEN list", "SCARD set", "ZCARD zset", "EXISTS new newer"] {
                assert_eq!(
                    call(&memory, &words(line)).map_err(|it| it.to_string()),
                    client.line(line),
                    "{row}, {line}"
                );
            }
        } else {
            let arguments: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
            let mutation = Mutation::parse(&arguments).expect("a mutation");
            let theirs = theirs.map(|reply| mutation.canonical(reply).expect("its shape"));
            assert_eq!(ours.map_err(|it| it.message().to_owned()), theirs, "{row}");
        }
    }
}

#[test]
fn reads_are_served() {
    let Some(server) = oracle::redis_or_skip() else { return };
    let mut client = server.client();
    full_redis(&mut client);
    let memory = full_memory();
    for line in
        ["GET text", "HGETALL hash", "LRANGE list 0 -1", "SMEMBERS set", "ZRANGE zset 0 -1", "TTL text", "MGET text no"]
    {
        let ours = call(&memory, &words(line)).map_err(|error| error.message().to_owned());
        let args: Vec<Arg<'_>> = line.split(' ').map(Arg::from).collect();
        let query = Query::parse(&args).expect("a query");
        let theirs = client.line(line).map(|reply| query.canonical(reply).expect("its shape"));
        assert_eq!(ours, theirs, "{line}");
    }
    // And queries have no such flag.
    for spec in command::specs().filter(|spec| spec.class == Class::Query) {
        assert!(!is_flagged(&mut client, spec.name), "{}", spec.name);
    }
}
