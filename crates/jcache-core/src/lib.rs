//! What a jcache command means, without I/O, clock, randomness or threads.
//!
//! A command is a value ([`command`]): it is told once, with its name, arguments, keys, reply, what it does to a
//! [`Keyspace`] and the [`Effect`] it leaves for copies. The memory driver, the
//! Redis driver, the levels, the shell and the replication log all follow from that one place.
//!
//! Users add the crate `jcache`; authors of drivers implement [`Driver`] from this one.

pub mod answer;
pub mod arg;
pub mod collection;
pub mod command;
pub mod driver;
pub mod effect;
pub mod encoded;
pub mod error;
pub mod fetch;
pub mod glob;
pub mod keyspace;
pub mod masked;
pub mod model;
pub mod number;
pub mod object;
pub mod portions;
pub mod reply;
pub mod snapshot;
pub mod time;
pub mod watch;

pub use answer::Answer;
pub use arg::{Arg, ArgSink, Args, Key};
pub use command::{Command, Mutation, MutationCommand, Query, QueryCommand, Request};
pub use driver::{Driver, Scope};
pub use effect::Effect;
pub use encoded::Encoded;
pub use error::{Error, ErrorKind, Result};
pub use jcache_value::Value;
pub use keyspace::Keyspace;
pub use masked::Masked;
pub use model::Model;
pub use object::{Object, ObjectRef, Type};
pub use reply::{Outcome, Reply, ReplySink};
pub use snapshot::Snapshot;
pub use time::{Context, Timestamp};
pub use watch::Watch;
