//! One run of a scenario: a cluster, clients under way, and what happens to them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use jcache_testkit::check::Violation;
use jcache_testkit::history::Moment;

use crate::cluster::{Cluster, LOOK_EVERY};
use crate::figures::Figures;
use crate::load::{Load, Pace};
use crate::recorder::Recorder;

/// What a step of a scenario comes to.
pub type Outcome<T = ()> = Result<T, Violation>;

/// How long all nodes may take to be together again after a fault.
pub(crate) const TOGETHER: Duration = Duration::from_secs(60);

/// A run under way.
#[derive(Debug)]
pub struct Trial {
    /// Clients; they end before the cluster does.
    pub load: Load,
    /// The cluster.
    pub cluster: Cluster,
    /// What clients saw.
    pub recorder: Arc<Recorder>,
    /// Chance, from the seed.
    pub random: Rng,
    /// What is counted.
    pub figures: Figures,
    /// The number of the round, from 0.
    pub round: usize,
    /// Whether this is the long form.
    pub long: bool,
    /// The first round whose keys are judged.
    pub(crate) judged_from: usize,
    /// The moment from which on keys with a deadline are judged.
    pub(crate) judged_since: Moment,
    since: Instant,
}

impl Trial {
    pub(crate) fn new(cluster: Cluster, pace: Pace, mut random: Rng, long: bool) -> Self {
        let recorder = Arc::new(Recorder::default());
        let addresses = cluster.nodes[..cluster.settings().nodes].iter().map(|node| node.address()).collect();
        let load = Load::start(&recorder, addresses, pace, &mut random);
        let figures = Figures { runs: 1, ..Figures::default() };
        Self {
            load,
            cluster,
            recorder,
            random,
            figures,
            round: 0,
            long,
            judged_from: 0,
            judged_since: 0,
            since: Instant::now(),
        }
    }

    /// Says what happens, with the time since the start.
    pub fn say(&self, what: &str) {
        eprintln!("  {:8.3} s  {what}", self.since.elapsed().as_secs_f64());
    }

    /// Says what goes wrong on purpose, and counts it; gives the moment.
    pub fn fault(&mut self, what: &str) -> Moment {
        self.say(what);
        self.figures.faults += 1;
        self.recorder.now()
    }

    /// Adds to what is remarked in the table.
    pub fn remark(&mut self, what: String) {
        self.figures.remarks.push(what);
    }

    /// Waits some milliseconds, drawn from the range.
    pub fn pause(&mut self, milliseconds: std::ops::Range<u64>) {
        std::thread::sleep(Duration::from_millis(self.random.u64(milliseconds)));
    }

    /// The node that leads.
    ///
    /// # Errors
    /// Nobody does.
    pub fn leader(&self) -> Outcome<usize> {
        self.cluster.await_leader()
    }

    /// Waits until a write that was called at `since` or later is acknowledged, and remembers how long that took.
    ///
    /// # Errors
    /// C9, when none is within `patience`.
    pub fn accepts_again(&mut self, since: Moment, patience: Duration) -> Outcome {
        let until = Instant::now() + patience;
        loop {
            if let Some(at) = self.recorder.accepted(since) {
                self.figures.accepted.push(at - since);
                return Ok(());
            }
            if Instant::now() > until {
                let looks = self.cluster.looks();
                let what = format!("no write was accepted for {patience:?} after a fault; the nodes say {looks:?}");
                return Err(Violation::new("C9", what));
            }
            std::thread::sleep(LOOK_EVERY / 4);
        }
    }

    /// Waits, at the end of a fault, until writes are accepted, all nodes are in sync, and some time has passed.
    ///
    /// # Errors
    /// C9, when they do not come together.
    pub fn together(&mut self) -> Outcome {
        let healed = self.recorder.now();
        self.cluster.whole(TOGETHER)?;
        let took = (self.recorder.now() - healed) / 1_000;
        self.say(&format!("all are in sync, {took} ms after the fault"));
        Ok(())
    }

    /// What clients did so far is not judged: the scenario gave it up on purpose.
    pub fn forgive(&mut self) {
        self.next_round();
        self.judged_from = self.round;
        self.judged_since = self.recorder.now();
    }

    /// From here on clients use keys of their own.
    pub fn next_round(&mut self) {
        self.round += 1;
        self.load.set_round(self.round);
    }

    /// Kills a node.
    pub fn kill(&mut self, node: usize) -> Moment {
        let at = self.fault(&format!("SIGKILL n{node}"));
        self.cluster.nodes[node].kill();
        at
    }

    /// Halts a node.
    pub fn halt(&mut self, node: usize) -> Moment {
        let at = self.fault(&format!("SIGSTOP n{node}"));
        self.cluster.nodes[node].signal("-STOP");
        at
    }

    /// Lets a halted node go on.
    pub fn go_on(&mut self, node: usize) {
        self.say(&format!("SIGCONT n{node}"));
        self.cluster.nodes[node].signal("-CONT");
    }

    /// Starts a node.
    pub fn start(&mut self, node: usize) {
        self.say(&format!("start n{node}"));
        self.cluster.nodes[node].start();
    }

    /// Heals all cuts.
    pub fn heal(&mut self) {
        self.say("all cuts are healed");
        self.cluster.heal();
    }
}
