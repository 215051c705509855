//! `LATENCY` tells how long commands took, as Redis does.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write;

use common::Node;
use jcache_testkit::oracle::redis_or_skip;

/// The lines of a reply that ends with `+PONG`.
fn lines(client: &mut common::Client, command: &str) -> Vec<String> {
    client.send(&format!("{command}\r\nPING"));
    let mut text = String::new();
    while !text.ends_with("+PONG\r\n") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut client.stream, &mut byte).unwrap();
        text.push(char::from(byte[0]));
    }
    text.lines().map(str::to_owned).collect()
}

/// The names of commands, their numbers of calls and that of the last step.
fn told(lines: &[String]) -> Vec<(String, u64, u64)> {
    let number = |line: &str| line.strip_prefix(':').unwrap().parse::<u64>().unwrap();
    let calls = lines.iter().enumerate().filter(|(_, line)| *line == "calls");
    calls
        .map(|(at, _)| {
            let steps: usize = lines[at + 4].strip_prefix('*').unwrap().parse().unwrap();
            (lines[at - 3].clone(), number(&lines[at + 1]), number(&lines[at + 4 + steps]))
        })
        .collect()
}

#[test]
fn histograms_tell_of_a_sample_of_the_commands() {
    let node = Node::new();
    let mut client = node.client();
    client.ask("SET a 1", "+OK\r\n");
    client.stream.write_all("GET a\r\n".repeat(639).as_bytes()).unwrap();
    client.expect(&"$1\r\n1\r\n".repeat(639));
    client.ask("CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
    client.ask("MULTI", "+OK\r\n");
    client.ask("EXEC", "*0\r\n");
    let mut other = node.client();
    // The first of a client and then one in 64 are measured; those that wait each.
    let all = told(&lines(&mut other, "LATENCY HISTOGRAM"));
    let all: Vec<_> = all.iter().map(|(name, calls, last)| (&**name, *calls, *last)).collect();
    assert_eq!(all, [("get", 9, 9), ("set", 1, 1), ("exec", 1, 1), ("config|get", 1, 1)]);
    let some = told(&lines(&mut node.client(), "LATENCY HISTOGRAM config nosuch get get|x"));
    let some: Vec<_> = some.iter().map(|(name, calls, _)| (&**name, *calls)).collect();
    assert_eq!(some, [("config|get", 1), ("get", 9)]);
    let info = node.client().text("INFO latencystats");
    assert!(info.contains("\r\nlatency_percentiles_usec_get:p50="), "{info}");
    let info = node.client().text("INFO commandstats");
    let get = info.lines().find_map(|line| line.strip_prefix("cmdstat_get:calls=639,usec=")).unwrap();
    assert!(get.split(',').next().unwrap().parse::<u64>().unwrap() > 0, "{info}");
    assert!(!node.client().text("INFO").contains("latency_percentiles"));

    client.ask("CONFIG RESETSTAT", "+OK\r\n");
    client.ask("CONFIG SET latency-tracking no", "+OK\r\n");
    node.client().ask("GET a", "$1\r\n1\r\n");
    assert_eq!(told(&lines(&mut node.client(), "LATENCY HISTOGRAM get set")), []);
    client.ask("CONFIG GET latency-tracking", "*2\r\n$16\r\nlatency-tracking\r\n$2\r\nno\r\n");
}

#[test]
fn histograms_look_as_those_of_redis_do() {
    let Some(redis) = redis_or_skip() else { return };
    let node = Node::new();
    for protocol in ["", "HELLO 3\r\n"] {
        let [ours, theirs] = [node.port, redis.port()].map(|port| {
            let mut fresh = common::Client::connect(port);
            fresh.ask("CONFIG RESETSTAT", "+OK\r\n");
            common::Client::connect(port).ask("SET a 1", "+OK\r\n");
            if !protocol.is_empty() {
                lines(&mut fresh, protocol.trim());
            }
            lines(&mut fresh, "LATENCY HISTOGRAM set get nosuch")
        });
        // The times themselves are another matter, down to the digits of the step.
        let shape = |lines: &[String]| {
            let line = |(at, line): (usize, &String)| if at == lines.len() - 3 { ":".to_owned() } else { line.clone() };
            lines.iter().enumerate().map(line).collect::<Vec<_>>()
        };
        assert_eq!(shape(&ours), shape(&theirs), "{protocol:?}");
    }
}

#[test]
fn spikes_are_remembered_by_the_second() {
    let node = Node::new();
    let mut client = node.client();
    assert!(client.text("LATENCY DOCTOR").starts_with("Spikes are not watched."));
    client.ask("CONFIG SET latency-monitor-threshold 1", "+OK\r\n");
    assert!(client.text("LATENCY DOCTOR").starts_with("No command took 1 ms or longer."));
    let mut fill = "*60002\r\n$4\r\nSADD\r\n$1\r\ns\r\n".to_owned();
    (0..60_000).for_each(|number| fill += &format!("$5\r\n{number:05}\r\n"));
    client.stream.write_all(fill.as_bytes()).unwrap();
    client.expect(":60000\r\n");
    let latest = lines(&mut client, "LATENCY LATEST");
    assert_eq!((&*latest[0], &*latest[1], &*latest[3]), ("*1", "*4", "command"), "{latest:?}");
    assert!(client.text("LATENCY DOCTOR").starts_with("Commands were slow in "));
    assert!(lines(&mut client, "LATENCY HISTORY command").len() > 4);
    client.ask("LATENCY HISTORY other", "*0\r\n");
    client.ask("LATENCY RESET command", ":1\r\n");
    client.ask("LATENCY LATEST", "*0\r\n");
}
