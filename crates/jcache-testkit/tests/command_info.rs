//! What every command declares about itself, held against `COMMAND INFO` of a real server.

#![allow(clippy::unwrap_used)]

use jcache_core::{Reply, command};
use jcache_testkit::oracle;

#[test]
fn arity_and_keys_are_those_of_redis() {
    let Some(server) = oracle::redis_or_skip() else { return };
    let mut client = server.client();
    for spec in command::specs() {
        let reply = client.call(&["COMMAND", "INFO", spec.name]).unwrap();
        let info = reply.into_items().unwrap().remove(0).into_items().unwrap();
        let number = |place: usize| match info[place] {
            Reply::Int(number) => number,
            ref other => panic!("{}: {other:?}", spec.name),
        };
        let theirs = (number(1), number(3), number(4), number(5));
        let keys = spec.keys;
        let ours = (spec.arity.into(), keys.first.into(), keys.last.into(), keys.step.into());
        assert_eq!(theirs, ours, "{}: arity and first, last and step of its keys", spec.name);
    }
}
