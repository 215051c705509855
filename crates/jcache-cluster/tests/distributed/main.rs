//! The distributed memory on a real etcd and real connections, several members in one process.

#![allow(clippy::unwrap_used)]

mod commands;
mod doors;
mod membership;
mod world;
