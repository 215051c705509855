//! A node and its clients, as processes: `jcache serve`, `jcache shell`, `jcache bench`.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod harness;

mod client;
mod cluster;
mod live;
mod serve;
mod transcripts;
mod wire;
