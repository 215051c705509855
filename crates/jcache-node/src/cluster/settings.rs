//! The settings of the node as those of its membership.

use jcache::distributed::{ClusterConfig, Etcd, EtcdTls, Profile, Tls, Unclean};

use crate::config::Config;
use crate::config::kind;

/// What a member is joined with.
pub(super) fn of(config: &Config) -> ClusterConfig {
    let mut cluster = ClusterConfig::new(&config.cluster.0, etcd(config))
        .root(&config.etcd_root.0)
        .listen(config.peer_listen.to_string())
        .min_insync(config.min_insync.0 as usize)
        .profile(match config.profile {
            kind::Times::Fast => Profile::Fast,
            kind::Times::Balanced => Profile::Balanced,
            kind::Times::Wan => Profile::Wan,
        })
        .ack(config.ack.into())
        .read(config.read.into())
        .backlog(bytes(config.backlog))
        .max_unreplicated(bytes(config.max_unreplicated))
        .unclean_after(match config.unclean_after {
            kind::Unclean::Auto => Unclean::Auto,
            kind::Unclean::Never => Unclean::Never,
            kind::Unclean::After(time) => Unclean::After(time),
        })
        .priority(u32::try_from(config.priority.0).unwrap_or(0));
    // What nobody has said grows with what is needed; what somebody has said stands, or is refused.
    if let Some(target) = config.isr_target {
        cluster = cluster.isr_target(target.0 as usize);
    }
    if let Some(node) = &config.node_id {
        cluster = cluster.node_id(&node.0);
    }
    if let Some(zone) = &config.zone {
        cluster = cluster.zone(&zone.0);
    }
    if let Some(address) = &config.advertise {
        cluster = cluster.advertise(address.to_string());
    }
    if let Some(user) = &config.peer_user {
        cluster = cluster.secret(&user.name, &user.password.0);
    }
    if let (Some(ca), Some(certificate), Some(key)) =
        (&config.peer_ca_file, &config.peer_cert_file, &config.peer_key_file)
    {
        let tls = Tls::new(ca, certificate, key);
        cluster = cluster.tls(match &config.peer_name {
            Some(name) => tls.server_name(&name.0),
            None => tls,
        });
    }
    if config.plaintext_secrets.0 {
        cluster = cluster.allow_plaintext_secret();
    }
    if config.observer.0 {
        cluster = cluster.observer();
    }
    cluster
}

fn etcd(config: &Config) -> Etcd {
    let mut etcd = Etcd::new(config.etcd.iter().map(|endpoint| endpoint.0.clone()));
    if let Some(user) = &config.etcd_user {
        etcd = etcd.user(&user.name, &user.password.0);
    }
    if config.etcd_ca_file.is_some() || config.etcd_cert_file.is_some() {
        let mut tls = EtcdTls::new();
        if let Some(ca) = &config.etcd_ca_file {
            tls = tls.ca_file(ca);
        }
        if let (Some(certificate), Some(key)) = (&config.etcd_cert_file, &config.etcd_key_file) {
            tls = tls.client_certificate(certificate, key);
        }
        etcd = etcd.tls(tls);
    }
    if config.plaintext_secrets.0 {
        etcd = etcd.allow_plaintext_password();
    }
    etcd
}

fn bytes(kind::Bytes(bytes): kind::Bytes) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_somebody_gave_is_not_another_one() {
        for (min_insync, target, refused) in [
            (1, None, false),
            (5, None, false),
            (3, Some(3), false),
            (5, Some(3), true),
            (5, Some(5), false),
            (2, Some(1), true),
        ] {
            let config = Config {
                cluster: kind::Word("demo".into()),
                etcd: vec![kind::Word("http://127.0.0.1:2379".into())],
                min_insync: kind::Number(min_insync),
                isr_target: target.map(kind::Number),
                ..Config::default()
            };
            let checked = of(&config).check();
            assert_eq!(checked.is_err(), refused, "at least {min_insync}, target {target:?}: {checked:?}");
        }
    }
}
