//! THE TABLE: every setting of the node, told once.
//!
//! A row is a name, a type, a default as text, and when it may change; its comment is its documentation. Flags,
//! variables, the file, `--print-config`, `CONFIG GET` and `CONFIG SET`, and `docs/configuration.md` all follow from
//! it. Names and units are Redis's where Redis has the setting.

use std::fmt;
use std::path::PathBuf;

use jcache_memory::Eviction;

use super::kind::{
    Acknowledge, Address, AuthClients, Bytes, Kind, Life, LogFormat, LogLevel, Number, One, OutputLimits, Permissions,
    ReadFrom, Seconds, Secret, Shape, Switch, Times, Unclean, User, Word,
};
use crate::levels::LevelSpec;

/// When a setting may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Only when the node starts.
    Start,
    /// Also while it runs, by `CONFIG SET`.
    Live,
}

/// A row.
pub(crate) struct Setting {
    /// The name in the file and in `CONFIG`; the flag has `--` before it.
    pub(crate) name: &'static str,
    /// The title it stands under.
    pub(crate) section: &'static str,
    doc: &'static [&'static str],
    /// The default, as text; several values are separated by spaces.
    pub(crate) default: &'static str,
    pub(crate) when: When,
    /// Whether there may be several values.
    pub(crate) many: bool,
    pub(crate) shape: Shape,
    /// Whether the flag may stand without a value.
    pub(crate) bare: bool,
    /// What stands for the value in help texts.
    pub(crate) place: &'static str,
    /// Reads values into a configuration.
    pub(crate) set: fn(&mut Config, &[String]) -> Result<(), String>,
    /// The values of a configuration.
    pub(crate) get: fn(&Config) -> Vec<String>,
    /// The same without what is secret in them.
    pub(crate) mask: fn(&Config) -> Vec<String>,
}

impl Setting {
    /// What the setting does: one sentence or two, without a full stop at the end.
    pub(crate) fn doc(&self) -> String {
        let lines: Vec<&str> = self.doc.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    }

    /// The variable of the environment.
    pub(crate) fn variable(&self) -> String {
        format!("JCACHE_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The values that the default stands for.
    pub(crate) fn defaults(&self) -> Vec<String> {
        self.split(self.default)
    }

    /// The values in a text of one line: of a variable, or after `CONFIG SET`.
    pub(crate) fn split(&self, text: &str) -> Vec<String> {
        if self.many { text.split_whitespace().map(str::to_owned).collect() } else { vec![text.to_owned()] }
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setting({})", self.name)
    }
}

/// The row called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

macro_rules! settings {
    ($( $section:literal { $( $(#[doc = $doc:literal])+ $field:ident: $name:literal, $Type:ty, $default:literal, $When:ident; )+ } )+) => {
        /// The settings with their values.
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct Config {
            $($( $(#[doc = $doc])+ pub(crate) $field: $Type, )+)+
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($( $field: {
                    let setting = find($name).expect("every field has a row");
                    Kind::read_all(&setting.defaults()).expect("every default can be read")
                }, )+)+ }
            }
        }

        /// The rows, in the order in which they are shown.
        pub(crate) static SETTINGS: &[Setting] = &[$($(
            Setting {
                name: $name,
                section: $section,
                doc: &[$($doc),+],
                default: $default,
                when: When::$When,
                many: <$Type as Kind>::MANY,
                shape: <<$Type as Kind>::One as One>::SHAPE,
                bare: <<$Type as Kind>::One as One>::BARE,
                place: <<$Type as Kind>::One as One>::PLACE,
                set: |config, texts| Ok(config.$field = Kind::read_all(texts)?),
                get: |config| config.$field.show_all(),
                mask: |config| config.$field.mask_all(),
            },
        )+)+];
    };
}

settings! {
    "Network" {
        /// Where clients connect by TCP
        listen: "listen", Vec<Address>, "127.0.0.1:6399", Start;
        /// Where clients connect by TCP with TLS
        tls_listen: "tls-listen", Vec<Address>, "", Start;
        /// The Unix socket where clients connect; a socket that nobody listens on is replaced
        unixsocket: "unixsocket", Option<PathBuf>, "", Start;
        /// Permissions of the Unix socket
        unixsocketperm: "unixsocketperm", Option<Permissions>, "", Start;
        /// Refuse to listen where other machines can connect while there is no password
        protected_mode: "protected-mode", bool, "yes", Live;
        /// How many clients may be connected; more are told so and sent away
        maxclients: "maxclients", Number<1, 1_000_000>, "10000", Live;
        /// Seconds without a command after which a client is disconnected; 0 for never
        timeout: "timeout", Seconds, "0", Live;
        /// Seconds between the probes that find dead connections; 0 for none
        tcp_keepalive: "tcp-keepalive", Seconds, "300", Live;
        /// The largest argument of a command
        proto_max_bulk_len: "proto-max-bulk-len", Bytes, "512mb", Live;
        /// Bytes of one command that a client may send
        query_limit: "client-query-buffer-limit", Bytes, "1gb", Live;
        /// Bytes of replies that may wait for a client that does not read them, before it is disconnected: for ordinary
        /// clients and for subscribers, at once, and when exceeded for so many seconds; 0 for no limit
        output_limits: "client-output-buffer-limit", OutputLimits, "normal 0 0 0 pubsub 33554432 8388608 60", Live;
    }
    "Security" {
        /// The password that clients must give
        requirepass: "requirepass", Option<Secret>, "", Live;
        /// Users with their passwords, besides the user `default` whose password `requirepass` is
        user: "user", Vec<User>, "", Start;
        /// The server's certificate and those that vouch for it, in PEM
        tls_cert_file: "tls-cert-file", Option<PathBuf>, "", Start;
        /// The key of the certificate, in PEM
        tls_key_file: "tls-key-file", Option<PathBuf>, "", Start;
        /// Who vouches for the certificates of clients, in PEM
        tls_ca_cert_file: "tls-ca-cert-file", Option<PathBuf>, "", Start;
        /// Whether clients must show a certificate
        tls_auth_clients: "tls-auth-clients", AuthClients, "no", Start;
    }
    "Cache" {
        /// The levels of the cache, first to be read first
        level: "level", Vec<LevelSpec>, "memory", Start;
        /// How long a memory level beside a shared one keeps a copy, unless its own ttl= says otherwise; or `none`
        near_ttl: "near-ttl", Life, "30s", Start;
        /// Bytes that a memory level may take, unless its own max= says otherwise; 0 for no bound
        maxmemory: "maxmemory", Bytes, "0", Live;
        /// Who goes when a memory level is full, unless its own policy= says otherwise
        maxmemory_policy: "maxmemory-policy", Eviction, "s3fifo", Live;
        /// Answer "nothing there" only when the level that decides writes has said so
        strict: "strict", Switch, "no", Start;
    }
    "Cluster" {
        /// Where etcd is, which keeps the nodes of a cluster together: http://HOST:PORT or https://HOST:PORT
        etcd: "etcd", Vec<Word>, "", Start;
        /// The name of the cluster
        cluster: "cluster", Word, "jcache", Start;
        /// The name of this node, which no other living one has [default: the host's name and eight digits]
        node_id: "node-id", Option<Word>, "", Start;
        /// Where other nodes connect
        peer_listen: "peer-listen", Address, "127.0.0.1:16399", Start;
        /// Where other nodes are told to connect, when that is not peer-listen
        advertise: "advertise", Option<Address>, "", Start;
        /// The name and password that all nodes of the cluster show each other
        peer_user: "peer-user", Option<User>, "", Start;
        /// Who vouches for the certificates of other nodes, in PEM; with the next two, nodes talk by TLS
        peer_ca_file: "peer-ca-file", Option<PathBuf>, "", Start;
        /// This node's certificate for other nodes, and those that vouch for it, in PEM
        peer_cert_file: "peer-cert-file", Option<PathBuf>, "", Start;
        /// The key of that certificate, in PEM
        peer_key_file: "peer-key-file", Option<PathBuf>, "", Start;
        /// The name in the certificates of other nodes, when it is not the host of their address
        peer_name: "peer-name", Option<Word>, "", Start;
        /// The user and password at etcd
        etcd_user: "etcd-user", Option<User>, "", Start;
        /// Who vouches for etcd's certificate, in PEM
        etcd_ca_file: "etcd-ca-file", Option<PathBuf>, "", Start;
        /// The certificate to show to etcd, in PEM
        etcd_cert_file: "etcd-cert-file", Option<PathBuf>, "", Start;
        /// The key of that certificate, in PEM
        etcd_key_file: "etcd-key-file", Option<PathBuf>, "", Start;
        /// The first part of the keys at etcd
        etcd_root: "etcd-root", Word, "jcache", Start;
        /// Send the passwords for nodes and etcd without TLS, too, where the network itself is closed
        plaintext_secrets: "plaintext-secrets", Switch, "no", Start;
        /// How many members must have a write before it is acknowledged; the same at all nodes
        min_insync: "min-insync", Number<1, 64>, "1", Start;
        /// Members beyond so many have copies and are not waited for; the same at all nodes. Without it 3, or min-insync
        /// where that is more
        isr_target: "isr-target", Option<Number<1, 64>>, "", Start;
        /// How fast a failure is found, against how much delay is borne; the same at all nodes
        profile: "profile", Times, "balanced", Start;
        /// When writes are acknowledged: by all members in step, by the leader alone, or by so many copies
        ack: "ack", Acknowledge, "in-sync", Live;
        /// Who answers reads: this node's copy, or the leader, by its lease or proved without clocks
        read: "read", ReadFrom, "local", Live;
        /// Bytes of writes that are kept for nodes that come back
        backlog: "backlog", Bytes, "64mb", Start;
        /// Bytes of writes that may wait for other members before writes are refused
        max_unreplicated: "max-unreplicated", Bytes, "64mb", Start;
        /// When to go on without the members that have every write: a time, never, or auto, which is 30s while
        /// min-insync is 1 and never otherwise
        unclean_after: "unclean-after", Unclean, "auto", Start;
        /// The failure domain of this node: members in step are spread over zones
        zone: "zone", Option<Word>, "", Start;
        /// Among equals the node with the higher number leads
        priority: "priority", Number<0, 1_000_000>, "0", Start;
        /// Have a copy, and never lead
        observer: "observer", Switch, "no", Start;
    }
    "Operations" {
        /// Where metrics for Prometheus and /healthz are served by HTTP
        metrics: "metrics", Option<Address>, "", Start;
        /// How much is logged, to standard error
        loglevel: "loglevel", LogLevel, "notice", Live;
        /// How a line of the log looks
        log_format: "log-format", LogFormat, "text", Start;
        /// Threads that serve clients; 0 for one a core
        threads: "threads", Number<0, 1024>, "0", Start;
        /// Microseconds from which on a command is kept in the slow log; negative for never
        slowlog_slower: "slowlog-log-slower-than", Number<-1, 1_000_000_000>, "10000", Live;
        /// How many commands the slow log keeps
        slowlog_max: "slowlog-max-len", Number<0, 100_000>, "128", Live;
        /// Seconds that clients have, when the node stops, to get the replies to what they sent
        shutdown_timeout: "shutdown-timeout", Seconds, "10", Start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_consistent() {
        let config = Config::default();
        for setting in SETTINGS {
            assert!(setting.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", setting.name);
            let values = (setting.get)(&config);
            let mut again = config.clone();
            (setting.set)(&mut again, &values).unwrap();
            assert_eq!(again, config, "{}: the default is shown as it is read", setting.name);
            assert!(!setting.doc().ends_with('.') && setting.doc().len() > 10, "{}", setting.name);
            assert_eq!(SETTINGS.iter().filter(|it| it.name == setting.name).count(), 1);
        }
    }
}
