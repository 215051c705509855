//! The Redis and Valkey driver of jcache: a shared level on a server, on the master that Sentinels name, or on a
//! cluster.
//!
//! [`Redis`] is a [`Driver`](jcache_core::Driver): it sends jcache's commands as they are and hands back the server's
//! replies and errors, text and kind. It knows no command by name, so it serves every command that jcache has. It works
//! with Redis 5 and later and with Valkey, and speaks RESP3 where the server does. Filling other levels from it needs
//! Redis 7 or Valkey, which can tell a key's deadline (`PEXPIRETIME`); with older servers reads are answered and nothing
//! is filled.
//!
//! ```no_run
//! # async fn run() -> jcache_core::Result<()> {
//! use jcache_core::{Driver, Mutation, Query};
//! use jcache_core::command::string::{Get, Set};
//! use jcache_redis::Redis;
//!
//! let redis = Redis::connect("redis://127.0.0.1:6379").await?;
//! redis.mutate(&Set::until("greeting".into(), "hello".into(), None).into()).await?;
//! let answer = redis.query(&Get { key: "greeting".into() }.into()).await?;
//! assert!(answer.hit);
//! # Ok(()) }
//! ```
//!
//! # URLs
//!
//! | URL | leads to |
//! | --- | --- |
//! | `redis://user:password@host:6379/0` | one server; all but the scheme may be left out |
//! | `unix:///run/redis.sock?db=0` | one server, by its Unix socket |
//! | `redis+sentinel://user:password@host:26379,host2/mymaster/0` | the master that the Sentinels know by this name; login and database are the server's |
//! | `redis+cluster://user:password@host:6379,host2` | the cluster that these nodes belong to; one that answers is enough |
//!
//! With `rediss` in place of `redis` the connections are secured by TLS. `valkey` and `valkeys` mean the same as `redis`
//! and `rediss`. In user and password, characters that mean something in a URL are written as `%40` and so on. Options
//! follow a `?`: `protocol=2` or `3`, `db=…`; with TLS also `ca_file=…`, `cert_file=…` with `key_file=…`, and
//! `insecure`.
//!
//! # Settings
//!
//! | setting of [`Builder`] | default | what it bounds |
//! | --- | --- | --- |
//! | [`connect_timeout`](Builder::connect_timeout) | 1 s | opening a connection, with name lookup, TLS and login |
//! | [`command_timeout`](Builder::command_timeout) | 1 s | a command or batch, from call to reply; a blocking one, beyond its own wait |
//! | [`reconnect`](Builder::reconnect) | 50 ms to 1 s | the pause between attempts to connect again; it doubles |
//! | [`max_in_flight`](Builder::max_in_flight) | 16,384 calls | calls under way at once to one server |
//! | [`max_blocking`](Builder::max_blocking) | 256 commands | blocking commands under way at once on one server |
//! | [`protocol`](Builder::protocol) | [`Auto`](Protocol::Auto) | RESP3, or RESP2 where the server does not know it |
//! | [`database`](Builder::database) | 0 | the database, except in a cluster |
//!
//! Not settable: 8 connections are kept for the next blocking command; a connection that owes replies and gives none
//! for two command timeouts is given up; the system asks a silent peer after 10 s and every 3 s whether it is there, and
//! gives up on 10 s without acknowledgement.
//!
//! # When the server fails
//!
//! A command is sent at most once. A refused or broken connection is [`Unavailable`], a reply that does not come in time
//! is [`Timeout`]; both are retryable, and after either the command may or may not have been carried out. The driver
//! connects again by itself, and while it cannot, commands fail at once. Before a new connection is used, the server is
//! made to close the one it replaces (Redis 6.2 and later, where the user may run `CLIENT`): a write that was given up
//! is never carried out after a later one that was answered.
//!
//! [`Unavailable`]: jcache_core::ErrorKind::Unavailable
//! [`Timeout`]: jcache_core::ErrorKind::Timeout
//!
//! [`Redis::connect`] fails when the server cannot be reached; with [`Redis::lazy`] a program starts without it.
//!
//! # Blocking commands
//!
//! Each waits on a connection of its own. When its future is dropped, the server is made to end the wait, and an element
//! that it popped in the meantime is put back. An element is lost only when the connection breaks between the pop and
//! its arrival, which no client can prevent; `BLMOVE` into a second list is the remedy.
//!
//! # Clusters
//!
//! Commands go to the masters. A command whose keys lie in several slots is split where that is exact but for atomicity
//! (`MGET`, `MSET`, `DEL`, `UNLINK`, `EXISTS`, `TOUCH`); any other fails with `CROSSSLOT` and is not sent. Commands
//! without keys go to all masters: counts add up, lists follow each other. `SCAN` is not supported, because its cursor
//! belongs to one node. `MOVED` and `ASK` are followed, up to five times.

mod batch;
mod blocking;
mod builder;
mod cluster;
mod connection;
mod driver;
mod endpoint;
mod error;
mod handshake;
mod link;
mod sentinel;
mod servers;
mod settings;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod url;
mod watching;
mod wire;

pub use builder::Builder;
pub use driver::Redis;
pub use settings::Protocol;
#[cfg(feature = "tls")]
pub use tls::Tls;
