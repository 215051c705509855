//! Ways in: users and passwords, protected mode, Unix sockets, TLS with and without client certificates, many at once.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use common::{Bare, Client, Node, eventually};
use jcache_memory::Memory;
use jcache_server::{Listener, Server, Tls, User};
use jcache_testkit::certificates::Certificates;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[test]
fn a_password_opens_and_nothing_else_does() {
    let node = Node::with(|builder| builder.password("secret").user(User::new("ada").password("lovelace")));
    let closed = "-NOAUTH Authentication required.\r\n";
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    let mut client = node.client();
    client.ask("GET k", closed);
    client.ask("PING", closed);
    client.ask("FOO", "-ERR unknown command 'FOO', with args beginning with: \r\n");
    client.ask("GET", "-ERR wrong number of arguments for 'get' command\r\n");
    client.ask("AUTH wrong", wrong);
    client.ask("AUTH ada secret", wrong);
    client.ask("HELLO 3 AUTH ada wrong", wrong);
    client.send("HELLO 3");
    client.expect(
        "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH ",
    );
    client.expect("<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n");
    client.ask("AUTH ada lovelace", "+OK\r\n");
    client.ask("GET k", "$-1\r\n");
    assert!(client.text("CLIENT INFO").contains(" user=ada "));
    client.ask("RESET", "+RESET\r\n");
    client.ask("GET k", closed);
    client.ask("AUTH secret", "+OK\r\n");
    client.ask("CONFIG SET requirepass other", "+OK\r\n");
    client.ask("GET k", "$-1\r\n");
    // What is refused as a whole leaves the password as it is.
    client.ask(
        "CONFIG SET requirepass third timeout 1 port 5",
        "-ERR CONFIG SET failed (possibly related to argument 'port') - can't set immutable config\r\n",
    );
    let mut later = node.client();
    later.ask("AUTH secret", wrong);
    later.ask("AUTH third", wrong);
    later.ask("AUTH other", "+OK\r\n");
    later.ask("CONFIG GET requirepass", "*2\r\n$11\r\nrequirepass\r\n$0\r\n\r\n");
    later.ask("CONFIG GET timeout", "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n");
    later.ask("CONFIG SET requirepass ''", "+OK\r\n");
    node.client().ask("GET k", "$-1\r\n");
}

#[test]
fn other_machines_are_kept_out_without_a_password() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::builder(Bare(Memory::new())).build().unwrap();
        let listener = Listener::tcp("0.0.0.0:0").await.unwrap();
        let error = server.serve(listener).await.unwrap_err();
        assert!(error.to_string().starts_with("protected mode: 0.0.0.0:"), "{error}");
        for open in [
            Server::builder(Bare(Memory::new())).protected_mode(false),
            Server::builder(Bare(Memory::new())).password("secret"),
        ] {
            let server = open.build().unwrap();
            let listener = Listener::tcp("0.0.0.0:0").await.unwrap();
            server.handle().stop();
            server.serve(listener).await.unwrap();
        }
    });
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let mut limits = jcache_server::Limits::default();
    limits.query = 1 << 20;
    let error = Server::builder(Bare(Memory::new())).limits(limits).build().unwrap_err();
    assert_eq!(error.to_string(), "a command may have 1048576 bytes, but an argument of it 536870912");
    let mut limits = jcache_server::Limits::default();
    limits.clients = 0;
    assert!(Server::builder(Bare(Memory::new())).limits(limits).build().is_err());
}

#[test]
fn a_unix_socket_has_the_permissions_it_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    for _ in 0..2 {
        // The second time there is a socket that nobody serves any more.
        let node = Node::on(Server::builder(Bare(Memory::new())), || Listener::unix(&path, Some(0o700)).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"SET k v\r\nGET k\r\n").unwrap();
        let mut reply = [0; 12];
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+OK\r\n$1\r\nv\r\n");
        {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let _inside = runtime.enter();
            assert!(Listener::unix(&path, None).is_err(), "somebody serves it");
        }
        drop(node);
    }
}

/// An authority, and certificates that it issued for `localhost`.
fn issue(names: &[&str]) -> Certificates {
    let files = Certificates::default();
    let authority = files.authority("ca");
    names.iter().for_each(|name| authority.issue(name, &["localhost"]));
    files
}

/// What a TLS client that trusts `ca.pem` reads in answer to a pipeline.
fn talk(port: u16, files: &Certificates, certificate: Option<&str>) -> std::io::Result<String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files.path("ca.pem")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = match certificate {
        None => config.with_no_client_auth(),
        Some(name) => {
            let chain = vec![CertificateDer::from_pem_file(files.path(&format!("{name}.pem"))).unwrap()];
            let key = PrivateKeyDer::from_pem_file(files.path(&format!("{name}.key"))).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let mut connection = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = Client::connect(port).stream;
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    tls.write_all(b"SET k v\r\n")?;
    tls.write_all("GET k\r\n".repeat(10_000).as_bytes())?;
    tls.write_all(b"QUIT\r\n")?;
    let mut all = String::new();
    tls.read_to_string(&mut all)?;
    Ok(all)
}

#[test]
fn tls_lets_in_whom_it_should() {
    let files = issue(&["server", "client"]);
    files.authority("other").issue("stranger", &["localhost"]);
    let file = |name: &str| files.path(name);
    let tls = || Tls::new(file("server.pem"), file("server.key"));
    let all = format!("+OK\r\n{}+OK\r\n", "$1\r\nv\r\n".repeat(10_000));
    // Which clients come in: without a certificate, with one, with one of another authority.
    for (tls, comes_in) in [
        (tls(), [true, true, true]),
        (tls().client_ca(file("ca.pem")), [false, true, false]),
        (tls().client_ca(file("ca.pem")).optional(), [true, true, false]),
    ] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap().into_std().unwrap();
        let node = Node::on(Server::builder(Bare(Memory::new())), || {
            Listener::from(tokio::net::TcpListener::from_std(socket).unwrap()).tls(tls.clone()).unwrap()
        });
        for (certificate, comes_in) in [None, Some("client"), Some("stranger")].into_iter().zip(comes_in) {
            let said = talk(node.port, &files, certificate);
            assert_eq!(said.as_ref().is_ok_and(|said| *said == all), comes_in, "{certificate:?} {:?}", said.err());
        }
        // Who speaks no TLS is not served, and harms nobody.
        let mut plain = node.client();
        plain.stream.write_all(b"PING\r\n").unwrap();
        assert!(!plain.expect_end().contains("PONG"));
        eventually("their end", || node.handle.status().clients == 0);
    }
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let files = issue(&["server"]);
    let file = |name: &str| files.path(name);
    files.write("empty.pem", "");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    for (tls, named) in [
        (Tls::new(file("none.pem"), file("server.key")), "none.pem"),
        (Tls::new(file("empty.pem"), file("server.key")), "empty.pem"),
        (Tls::new(file("server.pem"), file("empty.pem")), "empty.pem"),
        (Tls::new(file("server.pem"), file("server.key")).client_ca(file("none.pem")), "none.pem"),
    ] {
        let listener = Listener::unix(file("socket"), None).unwrap();
        let error = listener.tls(tls).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

/// 500 idle connections and 50 busy ones; `JCACHE_CONNECTIONS=10000` asks for as many idle ones, and a tenth busy.
#[test]
fn many_connections_are_served_at_once() {
    let count: usize = std::env::var("JCACHE_CONNECTIONS").map_or(500, |it| it.parse().unwrap());
    let node = Node::with(|builder| {
        let mut limits = jcache_server::Limits::default();
        limits.clients = count * 2 + 10;
        builder.limits(limits).threads(2)
    });
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/statm").unwrap();
        status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let before = resident();
    let mut idle: Vec<Client> = (0..count).map(|_| node.client()).collect();
    eventually("all of them", || node.handle.status().clients == count);
    let each = resident().saturating_sub(before) / count;
    println!("{count} idle connections: {each} bytes each resident");
    assert!(each < 16 << 10, "{each} bytes for an idle connection");
    let mut busy: Vec<Client> = (0..count / 10).map(|_| node.client()).collect();
    for round in 1..=20 {
        for client in &mut busy {
            client.send("INCR n\r\nPING");
        }
        for client in &mut busy {
            assert!(client.text("ECHO x").starts_with(':'));
            client.expect("+PONG\r\n$1\r\nx\r\n");
        }
        node.client().ask("GET n", &{
            let total = (round * busy.len()).to_string();
            format!("${}\r\n{total}\r\n", total.len())
        });
    }
    for client in &mut idle {
        client.send("PING");
    }
    for client in &mut idle {
        client.expect("+PONG\r\n");
    }
    println!("{count} connections that were used: {} bytes each resident", resident().saturating_sub(before) / count);
}
