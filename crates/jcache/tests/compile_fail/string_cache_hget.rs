use jcache::prelude::*;

fn main() {
    let _ = jcache::StringCache::new().hget::<String>("key", "field");
}
