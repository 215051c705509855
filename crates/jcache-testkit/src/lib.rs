//! What tests of jcache and of jcache drivers are made of.
//!
//! - [`conformance`]: sessions that every driver must pass, with replies that are proven on a real server.
//! - [`ModelDriver`]: the reference model as a driver.
//! - [`fault`]: a driver that fails, stalls and loses replies when told to.
//! - [`etcd`]: a real etcd for the length of a test.
//! - [`oracle`]: a real `redis-server` for the length of a test, and a plain client for it.
//! - [`differential`]: random commands on the oracle and on a subject, compared reply by reply and key by key.

pub mod conformance;
pub mod differential;
pub mod etcd;
pub mod fault;
mod model_driver;
pub mod notation;
pub mod oracle;
mod process;

pub use model_driver::ModelDriver;
