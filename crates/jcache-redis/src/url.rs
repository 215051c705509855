//! Reading the URLs that name a server.

use jcache_core::Result;
use percent_encoding::percent_decode_str;

use crate::error::configuration;
use crate::settings::{Login, Protocol};
use crate::stream::Address;

/// The port of a server where none is said.
pub(crate) const PORT: u16 = 6379;
/// The port of a Sentinel where none is said.
pub(crate) const SENTINEL_PORT: u16 = 26379;

/// What a URL leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// One server.
    One(Address),
    /// The master that these Sentinels know by this name.
    Sentinels(Vec<Address>, String),
    /// The cluster that any of these nodes belongs to.
    Cluster(Vec<Address>),
}

/// What a URL says.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) place: Place,
    pub(crate) login: Login,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) tls: Option<TlsWords>,
}

/// What a URL says about TLS.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsWords {
    pub(crate) ca_file: Option<String>,
    pub(crate) cert_file: Option<String>,
    pub(crate) key_file: Option<String>,
    pub(crate) insecure: bool,
}

/// The parts of `scheme://login@hosts/path?options`, undecoded.
struct Parts<'a> {
    scheme: &'a str,
    login: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
    options: &'a str,
}

fn split(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, hosts) = match server.rsplit_once('@') {
        Some((login, hosts)) => (Some(login), hosts),
        None => (None, server),
    };
    Some(Parts { scheme, login, hosts, path, options })
}

/// Reads `url`.
///
/// # Errors
/// Configuration, naming the part that cannot be read; never with the password in it.
pub(crate) fn read(url: &str) -> Result<Named> {
    let parts = split(url).ok_or_else(|| configuration("a Redis URL starts with a scheme such as redis://"))?;
    let (server, shape) = parts.scheme.split_once('+').unwrap_or((parts.scheme, ""));
    let tls = match server {
        "redis" | "valkey" | "unix" => None,
        "rediss" | "valkeys" => Some(TlsWords::default()),
        _ => return Err(configuration("a Redis URL starts with redis, rediss, valkey, valkeys or unix")),
    };
    let mut login = parts.login.map(read_login).transpose()?.unwrap_or_default();
    let place = match (server, shape) {
        ("unix", "") => Place::One(Address::Unix(format!("/{}", decode(parts.path)?).into())),
        ("unix", _) => return Err(configuration("a Unix socket leads to one server")),
        (_, "") => {
            login.database = database(parts.path)?;
            Place::One(address(parts.hosts, PORT)?)
        }
        (_, "sentinel") => {
            let (name, number) = parts.path.split_once('/').unwrap_or((parts.path, ""));
            if name.is_empty() {
                return Err(configuration("a Sentinel URL names the master: redis+sentinel://host/mymaster"));
            }
            login.database = database(number)?;
            Place::Sentinels(addresses(parts.hosts, SENTINEL_PORT)?, decode(name)?)
        }
        (_, "cluster") => {
            login.database = database(parts.path)?;
            Place::Cluster(addresses(parts.hosts, PORT)?)
        }
        _ => return Err(configuration("a Redis URL leads to one server, or with +sentinel or +cluster to several")),
    };
    let mut named = Named { place, login, protocol: None, tls };
    for option in parts.options.split('&').filter(|it| !it.is_empty()) {
        read_option(option, &mut named)?;
    }
    Ok(named)
}

fn read_login(text: &str) -> Result<Login> {
    let (name, password) = match text.split_once(':') {
        Some((name, password)) => (name, Some(decode(password)?)),
        None => (text, None),
    };
    let username = if name.is_empty() { None } else { Some(decode(name)?) };
    Ok(Login { username, password, database: 0 })
}

fn read_option(option: &str, named: &mut Named) -> Result<()> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let value = decode(value)?;
    match (name, value.as_str(), &mut named.tls) {
        ("protocol", "2" | "resp2", _) => named.protocol = Some(Protocol::Resp2),
        ("protocol", "3" | "resp3", _) => named.protocol = Some(Protocol::Resp3),
        ("db", number, _) => named.login.database = database(number)?,
        ("ca_file", _, Some(tls)) => tls.ca_file = Some(value),
        ("cert_file", _, Some(tls)) => tls.cert_file = Some(value),
        ("key_file", _, Some(tls)) => tls.key_file = Some(value),
        ("insecure", "" | "true", Some(tls)) => tls.insecure = true,
        // The rest of a password with a bare `?` in it ends up here, and is not shown.
        _ if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            return Err(configuration("the options of a Redis URL cannot be read"));
        }
        _ => return Err(configuration(format!("unknown option, or wrong value, of a Redis URL: '{name}'"))),
    }
    Ok(())
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| configuration("a Redis URL is UTF-8 once it is decoded"))
}

fn database(text: &str) -> Result<u32> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| configuration("the path of a Redis URL is no database number"))
}

/// Reads several addresses with commas between them.
pub(crate) fn addresses(text: &str, port: u16) -> Result<Vec<Address>> {
    text.split(',').map(|it| address(it, port)).collect()
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`; without a host it is this machine.
pub(crate) fn address(text: &str, port: u16) -> Result<Address> {
    let wrong = || configuration("no host, or no port, as in host:6379 or [::1]:6379");
    let (host, rest) = match text.strip_prefix('[') {
        Some(text) => text.split_once(']').ok_or_else(wrong)?,
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let port = match rest.strip_prefix(':') {
        Some(number) => number.parse().map_err(|_| wrong())?,
        None if rest.is_empty() => port,
        None => return Err(wrong()),
    };
    let host = if host.is_empty() { "127.0.0.1".to_owned() } else { decode(host)? };
    Ok(Address::Tcp(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp(host.into(), port)
    }

    #[test]
    fn every_form_leads_somewhere() {
        let cases = [
            ("redis://", Place::One(tcp("127.0.0.1", 6379))),
            ("redis://cache", Place::One(tcp("cache", 6379))),
            ("valkey://cache:7000/", Place::One(tcp("cache", 7000))),
            ("rediss://u:p@cache:7000/3", Place::One(tcp("cache", 7000))),
            ("redis://[::1]:7000", Place::One(tcp("::1", 7000))),
            ("redis://[fe80::1]/1", Place::One(tcp("fe80::1", 6379))),
            ("unix:///run/redis.sock?db=2", Place::One(Address::Unix("/run/redis.sock".into()))),
            (
                "redis+sentinel://a,b:1/mymaster/2",
                Place::Sentinels(vec![tcp("a", 26379), tcp("b", 1)], "mymaster".into()),
            ),
            ("valkeys+cluster://a:1,b:2", Place::Cluster(vec![tcp("a", 1), tcp("b", 2)])),
        ];
        for (url, place) in cases {
            assert_eq!(read(url).expect(url).place, place, "{url}");
        }
    }

    #[test]
    fn login_and_options_are_read() {
        let named = read("rediss://us%40er:p%3Ass@h/4?protocol=2&ca_file=/a%20b&insecure").expect("a URL");
        assert_eq!(named.login.username.as_deref(), Some("us@er"));
        assert_eq!(named.login.password.as_deref(), Some("p:ss"));
        assert_eq!(named.login.database, 4);
        assert_eq!(named.protocol, Some(Protocol::Resp2));
        let tls = TlsWords { ca_file: Some("/a b".into()), insecure: true, ..TlsWords::default() };
        assert_eq!(named.tls, Some(tls));
        assert!(!format!("{named:?}").contains("p:ss"), "the password is not shown");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for url in [
            "",
            "cache:6379",
            "http://cache",
            "redis+x://cache",
            "unix+cluster:///a",
            "redis://cache:port",
            "redis://cache:99999",
            "redis://[::1",
            "redis://[::1]x",
            "redis://cache/x",
            "redis://cache/-1",
            "redis://cache?db=x",
            "redis://cache?insecure",
            "redis://%ff",
            "redis+sentinel://cache",
            "redis://user:secr@et/secret@cache",
            "redis://user:secret?secret@cache",
            "redis://user:secret",
        ] {
            let error = read(url).expect_err(url);
            assert!(!error.message().contains("secr"), "{error}");
            assert_eq!(error.kind(), jcache_core::ErrorKind::Configuration, "{url}");
        }
    }
}
