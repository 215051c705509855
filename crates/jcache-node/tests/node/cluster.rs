//! Nodes of a cluster as operators see them: what is refused and how, and the figures of who is behind.

use jcache_testkit::etcd::etcd_or_skip;

use crate::common::{JCACHE, run, text};
use crate::harness::{Node, eventually, redis_cli_or_skip};

/// The number after `name` in a text of lines.
fn figure(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].trim_start_matches([' ', ':']).trim().parse().ok()
}

#[test]
fn refusals_keep_their_code_and_figures_reach_operators() {
    let Some(etcd) = etcd_or_skip() else { return };
    if !redis_cli_or_skip() {
        return;
    }
    let url = etcd.endpoints()[0].clone();
    let start = |node: &str| {
        let cluster = ["--etcd", &url, "--cluster", "figures", "--node-id", node, "--peer-listen", "127.0.0.1:0"];
        Node::start(&[&cluster[..], &["--min-insync", "2", "--metrics", "127.0.0.1:0"]].concat())
    };
    let a = start("a");
    let refused = a.cli(&["set", "key", "value"]);
    assert!(refused.starts_with("NOREPLICAS "), "the code comes first, and no deadline of a level cuts in: {refused}");
    assert!(a.cli(&["info", "levels"]).contains("health=up"), "{}", a.cli(&["info", "levels"]));

    let b = start("b");
    eventually("a write goes through", || (b.cli(&["set", "key", "value"]) == "OK").then_some(()));
    let info = eventually("b has everything", || {
        let info = a.cli(&["info", "distributed"]);
        info.contains("cluster_lag:b=0").then_some(info)
    });
    for line in ["cluster_role:leader", "cluster_lag_bytes:b=0", "cluster_lag_ms:b=0"] {
        assert!(info.contains(line), "{line} is not in\n{info}");
    }
    let metrics = a.http("/metrics");
    let commits = figure(&metrics, "jcache_cluster_commit_duration_seconds_count");
    assert!(commits.is_some_and(|count| count >= 1.0), "{metrics}");
    assert_eq!(figure(&metrics, "jcache_cluster_lag_seconds{node=\"b\"}"), Some(0.0), "{metrics}");
    let status = text(&run(JCACHE, &["status", "--etcd", &url, "--cluster", "figures", "--json"], b""));
    assert_eq!(status.matches("\"lag\":0,\"lag_bytes\":0,\"lag_ms\":0").count(), 2, "{status}");
}
