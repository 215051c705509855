//! Which connections `CLIENT KILL` means.

use jcache_core::{Arg, Error, Result, number};

use super::client::client_type;
use crate::client::Client;
use crate::users::Users;

/// Conditions that all have to hold.
#[derive(Debug, Default)]
pub(super) struct Filter {
    id: Option<u64>,
    address: Option<Vec<u8>>,
    local: Option<Vec<u8>>,
    user: Option<Vec<u8>>,
    kind: Option<Vec<u8>>,
    with_me: bool,
}

/// Whether there are clients of this kind.
pub(super) fn check_type(kind: &[u8]) -> Result<()> {
    const KINDS: [&str; 5] = ["normal", "master", "slave", "replica", "pubsub"];
    if KINDS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(kind)) {
        return Ok(());
    }
    Err(Error::invalid(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(kind))))
}

impl Filter {
    pub(super) fn parse(args: &[Arg<'_>], users: &Users) -> Result<Self> {
        let mut filter = Filter::default();
        for pair in args.chunks(2) {
            let [option, value] = pair else { return Err(Error::syntax()) };
            if option.is_word("ID") {
                let id = number::parse_i64(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                filter.id = Some(id.ok_or_else(|| Error::invalid("ERR client-id should be greater than 0"))?);
            } else if option.is_word("TYPE") {
                check_type(value)?;
                filter.kind = Some(value.to_ascii_lowercase());
            } else if option.is_word("ADDR") {
                filter.address = Some(value.to_vec());
            } else if option.is_word("LADDR") {
                filter.local = Some(value.to_vec());
            } else if option.is_word("USER") {
                if !users.has(value) {
                    return Err(Error::invalid(format!("ERR No such user '{}'", String::from_utf8_lossy(value))));
                }
                filter.user = Some(value.to_vec());
            } else if option.is_word("SKIPME") && value.is_word("YES") {
                filter.with_me = false;
            } else if option.is_word("SKIPME") && value.is_word("NO") {
                filter.with_me = true;
            } else {
                return Err(Error::syntax());
            }
        }
        Ok(filter)
    }

    pub(super) fn admits(&self, client: &Client, me: u64) -> bool {
        let is = |wanted: &Option<Vec<u8>>, given: &str| wanted.as_ref().is_none_or(|it| it == given.as_bytes());
        self.id.is_none_or(|id| id == client.id)
            && is(&self.address, &client.peer)
            && is(&self.local, &client.local)
            && is(&self.kind, client_type(client))
            && is(&self.user, client.facts.lock().user.as_deref().unwrap_or_default())
            && (self.with_me || client.id != me)
    }
}
