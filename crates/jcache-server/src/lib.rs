//! The Redis-protocol server of jcache: whatever carries out commands ([`Backend`]) becomes a server that `redis-cli`
//! and every Redis client can talk to.
//!
//! Users add the crate `jcache` with the feature `server`, whose `serve` does it for a `Cache`. This crate knows
//! commands only as values: those on keys come from `jcache-core`, those of connections and of the server itself are
//! told in one table (`command.rs`).

mod accept;
mod backend;
mod buffers;
mod calls;
mod channels;
mod client;
mod command;
mod connection;
mod latency;
mod listener;
mod pause;
mod registry;
mod server;
mod session;
mod settings;
mod shared;
mod slow;
mod status;
mod stopwatch;
mod stream;
mod tls;
mod train;
mod users;
mod waiting;
mod wire;
mod workers;

pub use backend::Backend;
pub use listener::Listener;
pub use server::{Builder, Handle, Server};
pub use settings::{Limits, OutputLimit, Parameter};
pub use status::{Section, Slow, Status};
pub use tls::Tls;
pub use users::User;
