//! What reading a command and writing its reply costs: `cargo run --release -p jcache-resp --example cost`.
//!
//! Pipelines of 128 commands are read, parsed and answered over and over, without a socket and without a keyspace; the
//! best of several rounds is shown, in nanoseconds a command.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;

use bytes::{Buf, BufMut};
use jcache_core::{Reply, Request, Value};
use jcache_resp::{Output, Protocol, RequestDecoder};

const PIPELINE: usize = 128;
const ROUNDS: usize = 200;
const REPEATS: usize = 100;

fn main() {
    let value = "x".repeat(100);
    let hit = Reply::Bulk(Value::from(value.as_str()));
    let rows: [(&str, Vec<&str>, Reply); 4] = [
        ("GET, 100 bytes", vec!["GET", "key:000000123456"], hit),
        ("SET, 100 bytes", vec!["SET", "key:000000123456", &value], Reply::Ok),
        ("INCR", vec!["INCR", "counter:000000123456"], Reply::Int(123_456)),
        ("MSET, 10 keys", [vec!["MSET"], vec![&value[..20]; 20]].concat(), Reply::Ok),
    ];
    println!("{:<16} {:>8} {:>8} {:>8}", "ns a command", "read", "parse", "write");
    for (name, args, reply) in rows {
        let mut bytes = Output::new();
        for _ in 0..PIPELINE {
            bytes.command(&args);
        }
        let bytes = bytes.to_vec();
        let mut decoder = RequestDecoder::default();
        let read = best(|| feed(&mut decoder, &bytes, |_| {}));
        let parse = best(|| feed(&mut decoder, &bytes, |args| drop(black_box(Request::parse(args).unwrap()))));
        let mut output = Output::new();
        let write = best(|| {
            for _ in 0..PIPELINE {
                output.reply(black_box(&reply), Protocol::Resp2);
            }
            output.advance(black_box(output.remaining()));
        });
        println!("{name:<16} {read:>8.1} {:>8.1} {write:>8.1}", parse - read);
    }
}

/// One batch from a socket: bytes in, every command out.
fn feed(decoder: &mut RequestDecoder, mut bytes: &[u8], mut each: impl FnMut(&[jcache_core::Arg<'_>])) {
    while !bytes.is_empty() {
        let mut input = decoder.input();
        let count = bytes.len().min(input.remaining_mut());
        input.put_slice(&bytes[..count]);
        bytes = &bytes[count..];
        while let Some(args) = decoder.next().unwrap() {
            each(black_box(&args));
        }
    }
}

/// Nanoseconds a command in the best round.
fn best(mut batch: impl FnMut()) -> f64 {
    let round = || {
        let start = Instant::now();
        (0..REPEATS).for_each(|_| batch());
        start.elapsed().as_nanos() as f64 / (REPEATS * PIPELINE) as f64
    };
    std::iter::repeat_with(round).take(ROUNDS).fold(f64::INFINITY, f64::min)
}
