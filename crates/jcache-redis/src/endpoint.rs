//! Where a link leads: a fixed address, or the master that Sentinels name.

use std::fmt;
use std::sync::Arc;

use jcache_core::Result;

use crate::connection::Connection;
use crate::sentinel::Sentinels;
use crate::settings::Settings;
use crate::stream::Address;

/// Where a link leads.
#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    /// Always the same address.
    Fixed(Address),
    /// The master that Sentinels name at the time.
    Master(Arc<Sentinels>),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Fixed(address) => address.fmt(f),
            Endpoint::Master(sentinels) => write!(f, "master '{}'", sentinels.master()),
        }
    }
}

impl Endpoint {
    /// Opens a connection to the server as it is now; `on_end` is called when it ends for whatever reason but ours.
    ///
    /// # Errors
    /// Unavailable, or what the server says to the login.
    pub(crate) async fn open(&self, settings: &Settings, on_end: impl FnOnce() + Send + 'static) -> Result<Connection> {
        match self {
            Endpoint::Fixed(address) => Connection::open(address, settings, false, on_end).await,
            Endpoint::Master(sentinels) => {
                let address = sentinels.find_master(settings).await?;
                Connection::open(&address, settings, true, on_end).await
            }
        }
    }

    /// Whether the same endpoint may be another server later.
    pub(crate) fn moves(&self) -> bool {
        matches!(self, Endpoint::Master(_))
    }
}
