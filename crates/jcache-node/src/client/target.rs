//! Where a server is, and how to be let in: `ADDR` and the flags beside it.

use std::fmt;
use std::path::PathBuf;

use super::tls::Trust;
use crate::cli::ServerArgs;
use crate::config::kind::{Address, One};

/// The variable that holds the password, which the flag would show to other users of the machine.
const PASSWORD_VARIABLE: &str = "JCACHE_PASSWORD";
/// The port of Redis, which a URL without one means.
const REDIS_PORT: u16 = 6379;

/// A server and a login.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
    /// Whom to trust and what to show, when the connection is secured.
    pub(super) tls: Option<Trust>,
    /// Whether to speak RESP3 where the server does.
    pub(super) resp3: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(Address),
    Unix(PathBuf),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Tcp(address) => write!(f, "{address}"),
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Target {
    /// A server on this machine, or elsewhere, without TLS.
    pub(crate) fn plain(address: &str, password: Option<String>) -> Result<Self, String> {
        Ok(Self { password, ..Self::read(address)? })
    }

    /// What the command line says.
    ///
    /// # Errors
    /// An address that is none, and files for TLS without TLS.
    pub(crate) fn new(args: &ServerArgs) -> Result<Self, String> {
        let target = Self::read(&args.address)?;
        let trust = Trust { authorities: args.cacert.clone(), own: args.cert.clone().zip(args.key.clone()) };
        let tls = args.tls || target.tls.is_some();
        if !tls && trust != Trust::default() {
            return Err("certificates are for TLS: add --tls, or write the address as rediss://…".to_owned());
        }
        if tls && matches!(target.place, Place::Unix(_)) {
            return Err("TLS is for addresses of TCP, not for a Unix socket".to_owned());
        }
        let tls = tls.then_some(trust);
        let password = args.password.clone().or_else(|| std::env::var(PASSWORD_VARIABLE).ok());
        Ok(Self { user: args.user.clone().or(target.user), password: password.or(target.password), tls, ..target })
    }

    /// The same server in RESP3, if it speaks that.
    pub(crate) fn resp3(self, resp3: bool) -> Self {
        Self { resp3, ..self }
    }

    fn read(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, text),
        };
        let at = |place| Self { place, user: None, password: None, database: 0, tls: None, resp3: false };
        match scheme {
            Some("unix") => return Ok(at(Place::Unix(rest.into()))),
            None if rest.contains('/') => return Ok(at(Place::Unix(rest.into()))),
            None | Some("redis" | "rediss") => {}
            Some(other) => return Err(format!("'{other}' is no kind of server; there are redis, rediss and unix")),
        }
        let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        let database = if database.is_empty() { Ok(0) } else { database.parse() };
        let database = database.map_err(|_| format!("expected the number of a database at the end of '{text}'"))?;
        let address = match (host.parse::<u16>(), scheme) {
            (Ok(port), None) => Address { host: "127.0.0.1".to_owned(), port },
            _ => Address::read(host).or_else(|wrong| {
                // Only a URL may leave the port out.
                if scheme.is_some() { Address::read(&format!("{host}:{REDIS_PORT}")) } else { Err(wrong) }
            })?,
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (user, password),
            None => ("", ""),
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let tls = (scheme == Some("rediss")).then(Trust::default);
        Ok(Self { user: some(user), password: some(password), database, tls, ..at(Place::Tcp(address)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, place, login, database, tls) in [
            ("127.0.0.1:6399", "127.0.0.1:6399", None, 0, false),
            ("7000", "127.0.0.1:7000", None, 0, false),
            ("[::1]:1", "[::1]:1", None, 0, false),
            ("/run/j.sock", "/run/j.sock", None, 0, false),
            ("./j.sock", "./j.sock", None, 0, false),
            ("unix:///run/j.sock", "/run/j.sock", None, 0, false),
            ("redis://h", "h:6379", None, 0, false),
            ("redis://ada:se:c@ret@h:1/3", "h:1", Some(("ada", "se:c@ret")), 3, false),
            ("rediss://:x@h", "h:6379", Some(("", "x")), 0, true),
        ] {
            let target = Target::read(text).unwrap();
            let read = (target.user.as_deref().unwrap_or(""), target.password.as_deref().unwrap_or(""));
            assert_eq!((target.to_string().as_str(), read), (place, login.unwrap_or(("", ""))), "{text}");
            assert_eq!((target.database, target.tls.is_some()), (database, tls), "{text}");
        }
        for text in ["", "host", "http://h", "redis://h/x", "h:99999"] {
            assert!(Target::read(text).is_err(), "{text}");
        }
    }
}
