//! Who is let in: certificates and secrets.

use std::path::Path;
use std::time::Duration;

use jcache_cluster::{ClusterConfig, DistributedMemory, Tls};
use jcache_core::ErrorKind;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

use crate::world::{World, run};

fn authority(dir: &Path, name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(dir.join(format!("{name}.pem")), authority.pem()).unwrap();
    authority
}

fn issue(dir: &Path, by: &CertifiedIssuer<'static, KeyPair>, name: &str, expired: bool) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    if expired {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    }
    std::fs::write(dir.join(format!("{name}.pem")), params.signed_by(&key, by).unwrap().pem()).unwrap();
    std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_members_with_the_right_papers_are_let_in() {
    let Some(world) = World::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let ours = authority(dir, "ours");
    let theirs = authority(dir, "theirs");
    for (name, by, expired) in [("good", &ours, false), ("late", &ours, true), ("strange", &theirs, false)] {
        issue(dir, by, name, expired);
    }
    let tls = |ca: &str, name: &str| {
        let file = |name: String| dir.join(name);
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
