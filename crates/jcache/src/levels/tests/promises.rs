//! What must hold, after every round and at the end. Each check names the promise of the contract that it holds.

use std::collections::{BTreeMap, BTreeSet};

use jcache_core::{ErrorKind, Object, Reply, Request};

use super::super::level::Level;
use super::node::{Fault, Link};
use super::program::{Line, QUEUES, keys_of, whole};
use super::schedule::Event;
use super::world::{Process, World};

type Check = Result<(), String>;

fn ensure(holds: bool, text: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(text()) }
}

/// What the promises know of the past.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The string that a key must hold, where the last writes leave no doubt.
    known: BTreeMap<Vec<u8>, Option<String>>,
    /// Elements that were surely put into a queue, and those that perhaps were.
    pushed: BTreeSet<String>,
    perhaps_pushed: BTreeSet<String>,
    popped: BTreeSet<String>,
    /// Pops of which nobody knows whether they took something.
    lost_pops: usize,
}

impl Ledger {
    /// Takes note of a round.
    pub(super) fn note(&mut self, events: &[Event]) -> Check {
        for event in events {
            let alone = |key: &Vec<u8>| {
                let touching = |other: &&Event| other.line.writes().is_none_or(|keys| keys.contains(key));
                events.iter().filter(touching).count() == 1
            };
            match event.line.writes() {
                None => self.known.clear(),
                Some(keys) => {
                    for key in keys {
                        let before = self.known.remove(&key).filter(|_| alone(&key));
                        if let Some(after) = after_all(event, &key, before)?.filter(|_| alone(&key)) {
                            self.known.insert(key, after);
                        }
                    }
                }
            }
            if event.line.0.get(1).is_some_and(|key| QUEUES.contains(&key.as_str())) {
                self.note_queue(event)?;
            }
        }
        if events.iter().any(|event| event.line.writes().is_none()) {
            // Everything that was there may be gone.
            self.perhaps_pushed.append(&mut self.pushed);
        }
        Ok(())
    }

    /// Promise 4: a pop delivers an element to one caller, once.
    fn note_queue(&mut self, event: &Event) -> Check {
        let words = &event.line.0;
        let pushes = matches!(words[0].as_str(), "RPUSH" | "SADD" | "ZADD");
        match &event.outcome {
            Some(Ok(_)) if pushes => drop(self.pushed.insert(words[words.len() - 1].clone())),
            Some(Ok(reply)) => {
                for element in elements(reply) {
                    ensure(self.popped.insert(element.clone()), || format!("{element} was delivered twice"))?;
                }
            }
            _ if pushes => drop(self.perhaps_pushed.insert(words[words.len() - 1].clone())),
            // Two elements may be in the reply of no pop here.
            _ => self.lost_pops += 1,
        }
        Ok(())
    }

    /// Promise 4, at the end: what was put in is delivered, there, or taken by a pop whose reply was lost.
    pub(super) fn settle_queues(&self, world: &World) -> Check {
        let mut there = BTreeSet::new();
        for queue in QUEUES {
            let line = if queue.starts_with('z') { Line::new(&format!("ZRANGE {queue} 0 -1")) } else { whole(queue) };
            let args = line.args();
            let Ok(Request::Query(query)) = Request::parse(&args) else { return Err(format!("{line} is no query")) };
            let reply = world.authority().ask(&query).map_err(|error| error.to_string())?;
            there.extend(elements(&reply));
        }
        let twice = self.popped.intersection(&there).next();
        ensure(twice.is_none(), || format!("{twice:?} was delivered and is still there"))?;
        let invented = self.popped.iter().find(|it| !self.pushed.contains(*it) && !self.perhaps_pushed.contains(*it));
        ensure(invented.is_none(), || format!("{invented:?} was delivered and never put in"))?;
        let missing = self.pushed.iter().filter(|it| !self.popped.contains(*it) && !there.contains(*it)).count();
        ensure(missing <= self.lost_pops, || format!("{missing} elements are gone, {} pops lost", self.lost_pops))
    }
}

/// The unique elements (`e1`, `e2` …) in a reply.
fn elements(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::Bulk(value) => {
            let text = String::from_utf8_lossy(value).into_owned();
            if text.starts_with('e') { vec![text] } else { Vec::new() }
        }
        Reply::Array(items) | Reply::Set(items) => items.iter().flat_map(elements).collect(),
        Reply::Map(pairs) => {
            pairs.iter().flat_map(|(key, value)| elements(key).into_iter().chain(elements(value))).collect()
        }
        _ => Vec::new(),
    }
}

/// The string that `key` surely holds after the event, also when that is a transaction, whose commands see what those
/// before them did.
fn after_all(event: &Event, key: &[u8], mut known: Option<Option<String>>) -> Result<Option<Option<String>>, String> {
    let Some(lines) = event.line.transaction() else { return after(event, known.as_ref()) };
    let Some(Ok(Reply::Array(replies))) = &event.outcome else { return Ok(None) };
    ensure(replies.len() == lines.len(), || format!("'{}' -> {replies:?}", event.line))?;
    for (line, reply) in lines.into_iter().zip(replies) {
        if line.0[0] == "GET" && line.0[1].as_bytes() == key {
            let expected = known.as_ref().map(|known| known.as_deref().map_or(Reply::Nil, |it| Reply::Bulk(it.into())));
            let holds = expected.as_ref().is_none_or(|expected| expected == reply);
            ensure(holds, || format!("'{}' -> {reply:?} in '{}', but {known:?} was there", line, event.line))?;
        }
        if line.writes().is_none_or(|keys| keys.iter().any(|it| it == key)) {
            let outcome = (!matches!(reply, Reply::Status(_))).then(|| Ok(reply.clone()));
            let part = Event { process: event.process, line, outcome, took: event.took };
            known = after(&part, known.as_ref())?;
        }
    }
    Ok(known)
}

/// The string that the event's key surely holds after it, when no other write ran and `before` was there before.
/// Promise 1 for writes: they decide on what was last written.
fn after(event: &Event, before: Option<&Option<String>>) -> Result<Option<Option<String>>, String> {
    let words: Vec<&str> = event.line.0.iter().map(String::as_str).collect();
    let Some(Ok(reply)) = &event.outcome else { return Ok(None) };
    let (expected, after) = match (words.as_slice(), before) {
        (["SET", _, value], _) => (Reply::Ok, Some((*value).to_owned())),
        (["DEL" | "UNLINK", ..], _) => (reply.clone(), None),
        (["INCRBY", _, by], Some(Some(before))) => match before.parse::<i64>() {
            Ok(number) => {
                let sum = number + by.parse::<i64>().unwrap_or(0);
                (Reply::Int(sum), Some(sum.to_string()))
            }
            Err(_) => return Ok(None),
        },
        (["APPEND", _, tail], Some(Some(before))) => {
            let whole = format!("{before}{tail}");
            (Reply::Int(whole.len() as i64), Some(whole))
        }
        (["GETDEL", _], Some(before)) => (before.as_deref().map_or(Reply::Nil, |text| Reply::Bulk(text.into())), None),
        (["SET", _, value, "NX"], Some(before)) => match before {
            Some(before) => (Reply::Nil, Some(before.clone())),
            None => (Reply::Ok, Some((*value).to_owned())),
        },
        _ => return Ok(None),
    };
    ensure(*reply == expected, || format!("'{}' -> {reply:?}, but {before:?} was there", event.line))?;
    Ok(Some(after))
}

/// Replies of the same content, whatever the order of what has none.
fn canonical(reply: &Reply) -> String {
    match reply {
        Reply::Set(items) => {
            let mut items: Vec<String> = items.iter().map(canonical).collect();
            items.sort();
            format!("{items:?}")
        }
        Reply::Map(pairs) => {
            let mut pairs: Vec<String> =
                pairs.iter().map(|(k, v)| format!("{}={}", canonical(k), canonical(v))).collect();
            pairs.sort();
            format!("{pairs:?}")
        }
        other => format!("{other:?}"),
    }
}

fn agree(a: &jcache_core::Result<Reply>, b: &jcache_core::Result<Reply>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => canonical(a) == canonical(b),
        (a, b) => a == b,
    }
}

/// What the copies hold. Promises 2, 3 and 6, for all that is not marked as doubtful.
pub(super) fn copies(world: &World) -> Check {
    for process in &world.processes {
        for index in 0..process.links.len() {
            copy(world, process, index)?;
        }
    }
    Ok(())
}

fn copy(world: &World, process: &Process, index: usize) -> Check {
    let (levels, link) = (&process.levels, &process.links[index]);
    if index == levels.authority || link.is_busy() {
        return Ok(());
    }
    let level = &levels.levels[index];
    let own = keys_of(process.id);
    for key in link.node().keys() {
        let Some((object, deadline)) = link.node().at(&key) else { continue };
        let name = String::from_utf8_lossy(&key).into_owned();
        let place = || format!("process {} level {index} '{name}'", process.id);
        if let Some(cap) = level.ttl_cap {
            let latest = levels.now().plus(cap);
            ensure(deadline.is_some_and(|at| at <= latest), || {
                format!("{} lives past the cap: {deadline:?}", place())
            })?;
        }
        if level.marks.has(&key) || QUEUES.contains(&name.as_str()) {
            continue;
        }
        if own.contains(&name) {
            // A write that the authority still has to get is in the copy already.
            if levels.repairs.concerns(Some(&key)) {
                continue;
            }
            let truth = world.authority().at(&key);
            let same = truth.as_ref().is_some_and(|(held, until)| {
                *held == object && until.is_none_or(|until| deadline.is_some_and(|at| at <= until))
            });
            ensure(same, || format!("{} holds {object:?} until {deadline:?}, truth {truth:?}", place()))?;
        } else if !world.shared_copy && !matches!(object, Object::String(_)) {
            let whole = world.authority().ever_held(&key, &object);
            ensure(whole, || format!("{} holds what the key never was: {object:?}", place()))?;
        }
    }
    Ok(())
}

/// Reads the process's own keys. Promise 1 with an authority that is well, promise 5 with one that is not.
pub(super) async fn reads(world: &World, ledger: &Ledger, process: &Process, rng: &mut fastrand::Rng) -> Check {
    let keys = keys_of(process.id);
    for _ in 0..4 {
        let key = &keys[rng.usize(0..keys.len())];
        let line = whole(key);
        let args = line.args();
        let request = Request::parse(&args).map_err(|error| error.to_string())?;
        let Request::Query(query) = &request else { return Err(format!("{line} is no query")) };
        let level = process.levels.authority();
        let well = level.health.is_up() && process.authority().fault() == Fault::None;
        let before = state_of_levels(process);
        let degraded_misses = process.levels.degraded_misses.get();
        let strict = rng.bool();
        let place = || format!("process {} '{line}' strict={strict}", process.id);
        let owed = process.levels.repairs.concerns(Some(key.as_bytes()));
        let began = process.levels.now();
        let truth_then = world.authority().ask(query);
        let reply = tokio::time::timeout(process.patience(), process.call(&request, strict)).await;
        let reply = reply.map_err(|_| format!("{} is not answered within {:?}", place(), process.patience()))?;

        // Promise 7: what is down, and was not found to be back by an earlier call, is not asked.
        for (index, (before, after)) in before.iter().zip(state_of_levels(process)).enumerate() {
            let came_back = before.waited_for || before.probes != after.probes;
            let quiet = before.up || after.up || came_back || before.calls == after.calls;
            ensure(quiet, || format!("{} asked level {index}, which is down", place()))?;
        }
        if let (Some(known), Ok(reply), true) = (ledger.known.get(key.as_bytes()), &reply, well && line.0[0] == "GET") {
            let expected = known.as_ref().map_or(Reply::Nil, |text| Reply::Bulk(text.as_str().into()));
            ensure(*reply == expected, || format!("{} answers {reply:?}, last written {known:?}", place()))?;
        }
        if owed || process.levels.repairs.concerns(Some(key.as_bytes())) {
            // The truth is on its way; what was last written is held above.
        } else if well && level.health.is_up() {
            let truth = world.authority().ask(query);
            // What was there when it was asked may have expired while a fill took its time.
            let then = process.levels.now() > began && agree(&reply, &truth_then);
            ensure(agree(&reply, &truth) || then, || format!("{} answers {reply:?}, truth {truth:?}", place()))?;
        } else if process.authority().fault() == Fault::Fail && reply.as_ref().is_ok_and(Reply::is_nothing) {
            ensure(!strict, || format!("{} says nothing is there, and nobody knows", place()))?;
            let counted = process.levels.degraded_misses.get() == degraded_misses + 1;
            ensure(counted, || format!("{} was not counted as degraded", place()))?;
        } else if let Err(error) = &reply {
            let kinds = [ErrorKind::Unavailable, ErrorKind::Timeout, ErrorKind::WrongType];
            ensure(kinds.contains(&error.kind()), || format!("{} fails with {error:?}", place()))?;
        }
    }
    Ok(())
}

struct LevelState {
    up: bool,
    calls: u64,
    probes: u64,
    waited_for: bool,
}

fn state_of_levels(process: &Process) -> Vec<LevelState> {
    let state = |(level, link): (&Level, &Link)| LevelState {
        up: level.health.is_up(),
        calls: link.calls(),
        probes: link.probes(),
        waited_for: link.is_waited_for(),
    };
    process.levels.levels.iter().zip(&process.links).map(state).collect()
}

/// Promise 6: everything is well, nothing is owed, and every key that a level holds is the authority's.
pub(super) fn quiet(world: &World) -> Check {
    for process in &world.processes {
        let stats = process.levels.stats();
        ensure(process.levels.is_well(), || format!("process {} is not well: {stats:?}", process.id))?;
        ensure(stats.repairs_given_up == 0, || format!("process {} gave writes up", process.id))?;
        for (index, link) in process.links.iter().enumerate() {
            for key in link.node().keys() {
                let (held, truth) = (link.node().at(&key), world.authority().at(&key));
                let same = held.as_ref().map(|it| &it.0) == truth.as_ref().map(|it| &it.0);
                let name = String::from_utf8_lossy(&key).into_owned();
                ensure(same, || {
                    format!("at rest: process {} level {index} '{name}': {held:?}, truth {truth:?}", process.id)
                })?;
            }
        }
    }
    Ok(())
}
