//! TLS to clients: who we are, and whom we let in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jcache_core::{Error, ErrorKind, Result};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// How a listener secures its connections by TLS 1.2 or 1.3.
///
/// The files are read once, by [`Listener::tls`](crate::Listener::tls).
#[derive(Debug, Clone)]
#[must_use]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    optional: bool,
}

impl Tls {
    /// Shows clients this certificate, with its chain, and proves it with the private key; PEM files.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certificate: certificate.into(), key: key.into(), client_ca: None, optional: false }
    }

    /// Asks clients for a certificate of an authority in this PEM file, and refuses those without.
    pub fn client_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(path.into());
        self
    }

    /// Also lets clients in that show no certificate; a wrong one is still refused.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Reads the files and makes what accepts.
    ///
    /// # Errors
    /// Configuration, naming the file that cannot be used.
    pub(crate) fn acceptor(&self) -> Result<Acceptor> {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| configuration(format!("TLS: {e}")))?;
        let config = match &self.client_ca {
            None => config.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|e| unusable(path, e))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = if self.optional { verifier.allow_unauthenticated() } else { verifier };
                config.with_client_cert_verifier(verifier.build().map_err(|e| unusable(path, e))?)
            }
        };
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| unusable(&self.key, e))?;
        let config = config
            .with_single_cert(certificates(&self.certificate)?, key)
            .map_err(|e| unusable(&self.certificate, e))?;
        Ok(Acceptor(TlsAcceptor::from(Arc::new(config))))
    }
}

/// Secures the connections of a listener.
#[derive(Clone)]
pub(crate) struct Acceptor(pub(crate) TlsAcceptor);

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|e| unusable(path, e))?.collect();
    let found = found.map_err(|e| unusable(path, e))?;
    if found.is_empty() { Err(unusable(path, "no certificate in it")) } else { Ok(found) }
}

fn unusable(path: &Path, why: impl fmt::Display) -> Error {
    configuration(format!("TLS: cannot use {}: {why}", path.display()))
}

fn configuration(text: String) -> Error {
    Error::new(ErrorKind::Configuration, text)
}
