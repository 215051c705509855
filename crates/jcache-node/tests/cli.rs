//! The binary as scripts use it: arguments, pipes, exit codes.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{JCACHE, run, text};

fn jcache(args: &[&str], input: &str) -> Output {
    run(JCACHE, args, input.as_bytes())
}

#[test]
fn commands_from_a_pipe() {
    for (args, input, expected) in [
        (&[][..], "set a 1\nget a\n", "OK\n1\n"),
        (&["--raw"], "set a 1\nget a", "OK\n1\n"),
        (&["--no-raw"], "set a 1\r\nget a\r\n", "OK\n\"1\"\n"),
        (&["--no-raw"], "\n  \nset a \"x\\ny\"\n\nget a\nget b\nstrlen a\n", "OK\n\"x\\ny\"\n(nil)\n(integer) 3\n"),
        (
            &["--no-raw"],
            "rpush l a b\nlrange l 0 -1\nlrange m 0 -1\n",
            "(integer) 2\n1) \"a\"\n2) \"b\"\n(empty array)\n",
        ),
        (&["--no-raw"], "3 incr n\n0 incr n\n", "(integer) 1\n(integer) 2\n(integer) 3\nInvalid repeat count\n"),
        (&[], "get \"a\nset a 1\n", "Invalid argument(s)\nOK\n"),
        (&[], "set a 1\nquit\nget a\n", "OK\n"),
        (&["--level", "memory", "--level", "memory:name=second,authority"], "set a 1\nget a\n", "OK\n1\n"),
        (&["--strict"], "get a\n", "\n"),
        (&[], "ping\nping hello\n", "PONG\nhello\n"),
    ] {
        let output = jcache(args, input);
        assert_eq!((text(&output).as_str(), output.status.code()), (expected, Some(0)), "{args:?} {input:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn an_error_does_not_end_the_commands_and_shows_in_the_exit_code_on_request() {
    let input = "nosuch x\nlpush\nset a 1\n";
    let shown = "ERR unknown command 'nosuch', with args beginning with: 'x' \n\n\
                 ERR wrong number of arguments for 'lpush' command\n\nOK\n";
    for (args, code) in [(&[][..], 0), (&["-e"], 1)] {
        let output = jcache(args, input);
        assert_eq!((text(&output).as_str(), output.status.code()), (shown, Some(code)), "{args:?}");
    }
    assert_eq!(jcache(&["-e"], "get a\n").status.code(), Some(0));
}

#[test]
fn one_command_from_the_arguments() {
    for (args, out, err, code) in [
        (&["set", "a", "two words"][..], "OK\n", "", 0),
        (&["--no-raw", "get", "a"], "(nil)\n", "", 0),
        (&["--no-raw", "zrange", "z", "0", "-1"], "(empty array)\n", "", 0),
        (&["incr"], "ERR wrong number of arguments for 'incr' command\n\n", "", 1),
        (&["--no-raw", "incr"], "(error) ERR wrong number of arguments for 'incr' command\n", "", 1),
        (&["-e", "--no-raw", "incr"], "", "(error) ERR wrong number of arguments for 'incr' command\n", 1),
    ] {
        let output = jcache(args, "");
        let shown = (text(&output), String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code());
        assert_eq!(shown, (out.to_owned(), err.to_owned(), Some(code)), "{args:?}");
    }
}

#[test]
fn wrong_usage_is_explained_with_exit_code_2() {
    for (args, part) in [
        (&["--level", "disk"][..], "no such kind of level"),
        (&["--level", "memory:ttl=soon", "get", "a"], "'soon' is no time"),
        (&["--level", "memory:name=a", "--level", "memory:name=a"], "two levels are named 'a'"),
        (&["--level", "redis://:x:y:z"], "jcache: "),
        (&["--level"], "a value is required"),
        (&["--bogus"], "unexpected argument '--bogus'"),
    ] {
        let output = jcache(args, "get a\n");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(error.contains(part) && output.stdout.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn every_byte_passes_through() {
    let all: Vec<u8> = (0..=255).collect();
    let escaped: String = all.iter().map(|byte| format!("\\x{byte:02x}")).collect();
    let output = jcache(&["--raw"], &format!("set k \"{escaped}\"\nget k\n"));
    assert_eq!(output.stdout, [&b"OK\n"[..], &all, b"\n"].concat());
    let output = run(JCACHE, &["--no-raw"], b"set k \xff\xfe\xf0\nget k\n");
    assert_eq!(text(&output), "OK\n\"\\xff\\xfe\\xf0\"\n");
}

#[test]
fn nothing_to_do_is_a_tour() {
    for input in ["", "\n\n", "  \n"] {
        let started = Instant::now();
        let output = jcache(&[], input);
        let tour = text(&output);
        assert_eq!(output.status.code(), Some(0), "{tour}");
        assert!(!tour.contains("(error)") && output.stderr.is_empty(), "{tour}");
        assert!(started.elapsed() < Duration::from_secs(2));
        for part in [
            "jcache> get greeting\n\"hello, world\"\n",
            "near    nothing\n",
            "near    hash  2 elements",
            "jcache> get code\n\"4711\"\n(300 ms later)\njcache> get code\n(nil)\n",
            "1) \"grace\"\n2) \"155\"\n3) \"linus\"\n4) \"142\"\n5) \"ada\"\n6) \"120\"\n",
            "worker>\n1) \"jobs\"\n2) \"mail to ada\"\n",
            "--level redis://",
        ] {
            assert!(tour.contains(part), "{part:?} is not in\n{tour}");
        }
    }
}

#[test]
fn a_closed_or_empty_standard_input_is_a_tour_too() {
    let output = Command::new(JCACHE).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success() && text(&output).contains("jcache> "), "{output:?}");
    let output = Command::new("sh").args(["-c", "exec \"$0\" <&-", JCACHE]).output().unwrap();
    assert!(output.status.success() && text(&output).contains("jcache> "), "{output:?}");
}

#[test]
fn levels_without_commands_are_left_alone() {
    let output = jcache(&["--level", "memory"], "\n");
    assert_eq!((text(&output).as_str(), output.status.code()), ("", Some(0)));
    assert_eq!(output.stderr, b"jcache: no commands on standard input\n");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let mut child =
        Command::new(JCACHE).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    drop(child.stdout.take());
    let lines = "set a 1\nget a\n".repeat(20_000);
    let _ = stdin.write_all(lines.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_reply_comes_before_the_next_command_is_sent() {
    let mut child = Command::new(JCACHE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for number in 1..=3 {
        writeln!(stdin, "incr n").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, format!("{number}\n"));
    }
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.is_empty() && child.wait().unwrap().success());
}

#[test]
fn a_blocking_pop_waits_as_long_as_it_says() {
    let started = Instant::now();
    let output = jcache(&["--no-raw"], "blpop q 0.6\n");
    let shown = text(&output);
    assert!(shown.starts_with("(nil)\n(0.6") && shown.ends_with("s)\n"), "{shown:?}");
    assert!(started.elapsed() >= Duration::from_millis(600));
}

#[test]
fn words_of_the_shell_work_everywhere() {
    let output = jcache(&["help"], "");
    assert!(output.status.success() && text(&output).contains("ZRANGE") && text(&output).contains("EXPLAIN key"));
    let output = jcache(&["help", "zadd"], "");
    assert!(text(&output).starts_with("  ZADD key arg arg [arg ...]\n"), "{output:?}");
    assert!(text(&output).contains("  options: NX XX GT LT CH INCR\n"), "{output:?}");
    assert_eq!(jcache(&["help", "nosuch"], "").status.code(), Some(1));

    let levels = ["--level", "memory:name=near,ttl=5s", "--level", "memory:name=far,authority"];
    let output =
        jcache(&levels, "set k hello ex 1000\nblpop nosuch 0.01\nexplain k\nexplain nosuch\nlevels\nexplain\n");
    let shown = text(&output);
    for part in [
        "near   string  5 bytes  4s ",
        " answers\nfar    string  5 bytes  16m 39s ",
        "near   nothing\nfar    nothing               decides writes\n",
        "near   up ",
        "ERR wrong number of arguments for 'explain' command",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
}
