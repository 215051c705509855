//! What tests of jcache and of jcache drivers are made of.
//!
//! - [`conformance`]: sessions that every driver must pass, with replies that are proven on a real server.
//! - [`ModelDriver`]: the reference model as a driver.
//! - [`fault`]: a driver that fails, stalls and loses replies when told to.
//! - `certificates` (feature of the same name): authorities and what they issue, for tests of TLS.
//! - [`etcd`]: a real etcd for the length of a test.
//! - [`oracle`]: a real `redis-server` for the length of a test, and a plain client for it.
//! - [`process`]: servers that never outlive their test, on this machine or in a network namespace.
//! - [`history`] and [`check`]: what clients of a cluster saw, and what they must never see.
//! - `simulator` (feature of the same name): whole clusters in one thread, with clients and with faults, from one seed.
//! - [`differential`]: random commands on the oracle and on a subject, compared reply by reply and key by key.

#[cfg(feature = "certificates")]
pub mod certificates;
pub mod check;
pub mod conformance;
pub mod differential;
pub mod etcd;
pub mod fault;
pub mod history;
mod model_driver;
pub mod notation;
pub mod oracle;
pub mod process;
#[cfg(feature = "simulator")]
pub mod simulator;

pub use model_driver::ModelDriver;
