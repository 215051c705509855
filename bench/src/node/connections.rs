//! Many connections: what idle ones take of memory, and of the speed of active ones.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Scale;
use super::servers::{Kind, Load, Server};
use crate::machine::thousands;
use crate::report::{Report, Table};

/// How long a reply to an idle connection may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long without a command servers have given back the buffers that a connection used.
const REST: Duration = Duration::from_secs(5);
/// Descriptors besides those of the connections.
const OTHERS: u64 = 256;

/// What was seen of a server.
struct Seen {
    /// Bytes an idle connection.
    each: f64,
    resident: f64,
    /// Without and with the idle connections.
    loads: [Load; 2],
}

pub(super) fn run(report: &mut Report, scale: &Scale) -> Result<(), String> {
    let (idle, active) = scale.connections;
    raise_limit(u64::from(idle + active) + OTHERS)?;
    let seen = Kind::ALL.map(|kind| see(scale, kind));
    let [redis, node] = seen;
    let (redis, node) = (redis?, node?);
    let title = format!(
        "{} idle connections, and {} active ones that send GET and SET evenly, one at a time",
        thousands(u64::from(idle)),
        thousands(u64::from(active))
    );
    let mut table = Table::new(title, &["", "redis-server", "jcache node", "× redis-server"]);
    let rows: [(&str, fn(&Seen) -> f64, usize); 6] = [
        ("bytes an idle connection", |it| it.each, 0),
        ("resident MiB with all of them", |it| it.resident / f64::from(1 << 20), 1),
        ("commands/s of the active ones alone", |it| it.loads[0].figure("commands_per_second"), 0),
        ("their 99 % in µs", |it| it.loads[0].figure("p99_us"), 0),
        ("commands/s beside the idle ones", |it| it.loads[1].figure("commands_per_second"), 0),
        ("their 99 % in µs", |it| it.loads[1].figure("p99_us"), 0),
    ];
    for (name, figure, digits) in rows {
        let (theirs, ours) = (figure(&redis), figure(&node));
        let cells = [format!("{theirs:.digits$}"), format!("{ours:.digits$}"), format!("{:.2}", ours / theirs)];
        table.row([name.to_owned()].into_iter().chain(cells));
    }
    table.note("a latency is that of a closed loop: with so many clients at once it is mostly the queue before the server");
    table.note("the kernel's buffers of sockets are in no figure");
    report.table(&table);
    Ok(())
}

fn see(scale: &Scale, kind: Kind) -> Result<Seen, String> {
    let (idle, active) = scale.connections;
    let most = (idle + active + 100).to_string();
    let server = Server::start(kind, &scale.binary, &["--maxclients", &most])?;
    let (clients, seconds) = (active.to_string(), scale.seconds.to_string());
    let common = ["--clients", &clients, "--ratio", "1:1", "--keys", "100000", "--seconds", &seconds];
    let load = |more: &[&str]| Load::run(&scale.binary, server.port, &[&common[..], more].concat());
    let alone = load(&["--fill"])?;
    thread::sleep(REST);
    let before = server.resident();
    let mut connections = Vec::new();
    for _ in 0..idle {
        let mut connection = TcpStream::connect(("127.0.0.1", server.port)).map_err(|it| it.to_string())?;
        ping(&mut connection)?;
        connections.push(connection);
    }
    thread::sleep(REST);
    let resident = server.resident();
    let beside = load(&[])?;
    // They are connected still, each of them.
    connections.iter_mut().try_for_each(ping)?;
    Ok(Seen { each: (resident - before) / f64::from(idle), resident, loads: [alone, beside] })
}

fn ping(connection: &mut TcpStream) -> Result<(), String> {
    let mut reply = [0; 7];
    let talk = connection
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| connection.write_all(b"PING\r\n"))
        .and_then(|()| connection.read_exact(&mut reply));
    talk.map_err(|error| format!("an idle connection: {error}"))?;
    if &reply == b"+PONG\r\n" { Ok(()) } else { Err(format!("PING was answered {}", reply.escape_ascii())) }
}

/// Lets this process, and those it starts, have so many descriptors.
fn raise_limit(wanted: u64) -> Result<(), String> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(format!("{wanted} descriptors are needed, the system allows {}", maximum.unwrap_or(0)));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).map_err(|error| error.to_string())
}
