//! What every driver must pass: sessions of commands with the replies that Redis gives, waiting, whole keys, deadlines.
//!
//! A driver's author runs the suites of the families that the driver serves, on a backend that may be emptied:
//! **every suite deletes everything first**.
//!
//! ```
//! use std::sync::Mutex;
//! use std::time::SystemTime;
//! use jcache_core::driver::{Driver, StringDriver};
//! use jcache_core::{Answer, Context, Model, Mutation, Query, Reply, Result, Timestamp};
//! use jcache_testkit::conformance;
//!
//! /// Your own driver; this one keeps everything in core's model.
//! #[derive(Debug, Default)]
//! struct Mine(Mutex<Model>);
//!
//! fn now() -> Context {
//!     Context::at(Timestamp::from_system(SystemTime::now()))
//! }
//!
//! impl Driver for Mine {
//!     async fn query(&self, query: &Query<'_>) -> Result<Answer> {
//!         let mut model = self.0.lock().unwrap();
//!         model.set_now(now().now);
//!         query.answer(&*model, now())
//!     }
//!     async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
//!         let mut model = self.0.lock().unwrap();
//!         model.set_now(now().now);
//!         mutation.run(&mut *model, now())
//!     }
//! }
//! impl StringDriver for Mine {}
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let driver = Mine::default();
//! conformance::strings(&driver).await;
//! conformance::keys(&driver).await;
//! conformance::expiry(&driver).await;
//! # });
//! ```
//!
//! Each suite panics at the first difference, with the command, the reply that is expected and the one that came.
//! Replies are compared in their canonical form, so a driver may hand on what a server sent, in RESP2 or RESP3.
//!
//! Sessions are data, written in the [notation](crate::notation) of this crate: command lines and expected replies.
//! In a reply, `~100` is a remaining life of at most 100, and less by no more than two seconds. An own session is
//! checked with [`check`].

mod blocking;
mod expiry;
mod hashes;
mod keys;
mod lists;
mod sets;
mod snapshots;
mod sorted_sets;
mod strings;
mod wrong_types;

pub use blocking::{blocking, blocking_sorted_sets};
pub use expiry::expiry;
use jcache_core::command::Request;
use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::{Arg, Driver, Mutation, Outcome, Query, Reply, Value};
pub use snapshots::snapshots;

use crate::differential::{canonical, flat, is_ordered, name};
use crate::notation::{show, words};

/// Command lines, each with the reply that is expected.
pub type Session = [(&'static str, &'static str)];

/// The commands of strings.
pub async fn strings(driver: &impl StringDriver) {
    check_all(driver, strings::SESSIONS).await;
}

/// The commands of hashes.
pub async fn hashes(driver: &impl HashDriver) {
    check_all(driver, hashes::SESSIONS).await;
}

/// The commands of lists, without real waiting, which is in [`blocking`].
pub async fn lists(driver: &impl ListDriver) {
    check_all(driver, lists::SESSIONS).await;
}

/// The commands of sets.
pub async fn sets(driver: &impl SetDriver) {
    check_all(driver, sets::SESSIONS).await;
}

/// The commands of sorted sets, without real waiting, which is in [`blocking_sorted_sets`], and without sets in
/// their place, which is in [`wrong_types`].
pub async fn sorted_sets(driver: &impl SortedSetDriver) {
    check_all(driver, sorted_sets::SESSIONS).await;
}

/// The commands of keys of any type, on strings.
pub async fn keys(driver: &impl StringDriver) {
    check_all(driver, keys::SESSIONS).await;
}

/// Commands on keys that hold another type, for a driver that serves all families.
pub async fn wrong_types(driver: &(impl StringDriver + HashDriver + ListDriver + SetDriver + SortedSetDriver)) {
    check_all(driver, wrong_types::SESSIONS).await;
}

/// Every suite, for a driver that serves all families.
pub async fn everything(driver: &(impl StringDriver + HashDriver + ListDriver + SetDriver + SortedSetDriver)) {
    strings(driver).await;
    hashes(driver).await;
    lists(driver).await;
    sets(driver).await;
    sorted_sets(driver).await;
    keys(driver).await;
    wrong_types(driver).await;
    expiry(driver).await;
    blocking(driver).await;
    blocking_sorted_sets(driver).await;
    snapshots(driver).await;
}

/// Every session of the suites with the name of its suite: for proving them on another oracle.
pub fn sessions() -> impl Iterator<Item = (&'static str, &'static Session)> {
    let suites = [
        ("strings", strings::SESSIONS),
        ("hashes", hashes::SESSIONS),
        ("lists", lists::SESSIONS),
        ("sets", sets::SESSIONS),
        ("sorted_sets", sorted_sets::SESSIONS),
        ("keys", keys::SESSIONS),
        ("wrong_types", wrong_types::SESSIONS),
    ];
    suites.into_iter().flat_map(|(name, sessions)| sessions.iter().map(move |session| (name, *session)))
}

async fn check_all(driver: &impl Driver, sessions: &[&Session]) {
    for session in sessions {
        reset(driver).await;
        check(driver, session).await;
    }
}

/// Runs the commands of `session` in order and compares every reply.
///
/// Of a query it also checks whether the driver says rightly that it has the key, and of a scan, all pages together.
///
/// # Panics
/// At the first difference.
pub async fn check(driver: &impl Driver, session: &Session) {
    for (number, (command, expected)) in session.iter().enumerate() {
        let args = words(command);
        let outcome = if is_scan(&args) { scan(driver, &args).await } else { call(driver, &args).await };
        if let Err(difference) = compare(&args, &outcome, expected) {
            let before: Vec<&str> = session[..number].iter().rev().take(5).rev().map(|row| row.0).collect();
            panic!("{command}\n  {difference}\nafter: {}", before.join("; "));
        }
    }
}

/// What is wrong with the `outcome` of a command, when `expected` is.
///
/// # Errors
/// The difference, in words.
pub fn compare(args: &[Vec<u8>], outcome: &Result<Reply, String>, expected: &str) -> Result<(), String> {
    let shown = show(outcome, is_ordered(&name(args)));
    let same = match (expected.strip_prefix('~').and_then(|most| most.parse::<i64>().ok()), outcome) {
        (Some(most), Ok(Reply::Int(left))) => {
            let room = if name(args).starts_with('P') { 2_000 } else { 2 };
            (most - room..=most).contains(left)
        }
        _ => shown == expected,
    };
    if same { Ok(()) } else { Err(format!("expected: {expected}\n  got:      {shown}")) }
}

/// Runs one command as a caller of the driver would: at once where it can, otherwise by waiting.
///
/// The reply is canonical; the error is its text.
pub(crate) async fn call(driver: &impl Driver, args: &[Vec<u8>]) -> Result<Reply, String> {
    let borrowed: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
    let reply = match Request::parse(&borrowed) {
        Err(error) => Err(error),
        Ok(Request::Query(query)) => ask(driver, &query).await,
        Ok(Request::Mutation(mutation)) => change(driver, &mutation).await,
    };
    reply.map_err(|error| error.message().to_owned()).and_then(|reply| canonical(args, reply))
}

/// As [`call`], for a line of words.
pub(crate) async fn run(driver: &impl Driver, command: &str) -> Result<Reply, String> {
    call(driver, &words(command)).await
}

async fn ask(driver: &impl Driver, query: &Query<'_>) -> jcache_core::Result<Reply> {
    let answer = match driver.try_query(query) {
        Some(answer) => answer?,
        None => driver.query(query).await?,
    };
    if query.spec().keys.last == 1 {
        let key = query.first_key().map(|key| key.to_vec()).unwrap_or_default();
        let exists = Box::pin(call(driver, &[b"EXISTS".to_vec(), key])).await == Ok(Reply::Int(1));
        let name = query.spec().name;
        assert!(!answer.hit || exists, "{name} says that there is a key where there is none");
        assert!(
            answer.hit || answer.reply.is_nothing(),
            "{name} gives {:?}, and says that there is no key",
            answer.reply
        );
    }
    Ok(answer.reply)
}

async fn change(driver: &impl Driver, mutation: &Mutation<'_>) -> jcache_core::Result<Reply> {
    match driver.try_mutate(mutation) {
        Some(reply) => reply,
        None => driver.mutate(mutation).await,
    }
}

async fn reset(driver: &impl Driver) {
    assert_eq!(run(driver, "FLUSHALL").await, Ok(Reply::Ok), "FLUSHALL");
}

fn is_scan(args: &[Vec<u8>]) -> bool {
    name(args).ends_with("SCAN")
}

/// All pages of a scan as one, whose items are sorted and not repeated: pages and cursors are each driver's own.
async fn scan(driver: &impl Driver, args: &[Vec<u8>]) -> Result<Reply, String> {
    let place = if name(args) == "SCAN" { 1 } else { 2 };
    let width = if matches!(name(args).as_str(), "HSCAN" | "ZSCAN") { 2 } else { 1 };
    let mut args = args.to_vec();
    let mut found = Vec::new();
    for _ in 0..1000 {
        let page = call(driver, &args).await?;
        let (cursor, items): (Value, Reply) = Outcome::from_reply(page).map_err(|error| error.to_string())?;
        found.extend(flat(&items).chunks(width).map(<[Value]>::to_vec));
        if cursor.as_bytes() == b"0" {
            found.sort_unstable();
            found.dedup();
            return Ok((cursor, found.concat()).into_reply());
        }
        args[place] = cursor.to_vec();
    }
    panic!("a scan of a small collection does not end");
}
