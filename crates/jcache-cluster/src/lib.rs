//! The replication engine of jcache's distributed memory.
