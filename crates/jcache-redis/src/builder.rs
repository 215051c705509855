//! Settings of the driver, with their defaults.

use std::sync::Arc;
use std::time::Duration;

use jcache_core::{Error, Result};

use crate::driver::Redis;
use crate::endpoint::Endpoint;
use crate::error::configuration;
use crate::link::Link;
use crate::servers::Servers;
use crate::settings::{Protocol, Settings};
use crate::stream::Address;
use crate::url::{self, Place};

/// Settings of a [`Redis`] driver; [the crate](crate#settings) lists them with their defaults.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Builder {
    place: Option<Place>,
    settings: Settings,
    wrong: Option<Error>,
}

impl Builder {
    /// Takes the server, login, database and options from a URL. Settings made later win over the URL's. A URL that
    /// cannot be read is reported by [`connect`](Builder::connect) and [`lazy`](Builder::lazy).
    pub fn url(mut self, url: &str) -> Self {
        match url::read(url, &mut self.settings) {
            Ok(place) => self.place = Some(place),
            Err(error) => self.wrong = Some(error),
        }
        self
    }

    /// One server, by host and port.
    pub fn server(mut self, host: &str, port: u16) -> Self {
        self.place = Some(Place::One(Address::Tcp(host.to_owned(), port)));
        self
    }

    /// One server, by the path of its Unix socket.
    pub fn unix(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.place = Some(Place::One(Address::Unix(path.into())));
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

    /// The number of the database; 0 by default, and always 0 in a cluster.
    pub fn database(mut self, number: u32) -> Self {
        self.settings.login.database = number;
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

    /// How long a command may take; a blocking one, beyond its own wait. 1 s by default. It must cover the transfer of
    /// the largest value.
    pub fn command_timeout(mut self, limit: Duration) -> Self {
        self.settings.command_timeout = limit;
        self
    }

    /// The shortest and the longest pause between attempts to connect again; 50 ms and 1 s by default.
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

    /// How many blocking commands may wait at once on one server, each with its connection; 256 by default. More are
    /// refused as unavailable.
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
        let Self { place, settings, .. } = self;
        for (name, time) in [
            ("connect timeout", settings.connect_timeout),
            ("command timeout", settings.command_timeout),
            ("shortest reconnect pause", settings.reconnect_min),
        ] {
            if time.is_zero() {
                return Err(configuration(format!("the {name} cannot be zero")));
            }
        }
        if settings.reconnect_min > settings.reconnect_max {
            return Err(configuration("the shortest reconnect pause is longer than the longest one"));
        }
        if settings.max_in_flight == 0 || settings.max_in_flight > MOST || settings.max_blocking > MOST {
            return Err(configuration(format!("the bounds on calls lie between 1 and {MOST}")));
        }
        let settings = Arc::new(settings);
        let servers = match place {
            None => return Err(configuration("no server: give a URL or an address")),
            Some(Place::One(address)) => Servers::One(Link::new(Endpoint::Fixed(address), settings)),
        };
        Ok(Redis { servers: Arc::new(servers) })
    }
}

/// The largest bound on calls under way.
const MOST: usize = 1 << 20;
