//! The end of a run: all nodes must come together, and what clients saw is judged.

use std::time::Duration;

use jcache_core::Reply;
use jcache_testkit::check::convergence::{self, Copy as Shown};
use jcache_testkit::check::lifetime::Life;
use jcache_testkit::check::linearizable::{self, Verdict};
use jcache_testkit::check::{Contents, Violation, kept, once, session};
use jcache_testkit::history::{History, Intent, Outcome, Promise};

use crate::client::Client;
use crate::copy;
use crate::figures::Figures;
use crate::node::Look;
use crate::recorder::Recorder;
use crate::trial::{self, TOGETHER, Trial};
use crate::workload::{self, Kind, MORTAL, Wish};

/// How long one answer of a cluster without faults may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The client that reads everything at the end.
const JUDGE: usize = usize::MAX;
/// Microseconds by which a key may live longer or shorter than it was told: C8's 100 ms, and what this machine adds.
const SLACK: u64 = 300_000;
/// Microseconds of that for each epoch: a new leader's clock goes on from what it heard last.
const SLACK_OF_AN_EPOCH: u64 = 100_000;
/// Violations of one check that are listed; the rest is counted.
const LISTED: usize = 3;

impl Trial {
    /// Stops the clients, brings everything together, and judges.
    pub(crate) fn conclude(mut self, keep: bool) -> Figures {
        self.load.stop();
        self.cluster.heal();
        if let Err(violation) = self.finish() {
            self.figures.violations.push(violation);
        }
        self.recorder.with(|history, _| count(history, &mut self.figures));
        if keep || !self.figures.violations.is_empty() {
            let folder = self.cluster.keep();
            self.recorder.with(|history, _| {
                let lines: Vec<String> = history.iter().map(|it| format!("group {} {}", it.group, it.show())).collect();
                // The verdict stands, whether or not there is room to tell why.
                let _ = std::fs::write(folder.join("history"), lines.join("\n"));
            });
            self.say(&format!("logs and the history are kept in {}", folder.display()));
        }
        self.figures
    }

    fn finish(&mut self) -> trial::Outcome {
        self.cluster.whole(TOGETHER)?;
        let found = self.read_all()?;
        let epoch = self.compare()?;
        let slack = SLACK + SLACK_OF_AN_EPOCH * epoch;
        let rounds = (self.judged_from, self.round);
        let figures = &mut self.figures;
        self.recorder.with(|history, lives| {
            let lives = &lives[lives.partition_point(|it| it.invoked < self.judged_since)..];
            judge(history, lives, &found, rounds, slack, figures);
        });
        Ok(())
    }

    /// Writes go through again, and everything is read once more.
    fn read_all(&mut self) -> trial::Outcome<Vec<(usize, Contents)>> {
        let leader = self.leader()?;
        for node in self.cluster.followers(leader).into_iter().chain([leader]) {
            self.cluster.set(node, "read", "linearizable")?;
        }
        let address = self.cluster.nodes[leader].address();
        let connected = Client::connect(JUDGE, leader, address, PATIENCE);
        let mut client = connected.map_err(|error| Violation::new("C9", format!("n{leader} at the end: {error}")))?;
        let groups = workload::groups(self.judged_from, self.round);
        read_groups(&mut client, &self.recorder, groups)
    }

    /// Compares what all nodes hold; gives the epoch.
    fn compare(&mut self) -> trial::Outcome<u64> {
        let leader = self.leader()?;
        let end = self.cluster.nodes[leader].look().map_or(0, |it| it.end);
        let caught_up = |look: Option<Look>| look.is_some_and(|it| it.applied >= end);
        let nodes: Vec<usize> = self.cluster.followers(leader).into_iter().chain([leader]).collect();
        self.cluster.wait(TOGETHER, "all have executed everything", |it| {
            nodes.iter().all(|node| caught_up(it.nodes[*node].look()))
        })?;
        let (mut copies, mut shown, mut epoch) = (Vec::new(), Vec::new(), 0);
        for node in nodes {
            self.cluster.set(node, "read", "local")?;
            let wrong = |why: String| Violation::new("C4", format!("n{node} cannot be read: {why}"));
            let mut client = self.cluster.nodes[node].connect(PATIENCE).map_err(|it| wrong(it.to_string()))?;
            let copy = copy::read(&mut client, |key| key.starts_with(b"m")).map_err(wrong)?;
            let look = self.cluster.nodes[node].look().unwrap_or_default();
            epoch = epoch.max(look.epoch);
            for (count, what) in [
                (look.digest_mismatches, "digests differed from the leader's"),
                (look.beyond_divergence, "joins with more than the cluster has"),
            ] {
                if count > 0 {
                    self.figures.violations.push(Violation::new("C4", format!("n{node}: {count} {what}")));
                }
            }
            // All are as far as the leader was: who came further since has logged no change.
            shown.push(Shown {
                process: format!("n{node}"),
                leads: node == leader,
                epoch: look.epoch,
                applied: end,
                end,
                readable: look.readable,
                shards: copy.values().copied().collect(),
            });
            copies.push((node, copy));
        }
        if let Err(violation) = convergence::check(&shown) {
            let others = copies.iter().map(|(node, copy)| (node, copy::differences(copy, &copies[copies.len() - 1].1)));
            let others: Vec<String> = others
                .filter(|(_, keys)| !keys.is_empty())
                .map(|(node, keys)| format!("n{node} differs in {} keys: {:?}", keys.len(), &keys[..keys.len().min(5)]))
                .collect();
            return Err(Violation::new("C4", format!("{}; {}", violation.what, others.join("; "))));
        }
        Ok(epoch)
    }
}

/// Reads all keys of some groups, and writes that into the history where the model knows the answer.
pub(crate) fn read_groups(
    client: &mut Client,
    recorder: &Recorder,
    groups: std::ops::Range<usize>,
) -> trial::Outcome<Vec<(usize, Contents)>> {
    let mut found = Vec::new();
    for group in groups {
        let (kind, key) = (workload::kind(group), workload::key(group));
        // What the model gives in another order is not for its eyes.
        let of = if kind.is_ordered() { group } else { MORTAL };
        let wish = Wish::new(of, &kind.read_all(&key), Intent::Read);
        match client.call(recorder, wish, Promise::Strong) {
            (Outcome::Returned(_, Ok(reply)), _) => found.push((group, contents(&reply))),
            (outcome, _) => {
                return Err(Violation::new("C9", format!("{key} cannot be read at the end: {outcome:?}")));
            }
        }
    }
    Ok(found)
}

/// Checks C1, C2, C3, C5 and C8.
pub(crate) fn judge(
    history: &History,
    lives: &[Life],
    found: &[(usize, Contents)],
    rounds: (usize, usize),
    slack: u64,
    figures: &mut Figures,
) {
    let mut wrong: Vec<Violation> = Vec::new();
    // Groups lie far apart in a long history: each is looked at by itself.
    for group in workload::groups(rounds.0, rounds.1) {
        let own: Vec<_> = history.iter().filter(|it| it.group == group).cloned().collect();
        let kind = workload::kind(group);
        let nothing = Contents::new();
        let held = found.iter().find(|it| it.0 == group).map_or(&nothing, |it| &it.1);
        if kind.is_counted() {
            wrong.extend(kept::check(&own, group, held).err());
            wrong.extend(once::check(&own, group, held).err());
        }
        if kind == Kind::Counter {
            wrong.extend(session::check(&own, group).err());
        }
        figures.groups += 1;
        match linearizable::check(&own, group) {
            Verdict::Linearizable => {}
            Verdict::Violated(violation) => wrong.push(violation),
            Verdict::Undecided(_) => figures.undecided += 1,
        }
    }
    wrong.extend(lives.iter().filter_map(|life| life.check(slack).err()));
    for violation in &wrong {
        let earlier = figures.violations.iter().filter(|it| it.check == violation.check).count();
        let what = if earlier < LISTED { violation.what.clone() } else { "one more".to_owned() };
        figures.violations.push(Violation::new(violation.check, what));
    }
}

fn count(history: &History, figures: &mut Figures) {
    figures.calls += history.len() as u64;
    for operation in history.iter().filter(|it| it.intent != Intent::Read) {
        match &operation.outcome {
            Outcome::Returned(..) if operation.is_kept() => figures.acknowledged += 1,
            Outcome::Returned(..) => {}
            Outcome::Failed => figures.refused += 1,
            Outcome::Unknown => figures.unknown += 1,
        }
    }
}

fn contents(reply: &Reply) -> Contents {
    let mut contents = Contents::new();
    for element in copy::strings(reply) {
        *contents.entry(element.to_vec()).or_default() += 1;
    }
    contents
}
