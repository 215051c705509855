//! Tests of the replication engine on small clusters in one thread: no chance, no clock, no network.

mod backlog;
mod blocked;
mod bounds;
mod callers;
mod evictions;
mod founding;
mod harness;
mod leases;
mod losses;
mod numbers;
mod outcomes;
mod peers;
mod reconcile;
mod restored;
mod rules;
mod seed;
mod settings;
mod ways;
