//! What tests of jcache and of jcache drivers are made of.
//!
//! - [`oracle`]: a real `redis-server` for the length of a test, and a plain client for it.
//! - [`differential`]: random commands on the oracle and on a subject, compared reply by reply and key by key.

pub mod differential;
pub mod oracle;
