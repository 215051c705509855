//! T-26: strangers at the door. They are refused, with a reason where they can read one, and nobody else notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::cluster::PEER_PORT;
use crate::net::Host;
use crate::node::Node;
use crate::scenario::violated;
use crate::trial::{Outcome, Trial};

/// How long a stranger may take to be told.
const TOLD: Duration = Duration::from_secs(20);
/// What every client of HTTP/2 sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Connections that send garbage.
const NOISY: usize = 40;

/// T-26.
pub(crate) fn strangers(trial: &mut Trial) -> Outcome {
    same_name(trial)?;
    other_settings(trial)?;
    garbage(trial)?;
    let leader = trial.leader()?;
    let alive = (0..trial.cluster.nodes.len()).all(|node| trial.cluster.nodes[node].runs());
    if !alive {
        return Err(violated("T-26", "a node died of a stranger"));
    }
    let at = trial.recorder.now();
    trial.accepts_again(at, Duration::from_secs(5))?;
    trial.figures.accepted.pop();
    trial.say(&format!("n{leader} still leads"));
    Ok(())
}

/// A second process of a name that is taken.
fn same_name(trial: &mut Trial) -> Outcome {
    let mut stranger = stranger(trial, |name, value| match name {
        "--node-id" => "n1".to_owned(),
        _ => value.to_owned(),
    });
    trial.fault("a second n1 wants to join");
    told(trial, &mut stranger, "node id")
}

/// A process whose settings contradict those of the cluster.
fn other_settings(trial: &mut Trial) -> Outcome {
    let mut stranger = stranger(trial, |name, value| match name {
        "--min-insync" => "3".to_owned(),
        _ => value.to_owned(),
    });
    trial.fault("a node with other settings wants to join");
    told(trial, &mut stranger, "min")
}

/// How long strangers try.
const TRY: Duration = Duration::from_secs(4);

/// T-26, where nodes show each other certificates and a secret: who has not the right ones does not become a member, learns
/// nothing, and costs nobody an election.
pub(crate) fn papers(trial: &mut Trial) -> Outcome {
    let epoch = |trial: &Trial| trial.cluster.looks().into_iter().flatten().map(|look| look.epoch).max();
    let before = epoch(trial);
    let with = |trial: &Trial, number: u8, changes: &[(&str, String)]| {
        let name = format!("s{number}");
        stranger_at(trial, Host::new(&name, 60 + number), |option, value| match option {
            "--node-id" => name.clone(),
            _ => changes.iter().find(|(name, _)| *name == option).map_or(value, |(_, other)| other).to_owned(),
        })
    };
    let paper = |trial: &Trial, option: &'static str, file: &str| (option, trial.cluster.paper(file));
    let pair = |trial: &Trial, name: &str| {
        [("--peer-cert-file", "pem"), ("--peer-key-file", "key")]
            .map(|(option, end)| paper(trial, option, &format!("{name}.{end}")))
    };
    let mut of_others = pair(trial, "strange").to_vec();
    let unvouched = with(trial, 1, &of_others);
    of_others.push(paper(trial, "--peer-ca-file", "theirs.pem"));
    let strangers = [
        ("a certificate that nobody here vouches for", unvouched),
        ("another authority", with(trial, 2, &of_others)),
        ("a certificate that ran out", with(trial, 3, &pair(trial, "late"))),
        ("another secret", with(trial, 4, &[("--peer-user", "jcache:guess".to_owned())])),
        ("no TLS", plain(with(trial, 5, &[]))),
    ];
    let mut strangers = strangers.map(|(what, node)| {
        trial.fault(&format!("a stranger wants to join: {what}"));
        (what, node)
    });
    strangers.iter_mut().for_each(|(_, node)| node.start());
    std::thread::sleep(TRY);
    for (what, node) in &strangers {
        let members = trial.cluster.looks().into_iter().flatten().flat_map(|look| look.in_sync);
        let is_member = members.into_iter().any(|name| name == node.name());
        if is_member || node.look().is_some_and(|look| look.readable) {
            return Err(violated("T-26", format!("a stranger with {what} was let in: {}", node.log(20))));
        }
        let log = node.log(20);
        if !node.runs() || !log.contains("a peer cannot be dialled") {
            return Err(violated("T-26", format!("a stranger with {what} was not told why: {log}")));
        }
        trial.say(&format!("{what}: {}", log.lines().last().unwrap_or_default()));
    }
    if epoch(trial) != before {
        return Err(violated("T-26", "strangers cost an election"));
    }
    Ok(())
}

/// The same node without anything that it would show.
fn plain(node: Node) -> Node {
    node.without_options(|option| option.starts_with("--peer-") && option != "--peer-listen")
}

/// A node like the last one, on a host of its own, with some arguments changed.
fn stranger(trial: &Trial, change: impl Fn(&str, &str) -> String) -> Node {
    stranger_at(trial, Host::new("stranger", 66), change)
}

fn stranger_at(trial: &Trial, host: Host, change: impl Fn(&str, &str) -> String) -> Node {
    let model = &trial.cluster.nodes[trial.cluster.nodes.len() - 1];
    let (old, new) = (model.ip().to_string(), host.address().to_string());
    let mut args: Vec<String> = model.args().iter().map(|arg| arg.replace(&old, &new)).collect();
    for place in 1..args.len() {
        args[place] = match args[place - 1].as_str() {
            "--node-id" => change("--node-id", "stranger"),
            name => change(name, &args[place]),
        };
    }
    Node::new(host, &trial.cluster.program, args, trial.cluster.folder())
}

/// The stranger ends by itself, and says why.
fn told(trial: &mut Trial, stranger: &mut Node, why: &str) -> Outcome {
    stranger.start();
    let since = std::time::Instant::now();
    while stranger.runs() && since.elapsed() < TOLD {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (runs, log) = (stranger.runs(), stranger.log(20));
    stranger.kill();
    trial.say(&format!("it said: {}", log.lines().last().unwrap_or_default()));
    if runs || !log.contains(why) {
        return Err(violated("T-26", format!("a stranger was not told about '{why}': {log}")));
    }
    Ok(())
}

/// What is no frame, and no gRPC, and no HTTP.
fn garbage(trial: &mut Trial) -> Outcome {
    trial.fault("garbage is sent to all nodes");
    for node in 0..trial.cluster.nodes.len() {
        for number in 0..NOISY {
            let address = (trial.cluster.nodes[node].ip(), PEER_PORT).into();
            let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
                return Err(violated("T-26", format!("n{node} accepts no peers any more")));
            };
            let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
            let mut bytes = vec![0; trial.random.usize(1..70_000)];
            trial.random.fill(&mut bytes);
            if number % 2 == 0 {
                let _ = stream.write_all(PREFACE);
            }
            // The node may close at any moment: it is right to.
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut [0; 1_024]);
        }
    }
    Ok(())
}
