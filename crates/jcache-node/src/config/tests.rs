//! Where settings come from, which source wins, and the exact words for everything that can be wrong.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    settings: flags::All,
}

fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Loads from a file of this text when there is one, which is called `node.toml`.
fn load_all(flags: &[&str], variables: &[(&str, &str)], text: Option<&str>) -> Result<Loaded, Wrong> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    let mut given = Line::try_parse_from([&["jcache"], flags].concat()).unwrap().settings.0;
    if let Some(text) = text {
        std::fs::write(&path, text).unwrap();
        given.file = Some(path);
    }
    load(&given, &environment(variables)).map_err(|wrong| {
        let place = wrong.place.replace(&format!("{}/", dir.path().display()), "");
        Wrong { place, ..wrong }
    })
}

#[test]
fn the_strongest_source_wins() {
    let file = "timeout = 1\nmaxclients = 2\nloglevel = 'debug'";
    let variables = [("JCACHE_TIMEOUT", "3"), ("JCACHE_MAXCLIENTS", "4")];
    let loaded = load_all(&["--timeout", "5"], &variables, Some(file)).unwrap();
    assert_eq!(loaded.config.timeout.0.as_secs(), 5);
    assert_eq!(loaded.config.maxclients.0, 4);
    assert_eq!(loaded.config.loglevel, kind::LogLevel::Debug);
    let shown = ["timeout", "maxclients", "listen"].map(|name| loaded.source(name).to_string());
    assert_eq!(shown, ["--timeout", "JCACHE_MAXCLIENTS", "default"]);
    assert!(loaded.source("loglevel").to_string().ends_with("node.toml:3"));
}

#[test]
fn all_sources_say_the_same_things() {
    let text = "listen = ['127.0.0.1:7000', '[::1]:7000']\nlevel = ['memory:max=1mb', 'redis://h']\nstrict = true\n\
                protected-mode = false\nmaxmemory = 1000\nnear-ttl = '5s'\nunixsocket = '/run/j'\nunixsocketperm = 770\n\
                timeout = '5m'\nclient-output-buffer-limit = 'pubsub 1mb 0 0'";
    let text = text.replace("maxmemory = 1000\n", "");
    let variables = [
        ("JCACHE_LISTEN", "127.0.0.1:7000 [::1]:7000"),
        ("JCACHE_LEVEL", "memory:max=1mb redis://h"),
        ("JCACHE_STRICT", "yes"),
        ("JCACHE_PROTECTED_MODE", "no"),
        ("JCACHE_NEAR_TTL", "5s"),
        ("JCACHE_UNIXSOCKET", "/run/j"),
        ("JCACHE_UNIXSOCKETPERM", "770"),
        ("JCACHE_TIMEOUT", "300"),
        ("JCACHE_CLIENT_OUTPUT_BUFFER_LIMIT", "pubsub 1mb 0 0"),
    ];
    let flags = "--listen 127.0.0.1:7000 --listen [::1]:7000 --level memory:max=1mb --level redis://h --strict \
                 --protected-mode no --near-ttl 5s --unixsocket /run/j --unixsocketperm 770 --timeout 300";
    let mut flags: Vec<&str> = flags.split_whitespace().collect();
    flags.extend(["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let file = load_all(&[], &[], Some(&text)).unwrap().config;
    assert_eq!(file.listen.len(), 2);
    assert_eq!(file, load_all(&[], &variables, None).unwrap().config);
    assert_eq!(file, load_all(&flags, &[], None).unwrap().config);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (flags, variables, file, expected) in [
        (&[][..], &[][..], "maxmemroy = 1", "node.toml:1:1: unknown setting 'maxmemroy'\n  did you mean 'maxmemory'?"),
        (
            &[],
            &[],
            "\n\n  zebra = 1",
            "node.toml:3:3: unknown setting 'zebra'\n  `jcache serve --print-config` shows all there are",
        ),
        (
            &[],
            &[],
            "[network]\ntimeout = 1",
            "node.toml:1:2: unknown setting 'network'\n  `jcache serve --print-config` shows all there are",
        ),
        (
            &[],
            &[],
            "[listen]\nport = 1",
            "node.toml:1:2: listen: settings stand at the top level of the file, not in a table",
        ),
        (&[], &[], "timeout = 'soon'", "node.toml:1: timeout: expected whole seconds or a time such as 5m, not 'soon'"),
        (&[], &[], "timeout = 1.5", "node.toml:1: timeout: expected whole seconds or a time such as 5m, not '1.5'"),
        (&[], &[], "timeout = [1, 2]", "node.toml:1: timeout: expected one value, not 2"),
        (&[], &[], "timeout = 1\ntimeout = 2", "node.toml:2:1: duplicate key"),
        (&[], &[], "maxclients = 0", "node.toml:1: maxclients: expected a whole number from 1 to 1000000, not '0'"),
        (&[], &[], "protected-mode = 'maybe'", "node.toml:1: protected-mode: expected yes or no, not 'maybe'"),
        (
            &[],
            &[],
            "maxmemory = '1 gb'",
            "node.toml:1: maxmemory: expected a number of bytes such as 256mb, not '1 gb'",
        ),
        (
            &[],
            &[],
            "maxmemory-policy = 'allkeys-lruu'",
            "node.toml:1: maxmemory-policy: expected one of s3fifo, allkeys-lru, \
         allkeys-lfu, allkeys-random, volatile-ttl, noeviction, not 'allkeys-lruu'; did you mean 'allkeys-lru'?",
        ),
        (
            &[],
            &[],
            "loglevel = 'info'",
            "node.toml:1: loglevel: expected one of debug, verbose, notice, warning, nothing, not 'info'",
        ),
        (
            &[],
            &[],
            "listen = 'localhost'",
            "node.toml:1: listen: expected HOST:PORT such as 127.0.0.1:6399, not 'localhost'",
        ),
        (
            &[],
            &[],
            "listen = ['h:99999']",
            "node.toml:1: listen: expected HOST:PORT such as 127.0.0.1:6399, not 'h:99999'",
        ),
        (
            &[],
            &[],
            "level = 'disk'",
            "node.toml:1: level: no such kind of level; there are memory, distributed and URLs such as redis://localhost",
        ),
        (&[], &[], "user = 'ada'", "node.toml:1: user: expected NAME:PASSWORD"),
        (
            &[],
            &[],
            "unixsocketperm = 999",
            "node.toml:1: unixsocketperm: expected permissions in octal such as 770, not '999'",
        ),
        (
            &[],
            &[],
            "client-output-buffer-limit = 'normal 1'",
            "node.toml:1: client-output-buffer-limit: expected 'normal HARD SOFT \
         SECONDS' or 'pubsub HARD SOFT SECONDS', not 'normal 1'",
        ),
        (
            &[],
            &[("JCACHE_TIMEOUT", "soon")],
            "",
            "JCACHE_TIMEOUT: expected whole seconds or a time such as 5m, not 'soon'",
        ),
        (&["--timeout", "-1"], &[], "", "--timeout: expected whole seconds or a time such as 5m, not '-1'"),
        // Contradictions.
        (
            &["--listen", "h:1", "--listen", "h:1"],
            &[],
            "protected-mode = false",
            "--listen: h:1 is already taken by listen",
        ),
        (&["--metrics", "127.0.0.1:6399"], &[], "", "--metrics: 127.0.0.1:6399 is already taken by listen"),
        (
            &["--listen", "0.0.0.0:6399"],
            &[],
            "",
            "--listen: other machines could connect to 0.0.0.0:6399, and there is no \
         password\n  set requirepass, or protected-mode to no when the network itself is closed",
        ),
        (&[], &[("JCACHE_UNIXSOCKETPERM", "700")], "", "JCACHE_UNIXSOCKETPERM: there is no unixsocket"),
        (&[], &[], "\ntls-listen = '127.0.0.1:1'", "node.toml:2: tls-listen: tls-cert-file is not set"),
        (
            &[],
            &[],
            "tls-listen = '127.0.0.1:1'\ntls-cert-file = 'c'",
            "node.toml:1: tls-listen: tls-key-file is not set",
        ),
        (&[], &[], "tls-cert-file = 'c'", "node.toml:1: tls-cert-file: there is no tls-listen"),
        (
            &["--tls-auth-clients", "yes"],
            &[],
            "",
            "--tls-auth-clients: tls-ca-cert-file is not set, so no \
         certificate of a client is good",
        ),
        (
            &["--user", "default:a", "--requirepass", "b"],
            &[],
            "",
            "--user: the password of the user 'default' is requirepass, \
         which is set too",
        ),
        (&["--user", "a:1", "--user", "a:2"], &[], "", "--user: there are two users 'a'"),
        (
            &["--maxmemory", "1mb", "--level", "redis://h"],
            &[],
            "",
            "--maxmemory: there is no memory level without a max= of \
         its own",
        ),
        (&["--near-ttl", "1s"], &[], "", "--near-ttl: there is no memory level beside a shared one"),
        (&["--node-id", "a"], &[], "", "--node-id: there is no etcd to keep a cluster together"),
        (&[], &[("JCACHE_MIN_INSYNC", "2")], "", "JCACHE_MIN_INSYNC: there is no etcd to keep a cluster together"),
        (&["--level", "distributed"], &[], "", "--level: a distributed level needs etcd"),
        (&["--etcd", "http://h:1", "--level", "memory"], &[], "", "--etcd: no level is distributed"),
        (
            &["--etcd", "h:1", "--level", "distributed", "--level", "distributed:name=b"],
            &[],
            "",
            "--level: a node is in one cluster, so there cannot be two distributed levels",
        ),
        (&["--etcd", "h:1", "--peer-ca-file", "ca"], &[], "", "--peer-ca-file: peer-cert-file is not set"),
    ] {
        let wrong = load_all(flags, variables, Some(file)).expect_err(expected);
        assert_eq!(wrong.to_string(), expected);
    }
}

#[test]
fn a_file_that_is_not_there_or_no_toml() {
    let given = Given { file: Some("/nowhere/node.toml".into()), ..Given::default() };
    let wrong = load(&given, &[]).unwrap_err().to_string();
    assert_eq!(wrong, "/nowhere/node.toml: No such file or directory (os error 2)");
    let wrong = load_all(&[], &[], Some("timeout = 1\nlisten [\n")).unwrap_err().to_string();
    assert!(wrong.starts_with("node.toml:2:"), "{wrong}");
    let variable = [("JCACHE_CONFIG".to_owned(), "/nowhere/other.toml".to_owned())];
    assert!(load(&Given::default(), &variable).unwrap_err().to_string().starts_with("/nowhere/other.toml: "));
}

#[test]
fn misspelt_variables_are_noted_and_others_left_alone() {
    let variables =
        [("JCACHE_MAXMEMROY", "1"), ("JCACHE_SERVICE_HOST", "10.0.0.1"), ("JCACHE_DIFF", "1"), ("PATH", "x")];
    let loaded = load_all(&[], &variables, None).unwrap();
    assert_eq!(loaded.warnings, ["the variable JCACHE_MAXMEMROY is no setting; did you mean JCACHE_MAXMEMORY?"]);
}

#[test]
fn the_printed_file_says_the_same_and_no_secret() {
    let file = "requirepass = 'sesame'\nuser = ['ada:love lace']\nlevel = ['memory', 'redis://u:sesame@h']";
    let flags = ["--timeout", "7", "--tls-listen", "127.0.0.1:1", "--tls-cert-file", "a \"b\"", "--tls-key-file", "k"];
    let loaded = load_all(&flags, &[("JCACHE_STRICT", "yes")], Some(file)).unwrap();
    let printed = loaded.to_toml();
    assert!(!printed.contains("sesame") && !printed.contains("love lace"), "{printed}");
    for line in [
        "timeout = 7  # --timeout\n",
        "strict = true  # JCACHE_STRICT\n",
        "listen = [\"127.0.0.1:6399\"]  # default\n",
        "tls-cert-file = \"a \\\"b\\\"\"  # --tls-cert-file\n",
        "# requirepass = \"(hidden)\"  # ",
        "# user = [\"ada:(hidden)\"]  # ",
        "# level = [\"memory\", \"redis://u:(hidden)@h\"]  # ",
        "\n# Operations\nmetrics = \"\"  # default\n",
    ] {
        assert!(printed.contains(line), "{line:?} is not in\n{printed}");
    }
    let again = load_all(&[], &[], Some(&printed)).unwrap().config;
    let hidden =
        Config { requirepass: None, user: Vec::new(), level: vec!["memory".parse().unwrap()], ..loaded.config };
    assert_eq!(again, hidden);
}

/// `docs/configuration.md`: a section for each title, a row for each setting.
fn manual() -> String {
    let mut sections: BTreeMap<usize, (&str, String)> = BTreeMap::new();
    for setting in SETTINGS {
        let order = SETTINGS.iter().position(|it| it.section == setting.section).unwrap();
        let default = print::value(setting, &setting.defaults());
        let live = if setting.when == table::When::Live { "yes" } else { "" };
        let doc = setting.doc().replace('|', "\\|");
        let place = setting.place.replace('|', "\\|");
        let row = format!("| `{}` | {place} | `{default}` | {live} | {doc} |\n", setting.name);
        sections.entry(order).or_insert((setting.section, String::new())).1.push_str(&row);
    }
    let head = "| setting | value | default | live | what it does |\n| --- | --- | --- | --- | --- |\n";
    let tables = sections.values().map(|(title, rows)| format!("## {title}\n\n{head}{rows}\n"));
    format!("{}\n{}", include_str!("manual_head.md"), tables.collect::<String>()).trim_end().to_owned() + "\n"
}

#[test]
fn the_manual_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    if std::env::var("JCACHE_BLESS").is_ok() {
        std::fs::write(&path, manual()).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, manual(), "run with JCACHE_BLESS=1 to write docs/configuration.md anew");
}

#[test]
fn the_example_can_be_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/jcache.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let loaded = load(&Given { file: Some(path), ..Given::default() }, &[]).unwrap();
    assert!(loaded.is_given("level") && loaded.is_given("maxmemory"));
    // What is commented out can be read too, so that whoever takes the comment away has a setting that works.
    let commented =
        |line: &&str| line.strip_prefix("#").is_some_and(|it| !it.starts_with([' ', '#']) && it.contains(" = "));
    let optional: Vec<&str> = text.lines().filter(commented).map(|line| &line[1..]).collect();
    assert!(optional.len() > 5);
    for entry in file::entries(&optional.join("\n")).unwrap() {
        let setting = table::find(&entry.name).unwrap_or_else(|| panic!("{}", entry.name));
        (setting.set)(&mut Config::default(), &entry.values.unwrap())
            .unwrap_or_else(|it| panic!("{}: {it}", entry.name));
    }
}
