//! Who may talk to whom: mutual TLS, and a secret that every process of the cluster knows.

use std::fmt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};
use tonic::{Request, Status};

use crate::error::{Error, Result};

/// A user and password that every process of the cluster shows the others.
#[derive(Clone)]
pub(crate) struct Secret {
    header: MetadataValue<Ascii>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret of `user` and `password`.
    ///
    /// # Errors
    /// Configuration: an empty password, or a colon in the user's name.
    pub(crate) fn new(user: &str, password: &str) -> Result<Self> {
        use base64::Engine as _;
        if password.is_empty() {
            return Err(Error::configuration("an empty password keeps nobody out"));
        }
        if user.contains(':') {
            return Err(Error::configuration("a user's name has no colon"));
        }
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        let mut header: MetadataValue<Ascii> =
            format!("Basic {credentials}").parse().expect("base64 is what a header may hold");
        header.set_sensitive(true);
        Ok(Self { header })
    }
}

/// This process's certificate, and the authority that the others' must come from.
#[derive(Debug, Clone)]
pub struct Tls {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    server_name: Option<String>,
}

impl Tls {
    /// PEM files: the authority of the cluster, and this process's certificate, with its chain, and private key. Both
    /// sides of every connection prove who they are.
    pub fn new(ca: impl Into<PathBuf>, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { ca: ca.into(), certificate: certificate.into(), key: key.into(), server_name: None }
    }

    /// Expects this name in the others' certificates, whatever their addresses.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

/// Both, as the transport uses them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Security {
    pub(crate) secret: Option<Secret>,
    pub(crate) tls: Option<Tls>,
}

impl Security {
    /// Adds the secret to a request.
    pub(crate) fn sign<T>(&self, mut request: Request<T>) -> Request<T> {
        if let Some(secret) = &self.secret {
            request.metadata_mut().insert("authorization", secret.header.clone());
        }
        request
    }

    /// Refuses a request without the secret.
    pub(crate) fn check<T>(&self, request: &Request<T>) -> std::result::Result<(), Status> {
        let Some(secret) = &self.secret else { return Ok(()) };
        let shown = request.metadata().get("authorization").map(MetadataValue::as_bytes).unwrap_or_default();
        // The time it takes says nothing of how much was right.
        if bool::from(shown.ct_eq(secret.header.as_bytes())) {
            return Ok(());
        }
        Err(Status::unauthenticated("this cluster has another secret"))
    }

    /// # Errors
    /// Configuration, naming the file that cannot be used.
    pub(crate) fn client_tls(&self) -> Result<Option<ClientTlsConfig>> {
        let Some(tls) = &self.tls else { return Ok(None) };
        let mut config = ClientTlsConfig::new().ca_certificate(authority(tls)?).identity(identity(tls)?);
        if let Some(name) = &tls.server_name {
            config = config.domain_name(name);
        }
        Ok(Some(config))
    }

    /// # Errors
    /// Configuration, naming the file that cannot be used.
    pub(crate) fn server_tls(&self) -> Result<Option<ServerTlsConfig>> {
        let Some(tls) = &self.tls else { return Ok(None) };
        Ok(Some(ServerTlsConfig::new().identity(identity(tls)?).client_ca_root(authority(tls)?)))
    }
}

fn authority(tls: &Tls) -> Result<Certificate> {
    Ok(Certificate::from_pem(file(&tls.ca)?))
}

fn identity(tls: &Tls) -> Result<Identity> {
    Ok(Identity::from_pem(file(&tls.certificate)?, file(&tls.key)?))
}

fn file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::configuration(format!("TLS: cannot use {}: {e}", path.display())))
}
