//! A small client of etcd v3: what jcache's elections need, and no more.
//!
//! [`Client`] runs guarded [transactions](Client::transaction), lists a prefix, and keeps [leases](Client::grant) and
//! [watches](Client::watch). It takes care of what applications usually get wrong:
//!
//! - every call has a deadline, and its error says whether the call may have had its effect all the same
//!   ([`Error::is_uncertain`]);
//! - the endpoints are rotated when one does not answer, and a dead connection is noticed in seconds;
//! - a watch that breaks goes on where it stopped, and says so when the history it needs has been compacted;
//! - a token that ran out is renewed.
//!
//! The generated messages are private: no type of tonic or prost is in the public interface. It works with etcd 3.4
//! and later.

mod client;
mod config;
mod connection;
mod error;
#[allow(missing_docs, unreachable_pub, rustdoc::all, clippy::all, clippy::pedantic)] // made by prost and tonic
mod generated;
mod kv;
mod lease;
mod watch;

pub use client::Client;
pub use config::{Config, Tls};
pub use error::{Error, ErrorKind, Result};
pub use kv::{Compare, KeyValue, Listing, Operation, Outcome, Response, Transaction};
pub use lease::{Lease, LeaseId, Renewal};
pub use watch::{Change, Changes, Watcher};
