//! Who is let in: certificates and secrets.

use std::time::Duration;

use jcache_cluster::{ClusterConfig, DistributedMemory, Tls};
use jcache_core::ErrorKind;
use jcache_testkit::certificates::Certificates;

use crate::world::{World, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_members_with_the_right_papers_are_let_in() {
    let Some(world) = World::new() else { return };
    let files = Certificates::default();
    let (ours, theirs, here) = (files.authority("ours"), files.authority("theirs"), &["127.0.0.1"]);
    ours.issue("good", here);
    ours.issue_expired("late", here);
    theirs.issue("strange", here);
    let tls = |ca: &str, name: &str| {
        let file = |name: String| files.path(&name);
        Tls::new(file(format!("{ca}.pem")), file(format!("{name}.pem")), file(format!("{name}.key")))
    };
    let config = |node: &str| world.config(node).join_timeout(Duration::from_secs(2));
    let member = |node: &str| config(node).secret("jcache", "secret").tls(tls("ours", "good"));
    let a = DistributedMemory::join(member("a").join_timeout(Duration::from_secs(20))).await.unwrap();
    run(&a, "SET key value").await.unwrap();
    let refused: [(&str, ClusterConfig); 5] = [
        ("no TLS", config("b").secret("jcache", "secret")),
        ("another authority", config("b").secret("jcache", "secret").tls(tls("theirs", "strange"))),
        ("a certificate that nobody vouches for", config("b").secret("jcache", "secret").tls(tls("ours", "strange"))),
        ("a certificate that ran out", config("b").secret("jcache", "secret").tls(tls("ours", "late"))),
        ("another secret", config("b").secret("jcache", "guess").tls(tls("ours", "good"))),
    ];
    for (what, config) in refused {
        let error = DistributedMemory::join(config).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error}");
    }
    assert_eq!(a.status().isr.len(), 1);
    let b = DistributedMemory::join(member("c").join_timeout(Duration::from_secs(20))).await.unwrap();
    assert_eq!(run(&b, "GET key").await.unwrap(), jcache_core::Reply::Bulk("value".into()));
}
