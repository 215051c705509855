//! TLS to clients: who we are, and whom we let in.

use std::path::PathBuf;

/// How a listener secures its connections by TLS.
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

    /// Also lets clients in that show no certificate.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}
