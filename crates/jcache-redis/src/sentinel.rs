//! Asking Sentinels who the master is.
//!
//! All are asked at once and the first that knows is believed, then the server itself must say that it is the master;
//! so a Sentinel that is down or behind costs nothing but, at worst, one more attempt.

use futures_util::future::{BoxFuture, select_ok};
use jcache_core::{Error, Result};
use redis::Value;

use crate::connection::Connection;
use crate::error;
use crate::settings::{Login, Settings};
use crate::stream::Address;

/// The Sentinels that watch over one master.
#[derive(Debug, Clone)]
pub(crate) struct Sentinels {
    addresses: Vec<Address>,
    master: String,
    login: Login,
}

impl Sentinels {
    /// `addresses` is not empty. The `login` is the Sentinels' own, which is not the servers'.
    pub(crate) fn new(addresses: Vec<Address>, master: String, login: Login) -> Self {
        Self { addresses, master, login }
    }

    /// The name under which the Sentinels know the master.
    pub(crate) fn master(&self) -> &str {
        &self.master
    }

    /// The address of the master.
    ///
    /// # Errors
    /// Unavailable, when no Sentinel knows it.
    pub(crate) async fn find_master(&self, settings: &Settings) -> Result<Address> {
        let settings = Settings { login: self.login.clone(), ..settings.clone() };
        let asked: Vec<BoxFuture<'_, Result<Address>>> =
            self.addresses.iter().map(|sentinel| Box::pin(self.ask(sentinel, &settings)) as _).collect();
        select_ok(asked).await.map(|(address, _)| address)
    }

    async fn ask(&self, sentinel: &Address, settings: &Settings) -> Result<Address> {
        let connection = Connection::open(sentinel, settings, false, || {}).await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
        match connection.send(&question).await.map_err(|e| error::unreachable(sentinel, e))? {
            Value::Array(parts) => address(&parts).ok_or_else(|| self.unknown(sentinel)),
            Value::ServerError(refused) => Err(error::server(&refused)),
            _ => Err(self.unknown(sentinel)),
        }
    }

    fn unknown(&self, sentinel: &Address) -> Error {
        error::unreachable(&format_args!("master '{}'", self.master), format!("Sentinel {sentinel} does not know it"))
    }
}

fn address(parts: &[Value]) -> Option<Address> {
    let [Value::BulkString(host), Value::BulkString(port)] = parts else { return None };
    let host = String::from_utf8(host.clone()).ok()?;
    Some(Address::Tcp(host, std::str::from_utf8(port).ok()?.parse().ok()?))
}
