//! The shell as people use it: on a terminal.

#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

const PROMPT: &str = "jcache> ";
const CTRL_C: char = 'c';
const CTRL_D: char = 'd';
const UP: &str = "\x1b[A";

/// A shell with its state in `home`, at its first prompt.
fn shell(home: &Path) -> PtySession {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jcache"));
    command.env("XDG_STATE_HOME", home).env("TERM", "xterm").env("NO_COLOR", "1");
    let mut shell = spawn_command(command, Some(10_000)).unwrap();
    shell.exp_string("jcache ").unwrap();
    shell.exp_string("on memory").unwrap();
    shell.exp_string(PROMPT).unwrap();
    shell
}

/// Types a line and waits for `reply` and the next prompt.
fn ask(shell: &mut PtySession, line: &str, reply: &str) {
    shell.send_line(line).unwrap();
    // The end of the line that is shown while it is typed, then the reply on a line of its own.
    shell.exp_string(&format!("\n{reply}\r\n")).unwrap_or_else(|error| panic!("{line}: {error}"));
    shell.exp_string(PROMPT).unwrap();
}

/// Presses keys without Enter.
fn type_keys(shell: &mut PtySession, keys: &str) {
    shell.send(keys).unwrap();
    shell.flush().unwrap();
}

fn ends(mut shell: PtySession) {
    shell.exp_eof().unwrap();
    let status = shell.process().wait().unwrap();
    assert_eq!(
        format!("{status:?}").split_once("Exited").map(|(_, rest)| rest.ends_with(", 0)")),
        Some(true),
        "{status:?}"
    );
}

#[test]
fn commands_words_and_quit() {
    let home = tempfile::tempdir().unwrap();
    let mut shell = shell(home.path());
    ask(&mut shell, "set a 1", "OK");
    ask(&mut shell, "get a", "\"1\"");
    ask(&mut shell, "incr a", "(integer) 2");
    ask(&mut shell, "get", "(error) ERR wrong number of arguments for 'get' command");
    ask(&mut shell, "get \"a", "Invalid argument(s)");
    shell.send_line("explain a").unwrap();
    shell.exp_regex("memory +string +1 byte +for ever +answers, decides writes").unwrap();
    shell.exp_string(PROMPT).unwrap();
    shell.send_line("help set").unwrap();
    shell.exp_string("options: NX XX GET EX PX EXAT PXAT KEEPTTL").unwrap();
    shell.exp_string(PROMPT).unwrap();
    shell.send_line("quit").unwrap();
    ends(shell);
}

#[test]
fn ctrl_c_clears_the_line_and_ctrl_d_leaves() {
    let home = tempfile::tempdir().unwrap();
    let mut shell = shell(home.path());
    type_keys(&mut shell, "set a lost");
    shell.exp_string("lost").unwrap();
    shell.send_control(CTRL_C).unwrap();
    shell.exp_string(PROMPT).unwrap();
    ask(&mut shell, "get a", "(nil)");
    shell.send_control(CTRL_D).unwrap();
    ends(shell);
}

#[test]
fn ctrl_c_interrupts_a_blocking_command_and_not_the_shell() {
    let home = tempfile::tempdir().unwrap();
    let mut shell = shell(home.path());
    shell.send_line("blpop q 0").unwrap();
    // Here the editor gives the terminal back, after which Ctrl-C is a signal again.
    shell.exp_string("\x1b[?2004l").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    shell.send_control(CTRL_C).unwrap();
    shell.exp_string("(interrupted)\r\n").unwrap();
    shell.exp_string(PROMPT).unwrap();
    // Nobody waits any more: what is pushed stays.
    ask(&mut shell, "rpush q x", "(integer) 1");
    ask(&mut shell, "blpop q 0", "1) \"q\"\r\n2) \"x\"");
    shell.send_line("exit").unwrap();
    ends(shell);
}

#[test]
fn tab_completes_names_and_options() {
    let home = tempfile::tempdir().unwrap();
    let mut shell = shell(home.path());
    type_keys(&mut shell, "hgeta\t");
    shell.exp_string("hgetall ").unwrap();
    ask(&mut shell, "nosuch", "(empty array)");
    type_keys(&mut shell, "set k v keep\t");
    shell.exp_string("keepttl ").unwrap();
    ask(&mut shell, "", "OK");
    shell.send_line("quit").unwrap();
    ends(shell);
}

#[test]
fn the_history_outlives_the_shell() {
    let home = tempfile::tempdir().unwrap();
    let mut first = shell(home.path());
    ask(&mut first, "set remembered 1", "OK");
    first.send_line("quit").unwrap();
    ends(first);
    assert!(std::fs::read_to_string(home.path().join("jcache/history")).unwrap().contains("set remembered 1"));
    let mut second = shell(home.path());
    // First quit, then the line before it.
    type_keys(&mut second, &format!("{UP}{UP}"));
    second.exp_string("set remembered 1").unwrap();
    ask(&mut second, "", "OK");
    second.send_control(CTRL_D).unwrap();
    ends(second);
}

/// Waits for the port in the greeting of a shell that was just started.
fn shell_and_port(home: &Path) -> (PtySession, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jcache"));
    command.env("XDG_STATE_HOME", home).env("TERM", "xterm").env("NO_COLOR", "1");
    let mut shell = spawn_command(command, Some(10_000)).unwrap();
    shell.exp_string("Other terminals reach the same data").unwrap();
    let (_, found) = shell.exp_regex("redis-cli -p [0-9]+").unwrap();
    shell.exp_string(PROMPT).unwrap();
    let port = found.rsplit(' ').next().unwrap().to_owned();
    (shell, port)
}

#[test]
fn another_terminal_sees_the_same_data() {
    let home = tempfile::tempdir().unwrap();
    // The usual port is taken by the first of them at the latest.
    let (mut first, one) = shell_and_port(home.path());
    let (mut second, other) = shell_and_port(home.path());
    assert_ne!(one, other);
    let elsewhere = |port: &str, line: &str| {
        let output = common::run(common::JCACHE, &["shell", port], line.as_bytes());
        common::text(&output)
    };
    for (shell, port) in [(&mut first, &one), (&mut second, &other)] {
        ask(shell, "set shared here", "OK");
        assert_eq!(elsewhere(port, "get shared\nset shared there\n"), "here\nOK\n");
        ask(shell, "get shared", "\"there\"");
        // What only a client of a server can do.
        ask(shell, "client getname", "(nil)");
        ask(shell, "multi", "OK");
        ask(shell, "incr n", "QUEUED");
        ask(shell, "exec", "1) (integer) 1");
    }
    first.send_line("quit").unwrap();
    ends(first);
    // The node went with its shell. Its port may already belong to the node of another test, which has other data.
    let after = common::run(common::JCACHE, &["shell", &one], b"get shared\n");
    assert!(after.status.code() == Some(1) || common::text(&after) == "\n", "{after:?}");
    second.send_line("quit").unwrap();
    ends(second);
}
