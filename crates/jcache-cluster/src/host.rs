//! What drives the engine: etcd, peers, callers and time on one side, its actions on the other.

mod coordinator;
