//! What `CONFIG GET` shows and `CONFIG SET` changes: the table of settings, beside what the server itself knows.

use std::sync::{Arc, Mutex, PoisonError};

use jcache_server::Parameter;

use crate::config::table::{SETTINGS, Setting, When};
use crate::config::{Config, Loaded};
use crate::levels::Built;
use crate::logs::Logs;

/// Settings that the server has in its own hands, and shows and changes by itself.
const SERVERS_OWN: &[&str] = &[
    "client-output-buffer-limit",
    "client-query-buffer-limit",
    "maxclients",
    "proto-max-bulk-len",
    "protected-mode",
    "requirepass",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "tcp-keepalive",
    "timeout",
];

/// A parameter for every other setting.
pub(super) fn parameters(loaded: &Loaded, logs: Option<Logs>, built: &Built) -> Vec<Parameter> {
    let config = Arc::new(Mutex::new(loaded.config.clone()));
    let others = SETTINGS.iter().filter(|setting| !SERVERS_OWN.contains(&setting.name));
    others.map(|setting| parameter(setting, &config, logs.clone(), built.clone())).collect()
}

fn parameter(setting: &'static Setting, config: &Arc<Mutex<Config>>, logs: Option<Logs>, built: Built) -> Parameter {
    let now = Arc::clone(config);
    let lock = |config: &Mutex<Config>| config.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let parameter = Parameter::new(setting.name, move || (setting.mask)(&lock(&now)).join(" "));
    if setting.when == When::Start {
        return parameter;
    }
    let config = Arc::clone(config);
    parameter.on_set(move |text| {
        let mut config = config.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = config.clone();
        (setting.set)(&mut changed, &setting.split(text))?;
        if changed.maxmemory != config.maxmemory {
            built.common.set_max(changed.maxmemory.0)?;
        }
        if changed.maxmemory_policy != config.maxmemory_policy {
            built.common.set_eviction(changed.maxmemory_policy)?;
        }
        *config = changed;
        if let Some(logs) = &logs {
            logs.set(config.loglevel);
        }
        if let Some(member) = &built.member {
            member.set(&config);
        }
        Ok(())
    })
}
