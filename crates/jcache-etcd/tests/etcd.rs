//! The client against a real etcd: what elections need of it, and what happens when etcd stops, dies or forgets.

use std::time::{Duration, Instant};

use jcache_etcd::{Change, Client, Compare, Config, ErrorKind, LeaseId, Operation, Response, Transaction};
use jcache_testkit::etcd::{Etcd, etcd_or_skip};

const SHORT: Duration = Duration::from_millis(500);

fn client(etcd: &Etcd) -> Client {
    Client::new(&Config::new(etcd.endpoints()).timeout(Duration::from_secs(5))).expect("these settings are right")
}

fn put(key: &'static str, value: &str, lease: Option<LeaseId>) -> Operation {
    Operation::Put(key.into(), value.to_owned().into(), lease)
}

fn write(key: &'static str, value: &str) -> Transaction {
    Transaction { then: vec![put(key, value, None)], ..Transaction::default() }
}

#[tokio::test]
async fn a_transaction_does_one_thing_or_the_other() {
    let Some(etcd) = etcd_or_skip() else { return };
    let client = client(&etcd);
    let elect = |who: &str| Transaction {
        when: vec![Compare::Absent("/t/leader".into())],
        then: vec![put("/t/leader", who, None)],
        otherwise: vec![Operation::Get("/t/leader".into())],
    };
    let first = client.transaction(&elect("a")).await.unwrap();
    assert!(first.succeeded);
    assert_eq!(first.responses, [Response::Put]);
    let second = client.transaction(&elect("b")).await.unwrap();
    assert!(!second.succeeded);
    let [Response::Read(found)] = &second.responses[..] else { panic!("{second:?}") };
    assert_eq!((&found[0].value[..], found[0].mod_revision), (&b"a"[..], first.revision));
    // Guarded by the revision that was read, and by a value; a guard that is out of date changes nothing.
    let guarded = |revision: i64| Transaction {
        when: vec![Compare::ModRevision("/t/leader".into(), revision), Compare::Value("/t/leader".into(), "a".into())],
        then: vec![put("/t/leader", "c", None), Operation::List("/t/".into())],
        otherwise: vec![],
    };
    assert!(!client.transaction(&guarded(first.revision + 7)).await.unwrap().succeeded);
    let third = client.transaction(&guarded(first.revision)).await.unwrap();
    assert!(third.succeeded);
    let [Response::Put, Response::Read(all)] = &third.responses[..] else { panic!("{third:?}") };
    assert_eq!(all.len(), 1);
    assert!(!client.transaction(&guarded(first.revision)).await.unwrap().succeeded);
    let delete = Transaction { then: vec![Operation::Delete("/t/leader".into())], ..Transaction::default() };
    assert_eq!(client.transaction(&delete).await.unwrap().responses, [Response::Deleted(1)]);
    assert!(client.list(b"/t/").await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_lease_lives_while_it_is_renewed_and_takes_its_keys_with_it() {
    let Some(etcd) = etcd_or_skip() else { return };
    let client = client(&etcd);
    let lease = client.grant(Duration::from_millis(1)).await.unwrap();
    assert!(lease.ttl >= Duration::from_secs(1), "{lease:?}");
    let with_lease = Transaction { then: vec![put("/l/a", "x", Some(lease.id))], ..Transaction::default() };
    client.transaction(&with_lease).await.unwrap();
    let mut renewal = client.renewal(lease.id);
    let until = Instant::now() + lease.ttl * 2;
    while Instant::now() < until {
        assert_eq!(renewal.renew(SHORT).await.unwrap(), Some(lease.ttl));
        tokio::time::sleep(lease.ttl / 4).await;
    }
    assert_eq!(client.list(b"/l/").await.unwrap().entries[0].lease, lease.id);
    client.revoke(lease.id).await.unwrap();
    client.revoke(lease.id).await.unwrap(); // gone already: no error
    assert!(client.list(b"/l/").await.unwrap().entries.is_empty());
    assert_eq!(renewal.renew(SHORT).await.unwrap(), None, "a lease that is gone is told");
    // A put with a dead lease is refused whole: nothing was written.
    let error = client.transaction(&with_lease).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(client.list(b"/l/").await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_watch_misses_nothing_across_a_restart() {
    let Some(mut etcd) = etcd_or_skip() else { return };
    let client = client(&etcd);
    let start = client.list(b"/w/").await.unwrap().revision;
    let mut watcher = client.watch("/w/", start + 1);
    client.transaction(&write("/w/a", "1")).await.unwrap();
    client.transaction(&write("/other", "1")).await.unwrap();
    let seen = watcher.next().await.unwrap();
    assert!(matches!(&seen.changes[..], [Change::Put(kv)] if &kv.key[..] == b"/w/a"), "{seen:?}");
    etcd.kill(0);
    let broken = watcher.next().await.unwrap_err();
    assert_ne!(broken.kind(), ErrorKind::Compacted);
    etcd.restart(0);
    // Written while nobody watched.
    client.transaction(&write("/w/b", "2")).await.unwrap();
    let delete = Transaction { then: vec![Operation::Delete("/w/a".into())], ..Transaction::default() };
    let deleted = client.transaction(&delete).await.unwrap().revision;
    let mut changes = Vec::new();
    while changes.len() < 2 {
        if let Ok(more) = watcher.next().await {
            changes.extend(more.changes);
        }
    }
    assert!(matches!(&changes[0], Change::Put(kv) if &kv.key[..] == b"/w/b"), "{changes:?}");
    assert_eq!(changes[1], Change::Deleted { key: "/w/a".into(), revision: deleted });
    assert_eq!(watcher.next_revision(), deleted + 1);
}

#[tokio::test]
async fn a_watch_says_when_its_history_is_gone() {
    let Some(etcd) = etcd_or_skip() else { return };
    let client = client(&etcd);
    let start = client.transaction(&write("/c/a", "0")).await.unwrap().revision;
    for _ in 0..5 {
        client.transaction(&write("/c/a", "1")).await.unwrap();
    }
    let compact = format!(r#"{{"revision":"{}","physical":true}}"#, start + 3);
    etcd.post(0, "/v3/kv/compaction", &compact).expect("etcd compacts");
    let error = client.watch("/c/", start).next().await.unwrap_err();
    assert_eq!((error.kind(), error.oldest_revision()), (ErrorKind::Compacted, Some(start + 3)), "{error}");
    let listing = client.list(b"/c/").await.unwrap();
    let mut watcher = client.watch("/c/", listing.revision + 1);
    client.transaction(&write("/c/a", "2")).await.unwrap();
    assert_eq!(watcher.next().await.unwrap().changes.len(), 1);
}

/// A member that is halted answers nothing, and the call may have its effect later: uncertain, within its deadline.
#[tokio::test]
async fn a_call_that_is_not_answered_is_uncertain() {
    let Some(etcd) = etcd_or_skip() else { return };
    let client = Client::new(&Config::new(etcd.endpoints()).timeout(SHORT)).unwrap();
    client.transaction(&write("/u/a", "1")).await.unwrap();
    let lease = client.grant(Duration::from_secs(5)).await.unwrap();
    let mut renewal = client.renewal(lease.id);
    renewal.renew(SHORT).await.unwrap();
    etcd.stop(0);
    let started = Instant::now();
    let error = client.transaction(&write("/u/a", "2")).await.unwrap_err();
    assert!(error.is_uncertain(), "{error:?}");
    assert!(renewal.renew(SHORT).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(4), "deadlines hold: {:?}", started.elapsed());
    etcd.cont(0);
    // It lands late, or it does not; the same guarded transaction, sent again, tells.
    let patience = Instant::now() + Duration::from_secs(5);
    while renewal.renew(SHORT).await.is_err() {
        assert!(Instant::now() < patience, "the renewal works again");
    }
    assert_eq!(client.list(b"/u/").await.unwrap().entries.len(), 1);
}

/// Three members: whichever dies, calls, renewals and watches go on at another.
#[tokio::test]
async fn a_member_that_dies_is_replaced() {
    let mut etcd = match Etcd::start(3) {
        Ok(etcd) => etcd,
        Err(missing) => return jcache_testkit::oracle::skip(missing),
    };
    let client = client(&etcd);
    let lease = client.grant(Duration::from_secs(20)).await.unwrap();
    let mut renewal = client.renewal(lease.id);
    let revision = client.list(b"/r/").await.unwrap().revision;
    let mut watcher = client.watch("/r/", revision + 1);
    let mut seen = 0;
    for round in 0..3 {
        etcd.kill(round);
        let patience = Instant::now() + Duration::from_secs(15);
        // Writing the same again is harmless here, so an uncertain error is simply tried again.
        while let Err(error) = client.transaction(&write("/r/a", "x")).await {
            assert!(Instant::now() < patience, "no write in round {round}: {error}");
        }
        while renewal.renew(Duration::from_secs(1)).await.ok().flatten().is_none() {
            assert!(Instant::now() < patience, "no renewal in round {round}");
        }
        let before = seen;
        while seen == before {
            assert!(Instant::now() < patience, "no change seen in round {round}");
            match tokio::time::timeout(Duration::from_secs(15), watcher.next()).await {
                Ok(Ok(changes)) => seen += changes.changes.len(),
                Ok(Err(error)) => assert_ne!(error.kind(), ErrorKind::Compacted),
                Err(_) => panic!("the watch hangs in round {round}"),
            }
        }
        etcd.restart(round);
    }
}

#[tokio::test]
async fn users_have_to_be_who_they_say() {
    let Some(etcd) = etcd_or_skip() else { return };
    for (path, json) in [
        ("/v3/auth/user/add", r#"{"name":"root","password":"toor"}"#),
        ("/v3/auth/user/add", r#"{"name":"jcache","password":"secret"}"#),
        ("/v3/auth/role/add", r#"{"name":"root"}"#),
        ("/v3/auth/role/add", r#"{"name":"cache"}"#),
        // "/a/" to "/a0": the keys under /a/
        ("/v3/auth/role/grant", r#"{"name":"cache","perm":{"permType":"READWRITE","key":"L2Ev","range_end":"L2Ew"}}"#),
        ("/v3/auth/user/grant", r#"{"user":"root","role":"root"}"#),
        ("/v3/auth/user/grant", r#"{"user":"jcache","role":"cache"}"#),
        ("/v3/auth/enable", "{}"),
    ] {
        etcd.post(0, path, json).unwrap_or_else(|| panic!("{path} {json}"));
    }
    let with = |name: &str, password: &str| Client::new(&Config::new(etcd.endpoints()).user(name, password)).unwrap();
    let known = with("jcache", "secret");
    known.transaction(&write("/a/x", "1")).await.unwrap();
    let revision = known.list(b"/a/").await.unwrap().revision;
    let mut watcher = known.watch("/a/", revision + 1);
    known.transaction(&write("/a/x", "2")).await.unwrap();
    assert_eq!(watcher.next().await.unwrap().changes.len(), 1);
    let lease = known.grant(Duration::from_secs(5)).await.unwrap();
    assert!(known.renewal(lease.id).renew(SHORT).await.unwrap().is_some());
    let nobody = Client::new(&Config::new(etcd.endpoints())).unwrap();
    for (who, result) in [
        ("outside of the role", known.transaction(&write("/b/x", "1")).await),
        ("a wrong password", with("jcache", "guess").transaction(&write("/a/x", "1")).await),
        ("no user", nobody.transaction(&write("/a/x", "1")).await),
    ] {
        let error = result.expect_err(who);
        assert!(matches!(error.kind(), ErrorKind::Denied | ErrorKind::Refused), "{who}: {error:?}");
    }
}

#[tokio::test]
async fn nobody_at_home_is_told_at_once() {
    let client = Client::new(&Config::new(["127.0.0.1:1", "http://127.0.0.1:2"])).unwrap();
    let error = client.transaction(&write("/a", "1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for (config, reason) in [
        (Config::new(Vec::<String>::new()), "no endpoint"),
        (Config::new(["ftp://etcd:2379"]), "neither http:// nor https://"),
        (Config::new(["http://"]), "http://"),
        (Config::new(["127.0.0.1:2379"]).timeout(Duration::ZERO), "timeout of zero"),
        (Config::new(["http://10.0.0.1:2379"]).user("a", "b"), "plain http"),
        (Config::new(["https://10.0.0.1:2379"]).tls(jcache_etcd::Tls::new().ca_file("/nowhere.pem")), "/nowhere.pem"),
    ] {
        let shown = format!("{config:?}");
        assert!(!shown.contains("\"b\""), "no password in {shown}");
        let error = Client::new(&config).expect_err(reason);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_password_may_go_over_loopback_and_where_it_is_allowed() {
    for config in [
        Config::new(["127.0.0.1:2379"]).user("a", "b"),
        Config::new(["http://[::1]:2379"]).user("a", "b"),
        Config::new(["http://10.0.0.1:2379"]).user("a", "b").allow_plaintext_password(),
    ] {
        Client::new(&config).expect("these settings are right");
    }
}
