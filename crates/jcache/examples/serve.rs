//! A cache that the program uses itself and serves to others: `cargo run --example serve --features server [ADDRESS]`,
//! then `redis-cli -p 6399`.

#![allow(clippy::print_stdout)]

use jcache::prelude::*;
use jcache::server::{Limits, Listener, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:6399".into());
    let cache = Cache::new();
    cache.set("hello", "world").await?;

    let mut limits = Limits::default();
    limits.clients = 20_000;
    // A process that does more than serve leaves out `threads`: connections then share its runtime.
    let server = Server::builder(cache).limits(limits).threads(2).build()?;
    let handle = server.handle();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            handle.stop();
        }
    });
    let listener = Listener::tcp(&address).await?;
    println!("redis-cli -p {}", listener.address().rsplit(':').next().unwrap_or_default());
    server.serve(listener).await?;
    Ok(())
}

#[tokio::test]
async fn the_program_and_its_clients_see_the_same_data() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let cache = Cache::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(jcache::serve(cache.clone(), listener));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"INCR n\r\n").await.unwrap();
    let mut reply = [0; 4];
    client.read_exact(&mut reply).await.unwrap();
    assert_eq!(&reply, b":1\r\n");
    assert_eq!(cache.incr("n").await.unwrap(), 2);
}
