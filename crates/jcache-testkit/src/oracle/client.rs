//! A plain blocking client for the oracle: it shares no code with the Redis driver, so that one can check the other.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use jcache_core::{Reply, Value};

/// A connection that speaks RESP2, or RESP3 after [`resp3`](RawClient::resp3).
///
/// An error reply is an `Err` with the server's text; so is a broken connection, with a text that starts with `io: `.
#[derive(Debug)]
pub struct RawClient {
    stream: BufReader<TcpStream>,
}

impl RawClient {
    /// Connects to a server on this host; a reply may take ten seconds.
    ///
    /// # Errors
    /// When the port refuses.
    pub fn connect(port: u16) -> io::Result<Self> {
        Self::connect_to((Ipv4Addr::LOCALHOST, port).into(), Duration::from_secs(10))
    }

    /// Connects to a server anywhere; to connect, to send and to get a reply may each take `timeout`.
    ///
    /// # Errors
    /// When nobody accepts in time.
    pub fn connect_to(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Self { stream: BufReader::with_capacity(1 << 16, stream) })
    }

    /// Sets how long a reply may take.
    ///
    /// # Panics
    /// When `timeout` is zero.
    pub fn set_read_timeout(&mut self, timeout: Duration) {
        self.stream.get_ref().set_read_timeout(Some(timeout)).expect("a timeout above zero");
    }

    /// A second handle of the connection, to close it from elsewhere.
    ///
    /// # Panics
    /// When the process has no descriptor left.
    pub fn stream(&self) -> TcpStream {
        self.stream.get_ref().try_clone().expect("a free descriptor")
    }

    /// Speaks RESP3 from here on.
    ///
    /// # Panics
    /// When the server does not.
    pub fn resp3(&mut self) {
        let hello = self.call(&["HELLO", "3"]);
        assert!(matches!(hello, Ok(Reply::Map(_))), "HELLO 3 gave {hello:?}");
    }

    /// Whether the server takes commands; an error reply such as `NOAUTH` also says so, unless it is still loading.
    pub(super) fn answers(&mut self) -> bool {
        self.set_read_timeout(Duration::from_secs(1));
        !matches!(self.call(&["PING"]), Err(text) if text.starts_with("io: ") || text.starts_with("LOADING"))
    }

    /// Sends one command and reads its reply.
    ///
    /// # Errors
    /// The server's error text, or `io: …`.
    pub fn call(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Reply, String> {
        self.send(&encode(args)).and_then(|()| self.receive())
    }

    /// Sends one command whose reply is a list, such as `EXEC`, and gives each item as a reply of its own, errors among
    /// them; `None` for nil.
    ///
    /// # Errors
    /// As [`call`](RawClient::call), when there is no list.
    pub fn call_each(&mut self, args: &[impl AsRef<[u8]>]) -> Result<Option<Vec<Result<Reply, String>>>, String> {
        self.send(&encode(args))?;
        let line = self.read_line()?;
        match line.split_at_checked(1) {
            Some(("-", text)) => Err(text.to_owned()),
            Some(("*", "-1") | ("_", _)) => Ok(None),
            Some(("*", count)) => {
                let count: usize = count.parse().map_err(|_| format!("io: bad length in {line:?}"))?;
                Ok(Some((0..count).map(|_| self.receive()).collect()))
            }
            _ => Err(format!("io: no list: {line:?}")),
        }
    }

    /// Sends one command written as a line of words.
    ///
    /// # Errors
    /// As [`call`](RawClient::call).
    pub fn line(&mut self, line: &str) -> Result<Reply, String> {
        self.call(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Sends all commands at once, then reads all replies.
    pub fn call_many<A: AsRef<[u8]>>(&mut self, commands: &[Vec<A>]) -> Vec<Result<Reply, String>> {
        let bytes: Vec<u8> = commands.iter().flat_map(|args| encode(args)).collect();
        if let Err(broken) = self.send(&bytes) {
            return vec![Err(broken); commands.len()];
        }
        commands.iter().map(|_| self.receive()).collect()
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.get_mut().write_all(bytes).map_err(broken)
    }

    /// Reads one more reply of what was sent; a push message is passed over.
    ///
    /// # Errors
    /// As [`call`](RawClient::call).
    pub fn receive(&mut self) -> Result<Reply, String> {
        loop {
            match self.read()? {
                Frame::Push => {}
                Frame::Reply(reply) => return Ok(reply),
                Frame::Error(text) => return Err(text),
            }
        }
    }

    fn read(&mut self) -> Result<Frame, String> {
        let line = self.read_line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or("io: an empty line")?;
        let count = || rest.parse::<i64>().map_err(|_| format!("io: bad length in {line:?}"));
        Ok(Frame::Reply(match kind {
            "+" if rest == "OK" => Reply::Ok,
            "+" => Reply::Status(Value::from(rest)),
            "-" => return Ok(Frame::Error(rest.to_owned())),
            ":" => Reply::Int(count()?),
            "," => Reply::Double(rest.parse().map_err(|_| format!("io: bad double in {line:?}"))?),
            "#" => Reply::Int((rest == "t").into()),
            "_" => Reply::Nil,
            "(" => Reply::Bulk(Value::from(rest)),
            "$" | "=" | "!" => match usize::try_from(count()?) {
                Ok(len) => return self.read_blob(kind, len),
                Err(_) => Reply::Nil,
            },
            "*" | "~" | "%" | ">" | "|" => match usize::try_from(count()?) {
                Ok(len) => return self.read_items(kind, len),
                Err(_) => Reply::Nil,
            },
            _ => return Err(format!("io: unknown reply {line:?}")),
        }))
    }

    fn read_blob(&mut self, kind: &str, len: usize) -> Result<Frame, String> {
        let mut bytes = vec![0; len + 2];
        self.stream.read_exact(&mut bytes).map_err(broken)?;
        bytes.truncate(len);
        Ok(match kind {
            "!" => Frame::Error(String::from_utf8_lossy(&bytes).into_owned()),
            // Verbatim text starts with its format and a colon.
            "=" => Frame::Reply(Reply::Bulk(Value::new(bytes.get(4..).unwrap_or_default()))),
            _ => Frame::Reply(Reply::Bulk(Value::from(bytes))),
        })
    }

    /// Reads an aggregate whole, also when one of its items is an error, which then stands for all of it.
    fn read_items(&mut self, kind: &str, len: usize) -> Result<Frame, String> {
        let pairs = matches!(kind, "%" | "|");
        let mut items = Vec::with_capacity(len);
        let mut error = None;
        for _ in 0..if pairs { len * 2 } else { len } {
            match self.read()? {
                Frame::Reply(item) => items.push(item),
                Frame::Error(text) => error = error.or(Some(text)),
                Frame::Push => return Err("io: a push message inside a reply".to_owned()),
            }
        }
        Ok(match kind {
            // Attributes come before a reply and say nothing that a test asks for.
            ">" | "|" => Frame::Push,
            _ if error.is_some() => Frame::Error(error.unwrap_or_default()),
            "*" => Frame::Reply(Reply::Array(items)),
            "~" => Frame::Reply(Reply::Set(items)),
            _ => {
                let mut items = items.into_iter();
                let pairs = std::iter::from_fn(|| Some((items.next()?, items.next()?))).collect();
                Frame::Reply(Reply::Map(pairs))
            }
        })
    }

    fn read_line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).map_err(broken)?;
        if line.pop() != Some(b'\n') {
            return Err("io: the connection was closed".to_owned());
        }
        line.pop();
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}

enum Frame {
    Reply(Reply),
    Error(String),
    Push,
}

fn broken(error: io::Error) -> String {
    format!("io: {error}")
}

fn encode(args: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}
