//! Transactions over levels: the authority runs them, copies never show what was there before, and a watched key is read
//! where it is watched.

use jcache::command::string::{Get, IncrBy, Set};
use jcache::driver::{HashDriver, ListDriver, SetDriver, SortedSetDriver, StringDriver};
use jcache::prelude::*;
use jcache::{
    Answer, Driver, Error, ErrorKind, Key, Memory, Mutation, Presence, Query, Reply, Request, Result, Scope, Watch,
};
use jcache_testkit::fault::{Control, Fault, Faulty};

/// Memory that several caches of this process share, as processes share a server.
#[derive(Debug, Clone)]
struct Shared(Memory);

impl Driver for Shared {
    fn scope(&self) -> Scope {
        Scope::Shared
    }
    async fn query(&self, query: &Query<'_>) -> Result<Answer> {
        self.0.query(query).await
    }
    async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
        self.0.mutate(mutation).await
    }
    async fn transact(&self, requests: &[Request<'_>], watch: Watch) -> Result<Option<Vec<Result<Reply>>>> {
        self.0.transact(requests, watch).await
    }
    async fn watch(&self, keys: &[Key<'_>], watch: &mut Watch) -> Result<()> {
        self.0.watch(keys, watch).await
    }
}

impl StringDriver for Shared {}
impl HashDriver for Shared {}
impl ListDriver for Shared {}
impl SetDriver for Shared {}
impl SortedSetDriver for Shared {}

/// A process: memory of its own before the shared one.
fn process(shared: &Shared) -> (Cache, Control) {
    let (driver, control) = Faulty::new(shared.clone());
    (Cache::builder().level(Memory::new()).level(driver).build().expect("right settings"), control)
}

async fn watched(cache: &Cache, key: &'static str) -> Watch {
    let mut watch = Watch::new();
    cache.watch(&[key.into()], &mut watch).await.expect("watched");
    watch
}

#[tokio::test]
async fn the_copies_follow_a_transaction() {
    let shared = Shared(Memory::new());
    let (cache, _) = process(&shared);
    cache.set("a", 1).await.expect("SET");
    cache.set("b", 1).await.expect("SET");
    assert_eq!(cache.get::<i64>("a").await, Ok(Some(1)));
    let mut transaction = cache.transaction();
    let a = transaction.mutate(IncrBy { key: "a".into(), by: 5 });
    let seen = transaction.query(Get { key: "a".into() });
    let wrong = transaction.mutate(jcache::command::list::LPush { key: "b".into(), elements: vec!["x".into()] });
    transaction.mutate(Set::until("new".into(), "v".into(), None));
    let mut replies = transaction.run().await.expect("run");
    assert_eq!(replies.take(a), Ok(6));
    assert_eq!(replies.take(seen), Ok(Some("6".into())));
    assert_eq!(replies.take(wrong).expect_err("a string").kind(), ErrorKind::WrongType);
    let near = &cache.explain(b"a").await[0];
    assert!(matches!(near.presence, Presence::Missing), "the copy has dropped it: {near:?}");
    assert_eq!(cache.get::<i64>("a").await, Ok(Some(6)));
    assert_eq!(cache.get::<String>("new").await, Ok(Some("v".into())));
}

#[tokio::test]
async fn a_watched_key_is_not_read_from_an_old_copy() {
    let shared = Shared(Memory::new());
    let ((one, _), (other, _)) = (process(&shared), process(&shared));
    one.set("k", "old").await.expect("SET");
    assert_eq!(one.get::<String>("k").await, Ok(Some("old".into())));
    other.set("k", "new").await.expect("SET");
    assert_eq!(one.get::<String>("k").await, Ok(Some("old".into())), "as long as nobody says otherwise");
    let watch = watched(&one, "k").await;
    assert_eq!(one.get::<String>("k").await, Ok(Some("new".into())));
    let mut transaction = one.transaction();
    transaction.mutate(Set::until("k".into(), "newer".into(), None));
    assert!(transaction.run_if_unchanged(watch).await.expect("reachable").is_some());

    let watch = watched(&one, "k").await;
    other.set("k", "theirs").await.expect("SET");
    let mut transaction = one.transaction();
    transaction.mutate(Set::until("k".into(), "mine".into(), None));
    assert!(transaction.run_if_unchanged(watch).await.expect("reachable").is_none());
    assert_eq!(other.get::<String>("k").await, Ok(Some("theirs".into())));
}

/// Two processes with copies of their own, several tasks each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_optimistic_counter_over_levels_loses_nothing() {
    let shared = Shared(Memory::new());
    let processes = [process(&shared).0, process(&shared).0];
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let cache = processes[task % 2].clone();
            tokio::spawn(async move {
                for _ in 0..300 {
                    loop {
                        let watch = watched(&cache, "n").await;
                        let n: i64 = cache.get("n").await.expect("GET").unwrap_or(0);
                        tokio::task::yield_now().await;
                        let mut transaction = cache.transaction();
                        transaction.mutate(Set::until("n".into(), (n + 1).to_string().into(), None));
                        if transaction.run_if_unchanged(watch).await.expect("reachable").is_some() {
                            break;
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task");
    }
    assert_eq!(processes[0].strict().get::<i64>("n").await.map(|_| ()), Ok(()));
    processes[0].invalidate(b"n");
    assert_eq!(processes[0].get::<i64>("n").await, Ok(Some(1200)));
}

#[tokio::test]
async fn without_the_authority_nothing_is_run_and_a_lost_reply_leaves_no_old_copy() {
    let shared = Shared(Memory::new());
    let (cache, control) = process(&shared);
    cache.set("k", 1).await.expect("SET");
    let run = async || {
        let mut transaction = cache.transaction();
        transaction.mutate(IncrBy { key: "k".into(), by: 1 });
        transaction.run().await.map(drop)
    };
    control.set(Fault::Fail);
    let error = run().await.expect_err("the authority is away");
    assert_eq!((error.kind(), error.is_uncertain()), (ErrorKind::Unavailable, false));
    assert_eq!(cache.get::<i64>("k").await, Ok(Some(1)), "the copy still knows");
    control.set(Fault::LoseReply);
    let error: Error = run().await.expect_err("the reply is lost");
    assert_eq!((error.kind(), error.is_uncertain()), (ErrorKind::Unavailable, true));
    control.recover();
    assert_eq!(cache.get::<i64>("k").await, Ok(Some(2)), "the copy has dropped it");
    // A caller who goes away in the middle.
    control.set(Fault::Late(std::time::Duration::from_secs(60)));
    let left = tokio::time::timeout(std::time::Duration::from_millis(20), run()).await;
    assert!(left.is_err(), "{left:?}");
    control.recover();
    assert_eq!(cache.get::<i64>("k").await, Ok(Some(3)));
}

#[tokio::test]
async fn a_driver_without_transactions_says_so() {
    #[derive(Debug)]
    struct Plain(Memory);
    impl Driver for Plain {
        async fn query(&self, query: &Query<'_>) -> Result<Answer> {
            self.0.query(query).await
        }
        async fn mutate(&self, mutation: &Mutation<'_>) -> Result<Reply> {
            self.0.mutate(mutation).await
        }
    }
    impl StringDriver for Plain {}
    impl HashDriver for Plain {}
    impl ListDriver for Plain {}
    impl SetDriver for Plain {}
    impl SortedSetDriver for Plain {}
    let cache = Cache::builder().level(Plain(Memory::new())).build().expect("right settings");
    let mut transaction = cache.transaction();
    transaction.query(Get { key: "k".into() });
    let error = transaction.run().await.expect_err("not supported");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.message(), "ERR this driver does not support 'MULTI'");
    let error = cache.watch(&["k".into()], &mut Watch::new()).await.expect_err("not supported");
    assert_eq!(error.message(), "ERR this driver does not support 'WATCH'");
}
