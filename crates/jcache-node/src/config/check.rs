//! Settings that contradict each other, each a row: found before anything is started.

use super::kind::{Address, AuthClients};
use super::table::{SETTINGS, Setting};
use super::{Config, Loaded, Wrong};

type Rule = fn(&Loaded) -> Option<Wrong>;

const RULES: &[Rule] = &[
    no_address_twice,
    nothing_open_without_a_password,
    permissions_need_a_socket,
    tls_needs_a_certificate,
    certificates_need_tls,
    clients_are_vouched_for,
    users_have_names_of_their_own,
    memory_bound_needs_a_memory_level,
    near_ttl_needs_a_near_level,
    clusters_need_etcd,
    etcd_is_for_one_level,
    peers_have_all_files_or_none,
];

/// Finds the first contradiction.
///
/// # Errors
/// That contradiction, at the place of the setting that is in the way.
pub(super) fn check(loaded: &Loaded) -> Result<(), Wrong> {
    RULES.iter().find_map(|rule| rule(loaded)).map_or(Ok(()), Err)
}

impl Loaded {
    /// Whether clients could come from somewhere; a shell may do without.
    ///
    /// # Errors
    /// When there is nowhere to listen.
    pub(crate) fn must_listen(&self) -> Result<(), Wrong> {
        if self.config.unixsocket.is_some() || addresses(&self.config).next().is_some() {
            return Ok(());
        }
        Err(self.wrong("listen", "there is no address, no tls-listen and no unixsocket to listen on"))
    }

    /// Something wrong about a setting.
    fn wrong(&self, name: &str, what: impl Into<String>) -> Wrong {
        self.source(name).wrong(name, what)
    }
}

fn addresses(config: &Config) -> impl Iterator<Item = (&'static str, &Address)> {
    let plain = config.listen.iter().map(|address| ("listen", address));
    plain.chain(config.tls_listen.iter().map(|address| ("tls-listen", address)))
}

fn no_address_twice(loaded: &Loaded) -> Option<Wrong> {
    let metrics = loaded.config.metrics.iter().map(|address| ("metrics", address));
    let mut seen: Vec<(&str, &Address)> = Vec::new();
    for (name, address) in addresses(&loaded.config).chain(metrics).filter(|(_, address)| address.port != 0) {
        if let Some((other, _)) = seen.iter().find(|(_, it)| *it == address) {
            return Some(loaded.wrong(name, format!("{address} is already taken by {other}")));
        }
        seen.push((name, address));
    }
    None
}

fn nothing_open_without_a_password(loaded: &Loaded) -> Option<Wrong> {
    let config = &loaded.config;
    if !config.protected_mode || config.requirepass.is_some() {
        return None;
    }
    let (name, address) = addresses(config).find(|(_, address)| !address.is_loopback())?;
    let wrong = loaded.wrong(name, format!("other machines could connect to {address}, and there is no password"));
    Some(wrong.help("set requirepass, or protected-mode to no when the network itself is closed"))
}

fn permissions_need_a_socket(loaded: &Loaded) -> Option<Wrong> {
    let config = &loaded.config;
    let alone = config.unixsocketperm.is_some() && config.unixsocket.is_none();
    alone.then(|| loaded.wrong("unixsocketperm", "there is no unixsocket"))
}

fn tls_needs_a_certificate(loaded: &Loaded) -> Option<Wrong> {
    let config = &loaded.config;
    if config.tls_listen.is_empty() {
        return None;
    }
    let files = [("tls-cert-file", &config.tls_cert_file), ("tls-key-file", &config.tls_key_file)];
    let (missing, _) = files.into_iter().find(|(_, file)| file.is_none())?;
    Some(loaded.wrong("tls-listen", format!("{missing} is not set")))
}

fn certificates_need_tls(loaded: &Loaded) -> Option<Wrong> {
    let config = &loaded.config;
    let files = [
        ("tls-cert-file", &config.tls_cert_file),
        ("tls-key-file", &config.tls_key_file),
        ("tls-ca-cert-file", &config.tls_ca_cert_file),
    ];
    let (useless, _) = files.into_iter().find(|(_, file)| config.tls_listen.is_empty() && file.is_some())?;
    Some(loaded.wrong(useless, "there is no tls-listen"))
}

fn clients_are_vouched_for(loaded: &Loaded) -> Option<Wrong> {
    let config = &loaded.config;
    let asked = config.tls_auth_clients != AuthClients::No;
    (asked && config.tls_ca_cert_file.is_none())
        .then(|| loaded.wrong("tls-auth-clients", "tls-ca-cert-file is not set, so no certificate of a client is good"))
}

fn users_have_names_of_their_own(loaded: &Loaded) -> Option<Wrong> {
    let users = &loaded.config.user;
    if loaded.config.requirepass.is_some() && users.iter().any(|user| user.name == "default") {
        return Some(loaded.wrong("user", "the password of the user 'default' is requirepass, which is set too"));
    }
    let twice = users.iter().enumerate().find(|(index, user)| users[..*index].iter().any(|it| it.name == user.name));
    twice.map(|(_, user)| loaded.wrong("user", format!("there are two users '{}'", user.name)))
}

fn memory_bound_needs_a_memory_level(loaded: &Loaded) -> Option<Wrong> {
    let config = &loaded.config;
    let useless = config.maxmemory.0 > 0 && !config.level.iter().any(|level| level.takes_the_common_bound());
    useless.then(|| loaded.wrong("maxmemory", "there is no memory level without a max= of its own"))
}

fn clusters_need_etcd(loaded: &Loaded) -> Option<Wrong> {
    if !loaded.config.etcd.is_empty() {
        return None;
    }
    if loaded.config.level.iter().any(|level| level.is_distributed()) {
        return Some(loaded.wrong("level", "a distributed level needs etcd"));
    }
    let default = Config::default();
    let is_set = |setting: &&Setting| (setting.get)(&loaded.config) != (setting.get)(&default);
    let useless = SETTINGS.iter().filter(|setting| setting.section == "Cluster").find(is_set)?;
    Some(loaded.wrong(useless.name, "there is no etcd to keep a cluster together"))
}

fn etcd_is_for_one_level(loaded: &Loaded) -> Option<Wrong> {
    match loaded.config.level.iter().filter(|level| level.is_distributed()).count() {
        0 if !loaded.config.etcd.is_empty() => Some(loaded.wrong("etcd", "no level is distributed")),
        0 | 1 => None,
        _ => Some(loaded.wrong("level", "a node is in one cluster, so there cannot be two distributed levels")),
    }
}

fn peers_have_all_files_or_none(loaded: &Loaded) -> Option<Wrong> {
    let config = &loaded.config;
    let files = [
        ("peer-ca-file", &config.peer_ca_file),
        ("peer-cert-file", &config.peer_cert_file),
        ("peer-key-file", &config.peer_key_file),
    ];
    let (given, _) = files.iter().find(|(_, file)| file.is_some())?;
    let (missing, _) = files.iter().find(|(_, file)| file.is_none())?;
    Some(loaded.wrong(given, format!("{missing} is not set")))
}

fn near_ttl_needs_a_near_level(loaded: &Loaded) -> Option<Wrong> {
    let levels = &loaded.config.level;
    let near = levels.iter().any(|level| level.is_shared()) && levels.iter().any(|level| !level.is_shared());
    (loaded.config.near_ttl != Config::default().near_ttl && !near)
        .then(|| loaded.wrong("near-ttl", "there is no memory level beside a shared one"))
}
