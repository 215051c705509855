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

/// A node like the last one, on a host of its own, with some arguments changed.
fn stranger(trial: &Trial, change: impl Fn(&str, &str) -> String) -> Node {
    let host = Host::new("stranger", 66);
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
