//! A long way to a server: what a network between two machines adds, on one machine.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Pieces that may be on their way in one direction of a connection.
const ON_THE_WAY: usize = 1024;

/// Carries connections to a server on this machine, and every byte of them `delay` later than it came, both ways.
/// Returns the port to connect to; it serves for as long as the process lives.
pub(super) fn start(to: u16, delay: Duration) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A server that is gone is a connection that ends at once.
            let _ = TcpStream::connect(("127.0.0.1", to)).and_then(|server| connect(&client, &server, delay));
        }
    });
    Ok(port)
}

fn connect(client: &TcpStream, server: &TcpStream, delay: Duration) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    carry(client.try_clone()?, server.try_clone()?, delay);
    carry(server.try_clone()?, client.try_clone()?, delay);
    Ok(())
}

/// Carries one direction: one thread takes what comes, the other gives it on when it is due.
fn carry(mut from: TcpStream, mut into: TcpStream, delay: Duration) {
    let (send, receive) = mpsc::sync_channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    thread::spawn(move || {
        let mut room = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut room) {
            if send.send((Instant::now() + delay, room[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in receive {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if into.write_all(&bytes).is_err() {
                break;
            }
        }
        // The other side may have ended it already.
        let _ = into.shutdown(Shutdown::Both);
    });
}
