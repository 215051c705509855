//! The suites are right: a real `redis-server` passes every one, behind the thinnest driver there can be.

use std::net::{Shutdown, TcpStream};

use jcache_core::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache_core::{Answer, Driver, Encoded, Error, ErrorKind, Mutation, Query, Reply, Result, Scope};
use jcache_testkit::conformance;
use jcache_testkit::oracle::{RawClient, RedisServer, redis_or_skip};

/// Each command on a connection of its own.
#[derive(Debug)]
struct Thin {
    server: RedisServer,
    resp3: bool,
}

/// Closes a connection whose caller is gone, upon which Redis forgets that it waited.
struct Hangup(TcpStream);

impl Drop for Hangup {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Thin {
    fn client(&self) -> RawClient {
        let mut client = self.server.client();
        if self.resp3 {
            client.resp3();
        }
        client
    }

    async fn call(&self, command: Encoded) -> Result<Reply> {
        let mut client = self.client();
        let _hangup = Hangup(client.stream());
        let args: Vec<Vec<u8>> = command.args().iter().map(|arg| arg.to_vec()).collect();
        let reply = tokio::task::spawn_blocking(move || client.call(&args)).await.expect("the call ends");
        reply.map_err(|text| {
            let kind = if text.starts_with("WRONGTYPE") { ErrorKind::WrongType } else { ErrorKind::Server };
            Error::new(kind, text)
        })
    }
}

impl Driver for Thin {
    fn scope(&self) -> Scope {
        Scope::Shared
    }

    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        let reply = self.call(Encoded::query(query)).await?;
        Ok(query.canonical(reply)?.into())
    }

    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        self.call(Encoded::mutation(mutation)).await
    }
}

impl StringDriver for Thin {}
impl HashDriver for Thin {}
impl ListDriver for Thin {}
impl SetDriver for Thin {}
impl SortedSetDriver for Thin {}

macro_rules! passes {
    ($($suite:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $suite() {
            for resp3 in [false, true] {
                let Some(server) = redis_or_skip() else { return };
                conformance::$suite(&Thin { server, resp3 }).await;
            }
        }
    )*};
}
passes!(
    strings,
    hashes,
    lists,
    sets,
    sorted_sets,
    keys,
    wrong_types,
    expiry,
    blocking,
    blocking_sorted_sets,
    snapshots
);

/// The tables hold every command that there is: none goes unproven.
#[test]
fn every_command_is_in_a_session() {
    let lines: Vec<String> = conformance::sessions()
        .flat_map(|(_, session)| session.iter().map(|row| format!("{} ", row.0.to_ascii_uppercase())))
        .collect();
    let is_seen = |name: &str| lines.iter().any(|line| line.starts_with(&format!("{} ", name.replace('|', " "))));
    let unseen: Vec<&str> = jcache_core::command::specs().map(|spec| spec.name).filter(|name| !is_seen(name)).collect();
    assert!(unseen.is_empty(), "no session has {unseen:?}");
}
