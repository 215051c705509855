//! The Redis-protocol server of jcache: whatever carries out commands ([`Backend`]) becomes a server that `redis-cli`
//! and every Redis client can talk to.
//!
//! Users add the crate `jcache` with the feature `server`, whose `serve` does it for a `Cache`. This crate knows
//! commands only as values: those on keys come from `jcache-core`, those of connections and of the server itself are
//! told in one table (`command.rs`).

mod backend;
mod listener;
mod server;
mod settings;
mod status;
mod tls;
mod users;

pub use backend::Backend;
pub use listener::Listener;
pub use server::{Builder, Handle, Server};
pub use settings::{Limits, OutputLimit, Parameter};
pub use status::{Section, Slow, Status};
pub use tls::Tls;
pub use users::User;
