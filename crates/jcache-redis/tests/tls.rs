//! TLS: a private authority, a client's certificate, a wrong one, and none.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used)] // A helper of a test fails like the test itself.

mod common;

use std::path::Path;

use common::{bulk, quick, run};
use jcache_core::{ErrorKind, Reply};
use jcache_redis::{Redis, Tls};
use jcache_testkit::oracle::{RedisServer, skip};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// An authority and what it issued, as files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        files.write("ca.pem", &params.self_signed(&key).unwrap().pem());
        let authority = Issuer::new(params, key);
        for (name, host) in [("server", "127.0.0.1"), ("other", "elsewhere.test"), ("client", "client")] {
            let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            // A name that is not the authority's, or it would count as signed by itself.
            params.distinguished_name.push(DnType::CommonName, name);
            let key = KeyPair::generate().unwrap();
            files.write(&format!("{name}.pem"), &params.signed_by(&key, &authority).unwrap().pem());
            files.write(&format!("{name}.key"), &key.serialize_pem());
        }
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A server with the certificate `name`, which asks clients for theirs or not.
    fn serve(&self, name: &str, auth: &str) -> Option<RedisServer> {
        let (certificate, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        let args = ["--tls-cert-file", &certificate, "--tls-key-file", &key];
        let more = ["--tls-ca-cert-file", &self.path("ca.pem"), "--tls-auth-clients", auth];
        RedisServer::options().tls().args(args).args(more).start().map_err(skip).ok()
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_named() {
    let files = Files::new();
    let Some(server) = files.serve("server", "no") else { return };
    let redis = quick().url(&server.url()).tls(Tls::new().ca_file(files.path("ca.pem"))).connect().await.unwrap();
    assert_eq!(run(&redis, "SET a 1").await, Ok(Reply::Ok));
    let large = "x".repeat(4 << 20);
    assert_eq!(run(&redis, &format!("SET b {large}")).await, Ok(Reply::Ok));
    assert!(run(&redis, "GET b").await == Ok(bulk(&large)));
    let by_url = Redis::connect(&format!("{}?ca_file={}", server.url(), files.path("ca.pem"))).await.unwrap();
    assert_eq!(run(&by_url, "GET a").await, Ok(bulk("1")));
}

#[tokio::test]
async fn what_cannot_be_trusted_is_refused_unless_asked() {
    let files = Files::new();
    let Some(server) = files.serve("server", "no") else { return };
    let Some(other) = files.serve("other", "no") else { return };
    let ca = || Tls::new().ca_file(files.path("ca.pem"));
    let mut refused = vec![
        // An authority that only this test knows, when the system has any.
        quick().url(&server.url()).connect().await,
        // A certificate for another host.
        quick().url(&other.url()).tls(ca()).connect().await,
        // A server without TLS where TLS is asked for, and the other way round.
        quick().url(&server.url().replace("rediss", "redis")).connect().await,
    ];
    if let Ok(plain) = RedisServer::start() {
        refused.push(quick().url(&plain.url().replace("redis", "rediss")).tls(ca()).connect().await);
    }
    for refused in refused {
        let kind = refused.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::Unavailable | ErrorKind::Configuration), "{kind:?}");
    }
    let named = quick().url(&other.url()).tls(ca().server_name("elsewhere.test")).connect().await.unwrap();
    assert_eq!(run(&named, "SET a 1").await, Ok(Reply::Ok));
    let trusting = quick().url(&format!("{}?insecure", other.url())).connect().await.unwrap();
    assert_eq!(run(&trusting, "GET a").await, Ok(bulk("1")));
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let files = Files::new();
    let Some(server) = files.serve("server", "yes") else { return };
    let ca = || Tls::new().ca_file(files.path("ca.pem"));
    assert!(quick().url(&server.url()).tls(ca()).connect().await.unwrap_err().is_retryable());
    let tls = ca().client_certificate(files.path("client.pem"), files.path("client.key"));
    let redis = quick().url(&server.url()).tls(tls).connect().await.unwrap();
    assert_eq!(run(&redis, "SET a 1").await, Ok(Reply::Ok));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = Files::new();
    files.write("empty.pem", "");
    let missing = Path::new("/nowhere/ca.pem");
    let cases = [
        Tls::new().ca_file(missing),
        Tls::new().ca_file(files.path("empty.pem")),
        Tls::new().client_certificate(missing, files.path("client.key")),
        Tls::new().client_certificate(files.path("client.pem"), files.path("client.pem")),
        Tls::new().client_certificate(files.path("client.pem"), files.path("server.key")),
        Tls::new().server_name("not a name"),
    ];
    for tls in cases {
        let error = Redis::builder().server("h", 1).tls(tls.clone()).lazy().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{tls:?}");
    }
    assert!(Redis::lazy("rediss://h?cert_file=/a").is_err());
}
