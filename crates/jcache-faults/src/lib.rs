//! Real `jcache` processes, a real etcd, and faults of processes, networks and clocks; clients whose histories are
//! judged by the testkit's checkers.
//!
//! - [`sandbox`]: a world of its own for one run, which ends with it.
//! - [`net`]: hosts in network namespaces, and cuts between them.
//! - [`node`], [`cluster`]: servers on such hosts.
//! - [`load`], [`recorder`]: clients, and what they saw.
//! - [`scenario`]: the list of what goes wrong; [`trial`]: one run of one of them.
//!
//! `cargo xtask faults` runs all of it; a short form is among the tests of `jcache-node`.

mod client;
pub mod clock;
pub mod cluster;
mod copy;
pub mod figures;
mod judge;
pub mod load;
pub mod net;
pub mod node;
pub mod recorder;
pub mod sandbox;
pub mod scenario;
mod scenarios;
#[cfg(test)]
mod tests;
pub mod trial;
mod workload;

pub use workload::Mix;
