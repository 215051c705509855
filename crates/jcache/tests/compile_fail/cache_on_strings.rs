mod driver;

fn main() {
    let _ = jcache::Cache::builder().level(driver::Strings);
}
