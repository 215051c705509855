//! What tests of jcache and of jcache drivers are made of.
//!
//! - [`conformance`]: sessions that every driver must pass, with replies that are proven on a real server.
//! - [`ModelDriver`]: the reference model as a driver.
//! - [`fault`]: a driver that fails, stalls and loses replies when told to.
//! - [`oracle`]: a real `redis-server` for the length of a test, and a plain client for it.
//! - [`history`] and [`check`]: what clients of a cluster saw, and what they must never see.
//! - [`differential`]: random commands on the oracle and on a subject, compared reply by reply and key by key.

pub mod check;
pub mod conformance;
pub mod differential;
pub mod fault;
pub mod history;
mod model_driver;
pub mod notation;
pub mod oracle;

pub use model_driver::ModelDriver;
