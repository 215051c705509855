//! The first words on a connection: protocol, login, database, and who we are to the server.

use jcache_core::{Error, ErrorKind, Result};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, Value};

use crate::error;
use crate::settings::{Login, Protocol, Settings};
use crate::stream::Address;

/// How the server names a connection of ours. Number and address together are never another's, not even after the
/// server was restarted and counts from one again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    id: String,
    address: String,
}

impl Identity {
    /// Reads `id=7 addr=127.0.0.1:5000 …`.
    fn parse(info: &str) -> Option<Self> {
        let field = |name: &str| info.split_ascii_whitespace().find_map(|it| it.strip_prefix(name));
        Some(Self { id: field("id=")?.to_owned(), address: field("addr=")?.to_owned() })
    }

    /// Ends the connection from the server's side: what it has sent and the server has not read is then never done.
    pub(crate) fn kill(&self) -> Cmd {
        let mut cmd = redis::cmd("CLIENT");
        cmd.arg("KILL").arg("ID").arg(&self.id).arg("ADDR").arg(&self.address);
        cmd
    }

    /// Makes a blocking command of the connection end now, with what it has or with nothing.
    pub(crate) fn unblock(&self) -> Cmd {
        let mut cmd = redis::cmd("CLIENT");
        cmd.arg("UNBLOCK").arg(&self.id);
        cmd
    }
}

/// Says hello; one round trip, two where the server does not know RESP3.
///
/// # Errors
/// What the server says; unavailable when the connection breaks, or when `master` is asked for and it is a replica.
pub(crate) async fn greet(
    sender: &mut MultiplexedConnection,
    settings: &Settings,
    master: bool,
    address: &Address,
) -> Result<Option<Identity>> {
    if settings.protocol != Protocol::Resp2 {
        match say(sender, &settings.login, true, master, address).await {
            Err(refused) if settings.protocol == Protocol::Auto && knows_no_resp3(&refused) => {}
            result => return result,
        }
    }
    say(sender, &settings.login, false, master, address).await
}

/// Redis before 6 does not know `HELLO`; later ones may refuse the version.
fn knows_no_resp3(error: &Error) -> bool {
    error.kind() == ErrorKind::UnknownCommand || error.message().starts_with("NOPROTO")
}

async fn say(
    sender: &mut MultiplexedConnection,
    login: &Login,
    resp3: bool,
    master: bool,
    address: &Address,
) -> Result<Option<Identity>> {
    let mut words = Pipeline::new();
    if resp3 {
        words.cmd("HELLO").arg(3);
        if let Some(password) = login.password() {
            words.arg("AUTH").arg(login.username.as_deref().unwrap_or("default")).arg(password);
        }
    } else if let Some(password) = login.password() {
        words.cmd("AUTH");
        if let Some(username) = &login.username {
            words.arg(username);
        }
        words.arg(password);
    }
    if login.database != 0 {
        words.cmd("SELECT").arg(login.database);
    }
    if master {
        words.cmd("ROLE");
    }
    let needed = words.len();
    words.cmd("CLIENT").arg("INFO");
    let replies =
        sender.send_packed_commands(&words, 0, words.len()).await.map_err(|e| error::unreachable(address, e))?;
    let mut info = None;
    for (index, reply) in replies.into_iter().enumerate() {
        match reply {
            // A server before 6.2, or one that does not allow it, does not tell who we are; that is optional.
            Value::ServerError(refused) if index >= needed => {
                let refused = error::server(&refused);
                if refused.message().starts_with("NOAUTH") {
                    return Err(refused);
                }
            }
            Value::ServerError(refused) => return Err(login_error(error::server(&refused), login)),
            Value::Array(role) if master && index + 1 == needed && !is_master(&role) => {
                return Err(error::unreachable(address, "it is not the master now"));
            }
            reply if index == needed => info = Some(reply),
            _ => {}
        }
    }
    Ok(info.and_then(|info| match info {
        Value::BulkString(bytes) => Identity::parse(&String::from_utf8_lossy(&bytes)),
        Value::VerbatimString { text, .. } => Identity::parse(&text),
        _ => None,
    }))
}

/// A refused login is an authentication error whatever its code word: `ERR AUTH <password> called without any …`.
fn login_error(error: Error, login: &Login) -> Error {
    let about_login = error.kind() == ErrorKind::Invalid && error.message().contains("AUTH");
    if about_login && login.password().is_some() {
        Error::new(ErrorKind::Auth, error.message().to_owned())
    } else {
        error
    }
}

fn is_master(role: &[Value]) -> bool {
    matches!(role.first(), Some(Value::BulkString(name)) if name == b"master")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_read_from_the_servers_words() {
        let text = "id=12 addr=127.0.0.1:4242 laddr=127.0.0.1:6379 fd=8 name= age=0\n";
        let identity = Identity { id: "12".into(), address: "127.0.0.1:4242".into() };
        assert_eq!(Identity::parse(text), Some(identity));
        assert_eq!(Identity::parse("nothing"), None);
    }
}
