//! `jcache serve`: a node until somebody stops it.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Loaded;
use crate::config::kind::Address;
use crate::logs::Logs;
use crate::metrics::{self, Metrics};
use crate::node::Node;
use crate::{FAILED, USAGE, code_of, complain, levels};

/// Runs a node.
///
/// # Errors
/// When the runtime cannot be started or standard output cannot be written.
pub(crate) fn run(loaded: &Loaded) -> io::Result<ExitCode> {
    if let Err(wrong) = loaded.must_listen() {
        return Ok(complain(&wrong, USAGE));
    }
    let logs = Logs::start(loaded.config.loglevel, loaded.config.log_format);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    for (name, value, source) in loaded.given() {
        tracing::debug!(%name, %value, %source, "setting");
    }
    let clients = loaded.config.maxclients.0;
    if let Some(room) = u64::try_from(clients).ok().and_then(crate::process::make_room_for) {
        tracing::warn!(maxclients = clients, room, "the system's limit of open files is too low for so many clients");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let code = runtime.block_on(serve(loaded, logs));
    runtime.shutdown_background();
    code
}

async fn serve(loaded: &Loaded, logs: Logs) -> io::Result<ExitCode> {
    // From here on a signal ends the node in order, also while it starts.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let built = tokio::select! {
        built = levels::build(&loaded.config) => built,
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
    };
    let built = match built {
        Ok(built) => built,
        Err(error) => return Ok(complain(&error, code_of(&error))),
    };
    let member = built.member.clone();
    let names: Vec<String> = built.cache.level_names().map(str::to_owned).collect();
    let mut node = match Node::start(loaded, built, Some(logs)).await {
        Ok(node) => node,
        Err(refusal) => {
            if let Some(member) = member {
                member.leave().await;
            }
            return Ok(complain(&refusal, FAILED));
        }
    };
    let metrics = match &loaded.config.metrics {
        Some(address) => match metrics::http::listen(&address.to_string()).await {
            Ok(listener) => Some(listener),
            Err(error) => return Ok(complain(&format!("cannot serve metrics on {address}: {error}"), FAILED)),
        },
        None => None,
    };
    let mut said = format!("jcache {} serves {}\n", env!("CARGO_PKG_VERSION"), names.join(", "));
    said.push_str(&how_to_talk(loaded, &node.addresses));
    if let Some(listener) = metrics {
        let _ = writeln!(said, "  curl http://{}/metrics", listener.local_addr()?);
        tokio::spawn(metrics::http::serve(listener, Metrics::new(node.view.clone())));
    }
    said.push_str("stop it with Ctrl-C or SIGTERM\n");
    // Nobody may be reading: a node serves all the same.
    let mut out = io::stdout().lock();
    let _ = out.write_all(said.as_bytes()).and_then(|()| out.flush());
    drop(out);
    tracing::info!(levels = %names.join(","), addresses = %node.addresses.join(","), "ready");
    notify(NotifyState::Ready);

    let membership = async {
        match &member {
            Some(member) => member.ends().await.map_err(io::Error::other),
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        ended = node.ends() => ended,
        ended = membership => ended,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    tracing::info!("stopping");
    notify(NotifyState::Stopping);
    let leaving = async {
        // Leadership first, so that those who are connected here can write until they are gone.
        if let Some(member) = &member {
            member.step_down().await;
        }
        let drained = node.stop().await;
        if let Some(member) = &member {
            member.leave().await;
        }
        drained
    };
    let drained = tokio::select! {
        drained = leaving => drained,
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
    };
    if !drained {
        tracing::warn!("some clients did not get their last replies");
    }
    match ended {
        Ok(()) => tracing::info!("stopped"),
        Err(error) => return Ok(complain(&error, FAILED)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells the service manager; where there is none, nobody is told.
fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "cannot notify the service manager");
    }
}

/// Commands that connect to the addresses of a node, one a line.
pub(crate) fn how_to_talk(loaded: &Loaded, addresses: &[String]) -> String {
    let config = &loaded.config;
    let count = (config.listen.len(), config.listen.len() + config.tls_listen.len());
    let mut text = String::new();
    for (index, address) in addresses.iter().enumerate() {
        let (redis, own) = if index < count.1 {
            let Ok(address) = <Address as crate::config::kind::One>::read(address) else { continue };
            let tls = if index < count.0 { "" } else { " --tls" };
            // What is open to everybody is open to this machine.
            let here = matches!(address.host.as_str(), "127.0.0.1" | "0.0.0.0" | "::");
            let host = if here { String::new() } else { format!(" -h {}", address.host) };
            (format!("redis-cli{host} -p {}{tls}", address.port), format!("jcache shell {address}{tls}"))
        } else {
            (format!("redis-cli -s {address}"), format!("jcache shell {address}"))
        };
        let _ = writeln!(text, "  {redis:30} or  {own}");
    }
    text
}
