//! What is special about commands that block: how long they wait, and that what they took can be put back.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use jcache_core::command::list::BLPop;
use jcache_core::command::{Awaited, Timeout};
use jcache_core::effect::Reach;
use jcache_core::{Arg, Context, Encoded, Key, Model, Mutation, Timestamp};

const CONTEXT: Context = Context::at(Timestamp::ZERO);

fn words(line: &str) -> Vec<Arg<'_>> {
    line.split(' ').map(Arg::from).collect()
}

fn model(lines: &[&str]) -> Model {
    let mut model = Model::default();
    for line in lines {
        Mutation::parse(&words(line)).unwrap().run(&mut model, CONTEXT).unwrap();
    }
    model
}

/// A mutation as one would type it.
fn typed(mutation: &Mutation<'_>) -> String {
    let args = Encoded::mutation(mutation);
    args.args().iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_was_taken_is_put_back() {
    let sessions = [
        ("BLPOP x l 0", "LPUSH l a"),
        ("BRPOP x l 0", "RPUSH l c"),
        ("BLMPOP 0 1 l LEFT COUNT 2", "LPUSH l b a"),
        ("BLMPOP 0 1 l RIGHT COUNT 9", "RPUSH l a b c"),
        ("BLMOVE l m LEFT LEFT 0", "LMOVE m l LEFT LEFT"),
        ("BLMOVE l new RIGHT LEFT 0", "LMOVE new l LEFT RIGHT"),
        ("BLMOVE l l LEFT RIGHT 0", "LMOVE l l RIGHT LEFT"),
        ("BRPOPLPUSH l m 0", "LMOVE m l LEFT RIGHT"),
        ("BZPOPMIN x z 0", "ZADD z 1 a"),
        ("BZPOPMAX x z 0", "ZADD z 2.5 b"),
        ("BZMPOP 0 1 z MAX COUNT 9", "ZADD z 2.5 b 1 a"),
    ];
    for (line, undo) in sessions {
        let before = model(&["RPUSH l a b c", "RPUSH m 1 2", "ZADD z 1 a 2.5 b"]);
        let mut after = before.clone();
        let args = words(line);
        let mutation = Mutation::parse(&args).unwrap();
        let reply = mutation.run(&mut after, CONTEXT).unwrap();
        assert_ne!(after, before, "{line}");
        let back = mutation.undo(&reply).unwrap();
        assert_eq!(typed(&back), undo, "{line}");
        back.run(&mut after, CONTEXT).unwrap();
        assert_eq!(after, before, "{line}");
    }
}

#[test]
fn nothing_taken_is_nothing_to_put_back() {
    for line in ["BLPOP x 0", "BLMOVE x l LEFT LEFT 0", "BLMPOP 0 1 x LEFT", "BZPOPMAX x 0", "BZMPOP 0 1 x MIN"] {
        let args = words(line);
        let mutation = Mutation::parse(&args).unwrap();
        let reply = mutation.run(&mut Model::default(), CONTEXT).unwrap();
        assert!(reply.is_nil(), "{line}: {reply:?}");
        assert_eq!(mutation.undo(&reply), None, "{line}");
        assert_eq!(mutation.effect(&reply, CONTEXT).unwrap().change, None, "{line}");
    }
}

#[test]
fn a_copy_hears_of_the_pop_and_not_of_the_wait() {
    let sessions = [
        ("BLPOP x l 0", "LPOP l", Reach::Within),
        ("BRPOP x l 0", "RPOP l", Reach::Within),
        ("BLMPOP 0 1 l LEFT COUNT 2", "LPOP l 2", Reach::Within),
        ("LMPOP 2 x l RIGHT COUNT 9", "RPOP l 3", Reach::Within),
        ("BLMOVE l m LEFT RIGHT 0", "LMOVE l m LEFT RIGHT", Reach::Replica),
        ("BLMOVE l l LEFT RIGHT 0", "LMOVE l l LEFT RIGHT", Reach::Within),
        ("BRPOPLPUSH l m 0", "LMOVE l m RIGHT LEFT", Reach::Replica),
        ("BZPOPMIN x z 0", "ZPOPMIN z", Reach::Within),
        ("BZMPOP 0 2 x z MAX COUNT 9", "ZPOPMAX z 2", Reach::Within),
        ("ZMPOP 1 z MIN", "ZPOPMIN z", Reach::Within),
    ];
    for (line, change, reach) in sessions {
        let mut model = model(&["RPUSH l a b c", "RPUSH m 1 2", "ZADD z 1 a 2.5 b"]);
        let args = words(line);
        let mutation = Mutation::parse(&args).unwrap();
        let reply = mutation.run(&mut model, CONTEXT).unwrap();
        let effect = mutation.effect(&reply, CONTEXT).unwrap();
        assert_eq!(effect.change.as_ref().map(typed).as_deref(), Some(change), "{line}");
        assert_eq!(effect.reach, reach, "{line}");
    }
}

#[test]
fn timeouts_are_seconds_rounded_up_to_milliseconds() {
    let waits = |text: &str| {
        let args = words("BLPOP key").into_iter().chain([Arg::from(text)]).collect::<Vec<_>>();
        let mutation = Mutation::parse(&args).unwrap();
        let millis = mutation.blocking().unwrap().timeout.map(|timeout| timeout.as_millis());
        // What goes over the wire waits as long.
        let again = Encoded::mutation(&mutation);
        assert_eq!(again.as_mutation().unwrap(), mutation);
        millis
    };
    let rows = [
        ("0", None),
        ("1", Some(1000)),
        ("1.001", Some(1001)),
        ("0.0001", Some(1)),
        ("1.1", Some(1100)),
        ("4.35", Some(4350)),
        ("1.0004", Some(1001)),
        ("-0.0005", None),
    ];
    for (text, millis) in rows {
        assert_eq!(waits(text), millis, "{text}");
    }
    for millis in (1..100_000).step_by(7) {
        let timeout = Timeout::from(Duration::from_millis(millis));
        assert_eq!(timeout.duration(), Some(Duration::from_millis(millis)));
        let pop: Mutation<'_> = BLPop { wait: Awaited { keys: vec![Key::from("key")], timeout } }.into();
        assert_eq!(Encoded::mutation(&pop).as_mutation().unwrap(), pop);
    }
    assert_eq!(Timeout::from(Duration::ZERO).duration(), Some(Duration::from_millis(1)));
}

#[test]
fn only_blocking_commands_block() {
    for line in ["LPOP l", "LMOVE l m LEFT LEFT", "LMPOP 1 l LEFT", "ZMPOP 1 z MIN", "ZPOPMIN z"] {
        let args = words(line);
        assert_eq!(Mutation::parse(&args).unwrap().blocking(), None, "{line}");
    }
}
