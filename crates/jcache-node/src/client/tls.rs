//! TLS to a server: with the system's authorities or those of a file, and a certificate of our own where it asks for one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Who vouches for the server, and who for us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Trust {
    /// A PEM file; the system's authorities when there is none.
    pub(super) authorities: Option<PathBuf>,
    /// Our certificate and its key, PEM files.
    pub(super) own: Option<(PathBuf, PathBuf)>,
}

/// Secures a connection to `host`.
///
/// # Errors
/// A file that cannot be used, and a server that cannot be trusted.
pub(super) async fn secure(stream: TcpStream, host: &str, trust: &Trust) -> io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots(trust)?);
    let config = match &trust.own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
            config.with_client_auth_cert(chain, private).map_err(|error| wrong(key, &error))?
        }
    };
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn roots(trust: &Trust) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match &trust.authorities {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| wrong(path, &error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() { Err(io::Error::other("there is no authority to trust")) } else { Ok(roots) }
}

/// The certificates of a PEM file, of which there must be one.
fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(path, &error))?;
    let all: Result<Vec<_>, _> = read.collect();
    let all = all.map_err(|error| wrong(path, &error))?;
    if all.is_empty() { Err(wrong(path, &"there is no certificate in it")) } else { Ok(all) }
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}
