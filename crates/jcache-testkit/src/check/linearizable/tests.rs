//! Histories that are linearizable and histories that are not; by hand, and drawn at random from a simulated register,
//! counter and list.

use std::time::Instant;

use jcache_core::{Model, Timestamp};

use super::super::session::tests::operation;
use super::*;
use crate::history::{Intent, command};
use jcache_core::{Context, Reply};

fn done(from: u64, to: u64, words: &str, reply: Reply) -> Operation {
    let words: Vec<&str> = words.split(' ').collect();
    operation(0, &words, Promise::Strong, from, Outcome::Returned(to, Ok(reply)))
}

fn open(from: u64, words: &str) -> Operation {
    let words: Vec<&str> = words.split(' ').collect();
    operation(0, &words, Promise::Strong, from, Outcome::Unknown)
}

fn text(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

#[test]
fn small_histories() {
    for (name, history, good) in [
        ("a read sees the write before", vec![done(0, 1, "SET k a", Reply::Ok), done(2, 3, "GET k", text("a"))], true),
        ("a stale read", vec![done(0, 1, "SET k a", Reply::Ok), done(2, 3, "GET k", Reply::Nil)], false),
        (
            "a read beside a write may see it or not",
            vec![done(0, 5, "SET k a", Reply::Ok), done(1, 2, "GET k", text("a")), done(3, 4, "GET k", text("a"))],
            true,
        ),
        (
            "but not go back",
            vec![done(0, 5, "SET k a", Reply::Ok), done(1, 2, "GET k", text("a")), done(3, 4, "GET k", Reply::Nil)],
            false,
        ),
        ("a value from nowhere", vec![done(0, 1, "GET k", text("a"))], false),
        ("an open write may happen", vec![open(0, "SET k a"), done(2, 3, "GET k", text("a"))], true),
        ("or not", vec![open(0, "SET k a"), done(2, 3, "GET k", Reply::Nil)], true),
        ("or late", vec![open(0, "SET k a"), done(2, 3, "GET k", Reply::Nil), done(4, 5, "GET k", text("a"))], true),
        ("but once", vec![open(0, "INCR k"), done(2, 3, "GET k", text("2"))], false),
        ("and not before it was called", vec![done(0, 1, "GET k", text("a")), open(2, "SET k a")], false),
        (
            "two increments of one",
            vec![done(0, 9, "INCR k", Reply::Int(1)), done(1, 9, "INCR k", Reply::Int(1))],
            false,
        ),
        ("in the other order", vec![done(0, 9, "INCR k", Reply::Int(2)), done(1, 9, "INCR k", Reply::Int(1))], true),
        (
            "an element popped twice",
            vec![
                done(0, 1, "RPUSH l a", Reply::Int(1)),
                done(2, 9, "LPOP l", text("a")),
                done(3, 9, "LPOP l", text("a")),
            ],
            false,
        ),
        ("a lost element", vec![done(0, 1, "RPUSH l a", Reply::Int(1)), done(2, 3, "LPOP l", Reply::Nil)], false),
        (
            "two keys of a group",
            vec![
                done(0, 1, "RPUSH a x", Reply::Int(1)),
                done(2, 3, "LMOVE a b LEFT LEFT", text("x")),
                done(4, 5, "LLEN b", Reply::Int(1)),
            ],
            true,
        ),
        (
            "a member with another score",
            vec![done(0, 1, "ZADD z 1 m", Reply::Int(1)), done(2, 3, "ZSCORE z m", Reply::Double(2.0))],
            false,
        ),
    ] {
        let verdict = check(&history, 0);
        assert_eq!(verdict == Verdict::Linearizable, good, "{name}: {verdict:?}");
    }
}

#[test]
fn weak_answers_may_be_lost() {
    let mut write = done(0, 1, "SET k a", Reply::Ok);
    write.promise = Promise::Weak;
    for seen in [Reply::Nil, text("a")] {
        assert_eq!(check(&[write.clone(), done(2, 3, "GET k", seen)], 0), Verdict::Linearizable);
    }
    let late = [write.clone(), done(2, 3, "GET k", Reply::Nil), done(4, 5, "GET k", text("a"))];
    assert!(matches!(check(&late, 0), Verdict::Violated(_)), "it took effect before it was answered, or never");
    let mut read = done(2, 3, "GET k", text("b"));
    read.promise = Promise::Session;
    assert_eq!(check(&[write, read], 0), Verdict::Linearizable);
}

/// Clients on a correct store: each call takes effect somewhere between its begin and its end; one in `lost` answers is
/// lost.
fn random_history(seed: u64, count: usize, lost: u64) -> Vec<Operation> {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut model, mut history, mut now) = (Model::default(), Vec::new(), 0);
    let mut calls: Vec<Option<(Operation, bool)>> = vec![None; 6];
    while history.len() < count {
        now += 1;
        let client = random.usize(..calls.len());
        match calls[client].take() {
            None => {
                let value = now.to_string();
                let words: &[&str] = match random.u8(..7) {
                    0 => &["SET", "k", &value],
                    1 | 2 => &["GET", "k"],
                    3 => &["INCR", "n"],
                    4 => &["RPUSH", "l", &value],
                    5 => &["LPOP", "l"],
                    _ => &["ZINCRBY", "z", "1", "m"],
                };
                calls[client] = Some((operation(client, words, Promise::Strong, now, Outcome::Unknown), false));
            }
            Some((mut call, false)) => {
                let reply = run(&mut model, &call);
                call.outcome = Outcome::Returned(now, Ok(reply));
                calls[client] = Some((call, true));
            }
            Some((mut call, true)) => {
                let Outcome::Returned(at, _) = &mut call.outcome else { continue };
                *at = now;
                if lost > 0 && random.u64(..lost) == 0 {
                    call.outcome = Outcome::Unknown;
                }
                history.push(call);
            }
        }
    }
    // What is under way may have happened.
    for (mut call, _) in calls.into_iter().flatten() {
        call.outcome = Outcome::Unknown;
        history.push(call);
    }
    history.sort_by_key(|it| it.invoked);
    history
}

fn run(model: &mut Model, call: &Operation) -> Reply {
    let context = Context::at(Timestamp::ZERO);
    match Parsed::new(&call.command) {
        Parsed::Query(query) => query.run(model, context).unwrap(),
        Parsed::Mutation(mutation) => mutation.run(model, context).unwrap(),
    }
}

#[test]
fn random_histories_of_a_correct_store_pass_and_broken_ones_do_not() {
    for seed in 0..40 {
        let history = random_history(seed, 300, if seed % 2 == 0 { 0 } else { 20 });
        assert_eq!(check(&history, 0), Verdict::Linearizable, "seed {seed}");
        let mut broken = history;
        let read = |it: &Operation| {
            it.intent == Intent::Change && it.command == command(&[b"GET", b"k"]) && it.reply().is_some()
        };
        let place = broken.iter().skip(150).position(read).unwrap() + 150;
        let Outcome::Returned(at, _) = broken[place].outcome else { unreachable!() };
        broken[place].outcome = Outcome::Returned(at, Ok(text("never written")));
        assert!(matches!(check(&broken, 0), Verdict::Violated(_)), "seed {seed}");
    }
}

/// A long history is a matter of seconds at most; the time is printed, not asserted.
#[test]
fn eight_thousand_operations() {
    let start = Instant::now();
    let mut history = random_history(7, 8_000, 0);
    assert_eq!(check(&history, 0), Verdict::Linearizable);
    let good = start.elapsed();
    let place = history.iter().rposition(|it| it.reply() == Some(&Reply::Nil)).unwrap();
    let Outcome::Returned(at, _) = history[place].outcome else { unreachable!() };
    history[place].outcome = Outcome::Returned(at, Ok(text("never written")));
    assert!(matches!(check(&history, 0), Verdict::Violated(_)));
    println!("8,000 operations: {good:.1?}; with a wrong reply: {:.1?}", start.elapsed() - good);
}
