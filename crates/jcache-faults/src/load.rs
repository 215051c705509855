//! Clients under way: threads that call, write down, and go elsewhere when their node does not answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fastrand::Rng;
use jcache_testkit::check::lifetime::{Look, Times};
use jcache_testkit::history::{Intent, Outcome, Promise};

use crate::client::Client;
use crate::cluster::LEVELS;
use crate::recorder::Recorder;
use crate::workload::{self, MORTAL, Mix, Wish};

/// How long a client waits for a connection.
const CONNECT: Duration = Duration::from_millis(300);
/// How long a client waits for an answer, before it goes elsewhere and leaves the outcome open.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a client waits that asked for an element: longer than the node itself waits. Who goes away too early gets what
/// it took put back, which no order of the calls explains.
const PATIENCE_FOR_ELEMENTS: Duration = Duration::from_secs(10);
/// After a failure it waits this long.
const PAUSE: Duration = Duration::from_millis(5);
/// Keys with a deadline that are still read.
const MORTALS: usize = 20;
/// One call in so many is of a key with a deadline.
const MORTAL_SHARE: u8 = 20;
/// After one call in so many a client that had to go elsewhere tries its own node again.
const HOMESICK: u8 = 32;

/// How clients call.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Clients of each node.
    pub clients: usize,
    /// The longest pause between two calls, in milliseconds.
    pub think_ms: u64,
    /// What they do.
    pub mix: Mix,
}

impl Default for Pace {
    fn default() -> Self {
        Self { clients: 4, think_ms: 20, mix: Mix::All }
    }
}

/// Clients under way, until [`stop`](Load::stop) or drop.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    recorder: Arc<Recorder>,
    addresses: Vec<SocketAddr>,
    pace: Pace,
    round: AtomicUsize,
    unique: AtomicU64,
    stop: AtomicBool,
}

impl Load {
    /// Starts clients of the nodes at `addresses`.
    pub fn start(recorder: &Arc<Recorder>, addresses: Vec<SocketAddr>, pace: Pace, random: &mut Rng) -> Self {
        let clients = addresses.len() * pace.clients;
        let shared = Arc::new(Shared {
            recorder: recorder.clone(),
            addresses,
            pace,
            round: AtomicUsize::new(0),
            unique: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let threads = (0..clients).map(|number| {
            let (shared, random) = (shared.clone(), random.fork());
            std::thread::spawn(move || shared.run(number, random))
        });
        let threads = threads.collect();
        Self { shared, threads }
    }

    /// From here on the keys of another round are used.
    pub fn set_round(&self, round: usize) {
        self.shared.round.store(round, Ordering::Relaxed);
    }

    /// Ends all clients, and waits until they have.
    pub fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self, number: usize, mut random: Rng) {
        let home = number % self.addresses.len();
        let (mut node, mut connected) = (home, None);
        while !self.stop.load(Ordering::Relaxed) {
            let Some(client) = &mut connected else {
                let client = Client::connect(number, node, self.addresses[node], CONNECT);
                match client {
                    Ok(client) => connected = Some(client),
                    Err(_) => {
                        node = (node + 1) % self.addresses.len();
                        std::thread::sleep(PAUSE);
                    }
                }
                continue;
            };
            let (good, alive) = self.call(client, &mut random);
            if !alive {
                node = (node + 1) % self.addresses.len();
                connected = None;
            } else if node != home && random.u8(..HOMESICK) == 0 {
                node = home;
                connected = None;
            }
            let think = Duration::from_micros(random.u64(..=self.pace.think_ms * 1_000));
            std::thread::sleep(if good { think } else { think.max(PAUSE) });
        }
    }

    /// Makes one call: whether it was answered, and whether the connection is still of use.
    fn call(&self, client: &mut Client, random: &mut Rng) -> (bool, bool) {
        let unique = self.unique.fetch_add(1, Ordering::Relaxed);
        client.set_patience(PATIENCE);
        let mortal = match self.pace.mix {
            Mix::Mortals => random.bool(),
            Mix::All => random.u8(..MORTAL_SHARE) == 0,
            _ => false,
        };
        let (outcome, alive) = match () {
            () if mortal && random.bool() => self.write_mortal(client, random, unique),
            () if mortal => self.read_mortal(client, random),
            () => {
                let round = self.round.load(Ordering::Relaxed);
                let wish = workload::wish(random, self.pace.mix, round, unique);
                let promise = promise(client.node, wish.intent == Intent::Read);
                client.set_patience(if matches!(wish.intent, Intent::Take(_)) {
                    PATIENCE_FOR_ELEMENTS
                } else {
                    PATIENCE
                });
                client.call(&self.recorder, wish, promise)
            }
        };
        (matches!(outcome, Outcome::Returned(..)), alive)
    }

    fn write_mortal(&self, client: &mut Client, random: &mut Rng, unique: u64) -> (Outcome, bool) {
        let (name, lives_ms) = (format!("m{unique}"), 500 + random.u64(..6_000));
        let life = self.recorder.born(name.clone(), lives_ms * 1_000);
        let wish = Wish::new(MORTAL, &["SET", &name, "1", "PX", &lives_ms.to_string()], Intent::Change);
        let (outcome, alive) = client.call(&self.recorder, wish, Promise::Strong);
        if matches!(outcome, Outcome::Returned(_, Ok(_))) {
            self.recorder.lives(life);
        }
        (outcome, alive)
    }

    fn read_mortal(&self, client: &mut Client, random: &mut Rng) -> (Outcome, bool) {
        let Some((life, name)) = self.recorder.mortal(random.usize(..), MORTALS) else {
            return (Outcome::Failed, true);
        };
        let (invoked, promise) = (self.recorder.now(), promise(client.node, true));
        let wish = Wish::new(MORTAL, &["GET", &name], Intent::Read);
        let (outcome, alive) = client.call(&self.recorder, wish, promise);
        if let Outcome::Returned(returned, Ok(reply)) = &outcome {
            let found = *reply != jcache_core::Reply::Nil;
            let strong = promise == Promise::Strong;
            // Nobody outside of the processes sees cluster time: the clients' own clock tells.
            let look = Look { invoked, returned: *returned, found, strong, times: Times::default() };
            self.recorder.looked(life, look);
        }
        (outcome, alive)
    }
}

/// What a node's answers promise: it was started with one of the levels of reads.
fn promise(node: usize, reads: bool) -> Promise {
    let weak = reads && LEVELS[node % LEVELS.len()] == "local";
    if weak { Promise::Weak } else { Promise::Strong }
}
