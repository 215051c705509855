//! The removal listener under threads: what it hears of a key is what happened to the key, in order.

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{call, run};
use jcache_core::Reply;
use jcache_memory::{ManualClock, Memory, Removal, RemovalListener};

/// Of each key of a thread: the versions that vanished, whether with a deadline, and the last one.
type Written = (Vec<Vec<bool>>, Vec<Option<bool>>);
type Heard = Arc<Mutex<HashMap<String, Vec<Removal>>>>;

fn listening(heard: &Heard) -> RemovalListener {
    let heard = heard.clone();
    Arc::new(move |key: &[u8], removal: Removal| {
        let key = String::from_utf8_lossy(key).into_owned();
        heard.lock().expect("the map").entry(key).or_default().push(removal);
    })
}

/// Whether `told` can be what is told of versions that vanished in this order, with a deadline or without. One without
/// was evicted; one with was evicted, expired, or was due and then replaced, which is not told.
fn fits(vanished: &[bool], told: &[Removal]) -> bool {
    // How much of `told` the versions so far may account for.
    let mut ends = vec![0];
    for timed in vanished {
        let mut next: Vec<usize> = Vec::new();
        for end in ends {
            if *timed {
                next.push(end);
            }
            if told.get(end).is_some_and(|removal| *timed || *removal == Removal::Evicted) {
                next.push(end + 1);
            }
        }
        next.sort_unstable();
        next.dedup();
        ends = next;
    }
    ends.contains(&told.len())
}

#[test]
fn what_is_told_of_a_key_agrees_with_its_writes() {
    const THREADS: usize = 3;
    const KEYS: usize = 3_000;
    let heard = Heard::default();
    let clock = Arc::new(ManualClock::default());
    let builder = Memory::builder().max_memory(256 << 10).clock(clock.clone()).on_removal(listening(&heard));
    let memory = builder.build();
    // A thread writes its own keys, and learns at each write whether the last version was still there.
    let work = |thread: usize| {
        let mut rng = fastrand::Rng::with_seed(thread as u64);
        let mut last: Vec<Option<bool>> = vec![None; KEYS];
        let mut vanished: Vec<Vec<bool>> = vec![Vec::new(); KEYS];
        for step in 0..40_000 {
            let key = rng.usize(..KEYS);
            let name = format!("{thread}:{key}");
            let timed = rng.bool();
            let mut args = vec!["SET".to_owned(), name, "v".repeat(rng.usize(..100)), "GET".to_owned()];
            if timed {
                args.extend(["PX".to_owned(), rng.usize(1..200).to_string()]);
            }
            let old = call(&memory, &args).expect("room is made");
            if let Some(was_timed) = last[key].replace(timed).filter(|_| old == Reply::Nil) {
                vanished[key].push(was_timed);
            }
            if step % 50 == 0 {
                clock.advance(Duration::from_millis(1));
            }
        }
        (vanished, last)
    };
    let written: Vec<Written> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    });
    // Whoever caused a removal has told it, or another thread does so just now.
    let expected = |stats: jcache_memory::Stats| (stats.evictions + stats.expirations) as usize;
    let told = || heard.lock().expect("the map").values().map(Vec::len).sum::<usize>();
    for _ in 0..500 {
        if told() == expected(memory.stats()) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(told(), expected(memory.stats()));
    let heard = heard.lock().expect("the map");
    let (mut evicted, mut expired) = (0, 0);
    for (thread, (vanished, last)) in written.into_iter().enumerate() {
        for (key, (mut vanished, last)) in vanished.into_iter().zip(last).enumerate() {
            let gone = run(&memory, &format!("EXISTS {thread}:{key}")) == Reply::Int(0);
            vanished.extend(last.filter(|_| gone));
            let told = heard.get(&format!("{thread}:{key}")).map_or(&[][..], Vec::as_slice);
            evicted += told.iter().filter(|removal| **removal == Removal::Evicted).count();
            expired += told.iter().filter(|removal| **removal == Removal::Expired).count();
            assert!(fits(&vanished, told), "{thread}:{key}: {told:?} of versions {vanished:?} (true: with a deadline)");
        }
    }
    assert!(evicted > 1_000 && expired > 1_000, "{evicted} evicted, {expired} expired");
}

#[test]
fn the_check_tells_wrong_sequences() {
    use Removal::{Evicted, Expired};
    assert!(fits(&[true, false, true], &[Expired, Evicted, Evicted]));
    assert!(fits(&[true, false, true], &[Evicted]));
    assert!(!fits(&[false, true], &[Expired, Evicted]), "out of order");
    assert!(!fits(&[false], &[]) && !fits(&[false], &[Evicted, Evicted]) && !fits(&[false], &[Expired]));
}

/// More removals than may wait: those who cause more wait for a slow listener, which may use the cache meanwhile.
#[test]
fn a_slow_listener_is_waited_for() {
    let told = Arc::new(AtomicUsize::new(0));
    let memory: Arc<Mutex<Option<Memory>>> = Arc::default();
    let listener = {
        let (told, memory) = (told.clone(), memory.clone());
        Arc::new(move |key: &[u8], _: Removal| {
            // The first one takes its time, while everybody else goes on.
            if told.fetch_add(1, Ordering::Relaxed) == 0 {
                thread::sleep(Duration::from_millis(300));
            }
            let memory = memory.lock().expect("the memory").clone();
            if let Some(memory) = memory.filter(|_| key.ends_with(b"7")) {
                call(&memory, &["SET", "by the listener", "x"]).expect("room is made");
            }
        })
    };
    let cache = Memory::builder().max_memory(64 << 10).on_removal(listener).build();
    *memory.lock().expect("the memory") = Some(cache.clone());
    thread::scope(|scope| {
        for thread in 0..3 {
            let cache = &cache;
            scope.spawn(move || {
                (0..30_000)
                    .for_each(|i| drop(call(cache, &["SET".to_owned(), format!("{thread}:{i}"), "x".repeat(20)])));
            });
        }
    });
    *memory.lock().expect("the memory") = None;
    assert!(told.load(Ordering::Relaxed) as u64 >= cache.stats().evictions - 64, "{:?}", cache.stats());
}
