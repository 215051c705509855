//! Where etcd is, who we are there, and how long a call may take.

use std::path::PathBuf;
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::error::{Error, ErrorKind, Result};

/// How to reach etcd.
///
/// ```
/// use jcache_etcd::{Config, Tls};
///
/// let config = Config::new(["https://etcd-1:2379", "https://etcd-2:2379"])
///     .user("jcache", "secret")
///     .tls(Tls::new().ca_file("/etc/etcd/ca.pem"));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Config {
    pub(crate) endpoints: Vec<String>,
    pub(crate) user: Option<(String, String)>,
    pub(crate) tls: Option<Tls>,
    pub(crate) timeout: Duration,
    pub(crate) plaintext_password: bool,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("endpoints", &self.endpoints)
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The endpoints of one cluster: `http://host:port`, `https://host:port`, or `host:port` for the first.
    pub fn new<S: Into<String>>(endpoints: impl IntoIterator<Item = S>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            user: None,
            tls: None,
            timeout: Duration::from_secs(2),
            plaintext_password: false,
        }
    }

    /// Who we are; the role of this user needs to read and write the prefix alone.
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// Whom we trust and what we show on `https` endpoints; the system's authorities unless set.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How long a call may take, with connecting; 2 s unless set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends the password over plain `http` too: whoever listens on the network then has it. Loopback needs no leave.
    pub fn allow_plaintext_password(mut self) -> Self {
        self.plaintext_password = true;
        self
    }

    /// The endpoints as tonic takes them.
    ///
    /// # Errors
    /// Configuration: no endpoint, one that is no address, a file that cannot be used, a password over plain http.
    pub(crate) fn parse(&self) -> Result<Vec<Endpoint>> {
        if self.endpoints.is_empty() {
            return Err(configuration("no endpoint is given"));
        }
        if self.timeout.is_zero() {
            return Err(configuration("a timeout of zero lets no call through"));
        }
        self.endpoints.iter().map(|endpoint| self.endpoint(endpoint)).collect()
    }

    fn endpoint(&self, given: &str) -> Result<Endpoint> {
        let full = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
        let secure = full.starts_with("https://");
        if !secure && !full.starts_with("http://") {
            return Err(configuration(format!("'{given}' is neither http:// nor https://")));
        }
        let endpoint = Endpoint::from_shared(full).map_err(|e| configuration(format!("'{given}': {e}")))?;
        let Some(host) = endpoint.uri().host().map(|host| host.trim_matches(['[', ']']).to_owned()) else {
            return Err(configuration(format!("'{given}' names no host")));
        };
        let loopback = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        if self.user.is_some() && !secure && !loopback && !self.plaintext_password {
            let why = "the password would go over plain http; use https, or allow it (allow_plaintext_password)";
            return Err(configuration(format!("'{given}': {why}")));
        }
        // A peer that is gone without a word is noticed within eight seconds, also when no call is under way.
        let endpoint = endpoint
            .tcp_nodelay(true)
            .connect_timeout(self.timeout.min(Duration::from_secs(1)))
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(3))
            .keep_alive_while_idle(true);
        if !secure {
            return Ok(endpoint);
        }
        let tls = self.tls.clone().unwrap_or_default().read()?;
        endpoint.tls_config(tls).map_err(|e| configuration(format!("'{given}': {e}")))
    }
}

/// Whom we trust on `https` endpoints, and what we show.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Tls {
    ca: Option<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
    server_name: Option<String>,
}

impl Tls {
    /// The system's authorities, and no certificate of our own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities in this PEM file, and no others.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca = Some(path.into());
        self
    }

    /// Shows this certificate, with its chain, and proves it with the private key; PEM files.
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Expects this name in the server's certificate, whatever the address.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    fn read(&self) -> Result<ClientTlsConfig> {
        let mut config = match &self.ca {
            Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(file(path)?)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        if let Some((certificate, key)) = &self.certificate {
            config = config.identity(Identity::from_pem(file(certificate)?, file(key)?));
        }
        if let Some(name) = &self.server_name {
            config = config.domain_name(name);
        }
        Ok(config)
    }
}

fn file(path: &std::path::Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| configuration(format!("TLS: cannot use {}: {e}", path.display())))
}

fn configuration(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, message)
}
