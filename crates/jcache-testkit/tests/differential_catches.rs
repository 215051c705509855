//! The differential harness finds what it is there to find: subjects that are wrong in one way each.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jcache_core::{Reply, Value};
use jcache_testkit::args;
use jcache_testkit::differential::{self, Generator, ModelSubject, Subject, pool};
use jcache_testkit::oracle;

/// The model, with `twist` applied to each command and reply.
struct Twisted<F> {
    model: ModelSubject,
    twist: F,
}

impl<F: FnMut(&mut ModelSubject, &[Vec<u8>]) -> Result<Reply, String>> Subject for Twisted<F> {
    fn call(&mut self, args: &[Vec<u8>]) -> Result<Reply, String> {
        (self.twist)(&mut self.model, args)
    }
}

/// What the harness says about the model with `twist`; `None` when it finds nothing.
fn said(
    generator: Generator,
    twist: impl FnMut(&mut ModelSubject, &[Vec<u8>]) -> Result<Reply, String>,
) -> Option<String> {
    let mut subject = Twisted { model: ModelSubject::default(), twist };
    let run = AssertUnwindSafe(|| differential::run(&mut subject, "twisted", &[generator], 5_000, 7));
    catch_unwind(run).err().map(|panic| *panic.downcast::<String>().expect("the harness panics with a text"))
}

fn is(args: &[Vec<u8>], name: &str) -> bool {
    args[0].eq_ignore_ascii_case(name.as_bytes())
}

fn plain(rng: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    match rng.u8(..6) {
        0 => args!["GET", pool::key(rng)],
        1 => args!["SMEMBERS", pool::key(rng)],
        2 => args!["HGETALL", pool::key(rng)],
        3 => args!["EXISTS", pool::key(rng)],
        4 => args!["PEXPIREAT", pool::key(rng), pool::at(rng)],
        _ => args!["LRANGE", pool::key(rng), "0", "-1"],
    }
}

#[test]
fn an_honest_subject_passes() {
    assert_eq!(said(plain, |model, args| model.call(args)), None);
}

#[test]
fn a_wrong_reply_is_found_and_can_be_repeated() {
    if oracle::redis_or_skip().is_none() {
        return;
    }
    let mut calls = 0;
    let twist = |model: &mut ModelSubject, args: &[Vec<u8>]| {
        calls += 1;
        let reply = model.call(args);
        if calls > 1000 && is(args, "EXISTS") { Ok(Reply::Int(2)) } else { reply }
    };
    let said = said(plain, twist).expect("found");
    for part in ["subject: Ok(Int(2))", "EXISTS", "JCACHE_SEED=7 JCACHE_DIFF=5000", "last related commands"] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn another_error_text_is_found() {
    if oracle::redis_or_skip().is_none() {
        return;
    }
    let twist = |model: &mut ModelSubject, args: &[Vec<u8>]| model.call(args).map_err(|text| text + ".");
    assert!(said(plain, twist).expect("found").contains("wrong kind of value.\")"));
}

#[test]
fn an_ignored_deadline_is_found() {
    if oracle::redis_or_skip().is_none() {
        return;
    }
    // Keys that should go soon live an hour longer, and say that they do not.
    const HOUR: i64 = 3_600_000;
    let twist = |model: &mut ModelSubject, args: &[Vec<u8>]| {
        let (mut args, soon) = (args.to_vec(), differential::soon());
        for arg in args.iter_mut().filter(|arg| **arg == soon.to_string().into_bytes()) {
            *arg = (soon + HOUR).to_string().into();
        }
        let reply = model.call(&args);
        if reply == Ok(Reply::Int(soon + HOUR)) { Ok(Reply::Int(soon)) } else { reply }
    };
    let said = said(plain, twist).expect("found");
    assert!(said.contains("the state differs: TYPE") && said.contains("oracle:  Ok(Status(b\"none\"))"), "{said}");
}

#[test]
fn a_lost_write_is_found() {
    if oracle::redis_or_skip().is_none() {
        return;
    }
    let mut writes = 0;
    let twist = |model: &mut ModelSubject, args: &[Vec<u8>]| {
        writes += usize::from(is(args, "SET"));
        if writes > 20 && is(args, "SET") { Ok(Reply::Ok) } else { model.call(args) }
    };
    assert!(said(plain, twist).is_some());
}

#[test]
fn the_order_of_a_set_does_not_matter_but_that_of_a_list_does() {
    if oracle::redis_or_skip().is_none() {
        return;
    }
    let reversed = |reply: Reply| match reply {
        Reply::Set(mut items) => {
            items.reverse();
            Reply::Set(items)
        }
        Reply::Map(mut pairs) => {
            pairs.reverse();
            Reply::Map(pairs)
        }
        other => other,
    };
    assert_eq!(said(plain, |model, args| model.call(args).map(reversed)), None);
    let reversed = |reply: Reply| match reply {
        Reply::Array(mut items) => {
            items.reverse();
            Reply::Array(items)
        }
        other => other,
    };
    assert!(said(plain, |model, args| model.call(args).map(reversed)).expect("found").contains("LRANGE"));
}

#[test]
fn a_value_under_another_name_is_found() {
    if oracle::redis_or_skip().is_none() {
        return;
    }
    let twist = |model: &mut ModelSubject, args: &[Vec<u8>]| {
        let reply = model.call(args)?;
        let worse = |value: &Value| if value.is_empty() { Reply::Nil } else { Reply::Bulk(value.clone()) };
        Ok(if let Reply::Bulk(value) = &reply { worse(value) } else { reply })
    };
    assert!(said(plain, twist).expect("found").contains("Bulk(b\"\")"));
}
