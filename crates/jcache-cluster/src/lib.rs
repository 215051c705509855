//! The distributed memory driver of jcache: every process keeps a full copy, one leads, and what it acknowledges is kept.
//!
//! [`engine`] is its brain: a state machine without I/O, clock, randomness or tasks, so that whole clusters run in one
//! thread of a test, and a seed repeats a failure byte for byte.
//!
//! # The promise
//!
//! A write acknowledged at [`InSync`](engine::Ack::InSync) is not lost as long as at least one process that was a
//! member of the in-sync set when it was acknowledged (and has not been removed from it since by a recorded transaction)
//! is alive, the coordinator keeps its data, and unclean starts are off. It is visible in every later epoch. A write
//! acknowledged at [`Leader`](engine::Ack::Leader) may be lost by a failover. Every write is carried out at most
//! once, however often it is retried.
//!
//! No write depends on a clock: epochs on every message and guarded transactions at the coordinator decide. Clocks count
//! for liveness, times to live, and reads at [`Level::Leader`](engine::Level::Leader);
//! [`Level::Linearizable`](engine::Level::Linearizable) reads rely on none.
//!
//! # Where it does not hold
//!
//! 1. Writes acknowledged at `Leader` or `Replicas(n)`.
//! 2. `min_insync` is 1, and the in-sync set had shrunk to the process that dies. The status shows it; 2 prevents it.
//! 3. All in-sync members die.
//! 4. An unclean start is allowed (`unclean_after`; by default after 30 s when `min_insync` is 1, never when it is more),
//!    or an operator declares living members dead.
//! 5. The coordinator loses its data, or goes back, at the moment at which members are lost too. Members that live write
//!    it anew; a process that starts just then founds no other cluster, because it waits (`found_wait_ms`) and then sees
//!    that others know one. Only when all who know it are cut from the coordinator for that long does another cluster
//!    begin; they then end with [`Fatal::WrongCluster`](engine::Fatal::WrongCluster), and do not mix.
//! 6. Processes are restarted one after another faster than they are synchronised, without waiting for their readiness.
//! 7. `Leader` reads while `CLOCK_BOOTTIME` does not run alike on two members, as when a virtual machine is suspended.
//! 8. Memory is corrupted. Digests of the shards, compared every second, find it out.
//! 9. Times to live are as exact as cluster time: a step of the wall clock is slewed at 500 ppm.
//! 10. Somebody deletes the cluster's keys at the coordinator.
//!
//! # How it is built
//!
//! The design is that of PacificA, with Kafka's in-sync set and leader epochs, and etcd as the manager. Where this
//! departs from the project's own design paper:
//!
//! - One step is one writer at a time. The paper sequences per shard; here engine and store sit behind one mutex that
//!   the calling thread holds for about a microsecond, as in Redis, and local reads go around it. That the order of
//!   execution is that of the log then needs no argument.
//! - A record carries its reply. The paper lets every copy recompute it, but the reply of an effect is not that of the
//!   command: `SETNX` answers 1, its effect `SET` answers OK.
//! - A reply of a write that changed nothing, and a command's own error, are proved like a read: an old leader could
//!   otherwise answer from an old state. At `Leader` the lease is enough, as for a change.
//! - A forward stream carries a generation, and a new one makes older ones void: a late copy of a call that had no effect
//!   is in no table, and would be carried out after its caller has gone on.
//! - A strong read waits until all of the log that it saw is committed, not only its shard's part.
//! - While somebody takes a full synchronisation, an effect that reads one shard to change another (`RENAME`) is logged
//!   as the keys that it left: the follower may have one of the shards and not the other.
//! - A member that was just synchronised may join the in-sync set before the commit point has reached what it executed.
//!   At the floor it could otherwise never take a dead member's place.
//! - Blocked callers do not hold up their session: after a while they go on under a new number. A call whose caller has
//!   gone is not sent again: at the next leader it could take what others need.
//! - A process has one session: the next one that it opens takes the place of the last. What a session keeps for retries is
//!   bounded by bytes, too.
//! - A token is lost when a later epoch began at its offset or before, whatever is left or known of its own epoch.
//! - During a full synchronisation records and pieces of the snapshot take turns. With records always first, as the paper
//!   is easily read, steady writes would starve it; the follower's filter by offset is what makes turns right.
//! - A fresh process waits before it founds a cluster, and registrations say who knows one: a wiped coordinator looks
//!   like a new one to it. The very first start of a cluster takes that much longer.
//! - What is recorded is numbered by epoch and by writes within it, and members tell each other the newest number that they
//!   know. The paper compares epochs only: a backup of the same epoch would pass for the present. Who knows of a newer number
//!   than the coordinator shows, if by hearsay, believes neither its in-sync set nor that all in it are dead.
//! - That all in-sync members are dead "for certain" is certain only of those who are named: an unclean start waits for the
//!   grant, a process without data as long as before it founds a cluster, and every registered process is asked first.
//! - An answer that a *repeated* transaction failed, or a refusal by a coordinator that forgot what the transaction was
//!   guarded by, leaves its outcome unknown.
//! - While a hand-over has no answer the lease is void, and after a while writes go on.
//! - A follower whose cluster time is ahead of the leader's goes slower until it is not.
//! - With an unclean start allowed, the lease also needs the leader's key to have been seen within `unclean_after`.

pub mod engine;
pub mod store;

#[cfg(feature = "net")]
mod admin;
#[cfg(feature = "net")]
mod config;
#[cfg(feature = "net")]
mod driver;
#[cfg(feature = "net")]
mod error;
#[cfg(feature = "net")]
mod host;
#[cfg(feature = "net")]
mod memory;
#[cfg(feature = "net")]
mod transport;
#[cfg(feature = "net")]
mod wire;

#[cfg(feature = "net")]
pub use admin::{Overview, Peer, PeerFigures, hand_over};
#[cfg(feature = "net")]
pub use config::{ClusterConfig, Profile, Read, Unclean};
#[cfg(feature = "net")]
pub use engine::{Ack, CommitTimes, Counters, Lag, Notice, Role, Status, Timing, Token};
#[cfg(feature = "net")]
pub use jcache_etcd::{Config as Etcd, Tls as EtcdTls};
#[cfg(feature = "net")]
pub use memory::{DistributedMemory, Part, RoleWatch};
#[cfg(feature = "net")]
pub use transport::Tls;
