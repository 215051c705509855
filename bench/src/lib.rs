//! Measures jcache against its peers, in one process and in interleaved rounds: see the package's README.md.
//!
//! From the bottom up: `work` is what is done, `engine` who does it, `rounds` how it is timed; `memory`, `layer`, `node` and
//! `cluster` are the tables; `report` prints them and `plot` draws them.

pub mod cluster;
pub mod commands;
pub mod engine;
pub mod layer;
pub mod machine;
pub mod memory;
pub mod node;
pub mod plot;
pub mod redis_server;
pub mod report;
pub mod rounds;
pub mod spin;
pub mod work;
