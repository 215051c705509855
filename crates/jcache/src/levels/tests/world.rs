//! Random levels: both processes have the same layout, each with backends of its own for the levels that only it sees.

use std::sync::Arc;
use std::time::Duration;

use jcache_core::snapshot::FillLimit;
use jcache_core::{Reply, Request, Result, Scope, Watch};

use super::super::level::new_level;
use super::super::read::ReadTrace;
use super::super::write::WriteTrace;
use super::super::{Levels, Settings};
use super::node::{Clock, Link, Node};

#[derive(Debug)]
pub(super) struct World {
    pub(super) processes: Vec<Process>,
    /// Whether a shared level is a copy: what one process does there, the other's fences do not know.
    pub(super) shared_copy: bool,
    /// Whether most commands are about one key.
    pub(super) hot: bool,
    /// How likely it is, in percent, that a command is dropped half-way.
    pub(super) drops: u32,
    /// How likely it is, in percent, that something happens to a link between two rounds.
    pub(super) faults: u32,
    /// How much rarer that is between two polls.
    pub(super) rarely: u32,
}

/// One process: its cache, and a link for each level.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) id: usize,
    pub(super) levels: Arc<Levels>,
    pub(super) links: Vec<Link>,
}

/// One level, as all processes see it.
#[derive(Debug, Clone)]
struct Plan {
    shared: Option<Arc<Node>>,
    local: bool,
    deadline: Duration,
    cap: Option<Duration>,
    fill: bool,
}

impl World {
    pub(super) fn random(rng: &mut fastrand::Rng, clock: Clock) -> Self {
        let plans = plans(rng, clock);
        let first_shared = plans.iter().position(|plan| plan.shared.is_some());
        let authority = match rng.u32(0..10) {
            // Said by the user; with a process-local authority the processes have nothing in common.
            0 if first_shared.is_none() => rng.usize(0..plans.len()),
            _ => first_shared.unwrap_or(0),
        };
        let shared_copy = plans.iter().filter(|plan| plan.shared.is_some()).count() > 1;
        let count = if first_shared.is_some() { rng.usize(1..=2) } else { 1 };
        let limit = FillLimit { elements: rng.usize(1..12), bytes: 4096 };
        let processes = (0..count).map(|id| process(id, &plans, authority, limit, rng, clock)).collect();
        let hot = rng.u32(0..3) == 0;
        Self {
            processes,
            shared_copy,
            hot,
            drops: rng.u32(0..4) * 10,
            faults: rng.u32(0..3) * 30,
            rarely: [3, 10, 40][rng.usize(0..3)],
        }
    }

    /// The backend that decides for all processes.
    pub(super) fn authority(&self) -> &Arc<Node> {
        self.processes[0].authority().node()
    }
}

fn plans(rng: &mut fastrand::Rng, clock: Clock) -> Vec<Plan> {
    let count = rng.usize(2..=3);
    let mut plans: Vec<Plan> = (0..count)
        .map(|_| {
            let local = rng.bool();
            let deadline = Duration::from_millis(rng.u64(5..40));
            let cap = rng.bool().then(|| Duration::from_millis(rng.u64(20..400)));
            Plan { shared: None, local, deadline, cap, fill: rng.u32(0..8) > 0 }
        })
        .collect();
    // None, one (mostly) or two of them are shared.
    for _ in 0..[0, 1, 1, 1, 2][rng.usize(0..5)].min(count - 1) {
        let plan = &mut plans[rng.usize(0..count)];
        *plan = Plan { shared: Some(Node::new(clock)), local: false, fill: false, ..plan.clone() };
    }
    plans
}

fn process(
    id: usize,
    plans: &[Plan],
    authority: usize,
    limit: FillLimit,
    rng: &mut fastrand::Rng,
    clock: Clock,
) -> Process {
    let links: Vec<Link> = plans
        .iter()
        .map(|plan| {
            let scope = if plan.shared.is_some() { Scope::Shared } else { Scope::Process };
            let node = plan.shared.clone().unwrap_or_else(|| Node::new(clock));
            Link::new(node, scope, plan.local, rng.u64(..))
        })
        .collect();
    let levels = plans.iter().zip(&links).enumerate().map(|(index, (plan, link))| {
        let cap = plan.cap.filter(|_| index != authority);
        new_level(format!("level{index}"), Box::new(link.clone()), Some(plan.deadline), cap, plan.fill, limit)
    });
    let clock = Arc::new(move || clock.now());
    let settings = Settings { authority, jitter: 0.0, repair_entries: 1000, repair_bytes: 1 << 20, clock };
    Process { id, levels: Arc::new(Levels::new(levels.collect(), settings)), links }
}

impl Process {
    pub(super) fn authority(&self) -> &Link {
        &self.links[self.levels.authority]
    }

    /// Carries a command out, as `Cache::call` does.
    pub(super) async fn call(&self, request: &Request<'_>, strict: bool) -> Result<Reply> {
        match request {
            Request::Query(query) => match self.levels.try_read(query) {
                Some(result) => result,
                None => self.levels.read(query, strict, &mut ReadTrace::default()).await,
            },
            Request::Mutation(mutation) => match self.levels.try_write(mutation) {
                Some(result) => result,
                None => self.levels.write(mutation, &mut WriteTrace::default()).await,
            },
        }
    }

    /// Runs a transaction. Its replies are one list, where an error is a status of its text.
    pub(super) async fn transact(&self, requests: &[Request<'_>]) -> Result<Reply> {
        let replies = self.levels.transact(requests, Watch::new(), &mut WriteTrace::default()).await?;
        let shown = |reply: Result<Reply>| reply.unwrap_or_else(|error| Reply::Status(error.message().into()));
        Ok(Reply::Array(replies.expect("nothing is watched").into_iter().map(shown).collect()))
    }

    /// The longest that any command may take besides its own waiting: each level is visited for a read or an effect,
    /// and once more for a fill.
    pub(super) fn patience(&self) -> Duration {
        self.levels.levels.iter().filter_map(|level| level.deadline).sum::<Duration>() * 2 + Duration::from_millis(30)
    }
}
