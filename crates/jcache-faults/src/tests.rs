//! The harness itself, on a plain redis-server: cuts cut and heal, clients leave open what they cannot know, and the
//! checkers find what a server without copies loses.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jcache_testkit::etcd::Etcd;
use jcache_testkit::history::{Intent, Outcome, Promise};
use jcache_testkit::process::find_program;

use crate::client::Client;
use crate::figures::Figures;
use crate::judge;
use crate::load::{Load, Pace};
use crate::net::{self, Host};
use crate::node::{CLIENT_PORT, Node};
use crate::recorder::Recorder;
use crate::sandbox;
use crate::workload::{self, Wish};

/// How long a client waits here.
const PATIENCE: Duration = Duration::from_millis(300);

fn server(name: &str, number: u8, folder: &std::path::Path) -> Node {
    let program = find_program("redis-server", "JCACHE_REDIS_SERVER").expect("redis-server is installed");
    let host = Host::new(name, number);
    let args = format!("--bind {} --port {CLIENT_PORT} --protected-mode no --save", host.address());
    let mut args: Vec<String> = args.split(' ').map(str::to_owned).collect();
    args.push(String::new());
    let mut node = Node::new(host, &program, args, folder);
    start(&mut node);
    node
}

fn start(node: &mut Node) {
    node.start();
    let answers = |node: &Node| node.connect(PATIENCE).is_ok_and(|mut it| it.call(&["PING"]).is_ok());
    assert!((0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        answers(node)
    }));
}

fn set(client: &mut Client, recorder: &Recorder, value: &str) -> (Outcome, bool) {
    client.call(recorder, Wish::new(0, &["SET", "g0", value], Intent::Change), Promise::Strong)
}

#[test]
fn a_cut_is_silent_goes_one_way_and_heals() {
    sandbox::test("tests::a_cut_is_silent_goes_one_way_and_heals", || {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (server("a", 1, folder.path()), server("b", 2, folder.path()));
        let reaches = |from: &Node, to: &Node| {
            let place = from.host().place();
            let args = format!("timeout 1 redis-cli -h {} -p {CLIENT_PORT} ping", to.ip());
            let output = Command::new(&place.before[0]).args(&place.before[1..]).args(args.split(' ')).output();
            output.unwrap().stdout == b"PONG\n"
        };
        assert!(reaches(&a, &b) && reaches(&b, &a));
        net::cut(a.host(), b.host());
        assert!(!reaches(&a, &b) && !reaches(&b, &a));
        assert!(a.connect(PATIENCE).is_ok(), "others are not cut");
        a.host().heal();
        b.host().heal();
        assert!(reaches(&a, &b));

        // In one direction: what was sent arrives, and no answer comes back.
        let recorder = Recorder::default();
        let mut client = Client::connect(0, 0, a.address(), PATIENCE).unwrap();
        assert!(matches!(set(&mut client, &recorder, "1"), (Outcome::Returned(..), true)));
        let own = sandbox::OWN_ADDRESS.parse().unwrap();
        a.host().refuse_address(own);
        assert_eq!(set(&mut client, &recorder, "2"), (Outcome::Unknown, false));
        assert_eq!(a.connect(PATIENCE).err().map(|it| it.kind()), Some(std::io::ErrorKind::TimedOut));
        a.host().heal();
        let mut client = Client::connect(0, 0, a.address(), PATIENCE).unwrap();
        assert!(matches!(set(&mut client, &recorder, "3"), (Outcome::Returned(..), true)));
    });
}

#[test]
fn a_halted_server_answers_later_and_memory_is_seen() {
    sandbox::test("tests::a_halted_server_answers_later_and_memory_is_seen", || {
        let folder = tempfile::tempdir().unwrap();
        let mut node = server("a", 1, folder.path());
        assert!(node.runs() && node.memory() > 1 << 20);
        node.signal("-STOP");
        assert!(node.connect(PATIENCE).unwrap().call(&["PING"]).is_err());
        node.signal("-CONT");
        assert!(node.connect(PATIENCE).unwrap().call(&["PING"]).is_ok());
        assert!(node.end(Duration::from_secs(5)) && !node.runs());
        assert_eq!(node.memory(), 0);
    });
}

#[test]
fn etcd_goes_back_to_what_was_saved() {
    sandbox::test("tests::etcd_goes_back_to_what_was_saved", || {
        let host = Host::new("e0", 101);
        let mut etcd = Etcd::start_at(&[host.place().clone()], &[]).unwrap();
        let put = |etcd: &Etcd, key: &str| etcd.post(0, "/v3/kv/put", &format!(r#"{{"key":"{key}"}}"#)).unwrap();
        let count = |etcd: &Etcd| {
            let all = etcd.post(0, "/v3/kv/range", r#"{"key":"AA==","range_end":"AA==","count_only":true}"#).unwrap();
            serde_json::from_str::<serde_json::Value>(&all).unwrap()["count"].clone()
        };
        put(&etcd, "YQ==");
        let saved = etcd.save();
        put(&etcd, "Yg==");
        assert_eq!(count(&etcd), "2");
        etcd.restore(&saved);
        assert_eq!(count(&etcd), "1");
        etcd.wipe();
        assert_eq!(count(&etcd), serde_json::Value::Null);
        etcd.kill(0);
        etcd.restart_all();
        put(&etcd, "Yw==");
    });
}

/// What clients of one redis-server saw in a second; then it is judged.
fn judged(kills: bool) -> Figures {
    let folder = tempfile::tempdir().unwrap();
    let mut node = server("a", 1, folder.path());
    let recorder = Arc::new(Recorder::default());
    let pace = Pace { think_ms: 4, ..Pace::default() };
    let mut load = Load::start(&recorder, vec![node.address()], pace, &mut Rng::with_seed(1));
    std::thread::sleep(Duration::from_millis(700));
    let at = recorder.now();
    if kills {
        node.kill();
        start(&mut node);
    }
    std::thread::sleep(Duration::from_millis(700));
    assert!(recorder.accepted(at).is_some());
    load.stop();
    let mut client = Client::connect(usize::MAX, 0, node.address(), PATIENCE).unwrap();
    let found = judge::read_groups(&mut client, &recorder, workload::groups(0, 0)).unwrap();
    let mut figures = Figures::default();
    recorder.with(|history, lives| judge::judge(history, lives, &found, (0, 0), 300_000, &mut figures));
    figures
}

#[test]
fn the_checkers_find_what_a_server_without_copies_loses() {
    sandbox::test("tests::the_checkers_find_what_a_server_without_copies_loses", || {
        let good = judged(false);
        assert_eq!(good.violations, []);
        assert!(good.groups > 0 && good.undecided == 0, "{good:?}");
        let bad = judged(true);
        for check in ["C1", "C2", "C3", "C8"] {
            assert!(bad.violations.iter().any(|it| it.check == check), "{check}: {:?}", bad.violations);
        }
    });
}
