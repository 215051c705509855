//! What is checked while a run goes on: after every step of a process, its view of itself.

use std::collections::BTreeMap;

use jcache_cluster::engine::{Fatal, Notice, Now, Role, StateRecord, Status, Store};

use super::client::MOST_BEHIND_MS;
use super::eras::Eras;
use super::figures::Figures;
use super::network::{Host, Network};
use super::plan::Plan;
use super::process::Process;
use crate::check::Violation;
use crate::check::bound::Bound;
use crate::check::digest::Digests;
use crate::check::progress::{Progress, Sight};
use crate::history::Moment;

/// Bytes by which a log may exceed its settings, besides a frame: its blocks are whole.
const LOG_SLACK: u64 = 68 << 10;
/// Milliseconds by which a new leader's time may be ahead of all that leaders have shown: what clocks drift.
const MOST_AHEAD_MS: u64 = 100;
/// Milliseconds by which a follower may stay ahead of who began anew, with a clock of its own.
const MOST_KEPT_MS: u64 = 1_000;
/// Offsets of one leader that wait for their commit before its digests are compared with others'.
const MOST_WAITING: usize = 64;
/// Microseconds after which whoever joins has been seen by its own steps, if it lives and is not paused.
const STRANGERS: Moment = 8_000_000;
/// Microseconds by which a process's clock may be off after the wait for an unclean start.
const CLOCKS_DIFFER: Moment = 20_000;

/// Offsets of one process in one epoch, with its digests there.
#[derive(Debug, Default)]
struct Waiting {
    epoch: u64,
    digests: Vec<(u64, Vec<u64>)>,
}

/// Cluster time, as leaders show it.
#[derive(Debug, Default)]
pub(super) struct Time {
    /// Epoch and process of the newest leader, its time in milliseconds, and when it showed that.
    newest: Option<(u64, Host, u64, Moment)>,
    /// The latest that any leader has shown.
    latest: (u64, Moment),
    /// The newest epoch in which a leader has shown its time.
    epoch: u64,
    /// Milliseconds by which a new leader may be ahead of all that leaders have shown.
    most_ahead_ms: u64,
    /// Microseconds by which it moved against the clients' clock whenever somebody else led, forth and back.
    moved: u64,
}

impl Time {
    /// # Errors
    /// C8: a leader takes over with a time that is not the cluster's.
    fn see(&mut self, epoch: u64, host: Host, time_ms: u64, now: Moment, knows: bool) -> Result<(), Violation> {
        let (latest, mut took_over) = (self.latest(now), Ok(()));
        if epoch > self.epoch && self.epoch > 0 {
            self.moved += latest.abs_diff(time_ms) * 1_000;
            if !knows {
                // With nothing it knows no time but its own clock's. Who starts uncleanly goes on with the time of its own
                // copy, and those who led since with another one need not have had that.
                self.latest = (time_ms, now);
                self.most_ahead_ms = MOST_AHEAD_MS + MOST_KEPT_MS;
            } else if time_ms > latest + self.most_ahead_ms || time_ms + MOST_BEHIND_MS < latest {
                let what = format!("the leader of epoch {epoch} begins at {time_ms}; cluster time is {latest}");
                took_over = Err(Violation::new("C8", what));
            }
        }
        self.epoch = self.epoch.max(epoch);
        if self.newest.is_none_or(|(before, ..)| epoch >= before) {
            self.newest = Some((epoch, host, time_ms, now));
        }
        if time_ms >= latest {
            self.latest = (time_ms, now);
        }
        took_over
    }

    /// By how much it has moved against the clients' clock, in microseconds.
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// It leads no more, or is no more.
    pub(super) fn forget(&mut self, host: Host) {
        self.newest = self.newest.filter(|(_, leader, ..)| *leader != host);
    }

    /// The newest leader, while there is one.
    pub(super) fn leader(&self) -> Option<Host> {
        self.newest.map(|(_, host, ..)| host)
    }

    /// The newest leader's time, while there is one.
    pub(super) fn leaders(&self, now: Moment) -> Option<u64> {
        self.newest.map(|(_, _, time_ms, at)| time_ms + (now - at) / 1_000)
    }

    /// The latest time that any leader has had, or has come to since.
    pub(super) fn latest(&self, now: Moment) -> u64 {
        self.latest.0 + (now - self.latest.1) / 1_000
    }
}

#[derive(Debug)]
pub(super) struct Watchers {
    progress: Progress,
    /// What unclean starts divide.
    pub(super) eras: Eras,
    /// Unclean starts that are recorded.
    unclean_starts: u64,
    /// When a process was seen last that has executed what is not of the last era.
    strangers: Option<Moment>,
    /// Joins of members that had executed what their leader had not, as each leader counts them.
    beyond: BTreeMap<Host, u64>,
    ends: BTreeMap<Host, u64>,
    digests: Digests,
    /// Digests that a leader had at offsets that are not committed yet.
    waiting: BTreeMap<Host, Waiting>,
    log: Bound,
    calls: Bound,
    under_way: Bound,
    min_insync: usize,
    /// After how long without a leader anybody may lead with what it has, in microseconds.
    unclean_after: Option<Moment>,
    epochs: u64,
    last_commit: BTreeMap<Host, u64>,
    last_applied: BTreeMap<Host, u64>,
    pub(super) time: Time,
    /// The in-sync set has been as large as it must be.
    grown: bool,
    /// Nobody of the in-sync set is left.
    pub(super) bereft: bool,
}

impl Watchers {
    pub(super) fn new(plan: &Plan) -> Self {
        let config = &plan.config;
        Self {
            progress: Progress::default(),
            eras: Eras::default(),
            unclean_starts: 0,
            strangers: None,
            beyond: BTreeMap::new(),
            ends: BTreeMap::new(),
            digests: Digests::default(),
            waiting: BTreeMap::new(),
            log: Bound::new(
                "bytes of log",
                (config.backlog_bytes + config.max_unreplicated_bytes + config.frame_bytes) as u64 + LOG_SLACK,
            ),
            calls: Bound::new("calls under way", config.max_calls as u64),
            // A follower that joins twice is sent twice as much.
            under_way: Bound::new("frames under way to one follower", 2 * config.frames_in_flight as u64 + 2),
            min_insync: config.min_insync,
            unclean_after: config.unclean_after_ms.map(|after| after * 1_000),
            epochs: 0,
            last_commit: BTreeMap::new(),
            last_applied: BTreeMap::new(),
            time: Time { most_ahead_ms: MOST_AHEAD_MS, ..Time::default() },
            grown: false,
            bereft: false,
        }
    }

    pub(super) fn compared(&self) -> u64 {
        self.digests.compared()
    }

    pub(super) fn after_step(
        &mut self,
        process: &mut Process,
        (moment, now): (Moment, Now),
        network: &Network,
        host: Host,
        figures: &mut Figures,
        violation: &mut Option<Violation>,
    ) {
        let status = process.status(now);
        figures.steps += 1;
        let end = self.ends.insert(host, status.leo).unwrap_or(0);
        match status.role {
            // Who leads what is no more tells no time.
            Role::Leader | Role::Fenced if status.epoch >= self.eras.epoch() => {
                let begins = self.eras.wants_base();
                if begins {
                    self.eras.begins_with(process.store.before(), end + 1);
                }
                let seen = self.time.see(status.epoch, host, status.time_ms, moment, end > 0 && !begins);
                if let (Err(found), None) = (seen, &violation) {
                    *violation = Some(found);
                }
            }
            _ => self.time.forget(host),
        }
        if status.last_epoch < self.eras.epoch() && status.applied > 0 {
            self.strangers = Some(moment);
        }
        let seen = self.see(process, &status, network, (host, moment), figures);
        if let (Err(found), None) = (seen, &violation) {
            *violation = Some(found);
        }
    }

    fn see(
        &mut self,
        process: &mut Process,
        status: &Status,
        network: &Network,
        (host, moment): (Host, Moment),
        figures: &mut Figures,
    ) -> Result<(), Violation> {
        let leads = matches!(status.role, Role::Leader | Role::Fenced);
        let name = &process.name;
        self.progress.see(&Sight {
            process: name.clone(),
            leads,
            epoch: status.epoch,
            promised: status.promised,
            committed: status.hw,
            applied: status.applied,
            end: status.leo,
            written: status.last_epoch,
            readable: status.readable,
            syncing: status.role == Role::Syncing,
        })?;
        if leads && status.epoch > self.epochs {
            self.epochs = status.epoch;
            figures.elections += 1;
        }
        let committed = self.last_commit.insert(host, status.hw).unwrap_or(0);
        if leads && status.hw > committed && status.isr.len() < self.min_insync {
            let what = format!("{name} commits {} with an in-sync set of {}", status.hw, status.isr.len());
            return Err(Violation::new("C1", what));
        }
        self.log.see(status.log_bytes as u64, name)?;
        self.calls.see(status.calls as u64, name)?;
        if leads {
            self.under_way.see(network.most_under_way(host), name)?;
        }
        if status.counters.digest_mismatches > 0 {
            return Err(Violation::new("C4", format!("{name} found a digest that differed")));
        }
        let beyond = status.counters.beyond_divergence;
        if self.beyond.insert(host, beyond).unwrap_or(0) < beyond && !self.may_go_back(moment) {
            let what = format!("{name} was joined by a follower that had executed what it has not");
            return Err(Violation::new("C7", what));
        }
        self.compare(process, status, leads, host)
    }

    /// Compares digests at committed offsets; a leader's when what it has executed is committed.
    fn compare(&mut self, process: &mut Process, status: &Status, leads: bool, host: Host) -> Result<(), Violation> {
        let (at, hw) = (status.applied, status.hw);
        let moved = self.last_applied.insert(host, at) != Some(at);
        if status.last_epoch < self.eras.epoch() {
            return Ok(());
        }
        let Waiting { epoch, digests: waiting } = self.waiting.entry(host).or_default();
        let takes_over = leads && *epoch != status.epoch;
        if *epoch != status.epoch || !leads {
            waiting.clear();
            *epoch = status.epoch;
        }
        let name = process.name.clone();
        let mut result = Ok(());
        waiting.retain(|(offset, shards)| {
            if *offset <= hw && result.is_ok() {
                result = self.digests.see(*offset, shards.clone(), &name);
            }
            *offset > hw
        });
        result?;
        // Every eighth offset of a leader and where it begins, and whatever the others reach that is known.
        let wanted = takes_over || moved && status.readable && (self.digests.knows(at) || leads && at % 8 == 0);
        if !wanted || at == 0 || (leads && waiting.len() >= MOST_WAITING) || (!leads && at > hw) {
            return Ok(());
        }
        let shards: Vec<u64> = (0..process.store.shards()).map(|shard| process.store.digest(shard)).collect();
        if at > hw {
            waiting.push((at, shards));
            return Ok(());
        }
        self.digests.see(at, shards, &name)
    }

    /// Whether somebody may be about to take back what was lost with an unclean start.
    fn may_go_back(&self, now: Moment) -> bool {
        self.strangers.is_some_and(|seen| now < seen + STRANGERS)
    }

    /// The recorded in-sync set never falls below its floor once it has reached it, and nobody leads uncleanly but where
    /// nobody of that set is left, or no leader was for as long as is allowed.
    pub(super) fn see_state(&mut self, state: &StateRecord, leaderless: Option<Moment>) -> Option<Violation> {
        if state.unclean > self.unclean_starts {
            self.unclean_starts = state.unclean;
            self.eras.begin(state.epoch);
            self.progress.forgive(state.epoch);
            (self.digests, self.grown) = (self.digests.anew(), false);
            self.waiting.clear();
            let waited = |after: Moment| leaderless.is_some_and(|lasts| lasts + CLOCKS_DIFFER >= after);
            if !self.bereft && !self.unclean_after.is_some_and(waited) {
                return Some(Violation::new("C1", format!("an unclean start that nobody allowed: {state:?}")));
            }
        }
        if state.isr.len() >= self.min_insync {
            self.grown = true;
            return None;
        }
        let what = format!("the in-sync set {:?} is below {}", state.isr, self.min_insync);
        self.grown.then(|| Violation::new("C1", what))
    }

    /// What a process tells its user, where it should never have to.
    pub(super) fn notice(&mut self, node: usize, notice: &Notice, now: Moment, reset: bool) -> Option<Violation> {
        let found = |check, what: &str| Some(Violation::new(check, format!("n{node}: {what}: {notice:?}")));
        match notice {
            Notice::UncleanStart { .. } if self.unclean_starts == 0 => {
                found("C1", "an unclean start that is not recorded")
            }
            Notice::DigestMismatch { .. } => found("C4", "copies differ"),
            Notice::AppliedBeyondDivergence { .. } if !self.may_go_back(now) => found("C7", "a follower has to undo"),
            Notice::CoordinatorReset { .. } if !reset => found("C6", "the coordinator lost nothing"),
            _ => None,
        }
    }

    /// Whether a process may give up like this.
    pub(super) fn excuses(fatal: &Fatal) -> bool {
        match fatal {
            Fatal::DuplicateNodeId => true,
            // Whoever lived when the coordinator lost its data writes it anew: no other cluster is founded.
            Fatal::WrongCluster | Fatal::ConfigMismatch | Fatal::Wire | Fatal::UnknownRecord => false,
        }
    }
}
