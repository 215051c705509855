//! Settings of the driver, with their defaults.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jcache_core::{Error, Result};

use crate::cluster::Cluster;
use crate::driver::Redis;
use crate::endpoint::Endpoint;
use crate::error::configuration;
use crate::link::Link;
use crate::sentinel::Sentinels;
use crate::servers::Servers;
use crate::settings::{Login, Protocol, Settings};
use crate::stream::Address;
use crate::url::{self, Named, Place, TlsWords};

/// The largest bound on calls under way.
const MOST: usize = 1 << 20;

/// Settings of a [`Redis`] driver; [the crate](crate#settings) lists them with their defaults.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use jcache_redis::Redis;
///
/// let redis = Redis::builder()
///     .sentinel(["sentinel-1:26379", "sentinel-2:26379"], "mymaster")
///     .password("secret")
///     .command_timeout(Duration::from_millis(200))
///     .lazy()?;
/// # Ok::<(), jcache_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    place: Option<Place>,
    settings: Settings,
    sentinel_login: Login,
    #[cfg(feature = "tls")]
    tls: Option<crate::Tls>,
    wrong: Option<Error>,
}

impl Builder {
    /// Takes server, login, database and options from a URL; [the crate](crate#urls) tells its forms. Settings made
    /// after this win over the URL's. A URL that cannot be read is reported by [`connect`](Builder::connect) and
    /// [`lazy`](Builder::lazy).
    pub fn url(self, url: &str) -> Self {
        match url::read(url) {
            Ok(named) => self.named(named),
            Err(error) => self.wrong(error),
        }
    }

    fn named(mut self, Named { place, login, protocol, tls }: Named) -> Self {
        self.place = Some(place);
        self.settings.login = login;
        self.settings.protocol = protocol.unwrap_or(self.settings.protocol);
        match tls {
            Some(words) => self.tls_words(words),
            None => self,
        }
    }

    #[cfg(feature = "tls")]
    fn tls_words(self, words: TlsWords) -> Self {
        let mut tls = crate::Tls::new();
        if let Some(path) = words.ca_file {
            tls = tls.ca_file(path);
        }
        match (words.cert_file, words.key_file) {
            (None, None) => {}
            (Some(certificate), Some(key)) => tls = tls.client_certificate(certificate, key),
            _ => return self.wrong(configuration("a client's certificate and its key go together")),
        }
        self.tls(if words.insecure { tls.insecure() } else { tls })
    }

    #[cfg(not(feature = "tls"))]
    fn tls_words(self, _: TlsWords) -> Self {
        self.wrong(configuration("this build has no TLS; it needs the feature 'tls'"))
    }

    /// One server, by host and port.
    pub fn server(mut self, host: &str, port: u16) -> Self {
        self.place = Some(Place::One(Address::Tcp(host.to_owned(), port)));
        self
    }

    /// One server, by the path of its Unix socket.
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Some(Place::One(Address::Unix(path.into())));
        self
    }

    /// The master that Sentinels know as `master`. The Sentinels are given as `host` or `host:port` (26379).
    pub fn sentinel<S: AsRef<str>>(mut self, sentinels: impl IntoIterator<Item = S>, master: &str) -> Self {
        match addresses(sentinels, url::SENTINEL_PORT) {
            Ok(sentinels) => self.place = Some(Place::Sentinels(sentinels, master.to_owned())),
            Err(error) => return self.wrong(error),
        }
        self
    }

    /// The login of the Sentinels themselves; without one they are asked without logging in.
    pub fn sentinel_login(mut self, username: Option<&str>, password: &str) -> Self {
        self.sentinel_login.username = username.map(str::to_owned);
        self.sentinel_login.password = Some(password.to_owned());
        self
    }

    /// The cluster that these nodes belong to, given as `host` or `host:port` (6379); one that answers is enough.
    pub fn cluster<S: AsRef<str>>(mut self, nodes: impl IntoIterator<Item = S>) -> Self {
        match addresses(nodes, url::PORT) {
            Ok(nodes) => self.place = Some(Place::Cluster(nodes)),
            Err(error) => return self.wrong(error),
        }
        self
    }

    /// The user's name; without one the default user logs in.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.settings.login.username = Some(username.into());
        self
    }

    /// The password.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.settings.login.password = Some(password.into());
        self
    }

    /// The number of the database, 0 by default; a cluster has no other.
    pub fn database(mut self, number: u32) -> Self {
        self.settings.login.database = number;
        self
    }

    /// Secures all connections by TLS, those to Sentinels included.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The protocol; by default RESP3 where the server knows it.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.settings.protocol = protocol;
        self
    }

    /// How long opening a connection may take, login included; 1 s by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.settings.connect_timeout = limit;
        self
    }

    /// How long a command may take, and a blocking one beyond its own wait; 1 s by default. It must cover the transfer
    /// of the largest value.
    pub fn command_timeout(mut self, limit: Duration) -> Self {
        self.settings.command_timeout = limit;
        self
    }

    /// The shortest and the longest pause between attempts to connect again; 50 ms and 1 s by default. The pause
    /// doubles from one to the other, less a random part of up to a half.
    pub fn reconnect(mut self, shortest: Duration, longest: Duration) -> Self {
        self.settings.reconnect_min = shortest;
        self.settings.reconnect_max = longest;
        self
    }

    /// How many calls may be under way at once to one server; 16,384 by default. More are refused as unavailable. A
    /// batch is one call.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.settings.max_in_flight = calls;
        self
    }

    /// How many blocking commands may wait and keys be watched for transactions at once on one server, each on a
    /// connection of its own; 256 by default. More are refused as unavailable.
    pub fn max_blocking(mut self, commands: usize) -> Self {
        self.settings.max_blocking = commands;
        self
    }

    /// Connects, and fails when the server cannot be reached now.
    ///
    /// # Errors
    /// Configuration for settings that cannot be; unavailable when the server cannot be reached within the connect
    /// timeout; authentication.
    pub async fn connect(self) -> Result<Redis> {
        let redis = self.lazy()?;
        redis.servers.connect().await?;
        Ok(redis)
    }

    /// Makes a driver that connects when it is first used; see [`Redis::lazy`].
    ///
    /// # Errors
    /// Configuration, for settings that cannot be.
    pub fn lazy(self) -> Result<Redis> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        #[cfg_attr(not(feature = "tls"), allow(unused_mut))]
        let mut settings = self.settings;
        check(&settings)?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            settings.tls = Some(tls.connector()?);
        }
        let settings = Arc::new(settings);
        let servers = match self.place {
            None => return Err(configuration("no server: give a URL or an address")),
            Some(Place::One(address)) => Servers::One(Link::new(Endpoint::Fixed(address), settings)),
            Some(Place::Sentinels(sentinels, master)) => {
                let sentinels = Sentinels::new(sentinels, master, self.sentinel_login);
                Servers::One(Link::new(Endpoint::Master(Arc::new(sentinels)), settings))
            }
            Some(Place::Cluster(_)) if settings.login.database != 0 => {
                return Err(configuration("a cluster has only the database 0"));
            }
            Some(Place::Cluster(nodes)) => Servers::Cluster(Cluster::new(nodes, settings)),
        };
        Ok(Redis { servers: Arc::new(servers) })
    }

    fn wrong(mut self, error: Error) -> Self {
        self.wrong.get_or_insert(error);
        self
    }
}

fn addresses<S: AsRef<str>>(texts: impl IntoIterator<Item = S>, port: u16) -> Result<Vec<Address>> {
    let addresses: Vec<Address> = texts.into_iter().map(|it| url::address(it.as_ref(), port)).collect::<Result<_>>()?;
    if addresses.is_empty() { Err(configuration("no address is given")) } else { Ok(addresses) }
}

fn check(settings: &Settings) -> Result<()> {
    let times = [
        ("connect timeout", settings.connect_timeout),
        ("command timeout", settings.command_timeout),
        ("shortest reconnect pause", settings.reconnect_min),
    ];
    for (name, time) in times {
        if time.is_zero() {
            return Err(configuration(format!("the {name} cannot be zero")));
        }
    }
    if settings.reconnect_min > settings.reconnect_max {
        return Err(configuration("the shortest reconnect pause is longer than the longest one"));
    }
    let bounds = 1..=MOST;
    if !bounds.contains(&settings.max_in_flight) || !bounds.contains(&settings.max_blocking) {
        return Err(configuration(format!("the bounds on calls lie between 1 and {MOST}")));
    }
    Ok(())
}
