//! TLS: a private authority, a client's certificate, a wrong one, and none.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used)] // A helper of a test fails like the test itself.

mod common;

use std::path::Path;

use common::{bulk, quick, run};
use jcache_core::{ErrorKind, Reply};
use jcache_redis::{Redis, Tls};
use jcache_testkit::certificates::Certificates;
use jcache_testkit::oracle::{RedisServer, skip};

/// An authority and what it issued.
fn files() -> Certificates {
    let files = Certificates::default();
    let authority = files.authority("ca");
    authority.issue("server", &["127.0.0.1"]);
    authority.issue("other", &["elsewhere.test"]);
    authority.issue("client", &["client"]);
    files
}

/// A server with the certificate `name`, which asks clients for theirs or not.
fn serve(files: &Certificates, name: &str, auth: &str) -> Option<RedisServer> {
    let (certificate, key) = (files.argument(&format!("{name}.pem")), files.argument(&format!("{name}.key")));
    let args = ["--tls-cert-file", &certificate, "--tls-key-file", &key];
    let more = ["--tls-ca-cert-file", &files.argument("ca.pem"), "--tls-auth-clients", auth];
    RedisServer::options().tls().args(args).args(more).start().map_err(skip).ok()
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_named() {
    let files = files();
    let Some(server) = serve(&files, "server", "no") else { return };
    let redis = quick().url(&server.url()).tls(Tls::new().ca_file(files.path("ca.pem"))).connect().await.unwrap();
    assert_eq!(run(&redis, "SET a 1").await, Ok(Reply::Ok));
    let large = "x".repeat(4 << 20);
    assert_eq!(run(&redis, &format!("SET b {large}")).await, Ok(Reply::Ok));
    assert!(run(&redis, "GET b").await == Ok(bulk(&large)));
    let by_url = Redis::connect(&format!("{}?ca_file={}", server.url(), files.argument("ca.pem"))).await.unwrap();
    assert_eq!(run(&by_url, "GET a").await, Ok(bulk("1")));
}

#[tokio::test]
async fn what_cannot_be_trusted_is_refused_unless_asked() {
    let files = files();
    let Some(server) = serve(&files, "server", "no") else { return };
    let Some(other) = serve(&files, "other", "no") else { return };
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
    let files = files();
    let Some(server) = serve(&files, "server", "yes") else { return };
    let ca = || Tls::new().ca_file(files.path("ca.pem"));
    assert!(quick().url(&server.url()).tls(ca()).connect().await.unwrap_err().is_retryable());
    let tls = ca().client_certificate(files.path("client.pem"), files.path("client.key"));
    let redis = quick().url(&server.url()).tls(tls).connect().await.unwrap();
    assert_eq!(run(&redis, "SET a 1").await, Ok(Reply::Ok));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = files();
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
