//! Reading the URLs that name a server.

use jcache_core::Result;
use percent_encoding::percent_decode_str;

use crate::error::configuration;
use crate::settings::{Protocol, Settings};
use crate::stream::Address;

/// The port of a server where none is said.
const PORT: u16 = 6379;

/// What a URL leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// One server.
    One(Address),
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

/// Reads `url`: the place is the result, login and options go to `settings`.
///
/// # Errors
/// Configuration, naming the part that cannot be read; never with the password in it.
pub(crate) fn read(url: &str, settings: &mut Settings) -> Result<Place> {
    let parts = split(url).ok_or_else(|| configuration("a Redis URL starts with a scheme such as redis://"))?;
    if let Some(login) = parts.login {
        read_login(login, settings)?;
    }
    for option in parts.options.split('&').filter(|it| !it.is_empty()) {
        read_option(option, settings)?;
    }
    match parts.scheme {
        "redis" => {
            settings.login.database = database(parts.path)?;
            Ok(Place::One(host(parts.hosts, PORT)?))
        }
        "unix" | "redis+unix" => Ok(Place::One(Address::Unix(format!("/{}", decode(parts.path)?).into()))),
        other => Err(configuration(format!("unknown scheme '{other}' of a Redis URL"))),
    }
}

fn read_login(login: &str, settings: &mut Settings) -> Result<()> {
    let (name, password) = login.split_once(':').unwrap_or((login, ""));
    if !name.is_empty() {
        settings.login.username = Some(decode(name)?);
    }
    if !password.is_empty() {
        settings.login.password = Some(decode(password)?);
    }
    Ok(())
}

fn read_option(option: &str, settings: &mut Settings) -> Result<()> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    let value = decode(value)?;
    match (name, value.as_str()) {
        ("protocol", "2" | "resp2") => settings.protocol = Protocol::Resp2,
        ("protocol", "3" | "resp3") => settings.protocol = Protocol::Resp3,
        ("db", number) => settings.login.database = database(number)?,
        _ => return Err(configuration(format!("unknown option '{option}' of a Redis URL"))),
    }
    Ok(())
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| configuration("a Redis URL is UTF-8 once it is decoded"))
}

fn database(path: &str) -> Result<u32> {
    if path.is_empty() {
        return Ok(0);
    }
    path.parse().map_err(|_| configuration(format!("'{path}' is no database number")))
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`; without a host it is this machine.
fn host(text: &str, port: u16) -> Result<Address> {
    let wrong = || configuration(format!("'{text}' is no host and port"));
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
