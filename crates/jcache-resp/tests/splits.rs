//! However bytes are cut, the same commands and replies come out; large strings are copied once; nothing is reserved
//! ahead of what has come, and no byte is searched again.

#![allow(clippy::unwrap_used)]

use bytes::{Buf, BufMut};
use jcache_core::{Error, Reply, Value};
use jcache_resp::{Output, Protocol, ReplyDecoder, RequestDecoder};
use proptest::prelude::*;

/// Feeds `bytes` in pieces of these lengths, over and over, and collects what `take` finds after each.
fn in_pieces(bytes: &[u8], lengths: &[usize], mut step: impl FnMut(&[u8]) -> usize) {
    let mut rest = bytes;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            return;
        }
        let taken = step(&rest[..rest.len().min((*length).max(1))]);
        rest = &rest[taken..];
    }
}

/// Puts as much of `bytes` into `place` as it has room for.
fn fill(mut place: impl BufMut, bytes: &[u8]) -> usize {
    let count = bytes.len().min(place.remaining_mut());
    assert!(count > 0, "there is always room");
    place.put_slice(&bytes[..count]);
    count
}

fn commands(bytes: &[u8], lengths: &[usize]) -> Result<Vec<Vec<Vec<u8>>>, String> {
    let mut decoder = RequestDecoder::default();
    let mut found = Vec::new();
    let mut failed = None;
    in_pieces(bytes, lengths, |piece| {
        let count = fill(decoder.input(), piece);
        loop {
            match decoder.next() {
                Ok(Some(args)) => found.push(args.iter().map(|arg| arg.to_vec()).collect()),
                Ok(None) => return count,
                Err(error) => {
                    failed = Some(error.to_string());
                    return count;
                }
            }
        }
    });
    failed.map_or(Ok(found), Err)
}

fn replies(bytes: &[u8], lengths: &[usize]) -> Result<Vec<Reply>, String> {
    let mut decoder = ReplyDecoder::default();
    let mut found = Vec::new();
    let mut failed = None;
    in_pieces(bytes, lengths, |piece| {
        let count = fill(decoder.input(), piece);
        loop {
            match decoder.next() {
                Ok(Some(reply)) => found.push(reply),
                Ok(None) => return count,
                Err(error) => {
                    failed = Some(error.to_string());
                    return count;
                }
            }
        }
    });
    failed.map_or(Ok(found), Err)
}

/// A string: mostly short, sometimes of a length where something changes.
fn string() -> impl Strategy<Value = Vec<u8>> {
    let edges = [4095, 4096, 16_383, 16_384, 32_766, 32_767, 32_768, 65_534, 65_536, 100_000];
    let large = (proptest::sample::select(edges.to_vec()), any::<u8>()).prop_map(|(len, byte)| vec![byte; len]);
    prop_oneof![20 => proptest::collection::vec(any::<u8>(), 0..40), 1 => large]
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![1..10_usize, 1..200_000_usize], 1..8)
}

fn value() -> impl Strategy<Value = Value> {
    string().prop_map(Value::from)
}

/// A reply that survives the way there and back in RESP3.
fn reply() -> impl Strategy<Value = Reply> {
    let text = || proptest::string::string_regex("[ -~]{0,20}").unwrap();
    let leaf = prop_oneof![
        Just(Reply::Nil),
        Just(Reply::Ok),
        text().prop_map(|text| Reply::Status(format!("S{text}").into())),
        any::<i64>().prop_map(Reply::Int),
        any::<bool>().prop_map(Reply::Bool),
        any::<f64>().prop_filter("a number", |number| !number.is_nan()).prop_map(Reply::Double),
        "-?[1-9][0-9]{0,40}".prop_map(|digits| Reply::BigNumber(digits.into())),
        value().prop_map(Reply::Bulk),
        value().prop_map(Reply::Verbatim),
        text().prop_map(|text| Reply::Error(Error::server(format!("ERR {text}")))),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let items = || proptest::collection::vec(inner.clone(), 0..6);
        let pairs = || proptest::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            items().prop_map(Reply::Array),
            items().prop_map(Reply::Set),
            items().prop_map(Reply::Push),
            pairs().prop_map(Reply::Map),
        ]
    })
}

/// What a RESP2 connection makes of a reply.
fn seen(reply: &Reply) -> Reply {
    reply.clone().resp2()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn commands_come_out_as_they_were_written(
        all in proptest::collection::vec(proptest::collection::vec(string(), 1..12), 1..6),
        lengths in lengths(),
    ) {
        let mut output = Output::new();
        for args in &all {
            output.command(args);
        }
        prop_assert_eq!(commands(&output.to_vec(), &lengths), Ok(all));
    }

    #[test]
    fn any_bytes_mean_the_same_however_they_are_cut(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "*1\r\n", "*2\r\n", "*3\r\n", "$4\r\n", "$0\r\n", "$3\r\n", "PING", "\r\n", "\n", "\r", "abc", "\"", "'", " ", "*", "$", "12", "-1",
            "\\x", "\\", "*0\r\n", "%1\r\n", "~1\r\n", ">2\r\n", "|1\r\n", "+OK\r\n", ":5\r\n", ",1.5\r\n", "#t\r\n", "_\r\n", "(7\r\n",
            "$-1\r\n", "*-1\r\n", "=7\r\ntxt:abc\r\n", "!3\r\nERR\r\n", "-ERR x\r\n",
        ]), 0..40),
        lengths in lengths(),
    ) {
        let bytes = words.concat().into_bytes();
        prop_assert_eq!(commands(&bytes, &lengths), commands(&bytes, &[usize::MAX]));
        prop_assert_eq!(replies(&bytes, &lengths), replies(&bytes, &[usize::MAX]));
    }

    #[test]
    fn replies_come_out_as_they_were_written(all in proptest::collection::vec(reply(), 1..4), lengths in lengths()) {
        let mut three = Output::new();
        let mut two = Output::new();
        for reply in &all {
            three.reply(reply, Protocol::Resp3);
            two.reply(reply, Protocol::Resp2);
        }
        prop_assert_eq!(replies(&three.to_vec(), &lengths), Ok(all.clone()));
        prop_assert_eq!(replies(&two.to_vec(), &lengths), Ok(all.iter().map(seen).collect::<Vec<_>>()));
    }

    #[test]
    fn sending_in_parts_sends_the_whole(all in proptest::collection::vec(value(), 1..10), steps in lengths()) {
        let mut output = Output::new();
        let mut sent = Vec::new();
        let mut expected = Vec::new();
        for (value, step) in all.into_iter().zip(steps.iter().cycle()) {
            expected.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
            expected.extend_from_slice(&value);
            expected.extend_from_slice(b"\r\n");
            // One in three goes through another output first.
            let mut other = Output::new();
            if step % 3 == 0 { &mut other } else { &mut output }.reply(&Reply::Bulk(value), Protocol::Resp2);
            let count = other.len();
            output.take_from(&mut other, count);
            let count = (*step).min(output.remaining());
            let mut slices = [std::io::IoSlice::new(&[]); 4];
            let filled = output.chunks_vectored(&mut slices);
            let all: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
            let part = output.copy_to_bytes(count);
            prop_assert!(all.iter().zip(&part).all(|(a, b)| a == b));
            sent.extend_from_slice(&part);
            prop_assert_eq!(output.len() + sent.len(), expected.len());
        }
        sent.extend_from_slice(&output.to_vec());
        prop_assert!(sent == expected);
    }
}

#[test]
fn a_large_string_is_read_where_it_stays() {
    const LEN: usize = 10 << 20;
    let mut header = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n".to_vec();
    header.extend_from_slice(format!("${LEN}\r\n").as_bytes());
    let mut decoder = RequestDecoder::default();
    assert_eq!(fill(decoder.input(), &header), header.len());
    assert_eq!(decoder.next(), Ok(None));
    let mut most = 0;
    let mut left = LEN + 2;
    let mut place = std::ptr::null();
    while left > 0 {
        let mut input = decoder.input();
        let room = input.get_mut().capacity();
        // The promise of ten megabytes alone reserves nothing.
        let come = LEN + 2 - left;
        assert!(room <= (come * 2).max(come + (64 << 10)), "{room} bytes for {come}");
        let count = left.min(input.remaining_mut()).min(50_000);
        input.put_slice(&vec![b'x'; count]);
        place = input.get_ref().as_ptr();
        most = most.max(room);
        left -= count;
        if left > 0 {
            assert_eq!(decoder.next(), Ok(None));
        }
    }
    assert!(most <= LEN + 2);
    let args = decoder.next().unwrap().unwrap();
    assert_eq!((args.len(), args[2].len()), (3, LEN));
    let value = args[2].to_value();
    drop(args);
    assert_eq!(value.as_bytes().as_ptr(), place, "the value is not a copy");
    let mut output = Output::new();
    output.reply(&Reply::Bulk(value), Protocol::Resp2);
    output.advance(format!("${LEN}\r\n").len());
    assert_eq!(output.chunk().as_ptr(), place, "nor is what is sent");
    assert!(!decoder.is_midway());
}

/// A megabyte of small arguments, byte by byte: quadratic work would take minutes.
#[test]
fn bytes_that_come_one_by_one_cost_what_they_cost_together() {
    let count = 150_000;
    let bytes = format!("*{count}\r\n{}", "$1\r\nx\r\n".repeat(count));
    assert_eq!(commands(bytes.as_bytes(), &[1]).unwrap()[0].len(), count);
    let line = format!("ECHO {}\r\n", "x".repeat(65_000));
    assert_eq!(commands(line.as_bytes(), &[1]).unwrap()[0][1].len(), 65_000);
    let nested = format!("{}:1\r\n", "*1\r\n".repeat(32));
    assert_eq!(replies(nested.as_bytes(), &[1]).unwrap().len(), 1);
    let wide = format!("*{count}\r\n{}", "$1\r\nx\r\n".repeat(count));
    assert_eq!(replies(wide.as_bytes(), &[1]).unwrap().len(), 1);
}

#[test]
fn an_idle_connection_holds_nothing() {
    let mut decoder = RequestDecoder::default();
    fill(decoder.input(), b"PING\r\n");
    assert!(decoder.next().unwrap().is_some() && decoder.next().unwrap().is_none());
    assert!(!decoder.is_midway());
    decoder.release();
    assert_eq!(decoder.input().get_ref().len(), 0);
    fill(decoder.input(), b"PIN");
    assert_eq!(decoder.next(), Ok(None));
    assert!(decoder.is_midway());
    decoder.release();
    fill(decoder.input(), b"G\r\n");
    assert!(decoder.next().unwrap().unwrap()[0].is_word("ping"));
}
