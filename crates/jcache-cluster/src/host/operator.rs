//! What an operator asks of a process over the network: its figures, and to give leadership away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Shared, clock};
use crate::engine::{Admin, Event, Lag, NodeId, Role, Store};
use crate::wire::pb;

/// How long a hand-over may take here, and how often it is tried: the engine takes none up while it changes the in-sync
/// set.
const HANDOVER: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(5));

/// How long a process may take to learn that it leads.
const LEARN: Duration = Duration::from_secs(1);

impl<S: Store + Send + 'static> Shared<S> {
    pub(super) fn figures(&self) -> pb::Report {
        let status = self.inner.lock().engine.status(clock::now());
        let counters = &status.counters;
        let counters = [
            ("elections", counters.elections),
            ("depositions", counters.depositions),
            ("partial_syncs", counters.partial_syncs),
            ("full_syncs", counters.full_syncs),
            ("evictions", counters.evictions),
            ("additions", counters.additions),
            ("beyond_divergence", counters.beyond_divergence),
            ("digest_mismatches", counters.digest_mismatches),
            ("digests", counters.digests),
            ("unclean_starts", counters.unclean_starts),
            ("expired", counters.expired),
            ("deduplicated", counters.deduplicated),
            ("unknown", counters.unknown),
            ("pauses", counters.pauses),
        ];
        let lag = |(node, lag): (&NodeId, &Lag)| pb::Lag {
            node: node.as_str().to_owned(),
            records: lag.records,
            bytes: lag.bytes,
            ms: lag.ms,
        };
        pb::Report {
            member: crate::wire::member(status.member.clone()),
            role: status.role.to_string(),
            epoch: status.epoch,
            leader: status.leader.as_ref().map_or_else(String::new, |node| node.as_str().to_owned()),
            committed: status.hw,
            end: status.leo,
            applied: status.applied,
            readable: status.readable,
            coordinated: status.coordinated,
            log_bytes: status.log_bytes as u64,
            lags: status.lag.iter().map(lag).collect(),
            counters: counters.map(|(name, count)| pb::Counter { name: name.to_owned(), count }).into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Gives leadership to `node`, or to whoever has most.
    pub(super) async fn give_away(self: Arc<Self>, node: Option<NodeId>) -> Result<(), String> {
        let started = Instant::now();
        let given_away = async {
            let mut led = false;
            loop {
                let status = self.inner.lock().engine.status(clock::now());
                let leads = matches!(status.role, Role::Leader | Role::Fenced);
                if !leads && led {
                    return Ok(());
                }
                // Etcd may have named this process just now, and the process not know yet.
                if !leads && started.elapsed() > LEARN {
                    let leader = status.leader.map_or_else(|| "nobody".to_owned(), |node| node.to_string());
                    return Err(format!("this process does not lead; {leader} does"));
                }
                if leads {
                    led = true;
                    let me = &status.member.node;
                    let in_step = |node: &NodeId| status.isr.iter().any(|member| member.node == *node);
                    match &node {
                        Some(node) if node == me => return Ok(()),
                        Some(node) if !in_step(node) => return Err(format!("'{node}' is not a member in step")),
                        None if status.isr.len() < 2 => return Err("no other member is in step".to_owned()),
                        // In step, but perhaps not back yet on a stream to this leader: tried until it is.
                        _ => self.step(Event::Admin(Admin::Handover(node.clone()))),
                    }
                }
                tokio::time::sleep(HANDOVER.1).await;
            }
        };
        let late = || Err("the hand-over was given up: the member did not catch up in time".to_owned());
        tokio::time::timeout(HANDOVER.0, given_away).await.unwrap_or_else(|_| late())
    }
}
