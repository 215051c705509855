//! TLS to the server: whom we trust, and who we are.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jcache_core::Result;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::configuration;

/// How a connection is secured by TLS.
///
/// By default the server's certificate must be issued for the host that was asked for, by an authority that the
/// operating system trusts; we show no certificate of our own.
///
/// # Examples
///
/// ```
/// use jcache_redis::{Redis, Tls};
///
/// let builder = Redis::builder().url("rediss://cache.internal").tls(Tls::new().ca_file("/etc/redis/ca.pem"));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Tls {
    ca: Option<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
    server_name: Option<String>,
    insecure: bool,
}

impl Tls {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities in this PEM file, and no others.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// Shows the server this certificate, with its chain, and proves it with the private key; PEM files.
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Expects this name in the server's certificate, whatever the address: for tunnels, and for clusters whose nodes
    /// are known by address.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Accepts any certificate: encrypted, but whoever stands in between can read and change everything.
    pub fn insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// Reads the files and makes what connects.
    ///
    /// # Errors
    /// Configuration, naming the file that cannot be used.
    pub(crate) fn connector(&self) -> Result<Connector> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| configuration(format!("TLS: {e}")))?;
        let config = if self.insecure {
            config.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAll(provider)))
        } else {
            config.with_root_certificates(self.roots()?)
        };
        let config = match &self.certificate {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let private = PrivateKeyDer::from_pem_file(key).map_err(|e| unusable(key, e))?;
                config
                    .with_client_auth_cert(certificates(certificate)?, private)
                    .map_err(|e| unusable(certificate, e))?
            }
        };
        let server_name = match &self.server_name {
            None => None,
            Some(name) => {
                Some(ServerName::try_from(name.clone()).map_err(|e| configuration(format!("'{name}': {e}")))?)
            }
        };
        Ok(Connector { tls: TlsConnector::from(Arc::new(config)), server_name })
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        if let Some(path) = &self.ca {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|e| unusable(path, e))?;
            }
            return Ok(roots);
        }
        let found = rustls_native_certs::load_native_certs();
        // Systems carry the odd certificate that no library reads; only having none is fatal.
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(configuration("TLS: the system has no trusted certificates; name a CA file"));
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|e| unusable(path, e))?.collect();
    let found = found.map_err(|e| unusable(path, e))?;
    if found.is_empty() { Err(unusable(path, "no certificate in it")) } else { Ok(found) }
}

fn unusable(path: &Path, why: impl fmt::Display) -> jcache_core::Error {
    configuration(format!("TLS: cannot use {}: {why}", path.display()))
}

/// Secures streams.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: TlsConnector,
    server_name: Option<ServerName<'static>>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl Connector {
    /// Secures `stream` to `host`.
    ///
    /// # Errors
    /// Why the two do not agree.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(io::Error::other)?,
        };
        self.tls.connect(name, stream).await
    }
}

/// Accepts any certificate, where [`Tls::insecure`] asks for it.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
