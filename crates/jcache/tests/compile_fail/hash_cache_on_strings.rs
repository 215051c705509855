mod driver;

fn main() {
    let _ = jcache::HashCache::builder().level(driver::Strings);
}
