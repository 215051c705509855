//! Handles on many threads: the count stays right, and nobody sees a text change.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Barrier, Mutex, RwLock};
use std::thread;

use jcache_value::{Entry, SHARE_MIN, Value};

const THREADS: usize = 4;

#[test]
fn clones_and_drops_race() {
    for value in [Value::new(b"small"), Value::from(vec![7; SHARE_MIN]), Value::default()] {
        let expected = value.to_vec();
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let (value, expected, start) = (value.clone(), &expected, &start);
                scope.spawn(move || {
                    start.wait();
                    let mut held = Vec::new();
                    for i in 0..20_000 {
                        held.push(value.clone());
                        if i % 7 == 0 {
                            held.truncate(i % 5);
                        }
                    }
                    assert!(held.iter().all(|v| v.as_bytes() == expected));
                });
            }
        });
        assert_eq!(value.as_bytes(), expected);
    }
}

/// The last handle may be dropped by any thread; the leak and address checkers watch.
#[test]
fn the_last_drop_races() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| sync_channel::<Value>(16)).unzip();
    thread::scope(|scope| {
        for receiver in receivers {
            scope.spawn(move || receiver.into_iter().map(|value| usize::from(value[0])).sum::<usize>());
        }
        for round in 0..5_000_u32 {
            let value = match round % 2 {
                0 => Value::new(&round.to_le_bytes()),
                _ => Value::from(vec![1; SHARE_MIN]),
            };
            for sender in &senders {
                sender.send(value.clone()).unwrap();
            }
        }
        drop(senders);
    });
}

/// One entry behind a lock, as in a keyspace: writers edit in place or copy, readers keep what they read.
#[test]
fn hits_never_change_while_writers_edit() {
    let entry = Mutex::new(Entry::<()>::text(b"key", &[0; 40], 0));
    thread::scope(|scope| {
        for seed in 0..2_u8 {
            let entry = &entry;
            scope.spawn(move || {
                for round in 0..20_000_u32 {
                    let mut entry = entry.lock().unwrap();
                    entry.set_deadline(round.into());
                    let fill = [seed.wrapping_add(round as u8); 40];
                    match round % 4 {
                        0 => _ = entry.overwrite(&fill),
                        1 => entry.set_text(&fill),
                        2 => entry.write_at(0, &fill),
                        _ => {
                            entry.set_text(b"");
                            entry.append(&fill);
                        }
                    }
                }
            });
        }
        for lends in [false, true] {
            let entry = &entry;
            scope.spawn(move || {
                let mut held: Vec<Value> = Vec::new();
                for round in 0..20_000 {
                    let hit = {
                        let mut entry = entry.lock().unwrap();
                        if lends { entry.lend_text() } else { entry.as_text().cloned() }.unwrap()
                    };
                    held.push(hit);
                    if round % 16 == 0 {
                        assert!(held.iter().all(|hit| hit.len() == 40 && hit.iter().all(|b| *b == hit[0])));
                        held.clear();
                    }
                }
            });
        }
    });
}

/// Readers under a shared lock mark the entry at the same time as handles are read outside of it.
#[test]
fn marks_race_without_harm() {
    let entry = Arc::new(RwLock::new(Entry::<u64>::text(&[b'k'; 300], b"value", 1 << 40)));
    let handle = entry.read().unwrap().as_text().unwrap().clone();
    thread::scope(|scope| {
        for up in [true, false, true] {
            let (entry, handle) = (entry.clone(), handle.clone());
            scope.spawn(move || {
                for _ in 0..20_000 {
                    let entry = entry.read().unwrap();
                    if up {
                        entry.touch()
                    } else {
                        entry.cool()
                    }
                    assert!(entry.frequency() <= 3);
                    assert_eq!((entry.deadline(), entry.key().len(), handle.as_bytes()), (1 << 40, 300, &b"value"[..]));
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..2_000 {
                entry.write().unwrap().set_deadline(1 << 40);
            }
        });
    });
}
