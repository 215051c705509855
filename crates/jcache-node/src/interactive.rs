//! `jcache` on a terminal: a node, and a shell on it, in one process; leaving the shell ends both.
//!
//! The shell is a client of the node like any other, so that it can do all that clients can. When the usual port is
//! taken, the node takes a free one: a second terminal then needs that one. Where no client could come from (`--listen
//! ""`), the shell is on the cache itself.

use std::io;
use std::process::ExitCode;

use tokio::runtime::Runtime;

use crate::client::{Client, Target};
use crate::config::Loaded;
use crate::config::kind::Address;
use crate::format::Format;
use crate::levels::Built;
use crate::metrics::{self, Metrics};
use crate::node::{Node, Refusal};
use crate::session::Session;
use crate::{FAILED, complain, serve, shell};

/// Runs the node and the shell.
///
/// # Errors
/// When the terminal cannot be used.
pub(crate) fn run(runtime: &Runtime, loaded: &Loaded, built: Built, format: Format) -> io::Result<ExitCode> {
    let cache = built.cache.clone();
    let names: Vec<&str> = cache.level_names().collect();
    let on = format!("jcache {} on {}; `help` lists the commands\n", env!("CARGO_PKG_VERSION"), names.join(", "));
    if loaded.must_listen().is_err() {
        return shell::run(runtime, &Session::new(cache.clone(), format), &on);
    }
    let (node, moved) = match runtime.block_on(start(loaded, built)) {
        Ok(started) => started,
        Err(refusal) => return Ok(complain(&refusal, FAILED)),
    };
    let session = match runtime.block_on(connect(loaded, &node)) {
        Some(client) => Session::inside(client, cache.clone(), format),
        None => Session::new(cache.clone(), format),
    };
    let others = serve::how_to_talk(loaded, &node.addresses);
    let greeting = format!("{on}{moved}Other terminals reach the same data:\n{others}");
    let code = shell::run(runtime, &session, &greeting);
    drop(session);
    runtime.block_on(node.stop());
    code
}

async fn start(loaded: &Loaded, built: Built) -> Result<(Node, String), Refusal> {
    let (node, moved) = match Node::start(loaded, built.clone(), None).await {
        // Nobody asked for this very port.
        Err(Refusal::InUse(address)) if !loaded.is_given("listen") => {
            let mut elsewhere = loaded.clone();
            elsewhere.config.listen = vec![Address { host: "127.0.0.1".to_owned(), port: 0 }];
            let node = Node::start(&elsewhere, built, None).await?;
            (node, format!("{address} is taken by another program, so this node took a free port\n"))
        }
        started => (started?, String::new()),
    };
    if let Some(address) = &loaded.config.metrics {
        let listener = metrics::http::listen(&address.to_string()).await;
        let listener =
            listener.map_err(|error| Refusal::Other(format!("cannot serve metrics on {address}: {error}")))?;
        tokio::spawn(metrics::http::serve(listener, Metrics::new(node.view.clone())));
    }
    Ok((node, moved))
}

/// A connection to the node by a way that needs no certificate; `None` when there is no such way.
async fn connect(loaded: &Loaded, node: &Node) -> Option<Client> {
    let config = &loaded.config;
    let socket = node.addresses.len() - usize::from(config.unixsocket.is_some());
    let address = match (config.listen.is_empty(), config.unixsocket.is_some()) {
        (false, _) => &node.addresses[0],
        (true, true) => &node.addresses[socket],
        (true, false) => return None,
    };
    let password = config.requirepass.as_ref().map(|password| password.0.clone());
    Client::connect(Target::plain(address, password).ok()?).await.ok()
}
