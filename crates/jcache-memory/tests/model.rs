//! Random commands of all families on a memory and on core's model, with a clock that jumps: equal replies and states.

mod common;

use std::sync::Arc;
use std::time::Duration;

use jcache_core::command::Request;
use jcache_core::snapshot::FillLimit;
use jcache_core::{Arg, Context, Driver, Key, Model, Reply};
use jcache_memory::{Clock, ManualClock, Memory};
use jcache_testkit::differential;

struct Pair {
    memory: Memory,
    model: Model,
    clock: Arc<ManualClock>,
}

impl Pair {
    fn new(shards: usize) -> Self {
        let clock = Arc::new(ManualClock::default());
        clock.set(jcache_core::Timestamp::from_millis(1_000));
        let memory = Memory::builder().shards(shards).clock(clock.clone()).build();
        Self { memory, model: Model::default(), clock }
    }

    fn both(
        &mut self,
        args: &[Vec<u8>],
        seed: u64,
    ) -> (Option<jcache_core::Result<Reply>>, jcache_core::Result<Reply>) {
        let args: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
        let context = Context { now: self.clock.now(), seed };
        self.clock.set_seed(seed);
        self.model.set_now(context.now);
        match Request::parse(&args) {
            Err(error) => (Some(Err(error.clone())), Err(error)),
            Ok(Request::Query(query)) => {
                let expected = query.answer(&self.model, context);
                let answer = self.memory.try_query(&query).expect("at once");
                if let (Ok(answer), Ok(expected)) = (&answer, &expected) {
                    assert_eq!(answer.hit, expected.hit, "{query:?}");
                }
                (Some(answer.map(|it| it.reply)), expected.map(|it| it.reply))
            }
            Ok(Request::Mutation(mutation)) => {
                (self.memory.try_mutate(&mutation), mutation.run(&mut self.model, context))
            }
        }
    }

    /// Every key of the model is in the memory, the same and as long, and no other.
    async fn compare(&self) {
        let mut keys = 0;
        for (key, object, deadline) in self.model.iter() {
            let snapshot = common::whole(&self.memory, key).await;
            let snapshot = snapshot.unwrap_or_else(|| panic!("{} is lost", key.escape_ascii()));
            assert_eq!((&snapshot.object, snapshot.deadline), (object, deadline), "{}", key.escape_ascii());
            keys += 1;
        }
        assert_eq!(sorted(common::run(&self.memory, "KEYS *")).len(), keys);
    }
}

fn sorted(reply: Reply) -> Vec<String> {
    let mut items: Vec<String> = reply.into_items().expect("a list").iter().map(|item| format!("{item:?}")).collect();
    items.sort();
    items
}

async fn check(seed: u64, shards: usize, steps: usize) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut pair = Pair::new(shards);
    for step in 0..steps {
        let args = differential::any(&mut rng);
        let name = String::from_utf8_lossy(&args[0]).to_ascii_uppercase();
        let (actual, expected) = pair.both(&args, rng.u64(..));
        let told = || format!("seed {seed}, step {step}: {args:?}");
        match (name.as_str(), actual) {
            // A blocking command that finds nothing: the model says nil, the memory would wait.
            (_, None) => assert!(expected.is_ok_and(|reply| reply.is_nil()), "{}", told()),
            // Pages of a scan depend on the engine, as does which key is picked.
            ("SCAN" | "RANDOMKEY", Some(actual)) => assert_eq!(actual.is_ok(), expected.is_ok(), "{}", told()),
            ("KEYS", Some(Ok(actual))) => assert_eq!(sorted(actual), sorted(expected.expect("keys")), "{}", told()),
            (_, Some(actual)) => assert_eq!(actual, expected, "{}", told()),
        }
        if rng.u8(..40) == 0 {
            pair.clock.advance(Duration::from_millis(1 << rng.u32(..36)));
        }
        if step % 200 == 0 {
            pair.model.set_now(pair.clock.now());
            pair.compare().await;
        }
    }
}

#[tokio::test]
async fn a_memory_does_what_the_model_does() {
    for seed in 0..20 {
        check(seed, [1, 2, 64][seed as usize % 3], 3_000).await;
    }
}

#[tokio::test]
async fn a_copy_stays_within_its_cap_and_holds_nothing_partial() {
    use jcache_core::Timestamp;
    use jcache_core::effect::Reach;
    for seed in 0..10 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let authority = Pair::new(4);
        let copy = Memory::builder().clock(authority.clock.clone()).build();
        for _ in 0..3_000 {
            let args = differential::any(&mut rng);
            let args: Vec<Arg<'_>> = args.iter().map(Arg::from).collect();
            let context = Context { now: authority.clock.now(), seed: 0 };
            let cap = rng.bool().then(|| context.now.plus(Duration::from_secs(30)));
            match Request::parse(&args) {
                Ok(Request::Mutation(mutation)) => {
                    let Some(Ok(reply)) = authority.memory.try_mutate(&mutation) else { continue };
                    let effect = mutation.effect(&reply, context).expect("its own reply");
                    copy.apply(&effect, cap).await.expect("an effect is applied or its keys are dropped");
                    if effect.reach == Reach::Replica
                        && let Some(change) = &effect.change
                    {
                        change.visit_keys(|key| assert!(!exists(&copy, key), "{change:?}"));
                    }
                    let mut keys = Vec::new();
                    effect.change.iter().for_each(|change| change.visit_keys(|key| keys.push(key.clone())));
                    for key in keys {
                        agree(&authority.memory, &copy, &key, cap).await;
                    }
                }
                Ok(Request::Query(query)) => {
                    // A fill, now and then.
                    let fetched = authority.memory.fetch(&query, FillLimit::default()).await;
                    if let Ok(Some(mut snapshot)) = fetched.map(|it| it.snapshot) {
                        snapshot.deadline = Timestamp::earlier(snapshot.deadline, cap);
                        copy.install(&snapshot).await.expect("memory takes everything");
                    }
                }
                Err(_) => {}
            }
        }
    }

    fn exists(memory: &Memory, key: &[u8]) -> bool {
        common::call(memory, &[b"EXISTS", key]) == Ok(Reply::Int(1))
    }

    /// What the copy holds, the authority holds, to the last element and no shorter; none past the cap.
    async fn agree(authority: &Memory, copy: &Memory, key: &Key<'_>, cap: Option<Timestamp>) {
        let Some(held) = common::whole(copy, key).await else { return };
        let truth = common::whole(authority, key).await;
        let truth = truth.unwrap_or_else(|| panic!("the copy holds {key:?}, which is gone"));
        assert_eq!(held.object, truth.object, "{key:?}");
        assert!(
            truth.deadline.is_none_or(|at| held.deadline.is_some_and(|held| held <= at)),
            "{held:?} outlives {truth:?}"
        );
        // An effect that says all about its keys, just applied, ends by the cap.
        assert!(cap.is_none_or(|cap| held.deadline.is_some_and(|held| held <= cap)), "{held:?} is past {cap:?}");
    }
}
