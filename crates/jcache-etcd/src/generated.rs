//! What `cargo xtask proto` makes of `proto/etcd.proto`.

include!("generated/etcdserverpb.rs");
