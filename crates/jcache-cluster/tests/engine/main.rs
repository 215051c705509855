//! Tests of the replication engine on small clusters in one thread: no chance, no clock, no network.

mod backlog;
mod evictions;
mod harness;
mod outcomes;
mod reconcile;
mod seed;
mod settings;
mod ways;
