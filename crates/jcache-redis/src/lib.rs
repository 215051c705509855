//! The Redis and Valkey driver of jcache.

mod batch;
mod blocking;
mod builder;
mod connection;
mod driver;
mod endpoint;
mod error;
mod handshake;
mod link;
mod servers;
mod settings;
mod stream;
mod url;
mod wire;

pub use builder::Builder;
pub use driver::Redis;
pub use settings::Protocol;
