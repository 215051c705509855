//! Addresses and files.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::One;

/// Where to listen: a host's name or number, and a port; port 0 is any that is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Whether only programs of this machine reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

impl One for Address {
    const PLACE: &'static str = "HOST:PORT";

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected HOST:PORT such as 127.0.0.1:6399, not '{text}'");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = |host: &str| !host.is_empty() && !host.contains([':', '[', ']', '/', ' ', '@']);
        match bare {
            Some(host) if host.parse::<std::net::Ipv6Addr>().is_ok() => Ok(Self { host: host.to_owned(), port }),
            None if host == "*" => Ok(Self { host: "0.0.0.0".to_owned(), port }),
            None if is_host(host) => Ok(Self { host: host.to_owned(), port }),
            _ => Err(wrong()),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl One for PathBuf {
    const PLACE: &'static str = "FILE";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("expected a path".to_owned()) } else { Ok(text.into()) }
    }

    fn show(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

/// The permissions of a file, in octal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permissions(pub(crate) u32);

impl One for Permissions {
    const PLACE: &'static str = "OCTAL";

    fn read(text: &str) -> Result<Self, String> {
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        mode.map(Self).ok_or_else(|| format!("expected permissions in octal such as 770, not '{text}'"))
    }

    fn show(&self) -> String {
        format!("{:o}", self.0)
    }
}
