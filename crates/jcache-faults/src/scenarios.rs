//! What happens in a round of each scenario.

pub(crate) mod blocking;
pub(crate) mod clocks;
pub(crate) mod crash;
pub(crate) mod etcd;
pub(crate) mod halt;
pub(crate) mod handover;
pub(crate) mod memory;
pub(crate) mod partition;
pub(crate) mod refused;
pub(crate) mod retries;
pub(crate) mod sync;
